/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memsave and pmemsave: the guest's memory in a file.
 *
 * The machine stands still meanwhile where it needs the main loop, so the size is bounded, that of device registers more
 * narrowly, and a file that would make the writer wait (a pipe that nobody empties) is an error. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

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
    uint64_t addr;
    size_t size;
    void *buf;
    bool ok;
} Piece;

static void read_virtual(CPU *cpu, void *opaque)
{
    Piece *p = opaque;
    p->ok = cpu_debug_read(cpu, p->addr, p->buf, p->size);
}

/* cpu NULL: a physical address. */
static bool read_piece(const Machine *m, CPU *cpu, Piece *p)
{
    if (cpu) {
        cpu_run(cpu, read_virtual, p);
    } else {
        p->ok = memory_debug_read(m->memory, p->addr, p->buf, p->size) == BUS_OK;
    }
    return p->ok;
}

static bool write_piece(int fd, const Piece *p, const char *filename, GError **err)
{
    const char *buf = p->buf;
    for (size_t done = 0; done < p->size;) {
        ssize_t n = write(fd, buf + done, p->size - done);
        if (n < 0 && errno != EINTR) {
            return command_error(err, ERROR_GENERIC, "An IO error has occurred. Writing '%s': %s", filename,
                                 g_strerror(errno));
        }
        done += MAX(n, 0);
    }
    return true;
}

static bool save_to(int fd, const Machine *m, CPU *cpu, const MemSave *a, GError **err)
{
    g_autofree uint8_t *buf = g_malloc(PIECE);
    uint64_t size = a->size, from = a->addr;
    for (uint64_t done = 0; done < size; done += PIECE) {
        Piece p = { from + done, MIN(size - done, PIECE), buf, false };
        if (!read_piece(m, cpu, &p)) {
            return command_error(err, ERROR_GENERIC,
                                 "Invalid addr 0x%016" PRIx64 "/size %" PRId64 " specified", from, a->size);
        }
        if (!write_piece(fd, &p, a->filename, err)) {
            return false;
        }
    }
    return true;
}

static bool save(const Machine *m, CPU *cpu, const MemSave *a, GError **err)
{
    if (a->size < 0 || a->size > SAVE_MAX) {
        return command_error(err, ERROR_GENERIC,
                             "Parameter 'size' expects at most %d bytes; save the rest apart", SAVE_MAX);
    }
    int fd = fdset_open(a->filename, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK);
    if (fd < 0) {
        return command_error(err, ERROR_GENERIC, "Could not open '%s': %s", a->filename, g_strerror(errno));
    }
    bool ok = save_to(fd, m, cpu, a, err);
    if (close(fd) < 0 && ok) {
        ok = command_error(err, ERROR_GENERIC, "An IO error has occurred. Closing '%s': %s", a->filename,
                           g_strerror(errno));
    }
    return ok;
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

/* Registers take a call for each four bytes: the 256 MiB of PCI's configuration space, seconds. */
static bool run_pmemsave(Control *c, const void *args, void *result, GError **err)
{
    const MemSave *a = args;
    if (a->size > 0 && memory_debug_registers(c->machine->memory, a->addr, a->size) > REGISTERS_MAX) {
        return command_error(
            err, ERROR_GENERIC,
            "Parameter 'size' expects at most %d bytes of device registers; save the rest apart",
            REGISTERS_MAX);
    }
    return save(c->machine, NULL, args, err);
}

/* clang-format off */
const Command commands_memory[] = {
    { "memsave", "write memory that a vCPU sees to a file", &memsave_shape, NULL, 0, run_memsave },
    { "pmemsave", "write physical memory to a file", &pmemsave_shape, NULL, 0, run_pmemsave },
    { NULL },
};
/* clang-format on */
