/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of snapshots and migration: a machine's state as a stream of sections, little endian:
 *   8 bytes "LYREBIRD"   u32 version
 *   sections: u8 kind   u8 length of the name, the name   u64 bytes of the body, the body
 *     machine  name: board/architecture; body: u32 vCPUs, u32 kHz of their counter (0: none)
 *     ram      name: of the block; body: u32 its number, u64 its size, u64 from, u64 to: whole pages that follow; then runs of
 *              pages: u64 offset, u64 bytes, the bytes; what of them is in no run is zero.  A block's first sections
 *              lie one behind the other and cover it; later ones replace what has changed since
 *     clock    no name; body: u64 ns of the virtual clock
 *     cpu      name: its number; body: cpu_state_save()
 *     chips    name: the accelerator; body: its interrupt controllers, if the board's are not the machine's
 *     device   name: its path; body: device_save()
 *     end      no name; body: u32 CRC-32 of all before it
 * in this order (sections of blocks may be mixed), and each kind in the order in which the machine has them.  All behind the
 * memory is the tail: the machine stands when it is written, and it is small.
 *
 * Requirements of reading (the stream is hostile):
 *   1. Nothing is allocated by what it says beyond STATE_SECTION_MAX and STATE_TAIL_MAX, nothing is written outside a RAM
 *      block.
 *   2. A section that the machine does not have at this place, or one that misses, is refused.
 *
 * Not modelled: parts of a stream that are not known. */
#pragma once
#include "base/ram.h"
#include "hw/snapshot.h"

enum {
    STATE_VERSION = 2,
    STATE_SECTION_MAX = 64 << 20,
    STATE_TAIL_MAX = 256 << 20,
    STATE_RUN_MAX = 1 << 20,
    STATE_NAME_MAX = 255
};
#define STATE_MAGIC "LYREBIRD"

typedef enum SectionKind {
    SECTION_MACHINE = 1,
    SECTION_RAM,
    SECTION_CPU,
    SECTION_DEVICE,
    SECTION_END,
    SECTION_CHIPS,
    SECTION_CLOCK
} SectionKind;

/* ---- writing: one thread at a time ---- */

typedef struct StateWriter {
    const StateSink *sink;
    int error; /* the first errno; nothing is written behind it */
    uint32_t crc;
    GByteArray *waiting;        /* what the sink has not got yet */
    uint64_t pages, zero_pages; /* of RAM; atomic: they are looked at meanwhile */
} StateWriter;

void state_writer_init(StateWriter *w, const StateSink *sink);
void state_writer_clear(StateWriter *w);
void state_flush(StateWriter *w); /* to the sink */
void state_put(StateWriter *w, uint64_t value, unsigned bytes);
void state_put_bytes(StateWriter *w, const void *data, size_t len);
void state_put_head(StateWriter *w, SectionKind kind, const char *name, uint64_t bytes);
void state_put_section(StateWriter *w, SectionKind kind, const char *name, GByteArray *body); /* owns it */
/* "... cannot be written", of the writer's error. */
void state_write_error(const StateWriter *w, GError **err);

/* ---- reading ---- */

typedef struct StateReader {
    const StateSource *source;
    uint32_t crc;
    SectionKind kind; /* of the section that is read */
    char name[STATE_NAME_MAX + 1];
    uint64_t left;        /* of its body */
    uint64_t counter_khz; /* that the machine's section says */
    GError **err;
} StateReader;

/* False, and the error says that the state cannot be loaded, and why. */
bool state_bad(StateReader *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
bool state_get_bytes(StateReader *r, void *data, size_t len) G_GNUC_WARN_UNUSED_RESULT;
bool state_get(StateReader *r, unsigned bytes, uint64_t *value) G_GNUC_WARN_UNUSED_RESULT;
bool state_take(StateReader *r, unsigned bytes, uint64_t *value) G_GNUC_WARN_UNUSED_RESULT; /* of a body */
bool state_get_head(StateReader *r) G_GNUC_WARN_UNUSED_RESULT; /* of the next section */
/* The section that was begun is what the machine has next. */
bool state_is(StateReader *r, SectionKind kind, const char *name) G_GNUC_WARN_UNUSED_RESULT;
/* The body, which the caller frees; NULL: refused. */
uint8_t *state_get_body(StateReader *r, size_t *len);

/* ---- parts of a machine ---- */

void snapshot_put_machine(StateWriter *w, const Machine *m);
/* Clock, vCPUs, devices.  The machine stands; its loop. */
void snapshot_put_tail(StateWriter *w, Machine *m);
/* Requests of its disks have ended; the machine stands. */
bool snapshot_disks_are_done(Machine *m, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The machine's section, its memory, and the head of what follows.  Any thread, while the machine stands; nothing else of it
 * changes. */
bool snapshot_get_memory(StateReader *r, const Machine *m, const GPtrArray *blocks) G_GNUC_WARN_UNUSED_RESULT;
/* All that follows.  The machine's loop. */
bool snapshot_get_tail(StateReader *r, Machine *m) G_GNUC_WARN_UNUSED_RESULT;

/* snapshot_ram.c.  Of RamBlock: the machine's RAM, the board's ROMs, what devices have; in an order that is the same in every
 * machine of the same options.  The machine's loop. */
GPtrArray *snapshot_ram_blocks(Machine *m);
/* Whole pages [from, to) of a block.  Any thread; vCPUs may be writing them (see base/ram.h). */
void snapshot_put_pages(StateWriter *w, const RamBlock *rb, unsigned number, uint64_t from, uint64_t to);
/* Where each block's first sections have come to: bytes, by number.  The section that was begun is one of RAM. */
bool snapshot_get_pages(StateReader *r, const GPtrArray *blocks, uint64_t *covered) G_GNUC_WARN_UNUSED_RESULT;
