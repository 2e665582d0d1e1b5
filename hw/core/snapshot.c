/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine's state as a stream, little endian:
 *   8 bytes "LYREBIRD"   u32 version
 *   sections: u8 kind   u8 length of the name, the name   u64 bytes of the body, the body
 *     machine  name: board/architecture; body: u32 vCPUs, u32 kHz of their counter (0: none), u64 ns of the virtual clock
 *     ram      name: of the block; body: u64 size, then runs of pages: u64 offset, u64 bytes, the bytes; what is in none is zero
 *     cpu      name: its number; body: cpu_state_save()
 *     chips    name: the accelerator; body: its interrupt controllers, if the board's are not the machine's
 *     device   name: its path; body: device_save()
 *     end      no name; body: u32 CRC-32 of all before it
 * in this order, and each kind in the order in which the machine has them.
 *
 * Requirements of load (the stream is hostile):
 *   1. Nothing is allocated by what it says beyond SECTION_MAX, nothing is written outside a RAM block.
 *   2. A section that the machine does not have at this place, or one that misses, is refused.
 *
 * Not modelled: machines that run meanwhile; parts of a stream that are not known. */
#include "hw/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "accel/accel.h"
#include "base/clock.h"
#include "base/ram.h"
#include "block/block.h"
#include "hw/board.h"
#include "target/cpu.h"
#include "util/bytes.h"

enum { VERSION = 1, SECTION_MAX = 64 << 20, RUN_MAX = 1 << 20, NAME_MAX_BYTES = 255 };
static const char magic[8] = "LYREBIRD";
typedef enum SectionKind {
    SECTION_MACHINE = 1,
    SECTION_RAM,
    SECTION_CPU,
    SECTION_DEVICE,
    SECTION_END,
    SECTION_CHIPS
} SectionKind;
static const char *const kind_names[] = {
    "?", "machine", "RAM", "vCPU", "device", "end", "interrupt controllers of"
};

/* ---- what the machine has -------------------------------------------------------------- */

static void add_block(MemoryRegion *mr, void *blocks)
{
    if (mr->ram && !g_ptr_array_find(blocks, mr->ram, NULL)) {
        g_ptr_array_add(blocks, mr->ram);
    }
}

/* Of RamBlock: the machine's RAM, the board's ROMs, what devices have. */
static GPtrArray *ram_blocks(Machine *m)
{
    GPtrArray *blocks = g_ptr_array_new();
    add_block(&m->ram, blocks);
    for (unsigned i = 0; i < m->system.children->len; i++) {
        MemoryRegion *mr = g_ptr_array_index(m->system.children, i);
        if (!mr->owner) {
            add_block(mr, blocks);
        }
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        memory_region_foreach_owned(&dev->regions, add_block, blocks);
    }
    return blocks;
}

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

/* From *at on: the next bytes that may differ from zero, up to *end; false: there are none.  What was never touched of a block has
 * no memory, and does not get any by this. */
static bool next_data(const RamBlock *rb, uint64_t *at, uint64_t *end)
{
    *end = rb->size;
    if (rb->fd >= 0 && *at < rb->size) {
        off_t data = lseek(rb->fd, *at, SEEK_DATA), hole = data < 0 ? -1 : lseek(rb->fd, data, SEEK_HOLE);
        if (data < 0 && errno == ENXIO) {
            return false;
        }
        *at = data < 0 ? *at : (uint64_t)data;
        *end = hole < 0 ? rb->size : MIN((uint64_t)hole, rb->size);
    }
    return *at < rb->size;
}

static bool page_is_zero(const RamBlock *rb, uint64_t offset)
{
    const uint8_t *p = rb->host + offset;
    return !*p && !memcmp(p, p + 1, RAM_PAGE - 1);
}

/* ---- writing ------------------------------------------------------------------------------ */

typedef struct Writer {
    const StateSink *sink;
    int error; /* the first errno */
    uint32_t crc;
    GByteArray *waiting;
} Writer;

static void flush(Writer *w)
{
    if (!w->error) {
        w->error = -w->sink->write(w->sink->opaque, w->waiting->data, w->waiting->len);
    }
    g_byte_array_set_size(w->waiting, 0);
}

static void put_bytes(Writer *w, const void *data, size_t len)
{
    w->crc = crc32_z(w->crc, data, len);
    g_byte_array_append(w->waiting, data, len);
    if (w->waiting->len >= RUN_MAX) {
        flush(w);
    }
}

static void put(Writer *w, uint64_t value, unsigned bytes)
{
    uint8_t b[8];
    store_le(b, 8, value);
    put_bytes(w, b, bytes);
}

static void put_head(Writer *w, SectionKind kind, const char *name, uint64_t bytes)
{
    size_t len = MIN(strlen(name), NAME_MAX_BYTES);
    put(w, kind, 1);
    put(w, len, 1);
    put_bytes(w, name, len);
    put(w, bytes, 8);
}

static void put_section(Writer *w, SectionKind kind, const char *name, GByteArray *body)
{
    put_head(w, kind, name, body->len);
    put_bytes(w, body->data, body->len);
    g_byte_array_unref(body);
}

/* The next run of pages that are not zero; false: there is none. */
static bool next_run(const RamBlock *rb, uint64_t *at, uint64_t *bytes)
{
    uint64_t end;
    while (next_data(rb, at, &end)) {
        *at &= ~(uint64_t)(RAM_PAGE - 1);
        while (*at < end && page_is_zero(rb, *at)) {
            *at += RAM_PAGE;
        }
        uint64_t stop = *at;
        while (stop < end && stop - *at < RUN_MAX && !page_is_zero(rb, stop)) {
            stop += RAM_PAGE;
        }
        *bytes = stop - *at;
        if (*bytes) {
            return true;
        }
    }
    return false;
}

static void put_ram(Writer *w, const RamBlock *rb)
{
    uint64_t total = 8, at = 0, bytes;
    for (; next_run(rb, &at, &bytes); at += bytes) {
        total += 16 + bytes;
    }
    put_head(w, SECTION_RAM, rb->name, total);
    put(w, rb->size, 8);
    for (at = 0; !w->error && next_run(rb, &at, &bytes); at += bytes) {
        put(w, at, 8);
        put(w, bytes, 8);
        put_bytes(w, rb->host + at, bytes);
    }
}

static void put_machine(Writer *w, const Machine *m)
{
    g_autofree char *name = machine_section_name(m);
    put_bytes(w, magic, sizeof(magic));
    put(w, VERSION, 4);
    put_head(w, SECTION_MACHINE, name, 16);
    put(w, m->cpu_count, 4);
    put(w, counter_khz(m), 4);
    put(w, clock_get_ns(m->clock, CLK_VIRTUAL), 8);
}

static bool has_chips(const Machine *m)
{
    return m->accel && m->accel->irqchip != ACCEL_IRQCHIP_NONE;
}

static void put_all(Writer *w, Machine *m)
{
    g_autoptr(GPtrArray) blocks = ram_blocks(m);
    put_machine(w, m);
    for (unsigned i = 0; i < blocks->len; i++) {
        put_ram(w, g_ptr_array_index(blocks, i));
    }
    for (unsigned i = 0; i < m->cpu_count; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        put_section(w, SECTION_CPU, name, cpu_state_save(m->cpus[i]));
    }
    if (has_chips(m)) {
        put_section(w, SECTION_CHIPS, m->accel->class->name, m->accel->class->chips_save(m->accel));
    }
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        put_section(w, SECTION_DEVICE, dev->path, device_save(dev));
    }
    put_head(w, SECTION_END, "", 4);
    put(w, w->crc, 4);
    flush(w);
}

bool machine_save_to(Machine *m, const StateSink *sink, GError **err)
{
    if (!drives_finish(m->drives)) {
        g_set_error_literal(
            err, G_FILE_ERROR, G_FILE_ERROR_IO,
            "a request of a disk waits for 'cont', and is in no state; mend the disk, then cont");
        return false;
    }
    Writer w = { .sink = sink, .waiting = g_byte_array_new() };
    put_all(&w, m);
    g_byte_array_unref(w.waiting);
    if (w.error) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(w.error),
                    "the machine's state cannot be written: %s; what is there is of no use",
                    g_strerror(w.error));
    }
    return !w.error;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct Reader {
    const StateSource *source;
    uint32_t crc;
    uint64_t left; /* of the section's body */
    GError **err;
} Reader;

static bool G_GNUC_PRINTF(2, 3) bad(Reader *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(r->err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "the machine's state cannot be loaded: %s", text);
    return false;
}

static bool get_bytes(Reader *r, void *data, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = r->source->read(r->source->opaque, (char *)data + done, len - done);
        if (n == 0) {
            return bad(r, "it ends too early; save it again");
        }
        if (n < 0) {
            return bad(r, "%s", g_strerror((int)-n));
        }
        done += (size_t)n;
    }
    r->crc = crc32_z(r->crc, data, len);
    return true;
}

static bool get(Reader *r, unsigned bytes, uint64_t *value)
{
    uint8_t b[8];
    *value = 0;
    if (!get_bytes(r, b, bytes)) {
        return false;
    }
    *value = load_le(b, bytes);
    return true;
}

/* Of a body. */
static bool take(Reader *r, unsigned bytes, uint64_t *value)
{
    *value = 0;
    if (r->left < bytes) {
        return bad(r, "a section is too short");
    }
    r->left -= bytes;
    return get(r, bytes, value);
}

/* The machine has this section next. */
static bool get_head(Reader *r, SectionKind kind, const char *name)
{
    uint64_t got, len;
    char text[NAME_MAX_BYTES + 1];
    if (!get(r, 1, &got) || !get(r, 1, &len) || !get_bytes(r, text, len) || !get(r, 8, &r->left)) {
        return false;
    }
    text[len] = '\0';
    if (got != kind || strcmp(text, name)) {
        g_autofree char *shown = g_strescape(text, NULL);
        return bad(
            r, "it has the %s '%s', where this machine has the %s '%s'; use the options it was saved with",
            kind_names[got < G_N_ELEMENTS(kind_names) ? got : 0], shown, kind_names[kind], name);
    }
    return true;
}

/* The body, which the caller frees; NULL: refused. */
static uint8_t *get_body(Reader *r, size_t *len)
{
    if (r->left > SECTION_MAX) {
        bad(r, "a section is too long");
        return NULL;
    }
    uint8_t *body = g_malloc(r->left + 1);
    *len = r->left;
    if (!get_bytes(r, body, *len)) {
        g_clear_pointer(&body, g_free);
    }
    return body;
}

static bool set_counter(Reader *r, Machine *m, uint64_t khz)
{
    bool ok = khz == counter_khz(m);
    for (unsigned i = 0; !ok && i < m->cpu_count; i++) {
        const CPUArch *arch = m->cpus[i]->arch;
        if (!arch->set_counter_khz || !arch->set_counter_khz(m->cpus[i], khz)) {
            return bad(r,
                       "its processors' counter runs at %" PRIu64 " kHz, and this host's at %" PRIu32
                       ", which cannot be changed; use -accel tcg",
                       khz, counter_khz(m));
        }
    }
    return true;
}

typedef struct Head {
    uint64_t cpus, khz, ns;
} Head;

/* Nothing of the machine changes. */
static bool get_machine_head(Reader *r, const Machine *m, Head *h)
{
    g_autofree char *name = machine_section_name(m);
    char head[sizeof(magic)];
    uint64_t version;
    if (!get_bytes(r, head, sizeof(head)) || !get(r, 4, &version)) {
        return false;
    }
    if (memcmp(head, magic, sizeof(head))) {
        return bad(r, "it is not a saved machine of this program");
    }
    if (version != VERSION) {
        return bad(r, "it is of version %" PRIu64 ", and this program reads version %d", version, VERSION);
    }
    if (!get_head(r, SECTION_MACHINE, name) || !take(r, 4, &h->cpus) || !take(r, 4, &h->khz) ||
        !take(r, 8, &h->ns)) {
        return false;
    }
    if (h->cpus != m->cpu_count || h->ns > INT64_MAX || r->left) {
        return bad(r, "it has %" PRIu64 " vCPUs, and this machine has %u; see -smp", h->cpus, m->cpu_count);
    }
    return true;
}

bool machine_fits(const Machine *m, const StateSource *source, GError **err)
{
    Reader r = { .source = source, .err = err };
    Head h;
    return get_machine_head(&r, m, &h);
}

static bool get_machine(Reader *r, Machine *m)
{
    Head h;
    if (!get_machine_head(r, m, &h)) {
        return false;
    }
    clock_virtual_stop(m->clock); /* of a machine that has not run yet it runs */
    clock_virtual_set_ns(m->clock, (int64_t)h.ns);
    return set_counter(r, m, h.khz);
}

static void clear(RamBlock *rb, uint64_t from, uint64_t to)
{
    uint64_t at = from, end;
    for (; next_data(rb, &at, &end) && at < to; at = end) {
        for (uint64_t page = at & ~(uint64_t)(RAM_PAGE - 1); page < MIN(end, to); page += RAM_PAGE) {
            if (!page_is_zero(rb, page)) {
                memset(rb->host + page, 0, RAM_PAGE);
            }
        }
    }
}

static bool get_ram(Reader *r, RamBlock *rb)
{
    uint64_t size, at = 0, offset, bytes;
    if (!get_head(r, SECTION_RAM, rb->name) || !take(r, 8, &size)) {
        return false;
    }
    if (size != rb->size) {
        return bad(r, "RAM '%s' has %" PRIu64 " bytes, and this machine's %" PRIu64 "; see -m", rb->name,
                   size, rb->size);
    }
    for (; r->left; at = offset + bytes) {
        if (!take(r, 8, &offset) || !take(r, 8, &bytes)) {
            return false;
        }
        if ((offset | bytes) & (RAM_PAGE - 1) || !bytes || offset < at || offset >= size ||
            bytes > size - offset || bytes > r->left) {
            return bad(r, "RAM '%s' has pages that do not fit", rb->name);
        }
        clear(rb, at, offset);
        if (!get_bytes(r, rb->host + offset, bytes)) {
            return false;
        }
        r->left -= bytes;
    }
    clear(rb, at, size);
    ram_mark_written(rb, 0, size);
    return true;
}

static bool get_cpu(Reader *r, CPU *cpu)
{
    g_autofree char *name = g_strdup_printf("%u", cpu->index);
    size_t len;
    g_autofree uint8_t *body = get_head(r, SECTION_CPU, name) ? get_body(r, &len) : NULL;
    return body && cpu_state_load(cpu, body, len, r->err);
}

/* Before the devices, which drive their lines anew. */
static bool get_chips(Reader *r, Accel *a)
{
    size_t len;
    g_autofree uint8_t *body = get_head(r, SECTION_CHIPS, a->class->name) ? get_body(r, &len) : NULL;
    return body && a->class->chips_load(a, body, len, r->err);
}

static bool get_device(Reader *r, Device *dev)
{
    size_t len;
    g_autofree uint8_t *body = get_head(r, SECTION_DEVICE, dev->path) ? get_body(r, &len) : NULL;
    return body && device_load(dev, body, len, r->err);
}

static bool get_end(Reader *r)
{
    uint64_t crc;
    if (!get_head(r, SECTION_END, "")) {
        return false;
    }
    uint32_t computed = r->crc;
    return take(r, 4, &crc) && ((crc == computed && !r->left) || bad(r, "its checksum is wrong"));
}

bool machine_load_from(Machine *m, const StateSource *source, GError **err)
{
    Reader r = { .source = source, .err = err };
    g_autoptr(GPtrArray) blocks = ram_blocks(m);
    bool ok = get_machine(&r, m);
    for (unsigned i = 0; ok && i < blocks->len; i++) {
        ok = get_ram(&r, g_ptr_array_index(blocks, i));
    }
    for (unsigned i = 0; ok && i < m->cpu_count; i++) {
        ok = get_cpu(&r, m->cpus[i]);
    }
    ok = ok && (!has_chips(m) || get_chips(&r, m->accel));
    for (unsigned i = 0; ok && i < m->devices->len; i++) {
        ok = get_device(&r, g_ptr_array_index(m->devices, i));
    }
    return ok && get_end(&r);
}
