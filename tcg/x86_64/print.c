/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host code as text: with capstone when the program was built with it, else as bytes. */
#include <inttypes.h>

#include "tcg/x86_64/gen.h"

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>

void x86_64_print(const uint8_t *code, size_t size, GString *out)
{
    csh handle;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        return;
    }
    cs_insn *insns;
    size_t count = cs_disasm(handle, code, size, (uintptr_t)code, 0, &insns);
    for (size_t n = 0; n < count; n++) {
        g_string_append_printf(out, "  %012" PRIx64 "  %s %s\n", insns[n].address, insns[n].mnemonic,
                               insns[n].op_str);
    }
    if (count) {
        cs_free(insns, count);
    }
    cs_close(&handle);
}
#else
void x86_64_print(const uint8_t *code, size_t size, GString *out)
{
    for (size_t n = 0; n < size; n++) {
        if (n % 16 == 0) {
            g_string_append_printf(out, "%s  %p ", n ? "\n" : "", code + n);
        }
        g_string_append_printf(out, " %02x", code[n]);
    }
    g_string_append_c(out, '\n');
}
#endif
