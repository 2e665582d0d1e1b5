/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `info` commands: one row each.  Forms of the lines: QEMU's. */
#include <string.h>

#include "accel/accel.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/intc/pc_irq.h"
#include "hw/virtio_balloon.h"
#include "monitor/migration.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_block.h"
#include "monitor/qmp_types.h"
#include "net/net.h"
#include "hw/runstate.h"
#include "base/version.h"
#include "target/cpu.h"
#include "util/keyval.h"

/* ---- the machine as a whole ---- */

static bool info_version(Machine *m, const char *args, GString *out, GError **err)
{
    g_string_append_printf(out, "%s%s\n", version_number(),
                           version_is_qemu_name() ? " (Lyrebird " LYREBIRD_VERSION ")" : "");
    return true;
}

static void show_status(const void *result, GString *out)
{
    const StatusInfo *s = result;
    g_string_append_printf(out, "VM status: %s", s->running ? "running" : "paused");
    if (!s->running && s->status != RUN_PAUSED) {
        g_string_append_printf(out, " (%s)", runstate_names[s->status]);
    }
    g_string_append_c(out, '\n');
}

static void show_name(const void *result, GString *out)
{
    const NameInfo *info = result;
    if (info->name) {
        g_string_append_printf(out, "%s\n", info->name);
    }
}

static void show_uuid(const void *result, GString *out)
{
    const UuidInfo *info = result;
    g_string_append_printf(out, "%s\n", info->uuid);
}

static bool info_mtree(Machine *m, const char *args, GString *out, GError **err)
{
    if (*args && !g_str_equal(args, "-f")) {
        return monitor_syntax_error(err, "mtree: unsupported option %s", args);
    }
    machine_dump_mtree(m, out, *args);
    return true;
}

static bool info_qtree(Machine *m, const char *args, GString *out, GError **err)
{
    machine_dump_qtree(m, out);
    return true;
}

/* Interrupt controllers that count tell so themselves. */
static bool info_irq(Machine *m, const char *args, GString *out, GError **err)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Device *dev = m->devices->pdata[i];
        if (dev->class->irq_statistics) {
            g_string_append_printf(out, "IRQ statistics for %s:\n", dev->path);
            device_lock(dev);
            dev->class->irq_statistics(dev, out);
            device_unlock(dev);
        }
    }
    return true;
}

/* ---- CPUs ---- */

static bool need_cpu(Machine *m, CPU **cpu, GError **err)
{
    *cpu = monitor_cpu(m);
    return *cpu || monitor_error(err, "No CPU");
}

static bool info_cpus(Machine *m, const char *args, GString *out, GError **err)
{
    for (unsigned i = 0; i < m->cpu_count; i++) {
        CPU *cpu = m->cpus[i];
        g_string_append_printf(out, "%c CPU #%u: thread_id=%d%s\n", cpu == monitor_cpu(m) ? '*' : ' ', i,
                               cpu->thread_id, cpu_is_halted(cpu) ? " (halted)" : "");
    }
    return true;
}

static void dump_registers(CPU *cpu, void *opaque)
{
    cpu_dump(cpu, opaque);
}

static void dump_one(CPU *cpu, GString *out)
{
    g_string_append_printf(out, "\nCPU#%u\n", cpu->index);
    cpu_run(cpu, dump_registers, out);
}

static bool info_registers(Machine *m, const char *args, GString *out, GError **err)
{
    CPU *cpu;
    uint64_t index;
    if (!need_cpu(m, &cpu, err)) {
        return false;
    }
    if (g_str_equal(args, "-a")) {
        for (unsigned i = 0; i < m->cpu_count; i++) {
            dump_one(m->cpus[i], out);
        }
        return true;
    }
    if (*args && (!keyval_uint(args, MACHINE_MAX_CPUS, &index) || index >= m->cpu_count)) {
        return monitor_error(err, "CPU#%s not available", args);
    }
    dump_one(*args ? m->cpus[index] : cpu, out);
    return true;
}

/* Of the selected CPU, or by its APIC id. */
static bool info_lapic(Machine *m, const char *args, GString *out, GError **err)
{
    CPU *cpu;
    uint64_t id;
    if (!need_cpu(m, &cpu, err)) {
        return false;
    }
    if (!m->pc_irqs || !m->pc_irqs->lapics) {
        return monitor_error(err, "lapic: no local APIC is among this machine's devices%s",
                             m->pc_irqs ? "; those of the host's kernel are not shown" : "");
    }
    Lapic *l = m->pc_irqs->lapic[cpu->index];
    if (*args) {
        l = keyval_uint(args, UINT32_MAX, &id) ? pc_lapic_of_id(m->pc_irqs, id) : NULL;
    }
    if (!l) {
        return monitor_error(err, "No CPU available with APIC ID %s", args);
    }
    lapic_describe(&l->dev, out);
    return true;
}

static void dump_mmu(CPU *cpu, void *opaque)
{
    cpu_dump_mmu(cpu, opaque);
}

static bool info_mem(Machine *m, const char *args, GString *out, GError **err)
{
    CPU *cpu;
    if (!need_cpu(m, &cpu, err)) {
        return false;
    }
    if (!cpu->arch->dump_mmu) {
        return monitor_error(err, "this guest has no memory management unit");
    }
    cpu_run(cpu, dump_mmu, out);
    return true;
}

static bool info_jit(Machine *m, const char *args, GString *out, GError **err)
{
    if (!m->accel || !m->accel->class->info) {
        return monitor_error(err, "JIT information is only available with accel=tcg");
    }
    m->accel->class->info(m->accel, out);
    return true;
}

/* ---- host ends ---- */

typedef struct BlockListing {
    const Machine *machine;
    GString *out;
} BlockListing;

static void add_block(BlockBackend *blk, void *opaque)
{
    const BlockListing *l = opaque;
    g_autofree char *line = block_describe(blk);
    if (qmp_is_drive(l->machine, blk)) {
        g_autofree char *user = qmp_drive_user(l->machine, blk);
        g_string_append_printf(l->out, "%s\n%s%s%s", line, user ? "    Attached to:      " : "",
                               user ? user : "", user ? "\n" : "");
    }
}

static bool info_block(Machine *m, const char *args, GString *out, GError **err)
{
    BlockListing l = { m, out };
    block_foreach(m->drives, add_block, &l);
    return true;
}

/* What the guest told last, in the order of the tags (VIRTIO 1.x, 5.5.6.4), memory in MiB.  Each
 * `info balloon` asks for newer values, which the next one shows. */
static const struct {
    const char *name;
    unsigned shift;
} balloon_statistics[] = {
    { "mem_swapped_in", 20 },
    { "mem_swapped_out", 20 },
    { "major_page_faults", 0 },
    { "minor_page_faults", 0 },
    { "free_mem", 20 },
    { "total_mem", 20 },
    { "available_mem", 20 },
    { "disk_caches", 20 },
    { "hugetlb_pages_allocated", 0 },
    { "hugetlb_pages_failed", 0 },
    { NULL, 0 },
};

static bool info_balloon(Machine *m, const char *args, GString *out, GError **err)
{
    Device *balloon = virtio_balloon_find(m);
    if (!balloon) {
        return monitor_error(err,
                             "No balloon device has been activated; start with -device virtio-balloon-pci");
    }
    g_string_append_printf(out, "balloon: actual=%" G_GUINT64_FORMAT, virtio_balloon_actual(balloon) >> 20);
    for (unsigned tag = 0; balloon_statistics[tag].name; tag++) {
        uint64_t value = virtio_balloon_stat(balloon, tag);
        if (value != UINT64_MAX) {
            g_string_append_printf(out, ",%s=%" G_GUINT64_FORMAT, balloon_statistics[tag].name,
                                   value >> balloon_statistics[tag].shift);
        }
    }
    g_string_append_c(out, '\n');
    virtio_balloon_poll_stats(balloon);
    return true;
}

static void add_chardev(Chardev *chr, void *opaque)
{
    g_autofree char *text = chardev_describe(chr);
    g_string_append_printf(opaque, "%s: filename=%s\n", chardev_id(chr), text);
}

static bool info_chardev(Machine *m, const char *args, GString *out, GError **err)
{
    chardev_foreach(m->chardevs, add_chardev, out);
    return true;
}

static bool info_network(Machine *m, const char *args, GString *out, GError **err)
{
    net_describe_all(m->nets, out);
    return true;
}

static void add_usernet(NetClient *nc, void *opaque)
{
    g_autofree char *text = net_user_info(nc);
    if (text) {
        g_string_append(opaque, text);
    }
}

static bool info_usernet(Machine *m, const char *args, GString *out, GError **err)
{
    net_foreach(m->nets, add_usernet, out);
    return true;
}

/* clang-format off */
const MonitorCommand monitor_infos[] = {
    { "balloon", NULL, "show balloon information", info_balloon },
    { "block", NULL, "show info of all block devices", info_block },
    { "block-jobs", NULL, "show progress of ongoing block device operations", .does = "query-block-jobs",
      .show = monitor_show_block_jobs },
    { "blockstats", NULL, "show block device statistics", .does = "query-blockstats",
      .show = monitor_show_blockstats },
    { "chardev", NULL, "show the character devices", info_chardev },
    { "cpus", NULL, "show infos for each CPU", info_cpus },
    { "iothreads", NULL, "show iothreads", .does = "query-iothreads", .show = monitor_show_iothreads },
    { "irq", NULL, "show the interrupts statistics (if available)", info_irq },
    { "jit", NULL, "show dynamic compiler info", info_jit },
    { "lapic", "[apic-id]", "show local apic state (apic-id: local apic to read, default is which of current CPU)",
      info_lapic },
    { "mem", NULL, "show the active virtual memory mappings", info_mem },
    { "mice", NULL, "show which guest mouse is receiving events", .does = "query-mice", .show = monitor_show_mice },
    { "mtree", "[-f]", "show memory tree (-f: dump flat view for address spaces)", info_mtree },
    { "migrate", NULL, "show migration status", .does = "query-migrate", .show = monitor_show_migration },
    { "migrate_parameters", NULL, "show current migration parameters", .does = "query-migrate-parameters",
      .show = monitor_show_migration_parameters },
    { "name", NULL, "show the current VM name", .does = "query-name", .show = show_name },
    { "network", NULL, "show the network state", info_network },
    { "pci", NULL, "show PCI info", .does = "query-pci", .show = monitor_show_pci },
    { "qtree", NULL, "show device tree", info_qtree },
    { "registers", "[-a|vcpu]", "show the cpu registers (-a: of all cpus)", info_registers },
    { "snapshots", NULL, "show the currently saved VM snapshots", monitor_info_snapshots },
    { "status", NULL, "show the current VM status (running|paused)", .does = "query-status", .show = show_status },
    { "tlb", NULL, "show virtual to physical memory mappings", info_mem },
    { "trace-events", "[name]", "show available trace-events & their state", monitor_info_trace_events },
    { "usernet", NULL, "show user network stack connection states", info_usernet },
    { "uuid", NULL, "show the current VM UUID", .does = "query-uuid", .show = show_uuid },
    { "version", NULL, "show the version of the emulator", info_version },
    { "vnc", NULL, "show the VNC server, and who looks", monitor_info_vnc },
    { NULL, NULL, NULL, NULL },
};
/* clang-format on */
