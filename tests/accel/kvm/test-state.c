/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A processor's state goes to the kernel and comes back as it was; so does it to another VM; a reset clears it. */
#include <string.h>

#include "base/clock.h"
#include "target/i386/msr.h"
#include "vm.h"

static uint64_t random64(void)
{
    return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

static uint64_t canonical(void)
{
    return (uint64_t)((int64_t)random64() >> 17);
}

/* What this KVM cannot keep is not filled: the model says. */
static void fill_vectors(X86CPU *x)
{
    X87 *f = &x->s.x87;
    for (unsigned i = 0; i < 16; i++) {
        x->s.ymm[i][0] = random64();
        x->s.ymm[i][1] = random64();
        x->s.ymm[i][2] = x86_has(x, X86_AVX) ? random64() : 0;
        x->s.ymm[i][3] = x86_has(x, X86_AVX) ? random64() : 0;
    }
    x->s.mxcsr = 0x1f80 | (g_test_rand_int() & 0x3f);
    *f = (X87){
        .top = g_test_rand_int() & 7, .tags = g_test_rand_int(), .fcw = 0x27f, .fsw = 0x4100, .fop = 0x123
    };
    for (unsigned i = 0; i < 8; i++) {
        f->st[i] = (X86Fpr){ random64() | 1ull << 63, g_test_rand_int() & 0x7fff };
    }
}

static void fill_msrs(X86CPU *x)
{
    X86Msrs *m = &x->s.msr;
    m->star = random64();
    m->lstar = canonical();
    m->cstar = canonical();
    m->fmask = (uint32_t)random64();
    m->kernel_gs_base = canonical();
    m->sysenter_cs = 0x10;
    m->sysenter_esp = canonical();
    m->sysenter_eip = canonical();
    m->pat = 0x0007010600070106;
    m->mtrr_def_type = 0xc06;
    m->mtrr_base[0] = 0x80000006;
    m->mtrr_mask[0] = 0xff80000800;
    m->mtrr_fixed[3] = 0x0606060606060606;
}

static void fill(Vm *vm)
{
    vm_long_mode(vm, 0);
    X86CPU *x = vm_x86(vm, 0);
    X86State *s = &x->s;
    for (unsigned i = 0; i < X86_GPRS; i++) {
        s->gpr[i] = random64();
    }
    x86_set_flags(x, EFL_FIXED | EFL_CF | EFL_SF | EFL_DF | EFL_ID);
    s->pc = canonical();
    s->seg[SEG_FS].base = canonical();
    s->seg[SEG_GS].base = canonical();
    s->ldtr = (X86Segment){ .base = 0x112000, .limit = 0x27, .attr = ATTR_P | TYPE_LDT, .selector = 0x28 };
    s->tr = (X86Segment){ .base = 0x113000, .limit = 0x67, .attr = ATTR_P | TYPE_TSS_BUSY, .selector = 0x30 };
    s->cr2 = random64();
    s->cr8 = 5;
    s->dr[0] = canonical();
    s->dr[3] = canonical();
    s->dr6 = 0xffff0ff1;
    s->dr7 = 0x401;
    s->events.nmi_masked = true;
    fill_vectors(x);
    fill_msrs(x);
}

/* The state as bytes, without the counter, which runs. */
static GByteArray *saved(CPU *cpu)
{
    cpu_state_fetch(cpu);
    x86_cpu(cpu)->s.msr.tsc_offset = x86_cpu(cpu)->s.msr.tsc_adjust = 0;
    return cpu_state_save(cpu);
}

/* Named by its first register that differs, for who reads the failure. */
static void compare(CPU *cpu, const X86State *want, const GByteArray *bytes)
{
    const X86State *got = &x86_cpu(cpu)->s;
    for (unsigned i = 0; i < X86_GPRS; i++) {
        g_assert_cmphex(got->gpr[i], ==, want->gpr[i]);
    }
    g_assert_cmphex(got->pc, ==, want->pc);
    for (unsigned i = 0; i < X86_SEGS; i++) { /* not as bytes: they end in padding */
        const X86Segment *a = &got->seg[i], *b = &want->seg[i];
        g_assert_cmphex(a->base, ==, b->base);
        g_assert_cmphex(a->limit, ==, b->limit);
        g_assert_cmphex(a->attr, ==, b->attr);
        g_assert_cmphex(a->selector, ==, b->selector);
    }
    g_assert_cmpmem(got->ymm, sizeof(got->ymm), want->ymm, sizeof(want->ymm));
    g_assert_cmpmem(&got->x87, sizeof(got->x87), &want->x87, sizeof(want->x87));
    g_assert_cmphex(got->cr4, ==, want->cr4);
    g_assert_cmphex(got->dr6, ==, want->dr6);
    g_assert_cmphex(got->dr7, ==, want->dr7);
    g_assert_cmphex(got->cr8, ==, want->cr8);
    X86Msr m;
    for (unsigned n = 0; x86_msr_field(n, &m); n++) {
        uint64_t a = *(const uint64_t *)((const char *)got + m.offset - offsetof(X86CPU, s));
        uint64_t b = *(const uint64_t *)((const char *)want + m.offset - offsetof(X86CPU, s));
        if (a != b && m.number != 0x10 && m.number != 0x3b) {
            g_error("MSR 0x%x (%s): 0x%" G_GINT64_MODIFIER "x, not 0x%" G_GINT64_MODIFIER "x", m.number,
                    m.name, a, b);
        }
    }
    g_autoptr(GByteArray) now = saved(cpu);
    g_assert_cmpmem(now->data, now->len, bytes->data, bytes->len);
}

static void wreck(X86CPU *x)
{
    memset(x->s.gpr, 0x5a, sizeof(x->s.gpr));
    memset(x->s.ymm, 0x5a, sizeof(x->s.ymm));
    memset(x->s.seg, 0, sizeof(x->s.seg));
    memset(&x->s.x87, 0, sizeof(x->s.x87));
    memset(x->s.dr, 0, sizeof(x->s.dr));
    x->s.msr.lstar = x->s.msr.star = x->s.cr3 = x->s.cr0 = x->s.efer = x->s.pc = 0;
}

static void test_round_trip(void)
{
    Vm *vm = vm_new(1, NULL, true);
    if (!vm) {
        return;
    }
    CPU *cpu = vm_cpu(vm, 0);
    for (unsigned i = 0; i < 50; i++) {
        fill(vm);
        X86State want = x86_cpu(cpu)->s;
        g_autoptr(GByteArray) bytes = saved(cpu);
        cpu_state_leave(cpu);
        wreck(x86_cpu(cpu));
        cpu_state_fetch(cpu);
        compare(cpu, &want, bytes);
    }
    vm_free(vm);
}

/* The counter counts on; written back unchanged it is not set back. */
static void test_counter(void)
{
    Vm *vm = vm_new(1, NULL, true);
    if (!vm) {
        return;
    }
    CPU *cpu = vm_cpu(vm, 0);
    uint64_t last = 0;
    for (unsigned i = 0; i < 20; i++) {
        cpu_state_change(cpu);
        uint64_t now = x86_tsc(x86_cpu(cpu));
        g_assert_cmpuint(now, >, last);
        last = now;
        cpu_state_leave(cpu);
    }
    cpu_state_change(cpu);
    x86_tsc_write(x86_cpu(cpu), UINT64_C(1) << 50);
    cpu_state_leave(cpu);
    cpu_state_fetch(cpu);
    uint64_t set = x86_tsc(x86_cpu(cpu));
    if (set - last <
        UINT64_C(1) << 38) { /* no offsets without virtualization by the processor: it is the host's */
        g_test_message("this KVM's counter takes no writes");
    } else {
        g_assert_cmpuint(set - (UINT64_C(1) << 50), <, UINT64_C(1) << 38);
    }
    vm_free(vm);
}

static void test_reset(void)
{
    Vm *vm = vm_new(1, NULL, true);
    if (!vm) {
        return;
    }
    CPU *cpu = vm_cpu(vm, 0);
    cpu_reset(cpu);
    g_autoptr(GByteArray) fresh = saved(cpu);
    fill(vm);
    cpu_state_leave(cpu);
    cpu_reset(cpu);
    cpu_state_leave(cpu);
    wreck(x86_cpu(cpu));
    g_autoptr(GByteArray) again = saved(cpu);
    g_assert_cmpmem(again->data, again->len, fresh->data, fresh->len);
    vm_free(vm);
}

/* Sums in registers and memory, for as long as nobody stops it. */
VM_CODE(
    sum, "64",
    "xor %rax, %rax\n mov $1, %rbx\n 1: add %rbx, %rax\n inc %rbx\n mov %rbx, 0x3000\n"
    "cmp $200000, %rbx\n jne 1b\n mov %rax, 0x3008\n mov $9, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

/* A guest that is stopped in the middle goes on in another VM, with the memory that it had. */
static void test_hand_over(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    vm_load(vm, sum, sum_end);
    vm_long_mode(vm, 0);
    vm_resume(vm);
    vm_wait((uint32_t *)(vm_ram(vm) + 0x3000), 1000);
    vm_pause(vm);
    g_assert_cmpint(vm->ended, ==, 0);
    g_autoptr(GByteArray) state = cpu_state_save(vm_cpu(vm, 0));
    g_autofree uint8_t *ram = g_memdup2(vm_ram(vm), VM_RAM);
    vm_free(vm);
    vm = vm_new(1, NULL, false);
    g_autoptr(GError) err = NULL;
    memcpy(vm_ram(vm), ram, VM_RAM);
    bool ok = cpu_state_load(vm_cpu(vm, 0), state->data, state->len, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    g_assert_cmpint(vm_run(vm), ==, 9);
    g_assert_cmpuint(*(uint64_t *)(vm_ram(vm) + 0x3008), ==, UINT64_C(199999) * 200000 / 2);
    vm_free(vm);
}

/* As x86-msr.rst has it. */
typedef struct Pvclock {
    uint32_t version, pad;
    uint64_t tsc, system_time;
    uint32_t multiplier;
} Pvclock;

static int run_again(Vm *vm)
{
    vm_long_mode(vm, 0);
    vm->ended = 0;
    return vm_run(vm);
}

/* KVM's MSRs are state; the clock that they tell guests is the machine's virtual one, wherever that has been set to. */
static void test_pvclock(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    enum { AT = 0x4000, ON = 1 };
    Clock *c = vm->machine.clock;
    CPU *cpu = vm_cpu(vm, 0);
    const Pvclock *p = (const Pvclock *)(vm_ram(vm) + AT);
    vm_load(vm, sum, sum_end);
    vm_x86(vm, 0)->s.pvclock_time = AT | ON;
    g_assert_cmpint(run_again(vm), ==, 9);
    g_assert_true(p->version && !(p->version & 1) && p->multiplier);
    g_assert_cmpint(p->system_time, <=, clock_get_ns(c, CLK_VIRTUAL));
    int64_t later = clock_get_ns(c, CLK_VIRTUAL) + INT64_C(3600000000000);
    clock_virtual_stop(c);
    clock_virtual_set_ns(c, later);
    clock_virtual_start(c);
    g_assert_cmpint(run_again(vm), ==, 9);
    g_assert_cmpint(p->system_time, >=, later);
    g_assert_cmpint(p->system_time, <=, clock_get_ns(c, CLK_VIRTUAL));
    cpu_state_fetch(cpu);
    g_assert_cmphex(x86_cpu(cpu)->s.pvclock_time, ==, AT | ON);
    cpu_reset(cpu);
    cpu_state_leave(cpu);
    cpu_state_fetch(cpu);
    g_assert_cmphex(x86_cpu(cpu)->s.pvclock_time, ==, 0);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/state/round-trip", test_round_trip);
    g_test_add_func("/kvm/state/counter", test_counter);
    g_test_add_func("/kvm/state/reset", test_reset);
    g_test_add_func("/kvm/state/hand-over", test_hand_over);
    g_test_add_func("/kvm/state/pvclock", test_pvclock);
    return g_test_run();
}
