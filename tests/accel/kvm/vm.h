/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest x86 machine under KVM: RAM from address 0 on, ports to speak and to end by, and code of a test's own.
 *
 * Code is assembly in the test's source (VM_CODE), copied to VM_CODE_AT; it starts there in real mode, or in 64-bit mode at
 * level 0 with the first GiB mapped to itself. */
#pragma once
#include "accel/kvm/kvm.h"
#include "hw/board.h"
#include "tests/loop.h"

enum {
    VM_RAM = 4 << 20,
    VM_CODE_AT = 0x1000,
    VM_STACK = 0x8000,
    VM_TABLES = 0x100000,
    VM_IDT = 0x110000,
    VM_GDT = 0x111000
};
enum { VM_PORT_TEXT = 0xe9, VM_PORT_END = 0xf4, VM_PORT_ECHO = 0x60 };
#define VM_MMIO UINT64_C(0xd0000000)

typedef struct Vm {
    Machine machine;
    MemoryRegion text, end, echo, mmio;
    GString *output; /* what the guest said */
    int ended;       /* atomic: what it wrote to the port of the end, + 1 */
    int stuck;       /* atomic: a vCPU cannot go on */
    int stopped;     /* atomic: told to the debugger */
    uint64_t mmio_last, mmio_count;
    unsigned mmio_size;
    bool started;
} Vm;

/* Code that lies between NAME and NAME_end, in assembly of 16, 32 or 64 bits. */
#define VM_CODE(name, bits, text)                                                                            \
    extern const uint8_t name[], name##_end[];                                                               \
    __asm__(".pushsection .rodata\n.code" bits "\n" #name ":\n" text "\n" #name "_end:\n.code64\n.popsection")

/* NULL: no KVM here, and the test is skipped.  options: of -accel kvm. */
Vm *vm_new(unsigned cpus, const char *options, bool leaves_irqs);
void vm_free(Vm *vm);
CPU *vm_cpu(Vm *vm, unsigned i);
X86CPU *vm_x86(Vm *vm, unsigned i); /* its state is here, and goes back before it runs */
uint8_t *vm_ram(Vm *vm);
void vm_load(Vm *vm, const uint8_t *from, const uint8_t *end);
void vm_real_mode(Vm *vm, unsigned i);
void vm_long_mode(Vm *vm, unsigned i);
/* A host whose processor gives KVM no help: ring 0 is interpreted by the kernel, which does not know every instruction. */
bool vm_is_interpreted(void);
void vm_start(Vm *vm); /* the vCPUs' threads, paused */
void vm_resume(Vm *vm);
void vm_pause(Vm *vm);
int vm_wait_end(Vm *vm); /* what it ended with; all stand still then.  -1: it is stuck */
void vm_wait(const uint32_t *word,
             uint32_t least); /* until the word, which another thread or the guest writes, is so */
int vm_run(Vm *vm);           /* resume, wait */
