/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See world.h. */
#include "world.h"

enum { PML4 = 0x20000, PDPT = 0x21000, PD = 0x22000, USER_PAGE = 7, LARGE = 0x80 };

void world_set(uint16_t selector, uint64_t desc)
{
    fake_put((selector & SEL_TI ? WORLD_LDT : WORLD_GDT) + (selector & ~7), 8, desc);
}

void world_vector(X86CPU *x, unsigned vector, unsigned type, unsigned dpl, uint16_t selector, uint64_t offset,
                  unsigned ist)
{
    uint64_t at = WORLD_IDT + vector * (x86_long_mode(x) ? 16 : 8);
    fake_put(at, 8, world_gate(type, dpl, selector, offset, ist));
    if (x86_long_mode(x)) {
        fake_put(at + 8, 8, offset >> 32);
    }
}

void world_call_gate(X86CPU *x, uint16_t at, unsigned dpl, uint16_t selector, uint64_t offset,
                     unsigned params)
{
    world_set(at, world_gate(TYPE_CALL, dpl, selector, offset, params));
    if (x86_long_mode(x)) {
        world_set(at + 8, offset >> 32);
    }
}

static void make_gdt(void)
{
    world_set(SEL_CODE0, world_desc(0, 0xfffff, FLAT_CODE));
    world_set(SEL_DATA0, world_desc(0, 0xfffff, FLAT_DATA));
    world_set(SEL_CODE3, world_desc(0, 0xfffff, FLAT_CODE | LEVEL3));
    world_set(SEL_DATA3, world_desc(0, 0xfffff, FLAT_DATA | LEVEL3));
    world_set(SEL_CODE64, world_desc(0, 0, FLAT_CODE64));
    world_set(SEL_CODE64_3, world_desc(0, 0, FLAT_CODE64 | LEVEL3));
    world_set(SEL_CONFORMING, world_desc(0, 0xfffff, FLAT_CODE | ATTR_CONFORMING));
    world_set(SEL_CODE16, world_desc(0, 0xffff, ATTR_P | ATTR_S | ATTR_CODE | ATTR_READABLE));
    world_set(SEL_TSS, world_desc(WORLD_TSS, 0x67, ATTR_P | TYPE_TSS));
    world_set(SEL_LDT, world_desc(WORLD_LDT, 0x1f, ATTR_P | TYPE_LDT));
}

static void set_level(X86CPU *x, unsigned cpl, uint16_t code, uint16_t data, uint64_t sp)
{
    X86Desc d = { .low = fake_get(WORLD_GDT + code, 8) };
    x86_code_load(x, code, &d, cpl, 0x1234);
    d.low = fake_get(WORLD_GDT + data, 8);
    static const X86SegId all[] = { SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        x86_seg_load(x, all[i], data | cpl, &d);
    }
    x->s.gpr[X86_RSP] = sp;
}

static X86CPU *world_new(void)
{
    X86CPU *x = fake_new();
    make_gdt();
    x->s.cr0 = CR0_PE | CR0_ET;
    x->s.gdtr = (X86Table){ WORLD_GDT, WORLD_GDT_LIMIT };
    return x;
}

static void load_system(X86CPU *x)
{
    X86Fault f = { 0 };
    g_assert_true(x86_ltr(x, SEL_TSS, &f));
    g_assert_true(x86_lldt(x, SEL_LDT, &f));
}

X86CPU *world_protected(unsigned cpl)
{
    X86CPU *x = world_new();
    x->s.idtr = (X86Table){ WORLD_IDT, 0x7ff };
    fake_put(WORLD_TSS + 4, 4, WORLD_STACK0); /* ESP0, SS0 */
    fake_put(WORLD_TSS + 8, 4, SEL_DATA0);
    load_system(x);
    if (cpl == 0) {
        set_level(x, 0, SEL_CODE0, SEL_DATA0, WORLD_STACK0 - 0x800);
    } else {
        set_level(x, 3, SEL_CODE3, SEL_DATA3, WORLD_STACK3);
    }
    return x;
}

X86CPU *world_long(unsigned cpl)
{
    X86CPU *x = world_new();
    fake_put(PML4, 8, PDPT | USER_PAGE);
    fake_put(PDPT, 8, PD | USER_PAGE);
    for (unsigned i = 0; i < FAKE_RAM >> 21; i++) {
        fake_put(PD + 8 * i, 8, (uint64_t)i << 21 | USER_PAGE | LARGE);
    }
    x->s.cr3 = PML4;
    x->s.cr4 = CR4_PAE;
    x->s.efer = EFER_LME | EFER_LMA | EFER_SCE;
    x->s.cr0 |= CR0_PG;
    x->s.idtr = (X86Table){ WORLD_IDT, 0xfff };
    fake_put(WORLD_TSS + 4, 8, WORLD_STACK0);
    fake_put(WORLD_TSS + 0x24, 8, WORLD_IST1);
    load_system(x);
    if (cpl == 0) {
        set_level(x, 0, SEL_CODE64, SEL_DATA0, WORLD_STACK0 - 0x800);
    } else {
        set_level(x, 3, SEL_CODE64_3, SEL_DATA3, WORLD_STACK3);
    }
    return x;
}

X86CPU *world_v86(unsigned iopl)
{
    X86CPU *x = world_protected(0);
    x->s.eflags = EFL_FIXED | EFL_VM | EFL_IF | iopl << EFL_IOPL_SHIFT;
    x->s.cpl = 3;
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x86_seg_load_v86(x, i, 0x100 * (i + 1));
    }
    x86_set_ip(x, 0x50);
    x->s.gpr[X86_RSP] = 0x200;
    return x;
}

X86CPU *world_real(void)
{
    X86CPU *x = fake_new();
    x->s.idtr = (X86Table){ 0, 0x3ff };
    for (unsigned i = 0; i < X86_SEGS; i++) {
        x->s.seg[i].limit = 0xffff;
        x->s.seg[i].attr = ATTR_P | ATTR_S | ATTR_WRITABLE;
        x86_seg_load_real(x, i, 0);
    }
    x86_set_ip(x, 0x50);
    x->s.gpr[X86_RSP] = WORLD_STACK16 - 0x100;
    return x;
}

uint64_t world_stack(X86CPU *x, unsigned n, unsigned bytes)
{
    X86Stack st = x86_stack_current(x);
    return fake_get(st.base + (st.sp & st.mask) + (uint64_t)n * bytes, bytes);
}
