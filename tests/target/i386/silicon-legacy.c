/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trials in virtual-8086 and real mode, without paging: the code is at CODE, the data so that its first byte has the offset
 * 8000h, as in SILICON_LDT_DATA16.  Handlers lie in a page that is never fetched, too. */
#include <string.h>

#include "descriptors.h"
#include "silicon-map.h"
#include "target/i386/seg.h"
#include "util/bytes.h"

enum { DATA_SELECTOR = (DATA - 0x8000) >> 4, CODE_SELECTOR = CODE >> 4, LIMIT = 0xffff };

/* Without pages any of RAM is code: a jump to where nothing is ends at once. */
static void fill_with_breakpoints(uint8_t *ram)
{
    enum { INT3 = 0xcc, BEHIND_CODE = CODE + SILICON_PAGE, BEHIND_DATA = DATA + 2 * SILICON_PAGE };
    memset(ram + BEHIND_CODE, INT3, DATA - BEHIND_CODE);
    memset(ram + BEHIND_DATA, INT3, RAM - BEHIND_DATA);
}

void silicon_legacy_make_tables(uint8_t *ram)
{
    fill_with_breakpoints(ram);
    enum { FLAT = ATTR_P | ATTR_S | ATTR_G | ATTR_DB | ATTR_ACCESSED, FLAT_LIMIT = 0xfffff };
    store_le(ram + GDT + KERNEL_CODE32, 8, world_desc(0, FLAT_LIMIT, FLAT | ATTR_CODE | ATTR_READABLE));
    store_le(ram + GDT + KERNEL_DATA32, 8, world_desc(0, FLAT_LIMIT, FLAT | ATTR_WRITABLE));
    store_le(ram + LEGACY_TSS + 4, 4, STACK_TOP);
    store_le(ram + LEGACY_TSS + 8, 4, KERNEL_DATA32);
    store_le(ram + LEGACY_TSS + 0x64, 4, UINT32_C(0xffff) << 16); /* no map of ports */
    for (unsigned n = 0; n < 256; n++) {
        uint32_t at = HANDLERS + n % 32 * HANDLER_BYTES;
        store_le(ram + LEGACY_IVT + 4 * n, 4, at); /* segment 0 */
        store_le(ram + LEGACY_IDT + 8 * n, 8, world_gate(TYPE_INT, n & 1 ? 3 : 0, KERNEL_CODE32, at, 0));
    }
}

static void begin_v86(X86CPU *x, const SiliconTrial *t)
{
    X86State *s = &x->s;
    s->cr0 |= CR0_PE;
    s->idtr = (X86Table){ LEGACY_IDT, 0x7ff };
    s->cpl = 3;
    x86_set_flags(x, t->before.flags | EFL_FIXED | EFL_VM | (t->before.gpr[X86_RSI] & 1 ? EFL_IOPL : 0));
    for (unsigned n = 0; n < X86_SEGS; n++) {
        x86_seg_load_v86(x, n, n == SEG_CS ? CODE_SELECTOR : DATA_SELECTOR);
    }
}

static void begin_real(X86CPU *x, const SiliconTrial *t)
{
    X86State *s = &x->s;
    s->idtr = (X86Table){ LEGACY_IVT, 0x3ff };
    s->cpl = 0;
    x86_set_flags(x, t->before.flags | EFL_FIXED);
    for (unsigned n = 0; n < X86_SEGS; n++) {
        s->seg[n].limit = LIMIT;
        s->seg[n].attr = ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED;
        x86_seg_load_real(x, n, n == SEG_CS ? CODE_SELECTOR : DATA_SELECTOR);
    }
}

void silicon_legacy_begin(X86CPU *x, const SiliconTrial *t)
{
    X86State *s = &x->s;
    s->efer = 0;
    s->cr0 = CR0_AM | CR0_NE;
    s->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    s->xcr0 = 7;
    s->cr3 = 0;
    s->gdtr = (X86Table){ GDT, 0x7f };
    s->ldtr = (X86Segment){ .attr = ATTR_NULL };
    s->tr = (X86Segment){ LEGACY_TSS, 0x67, ATTR_P | TYPE_TSS_BUSY, TASK };
    if (t->world == SILICON_V86) {
        begin_v86(x, t);
    } else {
        begin_real(x, t);
    }
    x86_set_ip(x, 0);
    x86_refresh(&x->cpu);
}

/* Of an interrupt that left virtual-8086 mode: the error code, EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS. */
static void take_v86(const X86CPU *x, const uint8_t *ram, SiliconResult *r)
{
    enum { LONGEST = 40 };
    const uint8_t *f = ram + STACK_TOP - LONGEST;
    r->error = STACK_TOP - (uint32_t)x->s.gpr[X86_RSP] == LONGEST ? load_le(f, 4) : 0;
    r->s.selectors[SEG_CS] = load_le(f + 8, 2);
    r->ip = load_le(f + 4, 4) + 16u * r->s.selectors[SEG_CS] - CODE;
    r->s.flags = load_le(f + 12, 4);
    r->s.gpr[X86_RSP] = load_le(f + 16, 4);
    r->s.selectors[SEG_SS] = load_le(f + 20, 2);
    static const X86SegId others[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    for (unsigned n = 0; n < G_N_ELEMENTS(others); n++) {
        r->s.selectors[others[n]] = load_le(f + 24 + 4 * n, 2);
    }
}

/* IP, CS and FLAGS, on the trial's own stack, wherever it put that. */
static void take_real(const X86CPU *x, const uint8_t *ram, SiliconResult *r)
{
    uint32_t at = x->s.seg[SEG_SS].base + (uint16_t)x->s.gpr[X86_RSP];
    r->error = 0;
    r->ip = UINT32_MAX;
    if (at <= RAM - 6) {
        r->s.selectors[SEG_CS] = load_le(ram + at + 2, 2);
        r->ip = load_le(ram + at, 2) + 16u * r->s.selectors[SEG_CS] - CODE;
        r->s.flags = load_le(ram + at + 4, 2);
    }
}

void silicon_legacy_take_frame(const X86CPU *x, const uint8_t *ram, SiliconResult *r)
{
    r->s.flags = 0;
    if (x->s.pc - HANDLERS >= SILICON_PAGE) { /* it halted, or shut down */
        r->vector = UINT8_MAX;
        r->error = 0;
        r->ip = x->s.pc - CODE;
    } else if (x->s.idtr.base == LEGACY_IDT) {
        take_v86(x, ram, r);
    } else {
        take_real(x, ram, r);
    }
}
