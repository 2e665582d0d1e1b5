/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info registers` and -d cpu, in the shape that users of QEMU know (seen of 7.2); CR8, XCR0 and PKRU are more. */
#include "target/i386/registers.h"

#include <inttypes.h>

#include "target/i386/x87.h"

static void dump_gprs(const X86CPU *x, GString *out)
{
    static const char *const names[] = { "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI" };
    static const uint8_t order[] = { X86_RAX, X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RBP, X86_RSP };
    bool wide = x86_64bit(x);
    for (unsigned n = 0; n < (wide ? 16u : 8u); n++) {
        unsigned i = n < 8 ? order[n] : n;
        char name[4];
        g_snprintf(name, sizeof(name), i < 8 ? "%c%s" : "R%d", i < 8 ? (wide ? 'R' : 'E') : i, names[i & 7]);
        if (wide) {
            g_string_append_printf(out, "%-3s=%016" PRIx64 "%c", name, x->s.gpr[i], n % 4 == 3 ? '\n' : ' ');
        } else {
            g_string_append_printf(out, "%-3s=%08x%c", name, (uint32_t)x->s.gpr[i], n % 4 == 3 ? '\n' : ' ');
        }
    }
}

static void dump_state(const X86CPU *x, GString *out)
{
    static const struct {
        uint32_t bit;
        char letter;
    } flags[] = { { EFL_DF, 'D' }, { EFL_OF, 'O' }, { EFL_SF, 'S' }, { EFL_ZF, 'Z' },
                  { EFL_AF, 'A' }, { EFL_PF, 'P' }, { EFL_CF, 'C' } };
    uint32_t f = x86_flags(x);
    g_string_append_printf(out, "%s=%0*" PRIx64 " %cFL=%08x [", x86_64bit(x) ? "RIP" : "EIP",
                           x86_64bit(x) ? 16 : 8, x86_ip(x), x86_64bit(x) ? 'R' : 'E', f);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        g_string_append_c(out, f & flags[i].bit ? flags[i].letter : '-');
    }
    g_string_append_printf(out, "] CPL=%u II=%u A20=%u SMM=%u HLT=%u\n", x->s.cpl, x->s.events.shadow,
                           x->s.a20, x->s.events.smm, x->cpu.halted);
}

/* An address has 16 digits in long mode, else 8. */
static int digits(const X86CPU *x)
{
    return x86_long_mode(x) ? 16 : 8;
}

static const char *system_name(const X86CPU *x, uint32_t attr)
{
    static const char *const names[16] = { [1] = "TSS16-avl", [2] = "LDT", [3] = "TSS16-busy" };
    bool wide = x86_long_mode(x);
    unsigned type = attr & ATTR_TYPE;
    switch (type) {
    case 9: return wide ? "TSS64-avl" : "TSS32-avl";
    case 11: return wide ? "TSS64-busy" : "TSS32-busy";
    default: return names[type] ? names[type] : "Reserved";
    }
}

/* The second word of the descriptor, without its base. */
static uint32_t second_word(const X86Segment *s)
{
    uint32_t limit = s->attr & ATTR_G ? s->limit >> 12 : s->limit;
    return ((s->attr & ATTR_DESCRIPTOR) << 8) | (limit & 0xf0000);
}

static void dump_segment(const X86CPU *x, const char *name, const X86Segment *s, GString *out)
{
    uint32_t attr = s->attr;
    bool code = attr & ATTR_CODE;
    g_string_append_printf(out, "%-3s=%04x %0*" PRIx64 " %08x %08x", name, s->selector, digits(x), s->base,
                           s->limit, second_word(s));
    if (!(x->s.cr0 & CR0_PE) || (attr & ATTR_NULL) || !(attr & ATTR_P)) {
        g_string_append_c(out, '\n');
        return;
    }
    g_string_append_printf(out, " DPL=%u ", x86_dpl(attr));
    if (!(attr & ATTR_S)) {
        g_string_append_printf(out, "%s\n", system_name(x, attr));
        return;
    }
    const char *kind = !code                                 ? "DS  "
                       : (attr & ATTR_L) && x86_long_mode(x) ? "CS64"
                       : attr & ATTR_DB                      ? "CS32"
                                                             : "CS16";
    g_string_append_printf(out, "%s [%c%c%c]\n", kind,
                           !(attr & (code ? ATTR_CONFORMING : ATTR_DOWN)) ? '-'
                           : code                                         ? 'C'
                                                                          : 'E',
                           !(attr & (code ? ATTR_READABLE : ATTR_WRITABLE)) ? '-'
                           : code                                           ? 'R'
                                                                            : 'W',
                           attr & ATTR_ACCESSED ? 'A' : '-');
}

static void dump_system(const X86CPU *x, GString *out)
{
    const X86State *s = &x->s;
    int n = digits(x);
    g_string_append_printf(out, "GDT=     %0*" PRIx64 " %08x\nIDT=     %0*" PRIx64 " %08x\n", n, s->gdtr.base,
                           s->gdtr.limit, n, s->idtr.base, s->idtr.limit);
    g_string_append_printf(out, "CR0=%08" PRIx64 " CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08" PRIx64 "\n",
                           s->cr0, n, s->cr2, n, s->cr3, s->cr4);
    for (unsigned i = 0; i < 4; i++) {
        g_string_append_printf(out, "DR%u=%016" PRIx64 " ", i, s->dr[i]);
    }
    g_string_append_printf(out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n", s->dr6,
                           s->dr7, s->efer);
    g_string_append_printf(out, "CR8=%" PRIx64 " XCR0=%016" PRIx64 " PKRU=%08x\n", s->cr8, s->xcr0, s->pkru);
}

static void dump_vectors(const X86CPU *x, GString *out)
{
    enum { XCR0_AVX = 4 };
    const X87 *f = &x->s.x87;
    bool avx = x->s.xcr0 & XCR0_AVX;
    g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", f->fcw, x87_status_word(f),
                           f->top, f->tags, x->s.mxcsr);
    for (unsigned i = 0; x86_has(x, X86_FPU) && i < 8; i++) {
        g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%c", i, f->st[i].mantissa, f->st[i].exponent,
                               i % 2 ? '\n' : ' ');
    }
    for (unsigned i = 0; x86_has(x, X86_SSE) && i < (x86_64bit(x) ? 16u : 8u); i++) {
        const uint64_t *v = x->s.ymm[i];
        if (avx) {
            g_string_append_printf(out,
                                   "YMM%02u=%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", i,
                                   v[3], v[2], v[1], v[0]);
        } else {
            g_string_append_printf(out, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i, v[1], v[0],
                                   i % 2 ? '\n' : ' ');
        }
    }
}

void x86_dump(CPU *cpu, GString *out)
{
    static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    const X86CPU *x = x86_cpu(cpu);
    dump_gprs(x, out);
    dump_state(x, out);
    for (unsigned i = 0; i < X86_SEGS; i++) {
        dump_segment(x, names[i], &x->s.seg[i], out);
    }
    dump_segment(x, "LDT", &x->s.ldtr, out);
    dump_segment(x, "TR", &x->s.tr, out);
    dump_system(x, out);
    dump_vectors(x, out);
}
