/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `info registers` and -d cpu. */
#include "target/i386/registers.h"

#include <inttypes.h>

static void dump_gprs(const X86CPU *x, GString *out)
{
    static const char *const names[] = { "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI" };
    bool wide = x86_64bit(x);
    for (unsigned i = 0; i < (wide ? 16u : 8u); i++) {
        char name[4];
        g_snprintf(name, sizeof(name), i < 8 ? "%c%s" : "R%d", i < 8 ? (wide ? 'R' : 'E') : i, names[i & 7]);
        if (wide) {
            g_string_append_printf(out, "%-3s=%016" PRIx64 "%c", name, x->s.gpr[i], i % 4 == 3 ? '\n' : ' ');
        } else {
            g_string_append_printf(out, "%-3s=%08x%c", name, (uint32_t)x->s.gpr[i], i % 4 == 3 ? '\n' : ' ');
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

static void dump_segment(const char *name, const X86Segment *s, GString *out)
{
    static const char *const data[] = { "r-", "rw" }, *const code[] = { "--", "r-" };
    g_string_append_printf(out, "%-3s=%04x %016" PRIx64 " %08x %05x", name, s->selector, s->base, s->limit,
                           s->attr);
    if (s->attr & ATTR_NULL) {
        g_string_append(out, " null\n");
    } else if (!(s->attr & ATTR_S)) {
        g_string_append_printf(out, " DPL=%u type %u\n", x86_dpl(s->attr), s->attr & ATTR_TYPE);
    } else if (s->attr & ATTR_CODE) {
        g_string_append_printf(out, " DPL=%u code%s [%c%s%c]\n", x86_dpl(s->attr),
                               s->attr & ATTR_L    ? "64"
                               : s->attr & ATTR_DB ? "32"
                                                   : "16",
                               s->attr & ATTR_CONFORMING ? 'c' : '-', code[!!(s->attr & ATTR_READABLE)],
                               s->attr & ATTR_ACCESSED ? 'a' : '-');
    } else {
        g_string_append_printf(out, " DPL=%u data [%c%s%c]\n", x86_dpl(s->attr),
                               s->attr & ATTR_DOWN ? 'd' : '-', data[!!(s->attr & ATTR_WRITABLE)],
                               s->attr & ATTR_ACCESSED ? 'a' : '-');
    }
}

static void dump_system(const X86CPU *x, GString *out)
{
    const X86State *s = &x->s;
    g_string_append_printf(out, "GDT=     %016" PRIx64 " %08x\nIDT=     %016" PRIx64 " %08x\n", s->gdtr.base,
                           s->gdtr.limit, s->idtr.base, s->idtr.limit);
    g_string_append_printf(
        out, "CR0=%08" PRIx64 " CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08" PRIx64 " CR8=%" PRIx64 "\n",
        s->cr0, s->cr2, s->cr3, s->cr4, s->cr8);
    for (unsigned i = 0; i < 4; i++) {
        g_string_append_printf(out, "DR%u=%016" PRIx64 " ", i, s->dr[i]);
    }
    g_string_append_printf(
        out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 " XCR0=%016" PRIx64 " PKRU=%08x\n",
        s->dr6, s->dr7, s->efer, s->xcr0, s->pkru);
}

static void dump_vectors(const X86CPU *x, GString *out)
{
    const X87 *f = &x->s.x87;
    g_string_append_printf(out, "FCW=%04x FSW=%04x [TOP=%u] tags=%02x MXCSR=%08x\n", f->fcw, f->fsw, f->top,
                           f->tags, x->s.mxcsr);
    for (unsigned i = 0; x86_has(x, X86_FPU) && i < 8; i++) {
        g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%c", i, f->st[i].mantissa, f->st[i].exponent,
                               i % 2 ? '\n' : ' ');
    }
    for (unsigned i = 0; x86_has(x, X86_SSE) && i < (x86_64bit(x) ? 16u : 8u); i++) {
        const uint64_t *v = x->s.ymm[i];
        if (x86_has(x, X86_AVX)) {
            g_string_append_printf(out,
                                   "YMM%02u=%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", i,
                                   v[3], v[2], v[1], v[0]);
        } else {
            g_string_append_printf(out, "XMM%02u=%016" PRIx64 " %016" PRIx64 "\n", i, v[1], v[0]);
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
        dump_segment(names[i], &x->s.seg[i], out);
    }
    dump_segment("LDT", &x->s.ldtr, out);
    dump_segment("TR", &x->s.tr, out);
    dump_system(x, out);
    dump_vectors(x, out);
}
