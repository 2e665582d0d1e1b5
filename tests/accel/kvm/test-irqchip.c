/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt controllers in the kernel, all of them or the local APICs alone: start-up messages, MSI, lines, reset. */
#include <string.h>

#include "vm.h"

enum {
    MSI_VECTOR = 0x41,
    LINE_VECTOR = 0x50,
    LINE = 4,
    AP_CODE = 0x2000,
    STARTED = 0x3000,
    MSIS = 0x3010,
    LINES = 0x3020
};

static uint32_t *word(Vm *vm, unsigned at)
{
    return (uint32_t *)(vm_ram(vm) + at);
}

static void set_gate(Vm *vm, unsigned vector, const uint8_t *handler, const uint8_t *code)
{
    uint64_t *g = (uint64_t *)(vm_ram(vm) + VM_IDT) + 2 * vector, at = VM_CODE_AT + (handler - code);
    g[0] = (at & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32 | (at >> 16) << 48;
    g[1] = at >> 32;
}

/* ---- the other processors ---------------------------------------------------------------- */

VM_CODE(ap, "16", "xor %ax, %ax\n mov %ax, %ds\n lock incl 0x3000\n cli\n 1: hlt\n jmp 1b");
/* INIT and SIPI to all but itself. */
VM_CODE(
    bsp, "64",
    "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n movl $0xc4500, 0x300(%rbx)\n movl $0xc4602, 0x300(%rbx)\n"
    "1: pause\n cmpl $3, 0x3000\n jne 1b\n mov $1, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

static void start_others(const char *options)
{
    Vm *vm = vm_new(4, options, true);
    if (!vm) {
        return;
    }
    for (unsigned i = 0; i < 3; i++) { /* they wait again after each reset */
        for (unsigned n = 0; n < 4; n++) {
            cpu_reset(vm_cpu(vm, n));
            g_assert_cmpint(cpu_is_halted(vm_cpu(vm, n)), ==, n != 0);
        }
        *word(vm, STARTED) = 0;
        vm_load(vm, bsp, bsp_end);
        memcpy(vm_ram(vm) + AP_CODE, ap, ap_end - ap);
        vm_long_mode(vm, 0);
        g_assert_cmpint(vm_run(vm), ==, 1);
        g_assert_cmpuint(*word(vm, STARTED), ==, 3);
    }
    vm_free(vm);
}

static void test_start_up(void)
{
    start_others("kernel-irqchip=on");
}

static void test_start_up_split(void)
{
    start_others("kernel-irqchip=split");
}

/* ---- interrupts -------------------------------------------------------------------------------- */

/* Waits for interrupts; those of the I/O APIC's input 4 have vector 50h; the PIC is silent. */
VM_CODE(listen, "64",
        "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n mov $0xfec00000, %ecx\n"
        "movl $0x18, (%rcx)\n movl $0x50, 0x10(%rcx)\n movl $0x19, (%rcx)\n movl $0, 0x10(%rcx)\n"
        "mov $0xff, %al\n out %al, $0x21\n out %al, $0xa1\n movl $1, 0x3000\n sti\n 1: hlt\n jmp 1b\n");
VM_CODE(on_msi, "64", "incl 0x3010\n movl $0, 0xb0(%rbx)\n iretq");
VM_CODE(on_line, "64", "incl 0x3020\n movl $0, 0xb0(%rbx)\n iretq");

static Vm *listening(const char *options)
{
    Vm *vm = vm_new(1, options, true);
    if (!vm) {
        return NULL;
    }
    vm_load(vm, listen, listen_end);
    memcpy(vm_ram(vm) + 0x1100, on_msi, on_msi_end - on_msi);
    memcpy(vm_ram(vm) + 0x1200, on_line, on_line_end - on_line);
    set_gate(vm, MSI_VECTOR, listen + 0x100, listen);
    set_gate(vm, LINE_VECTOR, listen + 0x200, listen);
    vm_long_mode(vm, 0);
    vm_resume(vm);
    vm_wait(word(vm, STARTED), 1);
    return vm;
}

static void send_messages(const char *options)
{
    Vm *vm = listening(options);
    if (!vm) {
        return;
    }
    for (unsigned i = 0; i < 200; i++) {
        g_assert_true(machine_send_msi(&vm->machine, 0xfee00000, MSI_VECTOR));
        vm_wait(word(vm, MSIS), i + 1);
    }
    vm_pause(vm);
    g_assert_cmpuint(*word(vm, MSIS), ==, 200);
    g_assert_true(cpu_is_halted(vm_cpu(vm, 0)));
    vm_free(vm);
}

static void test_messages(void)
{
    send_messages("kernel-irqchip=on");
}

static void test_messages_split(void)
{
    send_messages("kernel-irqchip=split");
}

/* The NMI button: as LVT's entry of LINT1 says. */
VM_CODE(
    lint1, "64",
    "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n movl $0x10400, 0x360(%rbx)\n movl $1, 0x3000\n sti\n"
    "1: cmpl $2, 0x3000\n jne 1b\n movl $0x400, 0x360(%rbx)\n movl $3, 0x3000\n 2: hlt\n jmp 2b\n");

static void press_nmi(const char *options)
{
    enum { NMI_VECTOR = 2 };
    Vm *vm = vm_new(1, options, true);
    if (!vm) {
        return;
    }
    vm_load(vm, lint1, lint1_end);
    memcpy(vm_ram(vm) + 0x1100, on_msi, on_msi_end - on_msi);
    set_gate(vm, NMI_VECTOR, lint1 + 0x100, lint1);
    vm_long_mode(vm, 0);
    vm_resume(vm);
    vm_wait(word(vm, STARTED), 1);
    kvm_accel_class.lint1(vm_cpu(vm, 0)); /* masked */
    __atomic_store_n(word(vm, STARTED), 2, __ATOMIC_SEQ_CST);
    vm_wait(word(vm, STARTED), 3);
    for (unsigned i = 0; i < 50; i++) {
        kvm_accel_class.lint1(vm_cpu(vm, 0));
        vm_wait(word(vm, MSIS), i + 1);
    }
    vm_pause(vm);
    g_assert_cmpuint(*word(vm, MSIS), ==, 50);
    vm_free(vm);
}

static void test_lint1(void)
{
    press_nmi("kernel-irqchip=on");
}

static void test_lint1_split(void)
{
    press_nmi("kernel-irqchip=split");
}

static void not_connected(void *opaque, int line, int level)
{
    g_assert_not_reached();
}

static void test_lines(void)
{
    Vm *vm = listening("kernel-irqchip=on");
    if (!vm) {
        return;
    }
    Irq irq = { 0 };
    machine_connect_irq(&vm->machine, &irq, LINE, not_connected, NULL, 0);
    for (unsigned i = 0; i < 200; i++) {
        irq_raise(&irq);
        vm_wait(word(vm, LINES), i + 1);
        irq_lower(&irq);
    }
    vm_pause(vm);
    g_assert_cmpuint(*word(vm, LINES), ==, 200);
    vm_free(vm);
}

/* Pauses while messages come: each arrives. */
static void test_messages_and_pauses(void)
{
    Vm *vm = listening("kernel-irqchip=on");
    if (!vm) {
        return;
    }
    for (unsigned i = 0; i < 100; i++) {
        vm_pause(vm);
        cpu_state_change(vm_cpu(vm, 0)); /* the state goes to the kernel again */
        g_assert_true(machine_send_msi(&vm->machine, 0xfee00000, MSI_VECTOR));
        vm_resume(vm);
        vm_wait(word(vm, MSIS), i + 1);
    }
    vm_free(vm);
}

/* A board that has controllers of its own is told so. */
static void test_refused(void)
{
    if (g_test_subprocess()) {
        Vm *vm = vm_new(1, "kernel-irqchip=on", false);
        g_assert_null(vm); /* not reached: it asserts that there is no error */
        return;
    }
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    vm_free(vm);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*cannot have its interrupt controllers so*leave kernel-irqchip= out*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/irqchip/start-up", test_start_up);
    g_test_add_func("/kvm/irqchip/start-up-split", test_start_up_split);
    g_test_add_func("/kvm/irqchip/messages", test_messages);
    g_test_add_func("/kvm/irqchip/messages-split", test_messages_split);
    g_test_add_func("/kvm/irqchip/lint1", test_lint1);
    g_test_add_func("/kvm/irqchip/lint1-split", test_lint1_split);
    g_test_add_func("/kvm/irqchip/lines", test_lines);
    g_test_add_func("/kvm/irqchip/messages-and-pauses", test_messages_and_pauses);
    g_test_add_func("/kvm/irqchip/refused", test_refused);
    return g_test_run();
}
