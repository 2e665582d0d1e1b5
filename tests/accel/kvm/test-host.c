/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What hosts' KVM can do, a row each: everywhere alike, or other where the processor gives KVM no help and the kernel interprets level 0
 * (vm_is_interpreted).  A host that does neither is one that docs/kvm.md does not know. */
#include <string.h>

#include "vm.h"

enum {
    USER_CODE = 0x1800,
    USER_STACK = 0x7000,
    HANDLERS = 0x2000,
    VECTORS = 64,
    KERNEL_STACK = 0x9000,
    TSS_RSP0 = 4
};

/* ---- level 0 ------------------------------------------------------------------------- */

/* Copied behind the row's code. */
VM_CODE(fine, "64", "mov $1, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

#define ROW(name, text) VM_CODE(code_##name, "64", text)
ROW(cpuid, "xor %eax, %eax\n cpuid");
ROW(rdtsc, "rdtsc");
ROW(msr, "mov $0xc0000080, %ecx\n rdmsr\n wrmsr");
ROW(string, "mov $0x3000, %edi\n mov $0x3100, %esi\n mov $64, %ecx\n cld\n rep movsb");
ROW(locked, "lock xadd %rax, 0x3000\n lock cmpxchg8b 0x3008");
ROW(moves, "movaps 0x3000, %xmm0\n movaps %xmm0, 0x3010");
ROW(popcnt, "popcnt %rax, %rbx");
ROW(crc32, "crc32b %al, %ebx");
ROW(cmpxchg16b, "cmpxchg16b 0x3000");
ROW(sse, "paddd %xmm0, %xmm1");
ROW(mxcsr, "stmxcsr 0x3000\n ldmxcsr 0x3000");
ROW(emms, "emms");
ROW(x87, "fninit\n fldpi\n fsqrt");
ROW(lar, "mov $8, %eax\n lar %eax, %ebx");
ROW(verr, "mov $8, %eax\n verr %ax");
#undef ROW

#define ROW(name, known)                                                                                     \
    {                                                                                                        \
        #name, code_##name, code_##name##_end, known                                                         \
    }
static const struct {
    const char *name;
    const uint8_t *code, *end;
    bool known; /* to the kernel's interpreter */
} instructions[] = {
    ROW(cpuid, true),  ROW(rdtsc, true),   ROW(msr, true),    ROW(string, true),      ROW(locked, true),
    ROW(moves, true),  ROW(popcnt, false), ROW(crc32, false), ROW(cmpxchg16b, false), ROW(sse, false),
    ROW(mxcsr, false), ROW(emms, false),   ROW(x87, false),   ROW(lar, false),        ROW(verr, false),
};
#undef ROW

static void run_instruction(unsigned n, bool interpreted)
{
    Vm *vm = vm_new(1, NULL, false);
    size_t len = instructions[n].end - instructions[n].code;
    vm_load(vm, instructions[n].code, instructions[n].end);
    memcpy(vm_ram(vm) + VM_CODE_AT + len, fine, fine_end - fine);
    vm_long_mode(vm, 0);
    int want = interpreted && !instructions[n].known ? -1 : 1;
    int got = vm_run(vm);
    if (got != want) {
        g_error("%s: %d instead of %d", instructions[n].name, got, want);
    }
    vm_free(vm);
}

/* In a process of its own: what KVM does not know is told on standard error. */
static void test_level_0(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    vm_free(vm);
    if (g_test_subprocess()) {
        bool interpreted = vm_is_interpreted();
        for (unsigned n = 0; n < G_N_ELEMENTS(instructions); n++) {
            run_instruction(n, interpreted);
        }
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

/* ---- level 3 ------------------------------------------------------------------------------ */

VM_CODE(enter, "64", "push $0x1b\n push $0x7000\n push $2\n push $0x23\n push $0x1800\n iretq");
VM_CODE(handler, "64", "mov $0, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

#define ROW(name, text) VM_CODE(user_##name, "64", text)
ROW(undefined, "ud2");
ROW(breakpoint, "int3");
ROW(overflow, "int $4");
ROW(privilege, "hlt");
ROW(page, "mov 0x40000000, %rax");
ROW(divide, "xor %eax, %eax\n div %eax");
ROW(vectors, "popcnt %rax, %rax\n paddd %xmm0, %xmm1\n fninit\n fldpi\n fsqrt\n ud2");
ROW(service, "int $0x21");
#undef ROW

#define ROW(name, here, interpreted)                                                                         \
    {                                                                                                        \
        #name, user_##name, user_##name##_end, here, interpreted                                             \
    }
static const struct {
    const char *name;
    const uint8_t *code, *end;
    int vector, interpreted; /* what comes to level 0 */
} faults[] = {
    ROW(undefined, 6, 6), ROW(breakpoint, 3, 3), ROW(overflow, 4, 4), ROW(privilege, 13, 13),
    ROW(page, 14, 14),    ROW(divide, 0, 0),     ROW(vectors, 6, 6),  ROW(service, 0x21, 6),
};
#undef ROW

/* Gates that level 3 may use, a handler each that says its vector. */
static void make_handlers(Vm *vm)
{
    for (uint64_t v = 0; v < VECTORS; v++) {
        uint64_t at = HANDLERS + 32 * v, *gate = (uint64_t *)(vm_ram(vm) + VM_IDT + 16 * v);
        memcpy(vm_ram(vm) + at, handler, handler_end - handler);
        vm_ram(vm)[at + 1] = v;
        gate[0] = (at & 0xffff) | 8 << 16 | UINT64_C(0xee00) << 32 | at >> 16 << 48;
        gate[1] = 0;
    }
    uint64_t stack = KERNEL_STACK; /* the task state is at 0, where a reset has left TR */
    memcpy(vm_ram(vm) + TSS_RSP0, &stack, sizeof(stack));
}

static void test_level_3(void)
{
    bool interpreted = vm_is_interpreted();
    for (unsigned n = 0; n < G_N_ELEMENTS(faults); n++) {
        Vm *vm = vm_new(1, NULL, false);
        if (!vm) {
            return;
        }
        vm_load(vm, enter, enter_end);
        memcpy(vm_ram(vm) + USER_CODE, faults[n].code, faults[n].end - faults[n].code);
        make_handlers(vm);
        vm_long_mode(vm, 0);
        int got = vm_run(vm), want = interpreted ? faults[n].interpreted : faults[n].vector;
        if (got != want) {
            g_error("%s at level 3: vector %d instead of %d", faults[n].name, got, want);
        }
        vm_free(vm);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/host/level-0", test_level_0);
    g_test_add_func("/kvm/host/level-3", test_level_3);
    return g_test_run();
}
