/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -m and -smp.
 *
 * Interface: QEMU's "Invocation", Standard options.
 *
 * Not modelled: memory and CPUs that are added later (slots, maxmem, maxcpus above
 * the CPUs at start), clusters, books and drawers above one. */
#include <json-c/json.h>

#include "system/cmdline.h"

enum { MEMORY_BITS = 48, MIB = 1 << 20 };

typedef struct MemoryOptions {
    uint64_t size, slots, maxmem;
    bool has_maxmem;
} MemoryOptions;

static const Prop memory_props[] = {
    { "size", PROP_SIZE, offsetof(MemoryOptions, size), "RAM, in MiB without a suffix", .unit = MIB,
      .max = (UINT64_C(1) << MEMORY_BITS) - 1 },
    { "slots", PROP_U64, offsetof(MemoryOptions, slots), "places for more", .max = 256 },
    { "maxmem", PROP_SIZE, offsetof(MemoryOptions, maxmem), "RAM with what is added later", .unit = MIB,
      .has = offsetof(MemoryOptions, has_maxmem) },
    { NULL },
};
const Shape cmdline_memory_shape = { "Memory", sizeof(MemoryOptions), memory_props };

bool cmdline_memory(const CmdLine *c, MachineConfig *config, GError **err)
{
    MemoryOptions m;
    json_object *values = cmdline_values(c, OPT_MEMORY);
    bool ok = shape_read(&cmdline_memory_shape, &m, values, NULL, err);
    json_object_put(values);
    if (!ok) {
        return false;
    }
    uint64_t size = m.size ? m.size : config->board->default_ram;
    config->ram_size = (size + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
    if (m.slots || (m.has_maxmem && m.maxmem != config->ram_size)) {
        return cmdline_fail(err,
                            "memory that is added later (slots=, maxmem=) is not built; give size= only");
    }
    return true;
}

typedef struct Topology {
    uint64_t cpus, maxcpus, sockets, dies, cores, threads; /* 0: not given */
} Topology;

/* What is not given follows from what is; cores are preferred over sockets. */
static void topology_complete(Topology *t)
{
    if (!t->maxcpus && !t->cpus) {
        t->sockets = MAX(t->sockets, 1);
        t->cores = MAX(t->cores, 1);
    }
    t->threads = MAX(t->threads, 1);
    t->dies = MAX(t->dies, 1);
    uint64_t max = t->maxcpus ? t->maxcpus : t->cpus;
    if (!t->cores && max) {
        t->sockets = MAX(t->sockets, 1);
        t->cores = max / (t->sockets * t->dies * t->threads);
    } else if (!t->sockets) {
        t->sockets = max / (t->dies * t->cores * t->threads);
    }
    t->maxcpus = max ? max : t->sockets * t->dies * t->cores * t->threads;
    t->cpus = t->cpus ? t->cpus : t->maxcpus;
}

static bool product_wrong(const Topology *t, const BoardClass *board, GError **err)
{
    g_autofree char *dies = g_strdup_printf("dies (%" G_GUINT64_FORMAT ") * ", t->dies);
    return cmdline_fail(err,
                        "Invalid CPU topology: product of the hierarchy must match maxcpus: "
                        "sockets (%" G_GUINT64_FORMAT ") * %scores (%" G_GUINT64_FORMAT
                        ") * threads (%" G_GUINT64_FORMAT ") != maxcpus (%" G_GUINT64_FORMAT ")",
                        t->sockets, board->has_dies ? dies : "", t->cores, t->threads, t->maxcpus);
}

static bool topology_check(const Topology *t, const BoardClass *board, GError **err)
{
    unsigned limit = MIN(board->max_cpus, MACHINE_MAX_CPUS);
    if (t->maxcpus > limit || t->cpus > limit) {
        return cmdline_fail(
            err, "Invalid SMP CPUs %" G_GUINT64_FORMAT ". The max CPUs supported by machine '%s' is %u",
            MAX(t->maxcpus, t->cpus), board->name, limit);
    }
    if (t->dies > 1 && !board->has_dies) {
        return cmdline_fail(err, "dies > 1 not supported by this machine's CPU topology");
    }
    if (t->sockets * t->dies * t->cores * t->threads != t->maxcpus) {
        return product_wrong(t, board, err);
    }
    if (t->cpus != t->maxcpus) {
        return cmdline_fail(err,
                            "CPUs that are added later are not built; maxcpus (%" G_GUINT64_FORMAT
                            ") must equal cpus (%" G_GUINT64_FORMAT ")",
                            t->maxcpus, t->cpus);
    }
    return true;
}

#define COUNT(field, what)                                                                                   \
    {                                                                                                        \
        #field, PROP_U64, offsetof(Topology, field), what, .min = 1, .max = 100000                           \
    }
#define ONE(level) PROP_ONLY_NUMBER(level, 1, level " > 1 not supported by this machine's CPU topology")

static const Prop smp_props[] = {
    COUNT(cpus, "CPUs at the start"),
    COUNT(maxcpus, "CPUs with those added later"),
    COUNT(sockets, "sockets"),
    COUNT(dies, "dies of a socket"),
    COUNT(cores, "cores of a die, or of a socket"),
    COUNT(threads, "threads of a core"),
    ONE("drawers"),
    ONE("books"),
    ONE("clusters"),
    ONE("modules"),
    { NULL },
};
const Shape cmdline_smp_shape = { "SMPConfiguration", sizeof(Topology), smp_props };

bool cmdline_smp(const CmdLine *c, MachineConfig *config, GError **err)
{
    Topology t;
    json_object *values = cmdline_values(c, OPT_SMP);
    bool ok = shape_read(&cmdline_smp_shape, &t, values, NULL, err);
    json_object_put(values);
    if (!ok) {
        return false;
    }
    topology_complete(&t);
    if (!topology_check(&t, config->board, err)) {
        return false;
    }
    config->cpus = t.cpus;
    config->max_cpus = t.maxcpus;
    config->sockets = t.sockets;
    config->dies = t.dies;
    config->cores = t.cores;
    config->threads = t.threads;
    return true;
}
