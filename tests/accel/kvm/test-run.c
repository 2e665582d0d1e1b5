/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests under KVM: ports, device memory, ROM, interrupts of the board, ends. */
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "target/i386.h"
#include "vm.h"

/* ---- ports and memory ------------------------------------------------------------------ */

VM_CODE(say, "16",
        "mov $0xe9, %dx\n mov $'K', %al\n out %al, %dx\n"
        "cld\n mov $text - say + 0x1000, %si\n mov $5, %cx\n rep outsb\n" /* one exit, several elements */
        "mov $0x60, %dx\n mov $0x2000, %di\n mov $26, %cx\n rep insb\n"
        "mov $0x1234, %dx\n in %dx, %ax\n mov %ax, 0x2100\n" /* nothing is there: ones */
        "mov $7, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b\n text: .ascii \"VM is\"");

static void test_ports(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    vm_load(vm, say, say_end);
    vm_real_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 7);
    g_assert_cmpstr(vm->output->str, ==, "KVM is");
    g_assert_cmpmem(vm_ram(vm) + 0x2000, 26, "abcdefghijklmnopqrstuvwxyz", 26);
    g_assert_cmphex(*(uint16_t *)(vm_ram(vm) + 0x2100), ==, 0xffff);
    vm_free(vm);
}

VM_CODE(device, "64",
        "mov $0xd0000000, %rbx\n mov (%rbx), %rax\n mov %rax, 0x2000\n"
        "mov 4(%rbx), %cx\n mov %cx, 0x2008\n mov 8(%rbx), %cl\n mov %cl, 0x200a\n"
        "movabs $0xcafe0123456789ab, %rax\n mov %rax, 16(%rbx)\n"
        "mov $0xdff00000, %rbx\n mov (%rbx), %eax\n mov %eax, 0x2010\n mov %eax, (%rbx)\n" /* nothing there */
        "mov $1, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

static void test_device_memory(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    vm_load(vm, device, device_end);
    vm_long_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 1);
    const uint8_t *ram = vm_ram(vm);
    g_assert_cmphex(*(uint64_t *)(ram + 0x2000), ==, 0x1122334455667788);
    g_assert_cmphex(*(uint16_t *)(ram + 0x2008), ==, 0x778c);
    g_assert_cmphex(ram[0x200a], ==, 0x90);
    g_assert_cmphex(*(uint32_t *)(ram + 0x2010), ==, 0xffffffff);
    g_assert_cmphex(vm->mmio_last, ==, 0xcafe0123456789ab);
    g_assert_cmpuint(vm->mmio_size, ==, 8);
    vm_free(vm);
}

VM_CODE(
    patch, "16",
    "mov $0x2000, %ax\n mov %ax, %ds\n movw $0xbeef, 0\n mov 0, %bx\n" /* ROM at 20000h */
    "mov $0x3000, %ax\n mov %ax, %ds\n movw $0xbeef, 0\n mov 0, %cx\n" /* RAM at 30000h */
    "xor %ax, %ax\n mov %ax, %ds\n mov %bx, 0x2000\n mov %cx, 0x2002\n mov $1, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

/* A write to ROM leaves it as it is, and the guest goes on. */
static void test_rom(void)
{
    Vm *vm = vm_new(1, NULL, false);
    MemoryRegion rom;
    g_autoptr(GError) err = NULL;
    if (!vm) {
        return;
    }
    bool ok = memory_region_init_rom(&rom, NULL, "rom", 0x1000, &err);
    g_assert(ok);
    memory_region_add(&vm->machine.system, 0x20000, &rom, 1);
    memcpy(rom.ram->host, "ro", 2);
    vm_load(vm, patch, patch_end);
    vm_real_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 1);
    g_assert_cmpmem(vm_ram(vm) + 0x2000, 2, "ro", 2);
    g_assert_cmphex(*(uint16_t *)(vm_ram(vm) + 0x2002), ==, 0xbeef);
    g_assert_cmpmem(rom.ram->host, 2, "ro", 2);
    memory_region_remove(&vm->machine.system, &rom); /* RAM is there again */
    vm_real_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 1);
    g_assert_cmphex(*(uint16_t *)(vm_ram(vm) + 0x2000), ==, 0xbeef);
    memory_region_finish(&rom);
    vm_free(vm);
}

/* ---- interrupts of the board's controllers --------------------------------------------------- */

enum { VECTOR = 0x40, ROUNDS = 1000 };

typedef struct Source {
    IntSource source;
    unsigned pending, taken; /* atomic */
} Source;

static bool source_pending(void *opaque)
{
    const Source *s = opaque;
    return __atomic_load_n(&s->pending, __ATOMIC_SEQ_CST) != 0;
}

static int source_acknowledge(void *opaque)
{
    Source *s = opaque;
    __atomic_sub_fetch(&s->pending, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&s->taken, 1, __ATOMIC_SEQ_CST);
    return VECTOR;
}

static void raise_interrupt(Vm *vm, Source *s)
{
    __atomic_add_fetch(&s->pending, 1, __ATOMIC_SEQ_CST);
    cpu_request_exit(vm_cpu(vm, 0));
}

/* Counts interrupts at 3000h, waiting in HLT, until there were 1000; NMIs at 3004h.  3008h: it has begun. */
VM_CODE(
    count, "16",
    "xor %ax, %ax\n mov %ax, %ds\n movw $handler - count + 0x1000, 0x100\n movw $0, 0x102\n"
    "movw $nmi - count + 0x1000, 8\n movw $0, 10\n movw $1, 0x3008\n"
    "1: sti\n hlt\n cli\n cmpw $1000, 0x3000\n jb 1b\n mov $3, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b\n"
    "handler: incw 0x3000\n iret\n nmi: incw 0x3004\n iret");

/* One after the other, each when the last has been taken: none is lost, wherever the vCPU is. */
static void test_interrupts(void)
{
    Vm *vm = vm_new(1, NULL, false);
    Source s = { .source = { source_pending, source_acknowledge, &s } };
    if (!vm) {
        return;
    }
    vm_cpu(vm, 0)->int_source = &s.source;
    vm_load(vm, count, count_end);
    vm_real_mode(vm, 0);
    vm_resume(vm);
    for (unsigned i = 0; i < ROUNDS; i++) {
        raise_interrupt(vm, &s);
        vm_wait(&s.taken, i + 1);
    }
    g_assert_cmpint(vm_wait_end(vm), ==, 3);
    g_assert_cmpuint(*(uint16_t *)(vm_ram(vm) + 0x3000), ==, ROUNDS);
    vm_free(vm);
}

static void test_nmi(void)
{
    Vm *vm = vm_new(1, NULL, false);
    Source s = { .source = { source_pending, source_acknowledge, &s } };
    if (!vm) {
        return;
    }
    CPU *cpu = vm_cpu(vm, 0);
    cpu->int_source = &s.source;
    vm_load(vm, count, count_end);
    vm_real_mode(vm, 0);
    vm_resume(vm);
    const uint32_t *nmis = (uint32_t *)(vm_ram(vm) + 0x3004);
    vm_wait((uint32_t *)(vm_ram(vm) + 0x3008), 1);
    for (unsigned i = 0; i < 50; i++) { /* it waits in HLT */
        cpu->arch->set_irq(cpu, X86_IRQ_NMI, 1);
        vm_wait(nmis, i + 1);
    }
    vm_pause(vm);
    g_assert_cmpuint(*nmis, ==, 50);
    vm_free(vm);
}

/* ---- ends ------------------------------------------------------------------------------------------ */

VM_CODE(fault, "64", "ud2");

static void note(void *opaque)
{
    uint32_t *told = opaque;
    __atomic_store_n(told, 1, __ATOMIC_SEQ_CST);
}

/* No handlers: three faults in a row.  A reset mends it. */
static void test_triple_fault(void)
{
    Vm *vm = vm_new(1, NULL, false);
    uint32_t told = 0;
    if (!vm) {
        return;
    }
    x86_set_shutdown(vm_cpu(vm, 0), note, &told);
    vm_load(vm, fault, fault_end);
    vm_long_mode(vm, 0);
    vm_resume(vm);
    vm_wait(&told, 1);
    vm_pause(vm);
    cpu_reset(vm_cpu(vm, 0));
    vm_load(vm, say, say_end);
    vm_real_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 7);
    vm_free(vm);
}

/* Code where no memory is: told, with the cause; the machine is not lost. */
static void test_nowhere(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    if (g_test_subprocess()) {
        vm_long_mode(vm, 0);
        vm_x86(vm, 0)->s.pc = 0x30000000;
        vm_run(vm);
        g_assert_true(vm->stuck);
        vm_free(vm);
        return;
    }
    vm_free(vm);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr(
        "*CPU 0 stops: KVM cannot carry out an instruction*64-bit mode, level 0; there is no memory*"
        "jumped to where no code is*RIP=0000000030000000*-accel tcg*");
}

/* As on a host whose KVM opens and then runs nothing: KVM_RUN refuses a VM that never had memory. */
static void test_no_belief(void)
{
    g_autoptr(GError) err = NULL;
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    g_assert_true(accel_prove(vm->machine.accel, &err)); /* this host's runs some */
    g_assert_no_error(err);
    size_t bytes = vm_cpu(vm, 0)->kvm->kvm->run_bytes;
    int device = kvm_open_device(&err), bare = kvm_create_vm(device, &err),
        vcpu = ioctl(bare, KVM_CREATE_VCPU, 0);
    g_assert_no_error(err);
    struct kvm_run *run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    g_assert(run != MAP_FAILED);
    g_assert_false(kvm_try(vcpu, run, &err));
    g_assert_nonnull(strstr(err->message, "runs no code (No space left on device"));
    g_assert_nonnull(strstr(err->message, "-accel tcg"));
    munmap(run, bytes);
    close(vcpu);
    close(bare);
    close(device);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/run/ports", test_ports);
    g_test_add_func("/kvm/run/device-memory", test_device_memory);
    g_test_add_func("/kvm/run/rom", test_rom);
    g_test_add_func("/kvm/run/interrupts", test_interrupts);
    g_test_add_func("/kvm/run/nmi", test_nmi);
    g_test_add_func("/kvm/run/triple-fault", test_triple_fault);
    g_test_add_func("/kvm/run/nowhere", test_nowhere);
    g_test_add_func("/kvm/run/no-belief", test_no_belief);
    return g_test_run();
}
