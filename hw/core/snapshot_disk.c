/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of a machine with all its disks: savevm, loadvm, delvm.
 *
 * One disk, of qcow2, keeps the machine's state in its snapshot; the others have snapshots of the same name and moment.  The
 * one with the state is taken last, and goes first: what lists a state has all that belongs to it, wherever power fails.
 *
 * Messages: QEMU's, where programs look at them. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "block/qcow2_snapshot.h"
#include "block/snapshots.h"
#include "hw/board.h"
#include "hw/migration.h"
#include "hw/snapshot.h"

typedef struct Set {
    GPtrArray *disks;    /* of BlockBackend; that with the state is the last */
    BlockBackend *state; /* NULL: none is asked for */
} Set;

static BlockNode *image_of(const Set *set, guint i)
{
    return block_snapshot_image(g_ptr_array_index(set->disks, i));
}

static bool fail(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static bool fail(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, text);
    return false;
}

static bool set_find(Set *set, const Machine *m, const SnapshotDisks *where, GError **err)
{
    set->disks = block_snapshot_disks(m->drives, where ? where->disks : NULL, err);
    if (!set->disks) {
        return false;
    }
    const char *name = where ? where->state : NULL;
    set->state = name ? block_find_node(m->drives, name) : g_ptr_array_index(set->disks, 0);
    if (!set->state || !g_ptr_array_remove(set->disks, set->state)) {
        g_clear_pointer(&set->disks, g_ptr_array_unref);
        return fail(err, "vmstate block device '%s' is not among the devices of the snapshot", name);
    }
    g_ptr_array_add(set->disks, set->state);
    return true;
}

static void set_clear(Set *set)
{
    if (set->disks) {
        g_ptr_array_unref(set->disks);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Set, set_clear)

bool machine_may_be_saved(const Machine *m, GError **err)
{
    return !migration_refuses(m->migration, err) && machine_state_is_whole(m, err);
}

bool machine_state_is_whole(const Machine *m, GError **err)
{
    switch (runstate_get(m)) {
    case RUN_IO_ERROR:
        return fail(err, "a request of a disk waits for 'cont', and is in no file; mend the disk, then cont");
    case RUN_INTERNAL_ERROR:
        return fail(err, "a vCPU cannot go on, and could not anywhere else; reset the machine");
    case RUN_INMIGRATE:
        return fail(err, "the machine waits for a state to begin with; give it one by migrate-incoming");
    default: return true;
    }
}

/* ---- the state as bytes of a disk -------------------------------------------------- */

typedef struct Tape {
    BlockNode *image;
    uint8_t *piece; /* of QCOW2_STATE_PIECE bytes */
    size_t used, taken;
    uint64_t at; /* where the piece begins (writing), or the next one (reading) */
    const Qcow2Snapshot *from;
} Tape;

static int write_piece(Tape *t)
{
    int e = qcow2_state_write(t->image, t->at, t->piece, t->used);
    t->at += t->used;
    t->used = 0;
    return e;
}

static int tape_write(void *opaque, const void *data, size_t bytes)
{
    Tape *t = opaque;
    int e = 0;
    for (size_t done = 0; done < bytes && !e;) {
        size_t n = MIN(bytes - done, QCOW2_STATE_PIECE - t->used);
        memcpy(t->piece + t->used, (const char *)data + done, n);
        t->used += n;
        done += n;
        e = t->used == QCOW2_STATE_PIECE ? write_piece(t) : 0;
    }
    return e;
}

static ssize_t tape_read(void *opaque, void *data, size_t bytes)
{
    Tape *t = opaque;
    if (t->taken == t->used) {
        t->used = MIN(t->from->vm_state_size - t->at, QCOW2_STATE_PIECE);
        t->taken = 0;
        int e = qcow2_state_read(t->image, t->from, t->at, t->piece, t->used);
        t->at += t->used;
        if (e) {
            t->used = 0;
            return e;
        }
    }
    size_t n = MIN(bytes, t->used - t->taken);
    memcpy(data, t->piece + t->taken, n);
    t->taken += n;
    return (ssize_t)n;
}

/* ---- all of one name ---------------------------------------------------------------- */

/* In the image, by its name; older: not this id.  The caller frees the id; NULL: there is none. */
static char *id_of(BlockNode *n, const char *name, const char *other_than, GError **err)
{
    g_autoptr(GPtrArray) list = qcow2_snapshots(n, err);
    for (guint i = 0; list && i < list->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(list, i);
        if (!strcmp(sn->name, name) && (!other_than || strcmp(sn->id, other_than) != 0)) {
            return g_strdup(sn->id);
        }
    }
    return NULL;
}

/* All of this name but one. */
static bool delete_named(BlockNode *n, const char *name, const char *but, bool *any, GError **err)
{
    g_autoptr(GError) why = NULL;
    for (char *id; (id = id_of(n, name, but, &why));) {
        bool ok = qcow2_snapshot_delete(n, id, err);
        g_free(id);
        if (!ok) {
            return false;
        }
        *any = true;
    }
    if (why) {
        g_propagate_error(err, g_steal_pointer(&why));
        return false;
    }
    return true;
}

static bool is_free(const Set *set, const char *name, GError **err)
{
    for (guint i = 0; i < set->disks->len; i++) {
        g_autoptr(GError) why = NULL;
        g_autofree char *id = id_of(image_of(set, i), name, NULL, &why);
        if (why) {
            g_propagate_error(err, g_steal_pointer(&why));
            return false;
        }
        if (id) {
            return fail(err, "Snapshot '%s' already exists in one or more devices", name);
        }
    }
    return true;
}

/* What the images have in memory is stable, also that clusters are free again. */
static bool settle(const Set *set, GError **err)
{
    int e = 0;
    for (guint i = 0; i < set->disks->len && !e; i++) {
        e = node_flush(image_of(set, i));
    }
    return !e || fail(err, "the disks cannot be flushed: %s", g_strerror(-e));
}

/* ---- saving ---------------------------------------------------------------------------- */

static bool write_state(Machine *m, const Set *set, uint64_t *bytes, GError **err)
{
    Tape t = { .image = block_snapshot_image(set->state), .piece = g_malloc(QCOW2_STATE_PIECE) };
    int e = qcow2_state_drop(t.image); /* of a try that power ended */
    bool ok = !e && machine_save_to(m, &(StateSink){ tape_write, &t }, err);
    *bytes = t.at + t.used;
    e = e || !ok ? e : write_piece(&t);
    g_free(t.piece);
    return ok && !e  ? true
           : ok || e ? fail(err, "the machine's state cannot be written: %s", g_strerror(-e))
                     : false;
}

/* ids: of those that were taken, in the order of the disks. */
static bool take_all(const Set *set, const Qcow2NewSnapshot *what, GPtrArray *ids, GError **err)
{
    for (guint i = 0; i < set->disks->len; i++) {
        bool last = i + 1 == set->disks->len;
        Qcow2NewSnapshot one = *what;
        char *id;
        one.vm_state_size = last ? what->vm_state_size : 0;
        if (!qcow2_snapshot_create(image_of(set, i), &one, &id, err)) {
            return false;
        }
        g_ptr_array_add(ids, id);
    }
    return true;
}

static void take_back(const Set *set, const GPtrArray *ids)
{
    for (guint i = 0; i < ids->len; i++) {
        if (!qcow2_snapshot_delete(image_of(set, i), g_ptr_array_index(ids, i), NULL)) {
            break; /* it stays, and is listed as one that is not on all disks */
        }
    }
}

static bool replace_older(const Set *set, const char *name, const GPtrArray *ids, GError **err)
{
    bool any, ok = true;
    for (guint i = set->disks->len; ok && i-- > 0;) {
        ok = delete_named(image_of(set, i), name, g_ptr_array_index(ids, i), &any, err);
    }
    return ok;
}

static bool save(Machine *m, const Set *set, const char *name, GError **err)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    Qcow2NewSnapshot what = { .name = name, .of_machine = true, .date_nsec = g_get_real_time() * 1000 };
    what.vm_clock_nsec = (uint64_t)clock_get_ns(m->clock, CLK_VIRTUAL);
    bool ok = write_state(m, set, &what.vm_state_size, err) && take_all(set, &what, ids, err);
    int e = qcow2_state_drop(block_snapshot_image(set->state));
    if (ok && e) {
        ok = fail(err, "the machine's state cannot be taken off the disk: %s", g_strerror(-e));
    }
    if (!ok) {
        take_back(set, ids);
    }
    return ok && replace_older(set, name, ids, err) && settle(set, err);
}

/* It ran. */
static bool stand(Machine *m)
{
    bool ran = runstate_get(m) == RUN_RUNNING;
    if (ran) {
        runstate_stop(m, RUN_PAUSED);
    }
    return ran;
}

bool machine_snapshot_save(Machine *m, const char *name, const SnapshotDisks *where, bool replace,
                           GError **err)
{
    g_auto(Set) set = { 0 };
    if (!*name) {
        return fail(err, "a snapshot needs a name");
    }
    if (!machine_may_be_saved(m, err) || !set_find(&set, m, where, err) ||
        (!replace && !is_free(&set, name, err))) {
        return false;
    }
    bool ran = stand(m), ok = save(m, &set, name, err);
    if (ran) {
        runstate_start(m);
    }
    return ok;
}

/* ---- going back --------------------------------------------------------------------- */

/* The one that has the state; its list keeps it. */
static const Qcow2Snapshot *find_state(const Set *set, const char *name, GPtrArray **list, GError **err)
{
    *list = qcow2_snapshots(block_snapshot_image(set->state), err);
    const Qcow2Snapshot *sn = *list ? qcow2_snapshot_find(*list, name) : NULL;
    if (*list && !sn) {
        fail(err, "Snapshot '%s' does not exist in one or more devices", name);
    } else if (sn && !sn->vm_state_size) {
        fail(err, "This is a disk-only snapshot. Revert to it offline using qemu-img");
        sn = NULL;
    }
    return sn;
}

static bool all_have(const Set *set, const char *name, GError **err)
{
    for (guint i = 0; i < set->disks->len; i++) {
        g_autoptr(GPtrArray) list = qcow2_snapshots(image_of(set, i), err);
        if (!list) {
            return false;
        }
        if (!qcow2_snapshot_find(list, name)) {
            return fail(err, "Snapshot '%s' does not exist in one or more devices ('%s')", name,
                        block_id(g_ptr_array_index(set->disks, i)));
        }
    }
    return true;
}

static bool apply_all(const Set *set, const Qcow2Snapshot *state, GError **err)
{
    bool ok = true;
    for (guint i = 0; ok && i < set->disks->len; i++) {
        bool last = i + 1 == set->disks->len;
        ok = qcow2_snapshot_apply(image_of(set, i), last ? state->id : state->name, err);
    }
    return ok;
}

static bool go_back(Machine *m, const Set *set, const Qcow2Snapshot *sn, GError **err)
{
    Tape t = { .image = block_snapshot_image(set->state), .piece = g_malloc(QCOW2_STATE_PIECE), .from = sn };
    StateSource source = { tape_read, &t };
    bool ok = machine_fits(m, &source, err);
    if (ok) {
        t.at = t.used = t.taken = 0;
        drives_cancel(m->drives); /* of a machine that is no more */
        ok = apply_all(set, sn, err) && settle(set, err) && machine_load_from(m, &source, err);
        if (!ok) {
            machine_reset(m);
            g_prefix_error(err, "the machine was reset: ");
        }
    }
    g_free(t.piece);
    return ok;
}

bool machine_snapshot_load(Machine *m, const char *name, const SnapshotDisks *where, GError **err)
{
    g_auto(Set) set = { 0 };
    g_autoptr(GPtrArray) list = NULL;
    if (runstate_get(m) == RUN_INMIGRATE || migration_is_active(m->migration)) {
        return machine_may_be_saved(m, err);
    }
    if (!set_find(&set, m, where, err)) {
        return false;
    }
    const Qcow2Snapshot *sn = find_state(&set, name, &list, err);
    if (!sn || !all_have(&set, sn->name, err)) {
        return false;
    }
    bool ran = stand(m), ok = go_back(m, &set, sn, err);
    if (ran && ok) {
        runstate_start(m);
    }
    return ok;
}

/* ---- deleting and listing ------------------------------------------------------------ */

bool machine_snapshot_delete(Machine *m, const char *name, const SnapshotDisks *where, GError **err)
{
    g_auto(Set) set = { 0 };
    bool any = false;
    if (!set_find(&set, m, where, err)) {
        return false;
    }
    bool ok = true;
    for (guint i = set.disks->len; ok && i-- > 0;) {
        BlockBackend *blk = g_ptr_array_index(set.disks, i);
        block_hold(blk);
        ok = delete_named(image_of(&set, i), name, NULL, &any, err);
        block_release(blk);
    }
    return ok && settle(&set, err) &&
           (any || fail(err, "Snapshot '%s' does not exist in one or more devices", name));
}

static bool is_complete(const Set *set, const GPtrArray *states, const char *name)
{
    g_autoptr(GError) err = NULL;
    const Qcow2Snapshot *state = qcow2_snapshot_find(states, name);
    return state && state->vm_state_size && all_have(set, name, &err);
}

static void print_list(GString *out, const Set *set, const GPtrArray *states, const GPtrArray *list,
                       const char *head)
{
    bool complete = list == states && !*head, any = false;
    for (guint i = 0; i < list->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(list, i);
        if (is_complete(set, states, sn->name) != complete) {
            continue;
        }
        if (!any) {
            g_string_append(out, complete ? "List of snapshots present on all disks:\n" : head);
            qcow2_snapshot_print(out, NULL, NULL);
        }
        qcow2_snapshot_print(out, sn, complete ? "--" : NULL);
        any = true;
    }
}

static bool print_partial(const Set *set, const GPtrArray *states, guint i, GString *out, GError **err)
{
    g_autoptr(GPtrArray) list = qcow2_snapshots(image_of(set, i), err);
    g_autofree char *head = g_strdup_printf("%sList of partial (non-loadable) snapshots on '%s':\n",
                                            out->len ? "\n" : "", block_id(g_ptr_array_index(set->disks, i)));
    if (list) {
        print_list(out, set, states, list, head);
    }
    return list != NULL;
}

bool machine_snapshots_print(Machine *m, GString *out, GError **err)
{
    g_auto(Set) set = { 0 };
    if (!set_find(&set, m, NULL, err)) {
        return false;
    }
    g_autoptr(GPtrArray) states = qcow2_snapshots(block_snapshot_image(set.state), err);
    if (!states) {
        return false;
    }
    print_list(out, &set, states, states, "");
    for (guint i = set.disks->len; i-- > 0;) {
        if (!print_partial(&set, states, i, out, err)) {
            return false;
        }
    }
    if (!out->len) {
        g_string_append(out, "There is no snapshot available.\n");
    }
    return true;
}
