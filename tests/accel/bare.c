/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest machine: RAM at 0x80000000, a transmit-only serial port at 0x10000000 and the
 * test finisher at 0x100000. */
#include "bare.h"

#include <stdio.h>
#include <string.h>

#include "accel/tcg/debug.h"
#include "hw/board.h"
#include "tests/loop.h"
#include "util/keyval.h"

static BusResult uart_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    *value = offset == 5 ? 0x60 : 0;
    return BUS_OK;
}

static BusResult uart_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Bare *b = opaque;
    if (offset == 0) {
        g_string_append_c(b->output, value);
    }
    return BUS_OK;
}

static BusResult finisher_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Bare *b = opaque;
    __atomic_store_n(&b->finished, (int)value, __ATOMIC_SEQ_CST);
    tcg_debug_stop(b->machine.cpus[0]);
    return BUS_OK;
}

static const IoOps uart_ops = { .read = uart_read, .write = uart_write };
static const IoOps finisher_ops = { .read = uart_read, .write = finisher_write };

Bare *bare_new(const CPUArch *arch, const char *model, const char *accel, const char *options)
{
    g_autoptr(GError) err = NULL;
    Bare *b = g_new0(Bare, 1);
    b->output = g_string_new(NULL);
    Machine *m = &b->machine;
    m->loop = test_loop();
    m->clock = test_clock();
    struct json_object *values = keyval_read(options ? options : "", NULL, &err);
    m->accel = accel_open(accel, NULL, test_loop(), values, &err);
    keyval_free(values);
    g_assert_no_error(err);
    memory_thread_register();
    memory_region_init_container(&m->system, NULL, "system", UINT64_MAX);
    bool ok = memory_region_init_ram(&m->ram, NULL, "ram", BARE_RAM_SIZE, &err);
    g_assert(ok);
    memory_region_add(&m->system, BARE_RAM, &m->ram, 0);
    memory_region_init_io(&b->uart, NULL, &uart_ops, b, "uart", 0x100);
    memory_region_add(&m->system, 0x10000000, &b->uart, 0);
    memory_region_init_io(&b->finisher, NULL, &finisher_ops, b, "finisher", 0x1000);
    memory_region_add(&m->system, 0x100000, &b->finisher, 0);
    m->memory = address_space_new(&m->system, "memory");
    CPU *cpu = machine_add_cpu(m, arch, model, &err);
    g_assert_no_error(err);
    cpu_reset(cpu);
    arch->set_pc(cpu, BARE_RAM);
    return b;
}

CPU *bare_cpu(Bare *b)
{
    return b->machine.cpus[0];
}

uint8_t *bare_ram(Bare *b)
{
    return b->machine.ram.ram->host;
}

void bare_start(Bare *b)
{
    Accel *a = b->machine.accel;
    if (!b->started) {
        g_autoptr(GError) err = NULL;
        bool ok = a->class->start(a, &err);
        g_assert(ok);
        b->started = true;
    }
}

void bare_run(Bare *b)
{
    Accel *a = b->machine.accel;
    bare_start(b);
    b->finished = 0;
    a->class->resume(a);
    while (!__atomic_load_n(&b->finished, __ATOMIC_SEQ_CST)) {
        g_usleep(1000);
    }
    a->class->pause(a);
}

TcgState *bare_state(Bare *b)
{
    return container_of(b->machine.accel, TcgLoop, accel)->state;
}

void bare_free(Bare *b)
{
    Machine *m = &b->machine;
    Accel *a = m->accel;
    a->class->close(a);
    cpu_free(m->cpus[0]);
    address_space_free(m->memory);
    memory_region_remove(&m->system, &m->ram);
    memory_region_remove(&m->system, &b->uart);
    memory_region_remove(&m->system, &b->finisher);
    memory_region_finish(&m->ram);
    memory_region_finish(&b->uart);
    memory_region_finish(&b->finisher);
    memory_region_finish(&m->system);
    memory_quiescent(); /* the RAM goes now */
    memory_thread_unregister();
    g_string_free(b->output, TRUE);
    g_free(b);
}
