/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host code as text: -d out_asm and the reports of lockstep.  With capstone when the program
 * was built with it, else as bytes. */
#include <inttypes.h>

#include "accel/tcg/internal.h"

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>

void tcg_print_host_code(const TcgBlock *b, GString *out)
{
    csh handle;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
        return;
    cs_insn *insns;
    size_t count = cs_disasm(handle, b->code, b->pc_table, (uintptr_t)b->code, 0, &insns);
    for (size_t n = 0; n < count; n++)
        g_string_append_printf(out, "  %012" PRIx64 "  %s %s\n", insns[n].address, insns[n].mnemonic,
                               insns[n].op_str);
    if (count)
        cs_free(insns, count);
    cs_close(&handle);
}
#else
void tcg_print_host_code(const TcgBlock *b, GString *out)
{
    for (uint32_t n = 0; n < b->pc_table; n++) {
        if (n % 16 == 0)
            g_string_append_printf(out, "%s  %p ", n ? "\n" : "", (void *)(b->code + n));
        g_string_append_printf(out, " %02x", b->code[n]);
    }
    g_string_append_c(out, '\n');
}
#endif
