/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A migration that comes, into a machine of the same options that waits for it (RUN_INMIGRATE).  Steps:
 *   thread  waits for the peer; reads the memory, and all that follows, which is small, into a buffer
 *   loop    loads what is in the buffer: clock, vCPUs, devices; the machine runs
 *
 * A file is there at once, and is loaded at once.  What comes is hostile input: see state_stream.h. */
#include <string.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "hw/board.h"
#include "hw/runstate.h"
#include "hw/migration/priv.h"

/* ---- reading: the thread ---------------------------------------------------------------------- */

static ssize_t read_place(void *opaque, void *data, size_t bytes)
{
    Migration *g = opaque;
    return place_read(g->place, data, bytes);
}

/* It is kept, too. */
static ssize_t read_and_keep(void *opaque, void *data, size_t bytes)
{
    Migration *g = opaque;
    ssize_t n = place_read(g->place, data, bytes);
    if (n > 0) {
        g_byte_array_append(g->tail, data, (guint)n);
    }
    return n;
}

/* From the body of the section that was begun to that of the end. */
static bool keep_tail(Migration *g, GError **err)
{
    StateSource keeping = { read_and_keep, g };
    StateReader r = g->reader;
    uint8_t piece[16 << 10];
    r.source = &keeping;
    r.err = err;
    for (;;) {
        if (r.left > STATE_TAIL_MAX - MIN(g->tail->len, STATE_TAIL_MAX)) {
            return state_bad(&r, "a section is too long");
        }
        while (r.left) {
            size_t n = MIN(r.left, sizeof(piece));
            if (!state_get_bytes(&r, piece, n)) {
                return false;
            }
            r.left -= n;
        }
        if (r.kind == SECTION_END) {
            return true;
        }
        if (!state_get_head(&r)) {
            return false;
        }
    }
}

static bool receive(Migration *g, GError **err)
{
    StateSource source = { read_place, g };
    if (!place_open(g->place, err)) {
        return false;
    }
    g->reader = (StateReader){ .source = &source, .err = err };
    g->tail = g_byte_array_new();
    bool ok = snapshot_get_memory(&g->reader, g->machine, g->blocks) && keep_tail(g, err);
    g->reader.source = NULL;
    g->reader.err = NULL;
    return ok && place_finish(g->place, err);
}

/* ---- loading: the loop -------------------------------------------------------------------------- */

typedef struct Rest {
    const GByteArray *bytes;
    size_t at;
} Rest;

static ssize_t read_rest(void *opaque, void *data, size_t bytes)
{
    Rest *rest = opaque;
    size_t n = MIN(bytes, rest->bytes->len - rest->at);
    memcpy(data, rest->bytes->data + rest->at, n);
    rest->at += n;
    return (ssize_t)n;
}

/* A machine that refused the state holds a part of it, and waits for another, or ends. */
static void undo(Migration *g)
{
    g_clear_pointer(&g->blocks, g_ptr_array_unref);
    machine_reset(g->machine);
    if (g->must && !g->stopping) {
        event_loop_quit(g->machine->loop, 1);
    }
}

static void load(Migration *g)
{
    GError *err = NULL;
    Rest rest = { g->tail, 0 };
    StateSource source = { read_rest, &rest };
    g->reader.source = &source;
    g->reader.err = &err;
    if (!snapshot_get_tail(&g->reader, g->machine)) {
        migration_give_up(g, err);
        return;
    }
    g_clear_pointer(&g->blocks, g_ptr_array_unref);
    migration_end(g, NULL);
    runstate_state_came(g->machine);
}

static bool load_file(Migration *g, const char *path, GError **err)
{
    bool waits = runstate_get(g->machine) == RUN_INMIGRATE;
    bool ok = machine_load_file(g->machine, path, err);
    g->incoming = true;
    if (ok) {
        migration_set_status(g, MIGRATION_COMPLETED);
    } else if (waits) {
        machine_reset(g->machine);
    }
    if (ok && waits) {
        runstate_state_came(g->machine);
    }
    return ok;
}

bool migration_await(Migration *g, const char *where, int fd, bool must, GError **err)
{
    if (g_str_has_prefix(where, "file:") && where[5]) {
        return load_file(g, where + 5, err);
    }
    if (migration_refuses(g, err)) {
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (!migration_open(g, where, fd, true, err)) {
        return false;
    }
    g->must = must;
    g->undo = undo;
    g->blocks = snapshot_ram_blocks(g->machine);
    migration_set_status(g, MIGRATION_ACTIVE);
    migration_step(g, receive, load);
    return true;
}
