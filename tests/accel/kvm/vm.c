/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm.h"

#include <string.h>

#include "tests/patience.h"
#include "util/keyval.h"

/* ---- devices ------------------------------------------------------------------------ */

static BusResult read_ones(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = UINT64_MAX;
    return BUS_OK;
}

static BusResult text_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Vm *vm = opaque;
    g_string_append_c(vm->output, value);
    return BUS_OK;
}

static BusResult end_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Vm *vm = opaque;
    __atomic_store_n(&vm->ended, (int)(value & 0xff) + 1, __ATOMIC_SEQ_CST);
    event_loop_quit(vm->machine.loop, 0);
    return BUS_OK;
}

/* Reads count up, whatever their size. */
static BusResult echo_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Vm *vm = opaque;
    *value = 'a' + vm->mmio_count++ % 26;
    return BUS_OK;
}

static BusResult mmio_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    Vm *vm = opaque;
    *value = 0x1122334455667788 + offset;
    vm->mmio_size = size;
    return BUS_OK;
}

static BusResult mmio_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Vm *vm = opaque;
    vm->mmio_last = value;
    vm->mmio_size = size;
    vm->mmio_count++;
    return BUS_OK;
}

static const IoOps text_ops = { .read = read_ones, .write = text_write };
static const IoOps end_ops = { .read = read_ones, .write = end_write };
static const IoOps echo_ops = { .read = echo_read, .write = mmio_write };
static const IoOps mmio_ops = { .read = mmio_read, .write = mmio_write, .unaligned = true };

static void add_port(Vm *vm, MemoryRegion *mr, const IoOps *ops, const char *name, uint16_t port)
{
    memory_region_init_io(mr, NULL, ops, vm, name, 4);
    if (ops == &text_ops) { /* what is said is looked at when the vCPUs stand */
        memory_region_allow_late_writes(mr, 0, 1);
    }
    memory_region_add(&vm->machine.ports, port, mr, 0);
}

static void make_memory(Vm *vm)
{
    g_autoptr(GError) err = NULL;
    Machine *m = &vm->machine;
    memory_region_init_container(&m->system, NULL, "system", UINT64_MAX);
    memory_region_init_container(&m->ports, NULL, "io", MACHINE_PORTS);
    bool ok = memory_region_init_ram(&m->ram, NULL, "ram", VM_RAM, &err);
    g_assert(ok);
    memory_region_add(&m->system, 0, &m->ram, 0);
    memory_region_init_io(&vm->mmio, NULL, &mmio_ops, vm, "mmio", 0x1000);
    memory_region_add(&m->system, VM_MMIO, &vm->mmio, 0);
    add_port(vm, &vm->text, &text_ops, "text", VM_PORT_TEXT);
    add_port(vm, &vm->end, &end_ops, "end", VM_PORT_END);
    add_port(vm, &vm->echo, &echo_ops, "echo", VM_PORT_ECHO);
    m->memory = address_space_new(&m->system, "memory");
    m->io = address_space_new_ports(&m->ports, "I/O");
}

/* ---- life ------------------------------------------------------------------------------ */

static void on_stuck(void *opaque)
{
    Vm *vm = opaque;
    __atomic_store_n(&vm->stuck, 1, __ATOMIC_SEQ_CST);
    event_loop_quit(vm->machine.loop, 0);
}

static void on_debug(CPU *cpu, void *opaque)
{
    Vm *vm = opaque;
    vm->stopped = 1;
    event_loop_quit(vm->machine.loop, 0);
}

static Accel *open_kvm(const char *options)
{
    g_autoptr(GError) err = NULL;
    struct json_object *values = keyval_read(options ? options : "", NULL, &err);
    Accel *a = accel_open("kvm", NULL, test_loop(), values, &err);
    keyval_free(values);
    if (!a) {
        g_test_skip(err->message);
    }
    return a;
}

Vm *vm_new(unsigned cpus, const char *options, bool leaves_irqs)
{
    g_autoptr(GError) err = NULL;
    Accel *a = open_kvm(options);
    if (!a) {
        return NULL;
    }
    Vm *vm = g_new0(Vm, 1);
    Machine *m = &vm->machine;
    vm->output = g_string_new(NULL);
    m->loop = test_loop();
    m->clock = test_clock();
    m->accel = a;
    a->stuck = on_stuck;
    a->stuck_opaque = vm;
    a->class->set_debug_hook(a, on_debug, vm);
    bool ok = a->class->choose_irqchip(a, leaves_irqs ? 1 << ACCEL_IRQCHIP_ALL | 1 << ACCEL_IRQCHIP_LOCAL : 0,
                                       &err);
    g_assert_no_error(err);
    g_assert(ok);
    memory_thread_register();
    make_memory(vm);
    for (unsigned i = 0; i < cpus; i++) {
        CPU *cpu = machine_add_cpu(m, cpu_arch_find("x86_64"), "max", &err);
        g_assert_no_error(err);
        cpu_reset(cpu);
    }
    return vm;
}

void vm_free(Vm *vm)
{
    Machine *m = &vm->machine;
    m->accel->class->close(m->accel);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        cpu_free(m->cpus[i]);
    }
    address_space_free(m->memory);
    address_space_free(m->io);
    MemoryRegion *const ports[] = { &vm->text, &vm->end, &vm->echo };
    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        memory_region_remove(&m->ports, ports[i]);
        memory_region_finish(ports[i]);
    }
    memory_region_remove(&m->system, &m->ram);
    memory_region_remove(&m->system, &vm->mmio);
    memory_region_finish(&m->ram);
    memory_region_finish(&vm->mmio);
    memory_region_finish(&m->system);
    memory_region_finish(&m->ports);
    memory_quiescent();
    memory_thread_unregister();
    g_string_free(vm->output, TRUE);
    g_free(vm);
}

CPU *vm_cpu(Vm *vm, unsigned i)
{
    return vm->machine.cpus[i];
}

X86CPU *vm_x86(Vm *vm, unsigned i)
{
    cpu_state_change(vm_cpu(vm, i));
    return x86_cpu(vm_cpu(vm, i));
}

uint8_t *vm_ram(Vm *vm)
{
    return vm->machine.ram.ram->host;
}

/* ---- code ---------------------------------------------------------------------------------- */

void vm_load(Vm *vm, const uint8_t *from, const uint8_t *end)
{
    memcpy(vm_ram(vm) + VM_CODE_AT, from, end - from);
}

void vm_real_mode(Vm *vm, unsigned i)
{
    X86CPU *x = vm_x86(vm, i);
    x->s.seg[SEG_CS].base = 0;
    x->s.seg[SEG_CS].selector = 0;
    x86_set_ip(x, VM_CODE_AT);
    x->s.gpr[X86_RSP] = VM_STACK;
    x->s.events.mp_state = MP_RUNNABLE;
    x->cpu.halted = 0;
}

/* Pages of 2 MiB: the first GiB, and the last below 4 GiB. */
static void make_tables(Vm *vm)
{
    enum { PRESENT_RW_USER = 7, LARGE = 0x80, GIB_PAGES = 512 };
    uint64_t *pml4 = (uint64_t *)(vm_ram(vm) + VM_TABLES), *pdpt = pml4 + 512, *low = pdpt + 512,
             *high = low + 512;
    pml4[0] = (VM_TABLES + 0x1000) | PRESENT_RW_USER;
    pdpt[0] = (VM_TABLES + 0x2000) | PRESENT_RW_USER;
    pdpt[3] = (VM_TABLES + 0x3000) | PRESENT_RW_USER;
    for (uint64_t i = 0; i < GIB_PAGES; i++) {
        low[i] = i << 21 | LARGE | PRESENT_RW_USER;
        high[i] = UINT64_C(3) << 30 | i << 21 | LARGE | PRESENT_RW_USER;
    }
    uint64_t *gdt = (uint64_t *)(vm_ram(vm) + VM_GDT);
    gdt[1] = 0x00af9b000000ffff; /* 08: code, 64 bits */
    gdt[2] = 0x00cf93000000ffff; /* 10: data */
    gdt[3] = 0x00cff3000000ffff; /* 1b: data, level 3 */
    gdt[4] = 0x00affb000000ffff; /* 23: code, level 3 */
}

void vm_long_mode(Vm *vm, unsigned i)
{
    X86CPU *x = vm_x86(vm, i);
    X86State *s = &x->s;
    make_tables(vm);
    s->cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_ET;
    s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    s->cr3 = VM_TABLES;
    s->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
    for (unsigned n = 0; n < X86_SEGS; n++) {
        s->seg[n] = (X86Segment){ .limit = UINT32_MAX, .attr = 0xc093, .selector = 0x10 };
    }
    s->seg[SEG_CS] = (X86Segment){ .limit = UINT32_MAX, .attr = 0xa09b, .selector = 8 };
    s->gdtr = (X86Table){ VM_GDT, 5 * 8 - 1 };
    s->idtr = (X86Table){ VM_IDT, 0xfff };
    s->gpr[X86_RSP] = VM_STACK;
    x86_set_ip(x, VM_CODE_AT);
    s->events.mp_state = MP_RUNNABLE;
    x->cpu.halted = 0;
}

VM_CODE(vm_unusual, "64", "popcnt %rax, %rbx\n xor %al, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

bool vm_is_interpreted(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return false;
    }
    vm_load(vm, vm_unusual, vm_unusual_end);
    vm_long_mode(vm, 0);
    bool stuck = vm_run(vm) < 0;
    vm_free(vm);
    return stuck;
}

/* ---- running ---------------------------------------------------------------------------------- */

void vm_start(Vm *vm)
{
    Accel *a = vm->machine.accel;
    g_autoptr(GError) err = NULL;
    if (!vm->started) {
        bool ok = a->class->start(a, &err);
        g_assert_no_error(err);
        g_assert(ok);
        vm->started = true;
    }
}

void vm_resume(Vm *vm)
{
    vm_start(vm);
    vm->ended = vm->stopped = 0;
    vm->machine.accel->class->resume(vm->machine.accel);
}

void vm_pause(Vm *vm)
{
    vm->machine.accel->class->pause(vm->machine.accel);
}

int vm_wait_end(Vm *vm)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (!__atomic_load_n(&vm->ended, __ATOMIC_SEQ_CST) && !__atomic_load_n(&vm->stuck, __ATOMIC_SEQ_CST) &&
           !vm->stopped) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        event_loop_run(vm->machine.loop);
    }
    vm_pause(vm);
    return vm->ended - 1;
}

void vm_wait(const uint32_t *word, uint32_t least)
{
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < least) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(10);
    }
}

int vm_run(Vm *vm)
{
    vm_resume(vm);
    return vm_wait_end(vm);
}
