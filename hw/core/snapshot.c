/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine's state: what is in which order (state_stream.h). */
#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "base/clock.h"
#include "block/block.h"
#include "hw/board.h"
#include "hw/core/state_stream.h"
#include "target/cpu.h"

/* ---- what the machine has -------------------------------------------------------------- */

static char *machine_section_name(const Machine *m)
{
    return g_strdup_printf("%s/%s", m->board->name, m->board->arch);
}

/* All of a machine's vCPUs are of one model. */
static uint32_t counter_khz(const Machine *m)
{
    const CPU *cpu = m->cpu_count ? m->cpus[0] : NULL;
    return cpu && cpu->arch->counter_khz ? cpu->arch->counter_khz(cpu) : 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

void snapshot_put_machine(StateWriter *w, const Machine *m)
{
    g_autofree char *name = machine_section_name(m);
    state_put_bytes(w, STATE_MAGIC, strlen(STATE_MAGIC));
    state_put(w, STATE_VERSION, 4);
    state_put_head(w, SECTION_MACHINE, name, 8);
    state_put(w, m->cpu_count, 4);
    state_put(w, counter_khz(m), 4);
}

static bool has_chips(const Machine *m)
{
    return m->accel && m->accel->irqchip != ACCEL_IRQCHIP_NONE;
}

void snapshot_put_tail(StateWriter *w, Machine *m)
{
    state_put_head(w, SECTION_CLOCK, "", 8);
    state_put(w, clock_get_ns(m->clock, CLK_VIRTUAL), 8);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        state_put_section(w, SECTION_CPU, name, cpu_state_save(m->cpus[i]));
    }
    if (has_chips(m)) {
        state_put_section(w, SECTION_CHIPS, m->accel->class->name, m->accel->class->chips_save(m->accel));
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        state_put_section(w, SECTION_DEVICE, dev->path, device_save(dev));
    }
    state_put_head(w, SECTION_END, "", 4);
    state_put(w, w->crc, 4);
}

bool snapshot_disks_are_done(Machine *m, GError **err)
{
    if (!drives_finish(m->drives)) {
        g_set_error_literal(
            err, G_FILE_ERROR, G_FILE_ERROR_IO,
            "a request of a disk waits for 'cont', and is in no state; mend the disk, then cont");
        return false;
    }
    return true;
}

bool machine_save_to(Machine *m, const StateSink *sink, GError **err)
{
    if (!snapshot_disks_are_done(m, err)) {
        return false;
    }
    StateWriter w;
    g_autoptr(GPtrArray) blocks = snapshot_ram_blocks(m);
    state_writer_init(&w, sink);
    snapshot_put_machine(&w, m);
    for (unsigned i = 0; i < blocks->len; i++) {
        const RamBlock *rb = g_ptr_array_index(blocks, i);
        snapshot_put_pages(&w, rb, i, 0, rb->size);
    }
    snapshot_put_tail(&w, m);
    state_flush(&w);
    state_writer_clear(&w);
    if (w.error) {
        state_write_error(&w, err);
    }
    return !w.error;
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool set_counter(StateReader *r, Machine *m, uint64_t khz)
{
    bool ok = khz == counter_khz(m);
    for (unsigned i = 0; !ok && i < m->cpu_count; i++) {
        const CPUArch *arch = m->cpus[i]->arch;
        if (!arch->set_counter_khz || !arch->set_counter_khz(m->cpus[i], khz)) {
            return state_bad(r,
                             "its processors' counter runs at %" PRIu64 " kHz, and this host's at %" PRIu32
                             ", which cannot be changed; use -accel tcg",
                             khz, counter_khz(m));
        }
    }
    return true;
}

static bool get_machine(StateReader *r, const Machine *m)
{
    g_autofree char *name = machine_section_name(m);
    char magic[sizeof(STATE_MAGIC) - 1];
    uint64_t version, cpus;
    if (!state_get_bytes(r, magic, sizeof(magic)) || !state_get(r, 4, &version)) {
        return false;
    }
    if (memcmp(magic, STATE_MAGIC, sizeof(magic))) {
        return state_bad(r, "it is not a saved machine of this program");
    }
    if (version != STATE_VERSION) {
        return state_bad(r, "it is of version %" PRIu64 ", and this program reads version %d", version,
                         STATE_VERSION);
    }
    if (!state_get_head(r) || !state_is(r, SECTION_MACHINE, name) || !state_take(r, 4, &cpus) ||
        !state_take(r, 4, &r->counter_khz)) {
        return false;
    }
    if (cpus != m->cpu_count || r->left) {
        return state_bad(r, "it has %" PRIu64 " vCPUs, and this machine has %u; see -smp", cpus,
                         m->cpu_count);
    }
    return true;
}

bool machine_fits(const Machine *m, const StateSource *source, GError **err)
{
    StateReader r = { .source = source, .err = err };
    return get_machine(&r, m);
}

bool snapshot_get_memory(StateReader *r, const Machine *m, const GPtrArray *blocks)
{
    g_autofree uint64_t *covered = g_new0(uint64_t, blocks->len + 1);
    bool ok = get_machine(r, m) && state_get_head(r);
    while (ok && r->kind == SECTION_RAM && blocks->len) {
        ok = snapshot_get_pages(r, blocks, covered) && state_get_head(r);
    }
    for (unsigned i = 0; ok && i < blocks->len; i++) {
        const RamBlock *rb = g_ptr_array_index(blocks, i);
        ok = covered[i] == rb->size || state_bad(r, "a part of the RAM '%s' is missing", rb->name);
    }
    return ok;
}

/* Its head was read. */
static bool get_clock(StateReader *r, Machine *m)
{
    uint64_t ns;
    if (!state_is(r, SECTION_CLOCK, "") || !state_take(r, 8, &ns)) {
        return false;
    }
    if (ns > INT64_MAX || r->left) {
        return state_bad(r, "its clock makes no sense");
    }
    clock_virtual_stop(m->clock); /* of a machine that has not run yet it runs */
    clock_virtual_set_ns(m->clock, (int64_t)ns);
    return set_counter(r, m, r->counter_khz);
}

/* The body of the section that is next; the caller frees it; NULL: refused. */
static uint8_t *get_next(StateReader *r, SectionKind kind, const char *name, size_t *len)
{
    return state_get_head(r) && state_is(r, kind, name) ? state_get_body(r, len) : NULL;
}

static bool get_cpu(StateReader *r, CPU *cpu)
{
    g_autofree char *name = g_strdup_printf("%u", cpu->index);
    size_t len;
    g_autofree uint8_t *body = get_next(r, SECTION_CPU, name, &len);
    return body && cpu_state_load(cpu, body, len, r->err);
}

/* Before the devices, which drive their lines anew. */
static bool get_chips(StateReader *r, Accel *a)
{
    size_t len;
    g_autofree uint8_t *body = get_next(r, SECTION_CHIPS, a->class->name, &len);
    return body && a->class->chips_load(a, body, len, r->err);
}

static bool get_device(StateReader *r, Device *dev)
{
    size_t len;
    g_autofree uint8_t *body = get_next(r, SECTION_DEVICE, dev->path, &len);
    return body && device_load(dev, body, len, r->err);
}

static bool get_end(StateReader *r)
{
    uint64_t crc;
    if (!state_get_head(r) || !state_is(r, SECTION_END, "")) {
        return false;
    }
    uint32_t computed = r->crc;
    return state_take(r, 4, &crc) && ((crc == computed && !r->left) || state_bad(r, "its checksum is wrong"));
}

bool snapshot_get_tail(StateReader *r, Machine *m)
{
    bool ok = get_clock(r, m);
    for (unsigned i = 0; ok && i < m->cpu_count; i++) {
        ok = get_cpu(r, m->cpus[i]);
    }
    ok = ok && (!has_chips(m) || get_chips(r, m->accel));
    for (unsigned i = 0; ok && i < m->devices->len; i++) {
        ok = get_device(r, g_ptr_array_index(m->devices, i));
    }
    return ok && get_end(r);
}

bool machine_load_from(Machine *m, const StateSource *source, GError **err)
{
    StateReader r = { .source = source, .err = err };
    g_autoptr(GPtrArray) blocks = snapshot_ram_blocks(m);
    return snapshot_get_memory(&r, m, blocks) && snapshot_get_tail(&r, m);
}
