/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host code as text: by capstone when the program was built with it and the host has it, else as bytes.
 *
 * It is loaded when somebody asks for that text: its tables are a megabyte of relocations, a third of all the work of a start. */
#include <inttypes.h>

#include "tcg/x86_64/gen.h"

static void print_bytes(const uint8_t *code, size_t size, GString *out)
{
    for (size_t n = 0; n < size; n++) {
        if (n % 16 == 0) {
            g_string_append_printf(out, "%s  %p ", n ? "\n" : "", code + n);
        }
        g_string_append_printf(out, " %02x", code[n]);
    }
    g_string_append_c(out, '\n');
}

#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#include <dlfcn.h>

#define SONAME(version) SONAME_OF(version)
#define SONAME_OF(version) "libcapstone.so." #version

typedef struct Disassembler {
    __typeof__(cs_open) *open;
    __typeof__(cs_disasm) *disasm;
    __typeof__(cs_free) *free;
    __typeof__(cs_close) *close;
} Disassembler;

/* NULL: the host has none of the version that this program was built for. */
static gpointer load(gpointer data)
{
    static Disassembler loaded;
    (void)data;
    void *lib = dlopen(SONAME(CS_API_MAJOR), RTLD_LAZY | RTLD_LOCAL);
    if (!lib) {
        return NULL;
    }
    loaded.open = dlsym(lib, "cs_open");
    loaded.disasm = dlsym(lib, "cs_disasm");
    loaded.free = dlsym(lib, "cs_free");
    loaded.close = dlsym(lib, "cs_close");
    return loaded.open && loaded.disasm && loaded.free && loaded.close ? &loaded : NULL;
}

static const Disassembler *disassembler(void)
{
    static GOnce once = G_ONCE_INIT;
    return g_once(&once, load, NULL);
}

void x86_64_print(const uint8_t *code, size_t size, GString *out)
{
    const Disassembler *d = disassembler();
    csh handle;
    if (!d || d->open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        print_bytes(code, size, out);
        return;
    }
    cs_insn *insns;
    size_t count = d->disasm(handle, code, size, (uintptr_t)code, 0, &insns);
    for (size_t n = 0; n < count; n++) {
        g_string_append_printf(out, "  %012" PRIx64 "  %s %s\n", insns[n].address, insns[n].mnemonic,
                               insns[n].op_str);
    }
    if (count) {
        d->free(insns, count);
    }
    d->close(&handle);
}
#else
void x86_64_print(const uint8_t *code, size_t size, GString *out)
{
    print_bytes(code, size, out);
}
#endif
