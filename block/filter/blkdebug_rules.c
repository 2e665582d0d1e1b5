/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which requests fail: rules of blkdebug.
 * Spelling: QEMU's manual, "QMP reference", BlkdebugInjectErrorOptions and BlkdebugSetStateOptions.
 *
 * A request causes its events, in their order: a read read_aio; a write write_aio and pwritev, of zeroes
 * pwritev_zero; a flush flush_to_os and flush_to_disk; a write that has been done pwritev_done.  At each event the
 * state is changed by the first rule that fits the state of before; then the request fails by the first rule of that event
 * which fits the new one.  Rules of the event none fit every request.  The first state is 1.
 *
 * Not modelled: events inside of formats (refused by name), delay-ns; immediately= (what fails has done nothing in
 * either case, and ends where all requests end). */
#include "block/filter/blkdebug.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "block/block_priv.h"
#include "util/file.h"
#include "util/keyval.h"

enum { CONFIG_MAX = 1 << 20 };
enum {
    EVENT_NONE,
    EVENT_READ,
    EVENT_WRITE,
    EVENT_PWRITEV,
    EVENT_PWRITEV_ZERO,
    EVENT_PWRITEV_DONE,
    EVENT_FLUSH_TO_OS,
    EVENT_FLUSH_TO_DISK,
};
static const char *const event_names[] = {
    [EVENT_NONE] = "none",
    [EVENT_READ] = "read_aio",
    [EVENT_WRITE] = "write_aio",
    [EVENT_PWRITEV] = "pwritev",
    [EVENT_PWRITEV_ZERO] = "pwritev_zero",
    [EVENT_PWRITEV_DONE] = "pwritev_done",
    [EVENT_FLUSH_TO_OS] = "flush_to_os",
    [EVENT_FLUSH_TO_DISK] = "flush_to_disk",
    NULL,
};
/* clang-format off */
static const char *const unbuilt_events[] = {
    "cluster_alloc", "cluster_alloc_bytes", "cluster_alloc_space", "cluster_free", "cor_write", "cow_read", "cow_write",
    "empty_image_prepare", "l1_grow_activate_table", "l1_grow_alloc_table", "l1_grow_write_table",
    "l1_shrink_free_l2_clusters", "l1_shrink_write_table", "l1_update", "l2_alloc_cow_read", "l2_alloc_write", "l2_load",
    "l2_update", "l2_update_compressed", "pwritev_rmw_after_head", "pwritev_rmw_after_tail", "pwritev_rmw_head",
    "pwritev_rmw_tail", "read_backing_aio", "read_compressed", "refblock_alloc", "refblock_alloc_hookup",
    "refblock_alloc_switch_table", "refblock_alloc_write", "refblock_alloc_write_blocks", "refblock_alloc_write_table",
    "refblock_load", "refblock_update", "refblock_update_part", "reftable_grow", "reftable_load", "reftable_update",
    "vmstate_load", "vmstate_save", "write_compressed", NULL,
};
/* clang-format on */
static const char *const type_names[] = {
    [BLOCK_READ] = "read",
    [BLOCK_WRITE] = "write",
    [BLOCK_FLUSH] = "flush",
    [BLOCK_DISCARD] = "discard",
    [BLOCK_WRITE_ZEROES] = "write-zeroes",
    NULL,
};
static const char *const unbuilt_types[] = { "block-status", NULL };

typedef struct Inject {
    int event, type;
    int32_t error, state; /* state 0: any */
    int64_t sector;       /* -1: any */
    bool once, immediately, has_type;
} Inject;

typedef struct StateChange {
    int event;
    int32_t state, new_state; /* state 0: any */
} StateChange;

#define AT(field) offsetof(Inject, field)
static const Prop inject_props[] = {
    { "event", PROP_ENUM, AT(event), "what it happens at", .names = event_names, .unbuilt = unbuilt_events,
      .required = true },
    { "state", PROP_I32, AT(state), "in which it does; 0: in any" },
    { "iotype", PROP_ENUM, AT(type), "of requests; not given: all", .names = type_names,
      .unbuilt = unbuilt_types, .has = AT(has_type) },
    { "errno", PROP_I32, AT(error), "its number on Linux", .def = EIO },
    { "delay-ns", PROP_U64, .refused = "requests fail at once; limit their speed with driver throttle" },
    { "sector", PROP_I64, AT(sector), "that the request has, of 512 bytes; -1: any", .def = -1 },
    { "once", PROP_BOOL, AT(once), "it fails the first request alone" },
    { "immediately", PROP_BOOL, AT(immediately), "nothing of the request is done, as in any case" },
    { NULL },
};
#undef AT
#define AT(field) offsetof(StateChange, field)
static const Prop state_props[] = {
    { "event", PROP_ENUM, AT(event), "what it happens at", .names = event_names, .unbuilt = unbuilt_events,
      .required = true },
    { "state", PROP_I32, AT(state), "in which it does; 0: in any" },
    { "new_state", PROP_I32, AT(new_state), "the state from then on", .required = true },
    { NULL },
};
#undef AT
const Shape blkdebug_inject_shape = { "BlkdebugInjectErrorOptions", sizeof(Inject), inject_props };
const Shape blkdebug_state_shape = { "BlkdebugSetStateOptions", sizeof(StateChange), state_props };

struct BlkdebugRules {
    GArray *inject, *changes; /* of the above */
    Lock lock;                /* a leaf: `once` of inject, the state */
    int32_t state;
};

/* ---- rules --------------------------------------------------------------------- */

static bool add_inject(BlkdebugRules *rules, const Inject *i, GError **err)
{
    if (i->error <= 0 || i->error > 4095) {
        block_error(err, "blkdebug: errno=%d is no error; choose one from 1 to 4095", i->error);
        return false;
    }
    g_array_append_val(rules->inject, *i);
    return true;
}

static bool add_change(BlkdebugRules *rules, const StateChange *s, GError **err)
{
    if (s->new_state <= 0) {
        block_error(err, "blkdebug: new_state=%d is no state; choose one from 1 on", s->new_state);
        return false;
    }
    g_array_append_val(rules->changes, *s);
    return true;
}

/* ---- the file: [inject-error] and [set-state], each with lines KEY = "VALUE" ---------- */

static bool add_section(BlkdebugRules *rules, const char *name, json_object *values, GError **err)
{
    bool inject = strcmp(name, "inject-error") == 0;
    const Shape *shape = inject ? &blkdebug_inject_shape : &blkdebug_state_shape;
    void *s = shape_new(shape, values, NULL, err);
    bool ok = s && (inject ? add_inject(rules, s, err) : add_change(rules, s, err));
    shape_free(shape, s);
    return ok;
}

static bool add_line(json_object *values, char *line)
{
    char *equals = strchr(line, '='), *value = equals ? g_strstrip(equals + 1) : NULL;
    size_t length = value ? strlen(value) : 0;
    if (length < 2 || value[0] != '"' || value[length - 1] != '"') {
        return false;
    }
    *equals = value[length - 1] = 0;
    json_object_object_add(values, g_strstrip(line), json_object_new_string(value + 1));
    return true;
}

static bool is_section(const char *name)
{
    return strcmp(name, "inject-error") == 0 || strcmp(name, "set-state") == 0;
}

static bool read_lines(BlkdebugRules *rules, char **lines, GError **err)
{
    json_object *values = NULL;
    const char *section = NULL;
    bool ok = true;
    unsigned i = 0;
    for (; ok && lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        size_t length = strlen(line);
        if (!*line || *line == '#') {
            continue;
        }
        if (*line == '[' && line[length - 1] == ']') {
            ok = !section || add_section(rules, section, values, err);
            json_object_put(values);
            values = json_object_new_object();
            line[length - 1] = 0;
            section = line + 1;
            ok = ok && is_section(section);
        } else {
            ok = section && add_line(values, line);
        }
    }
    ok = ok && (!section || add_section(rules, section, values, err));
    json_object_put(values);
    if (!ok && err && !*err) {
        block_error(err, "line %u: not [inject-error], [set-state] or KEY = \"VALUE\"", i);
    }
    return ok;
}

static bool read_config(BlkdebugRules *rules, const char *path, GError **err)
{
    GByteArray *data = file_read(path, CONFIG_MAX, err);
    if (!data) {
        return false;
    }
    g_autofree char *text = g_strndup((char *)data->data, data->len);
    g_byte_array_unref(data);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GError) why = NULL;
    bool ok = read_lines(rules, lines, &why);
    if (!ok) {
        block_error(err, "blkdebug: %s: %s", path, why->message);
    }
    return ok;
}

BlkdebugRules *blkdebug_rules_new(const BlkdebugOptions *o, GError **err)
{
    BlkdebugRules *rules = g_new0(BlkdebugRules, 1);
    rules->inject = g_array_new(false, false, sizeof(Inject));
    rules->changes = g_array_new(false, false, sizeof(StateChange));
    rules->state = 1;
    lock_init(&rules->lock, LOCK_BLKDEBUG);
    bool ok = !o->config || read_config(rules, o->config, err);
    for (size_t i = 0; ok && i < o->inject.count; i++) {
        ok = add_inject(rules, prop_list_struct(&o->inject, i), err);
    }
    for (size_t i = 0; ok && i < o->states.count; i++) {
        ok = add_change(rules, prop_list_struct(&o->states, i), err);
    }
    if (!ok) {
        g_clear_pointer(&rules, blkdebug_rules_free);
    }
    return rules;
}

void blkdebug_rules_free(BlkdebugRules *rules)
{
    g_array_unref(rules->inject);
    g_array_unref(rules->changes);
    lock_finish(&rules->lock);
    g_free(rules);
}

/* ---- asking -------------------------------------------------------------------------- */

static bool covers(const NodeIo *io, int64_t sector)
{
    uint64_t at = (uint64_t)sector * SECTOR;
    return sector < 0 || (io->op != BLOCK_FLUSH && at >= io->offset && at - io->offset < MAX(io->length, 1));
}

static void change_state(BlkdebugRules *rules, int event)
{
    for (guint i = 0; i < rules->changes->len; i++) {
        const StateChange *s = &g_array_index(rules->changes, StateChange, i);
        if (s->event == event && (!s->state || s->state == rules->state)) {
            rules->state = s->new_state;
            return;
        }
    }
}

static int error_at(BlkdebugRules *rules, int event, const NodeIo *io)
{
    for (guint i = 0; i < rules->inject->len; i++) {
        Inject *j = &g_array_index(rules->inject, Inject, i);
        if (j->event == event && j->error && (!j->state || j->state == rules->state) &&
            (!j->has_type || j->type == (int)io->op) && covers(io, j->sector)) {
            int error = j->error;
            j->error = j->once ? 0 : error;
            return -error;
        }
    }
    return 0;
}

int blkdebug_rules_ask(BlkdebugRules *rules, const NodeIo *io, bool after)
{
    static const int before_events[][3] = {
        [BLOCK_READ] = { EVENT_READ, EVENT_NONE },
        [BLOCK_WRITE] = { EVENT_WRITE, EVENT_PWRITEV, EVENT_NONE },
        [BLOCK_FLUSH] = { EVENT_FLUSH_TO_OS, EVENT_FLUSH_TO_DISK, EVENT_NONE },
        [BLOCK_DISCARD] = { EVENT_NONE },
        [BLOCK_WRITE_ZEROES] = { EVENT_PWRITEV_ZERO, EVENT_NONE },
    };
    static const int after_events[] = { EVENT_PWRITEV_DONE, EVENT_NONE };
    bool writes = io->op == BLOCK_WRITE || io->op == BLOCK_WRITE_ZEROES;
    if (after && !writes) {
        return 0;
    }
    const int *event = after ? after_events : before_events[io->op];
    lock_take(&rules->lock);
    int error = after ? 0 : error_at(rules, EVENT_NONE, io);
    for (; !error && *event != EVENT_NONE; event++) {
        change_state(rules, *event);
        error = error_at(rules, *event, io);
    }
    lock_release(&rules->lock);
    return error;
}
