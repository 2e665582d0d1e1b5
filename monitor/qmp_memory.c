/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memsave and pmemsave: the guest's memory in a file.
 *
 * The machine stands still meanwhile where it needs the main loop, so the size is bounded, that of device registers more
 * narrowly, and a file that would make the writer wait (a pipe that nobody empties) is an error. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "accel/accel.h"
#include "base/fdset.h"
#include "base/memory.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "target/cpu.h"

enum { PIECE = 1 << 20, SAVE_MAX = 1 << 30, REGISTERS_MAX = 16 << 20 };

typedef struct MemSave {
    int64_t addr, size, cpu;
    bool has_cpu;
    char *filename;
} MemSave;

#define T MemSave
static const Prop memsave_props[] = {
    { "val", PROP_I64, ALWAYS(addr), .help = "the first address, of a vCPU" },
    { "size", PROP_I64, ALWAYS(size), .help = "bytes" },
    { "filename", PROP_STRING, ALWAYS(filename) },
    { "cpu-index", PROP_I64, MAYBE_HAS(cpu), .help = "which, unless the first" },
    { NULL },
};
static const Prop pmemsave_props[] = {
    { "val", PROP_I64, ALWAYS(addr), .help = "the first address" },
    { "size", PROP_I64, ALWAYS(size), .help = "bytes" },
    { "filename", PROP_STRING, ALWAYS(filename) },
    { NULL },
};
#undef T
static const Shape memsave_shape = { "MemSave", sizeof(MemSave), memsave_props };
static const Shape pmemsave_shape = { "PhysicalMemSave", sizeof(MemSave), pmemsave_props };

typedef struct Piece {
    AddressSpace *memory;
    uint64_t addr;
    size_t size;
    uint64_t registers; /* bytes of all pieces so far that are of devices */
    void *buf;
    bool ok;
} Piece;

/* Registers take a call for each four bytes: the 256 MiB of PCI's configuration space, seconds. */
static bool may_read(Piece *p, uint64_t phys, uint64_t size)
{
    p->registers += memory_debug_registers(p->memory, phys, size);
    return p->registers <= REGISTERS_MAX;
}

static void read_virtual(CPU *cpu, void *opaque)
{
    enum { PAGE = 4096 };
    Piece *p = opaque;
    uint64_t phys, size;
    p->ok = true;
    for (uint64_t done = 0; p->ok && done < p->size; done += size) {
        size = MIN(PAGE - ((p->addr + done) & (PAGE - 1)), p->size - done);
        p->ok = cpu->arch->debug_walk(cpu, p->addr + done, &phys) && may_read(p, phys, size) &&
                cpu_debug_read(cpu, p->addr + done, (uint8_t *)p->buf + done, size);
    }
}

/* cpu NULL: a physical address. */
static bool read_piece(CPU *cpu, Piece *p, const MemSave *a, GError **err)
{
    if (cpu) {
        cpu_run(cpu, read_virtual, p);
    } else {
        p->ok =
            may_read(p, p->addr, p->size) && memory_debug_read(p->memory, p->addr, p->buf, p->size) == BUS_OK;
    }
    if (p->registers > REGISTERS_MAX) {
        return command_error(
            err, ERROR_GENERIC,
            "Parameter 'size' expects at most %d bytes of device registers; save the rest apart",
            REGISTERS_MAX);
    }
    return p->ok ||
           command_error(err, ERROR_GENERIC, "Invalid addr 0x%016" PRIx64 "/size %" PRId64 " specified",
                         (uint64_t)a->addr, a->size);
}

static bool save_to(const MonitorFile *f, const Machine *m, CPU *cpu, const MemSave *a, GError **err)
{
    g_autofree uint8_t *buf = g_malloc(PIECE);
    Piece p = { .memory = m->memory, .addr = a->addr, .buf = buf };
    bool ok = true;
    accel_catch_up(m->accel);
    for (uint64_t left = a->size; ok && left; left -= p.size) {
        p.size = MIN(left, PIECE);
        ok = read_piece(cpu, &p, a, err) && monitor_file_write(f, p.buf, p.size, NULL, err);
        p.addr += p.size;
    }
    return ok;
}

static bool save(const Machine *m, CPU *cpu, const MemSave *a, GError **err)
{
    if (a->size < 0 || a->size > SAVE_MAX) {
        return command_error(err, ERROR_GENERIC,
                             "Parameter 'size' expects at most %d bytes; save the rest apart", SAVE_MAX);
    }
    MonitorFile f;
    return monitor_file_open(&f, a->filename, err) &&
           monitor_file_close(&f, save_to(&f, m, cpu, a, err), err);
}

static bool run_memsave(Control *c, const void *args, void *result, GError **err)
{
    const MemSave *a = args;
    const Machine *m = c->machine;
    if (a->cpu < 0 || a->cpu >= m->cpu_count) {
        return command_error(err, ERROR_GENERIC, "Parameter 'cpu-index' expects a CPU number");
    }
    return save(m, m->cpus[a->cpu], a, err);
}

static bool run_pmemsave(Control *c, const void *args, void *result, GError **err)
{
    return save(c->machine, NULL, args, err);
}

/* clang-format off */
const Command commands_memory[] = {
    { "memsave", "write memory that a vCPU sees to a file", &memsave_shape, NULL, 0, run_memsave },
    { "pmemsave", "write physical memory to a file", &pmemsave_shape, NULL, 0, run_pmemsave },
    { NULL },
};
/* clang-format on */
