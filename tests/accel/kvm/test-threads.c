/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPUs' threads under KVM: kicks, pauses, resets and work from other threads, none of which is lost; the debugger. */
#include <string.h>

#include "target/i386.h"
#include "vm.h"

/* Counts at 3000h, for ever. */
VM_CODE(spin, "64", "1: incq 0x3000\n jmp 1b");
/* Leaves for a port at each turn. */
VM_CODE(leave, "64", "1: incq 0x3000\n in $0x60, %al\n jmp 1b");
/* Waits for interrupts that never come. */
VM_CODE(wait, "64", "incq 0x3000\n cli\n 1: hlt\n jmp 1b");

typedef struct Kicker {
    Vm *vm;
    uint32_t stop; /* atomic */
    unsigned kicks;
} Kicker;

static void *kick_main(void *opaque)
{
    Kicker *k = opaque;
    while (!__atomic_load_n(&k->stop, __ATOMIC_SEQ_CST)) {
        cpu_request_exit(vm_cpu(k->vm, k->kicks++ % k->vm->machine.cpu_count));
        g_usleep(200);
    }
    return NULL;
}

static void count(CPU *cpu, void *opaque)
{
    ++*(unsigned *)opaque;
}

static const struct {
    const char *name;
    const uint8_t *code, *end;
} loads[] = { { "spin", spin, spin_end }, { "leave", leave, leave_end }, { "wait", wait, wait_end } };

static void begin(Vm *vm, unsigned load)
{
    vm_load(vm, loads[load].code, loads[load].end);
    for (unsigned i = 0; i < vm->machine.cpu_count; i++) {
        vm_long_mode(vm, i);
    }
}

/* Three threads want something at the same time: kicks, pauses and resumes, work; now and then a reset. */
static void storm(unsigned load)
{
    Vm *vm = vm_new(2, NULL, false);
    if (!vm) {
        return;
    }
    Kicker k = { .vm = vm };
    unsigned works = 0;
    begin(vm, load);
    vm_resume(vm);
    GThread *kicker = g_thread_new("kicker", kick_main, &k);
    for (unsigned i = 0; i < 300; i++) {
        cpu_run(vm_cpu(vm, i & 1), count, &works);
        vm_pause(vm);
        if (i % 16 == 0) {
            cpu_reset(vm_cpu(vm, 0));
            vm_long_mode(vm, 0);
        }
        vm_resume(vm);
    }
    vm_pause(vm);
    __atomic_store_n(&k.stop, 1, __ATOMIC_SEQ_CST);
    g_thread_join(kicker);
    g_assert_cmpuint(works, ==, 300);
    g_assert_cmpuint(*(uint64_t *)(vm_ram(vm) + 0x3000), >, 0);
    g_assert_false(vm->stuck);
    vm_free(vm);
}

static void test_storm(const void *load)
{
    storm(GPOINTER_TO_UINT(load));
}

/* The end comes while vCPUs run. */
static void test_close_running(void)
{
    for (unsigned i = 0; i < 10; i++) {
        Vm *vm = vm_new(2, NULL, false);
        if (!vm) {
            return;
        }
        begin(vm, i % G_N_ELEMENTS(loads));
        vm_resume(vm);
        vm_wait((uint32_t *)(vm_ram(vm) + 0x3000), 1);
        vm_free(vm);
    }
}

/* Memory comes and goes under code that uses what lies around it. */
static void test_changing_memory(void)
{
    Vm *vm = vm_new(2, NULL, false);
    g_autoptr(GError) err = NULL;
    MemoryRegion more;
    if (!vm) {
        return;
    }
    bool ok = memory_region_init_ram(&more, NULL, "more", 1 << 20, &err);
    g_assert(ok);
    begin(vm, 0);
    vm_resume(vm);
    for (unsigned i = 0; i < 100; i++) {
        memory_region_add(&vm->machine.system, 2 << 20, &more, 1); /* splits the slot that the code is in */
        memory_region_remove(&vm->machine.system, &more);
    }
    uint32_t now = *(uint32_t *)(vm_ram(vm) + 0x3000);
    vm_wait((uint32_t *)(vm_ram(vm) + 0x3000), now + 1000);
    vm_pause(vm);
    g_assert_false(vm->stuck);
    memory_region_finish(&more);
    vm_free(vm);
}

/* ---- who follows writes ------------------------------------------------------------------- */

VM_CODE(dirty, "64",
        "mov $0x200000, %rdi\n mov %rdi, (%rdi)\n mov %rdi, 0x3000(%rdi)\n mov %rdi, 0x9ff8(%rdi)\n"
        "mov $1, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

static void test_dirty(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    RamBlock *rb = vm->machine.ram.ram;
    unsigned long pages[1];
    vm_load(vm, dirty, dirty_end);
    ram_dirty_start(rb, RAM_DIRTY_MIGRATION);
    ram_dirty_take(rb, RAM_DIRTY_MIGRATION, 0x200000, 16 * RAM_PAGE, pages);
    for (unsigned i = 0; i < 3; i++) {
        vm_long_mode(vm, 0);
        g_assert_cmpint(vm_run(vm), ==, 1);
        ram_dirty_take(rb, RAM_DIRTY_MIGRATION, 0x200000, 16 * RAM_PAGE, pages);
        g_assert_cmphex(pages[0], ==, 1 << 0 | 1 << 3 | 1 << 9);
        ram_dirty_take(rb, RAM_DIRTY_MIGRATION, 0x200000, 16 * RAM_PAGE, pages);
        g_assert_cmphex(pages[0], ==, 0);
    }
    ram_dirty_stop(rb, RAM_DIRTY_MIGRATION);
    vm_free(vm);
}

/* ---- doorbells ------------------------------------------------------------------------------- */

VM_CODE(ring, "64",
        "mov $0xd0000000, %rbx\n mov $100, %ecx\n 1: movl $7, 0x40(%rbx)\n movl $8, 0x40(%rbx)\n"
        "mov $3, %eax\n out %eax, $0x60\n loop 1b\n mov $1, %al\n out %al, $0xf4\n cli\n 9: hlt\n jmp 9b");

static void test_doorbells(void)
{
    Vm *vm = vm_new(1, NULL, false);
    g_autoptr(GError) err = NULL;
    if (!vm) {
        return;
    }
    EventNotifier *bell = event_notifier_new(&err), *port = event_notifier_new(&err);
    MemoryEvent on_seven = { .offset = 0x40, .size = 4, .match = true, .value = 7, .notifier = bell };
    MemoryEvent on_port = { .offset = 0, .size = 4, .notifier = port };
    memory_region_add_event(&vm->mmio, &on_seven);
    memory_region_add_event(&vm->echo, &on_port);
    vm_load(vm, ring, ring_end);
    vm_long_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 1);
    g_assert_true(event_notifier_test_and_clear(bell));
    g_assert_true(event_notifier_test_and_clear(port));
    g_assert_cmpuint(vm->mmio_count, ==, 100); /* the eights */
    memory_region_del_event(&vm->mmio, &on_seven);
    memory_region_del_event(&vm->echo, &on_port);
    vm_long_mode(vm, 0);
    g_assert_cmpint(vm_run(vm), ==, 1);
    g_assert_false(event_notifier_test_and_clear(bell));
    g_assert_cmpuint(vm->mmio_count, ==, 400);
    event_notifier_free(bell);
    event_notifier_free(port);
    vm_free(vm);
}

/* ---- the debugger --------------------------------------------------------------------------------- */

VM_CODE(steps, "64", "nop\n nop\n mov $5, %rax\n mov %rax, 0x3000\n nop\n nop\n 1: jmp 1b");

static uint64_t stop_at(Vm *vm)
{
    vm_resume(vm);
    vm_wait_end(vm);
    g_assert_true(vm->stopped);
    return cpu_get_pc(vm_cpu(vm, 0));
}

static void test_debugger(void)
{
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    CPU *cpu = vm_cpu(vm, 0);
    vm_load(vm, steps, steps_end);
    vm_long_mode(vm, 0);
    cpu_set_singlestep(cpu, true);
    g_assert_cmphex(stop_at(vm), ==, VM_CODE_AT + 1);
    g_assert_cmphex(stop_at(vm), ==, VM_CODE_AT + 2);
    g_assert_cmphex(stop_at(vm), ==, VM_CODE_AT + 9);
    g_assert_cmphex(x86_cpu(cpu)->s.gpr[X86_RAX], ==, 5);
    cpu_set_singlestep(cpu, false);
    cpu_breakpoint_add(cpu, VM_CODE_AT + 18);
    g_assert_cmphex(stop_at(vm), ==, VM_CODE_AT + 18);
    g_assert_cmphex(*(uint64_t *)(vm_ram(vm) + 0x3000), ==, 5);
    g_assert_true(cpu_breakpoint_remove(cpu, VM_CODE_AT + 18));
    vm_free(vm);
}

/* The kernel's interpreter looks at no data breakpoints. */
static void test_watchpoint(void)
{
    bool interprets = vm_is_interpreted();
    Vm *vm = vm_new(1, NULL, false);
    if (!vm) {
        return;
    }
    CPU *cpu = vm_cpu(vm, 0);
    vm_load(vm, steps, steps_end);
    vm_long_mode(vm, 0);
    cpu_watchpoint_add(cpu, 0x3000, 8, WATCH_WRITE);
    if (!interprets) {
        g_assert_cmphex(stop_at(vm), ==, VM_CODE_AT + 17);
        g_assert_cmpint(cpu->watch_hit_kind, ==, WATCH_WRITE);
        g_assert_cmphex(cpu->watch_hit, ==, 0x3000);
    } else {
        vm_resume(vm);
        vm_wait((uint32_t *)(vm_ram(vm) + 0x3000), 5);
        vm_pause(vm);
        g_assert_cmpint(vm->stopped, ==, 0);
    }
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(loads); i++) {
        g_autofree char *path = g_strdup_printf("/kvm/threads/storm/%s", loads[i].name);
        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_storm);
    }
    g_test_add_func("/kvm/threads/close-running", test_close_running);
    g_test_add_func("/kvm/threads/changing-memory", test_changing_memory);
    g_test_add_func("/kvm/threads/dirty", test_dirty);
    g_test_add_func("/kvm/threads/doorbells", test_doorbells);
    g_test_add_func("/kvm/threads/debugger", test_debugger);
    g_test_add_func("/kvm/threads/watchpoint", test_watchpoint);
    return g_test_run();
}
