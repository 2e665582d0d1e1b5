/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the human monitor on disks in use: the words of their lines, as arguments of the control protocol's commands.
 * Names and words: QEMU's manual, "QEMU Monitor". */
#include <string.h>

#include "block/block.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp_block.h"
#include "util/keyval.h"

typedef struct Words {
    bool n, f, a, w; /* -n, -f ... */
    char *word[7];
    unsigned count;
} Words;

static void words_clear(Words *w)
{
    for (unsigned i = 0; i < w->count; i++) {
        g_free(w->word[i]);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static bool read_words(Words *w, const char *args, const char *name, unsigned least, unsigned most,
                       GError **err)
{
    g_auto(GStrv) all = g_strsplit_set(args, " \t", -1);
    for (char **p = all; *p; p++) {
        if (strcmp(*p, "-n") == 0) {
            w->n = true;
        } else if (strcmp(*p, "-f") == 0) {
            w->f = true;
        } else if (strcmp(*p, "-a") == 0) {
            w->a = true;
        } else if (strcmp(*p, "-w") == 0) {
            w->w = true;
        } else if (**p && w->count == most) {
            return monitor_syntax_error(err, "%s: extraneous characters at the end of line", name);
        } else if (**p) {
            w->word[w->count++] = g_strdup(*p);
        }
    }
    return w->count >= least || monitor_syntax_error(err, "%s: string expected", name);
}

static void say(json_object *values, const char *key, const char *text)
{
    if (text) {
        json_object_object_add(values, key, json_object_new_string(text));
    }
}

/* Takes values. */
static bool run(Machine *m, const char *name, json_object *values, GError **err)
{
    Control c = { .machine = m };
    json_object *result = NULL;
    bool ok = command_run(command_find(name), &c, values, false, &result, err);
    json_object_put(result);
    json_object_put(values);
    return ok;
}

bool monitor_cmd_block_job_cancel(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, "block_job_cancel", 1, 1, err)) {
        return false;
    }
    json_object *v = json_object_new_object();
    say(v, "device", w.word[0]);
    say(v, "force", w.f ? "on" : "off");
    return run(m, "block-job-cancel", v, err);
}

bool monitor_cmd_block_resize(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    uint64_t bytes;
    if (!read_words(&w, args, "block_resize", 2, 2, err)) {
        return false;
    }
    if (!keyval_size(w.word[1], 1 << 20, &bytes)) {
        return monitor_syntax_error(err, "block_resize: the size is in MiB, or has a suffix (10G)");
    }
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
    json_object *v = json_object_new_object();
    say(v, "device", w.word[0]);
    say(v, "size", text);
    return run(m, "block_resize", v, err);
}

bool monitor_cmd_block_set_io_throttle(Machine *m, const char *args, GString *out, GError **err)
{
    static const char *const names[] = { "device", "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, "block_set_io_throttle", G_N_ELEMENTS(names), G_N_ELEMENTS(names), err)) {
        return false;
    }
    json_object *v = json_object_new_object();
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        say(v, names[i], w.word[i]);
    }
    return run(m, "block_set_io_throttle", v, err);
}

bool monitor_cmd_block_stream(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, "block_stream", 1, 3, err)) {
        return false;
    }
    json_object *v = json_object_new_object();
    say(v, "device", w.word[0]);
    say(v, "speed", w.word[1]);
    say(v, "base", w.word[2]);
    return run(m, "block-stream", v, err);
}

static bool start_copy(Machine *m, const char *args, const char *line_name, const char *name, GError **err)
{
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, line_name, 2, 3, err)) {
        return false;
    }
    json_object *v = json_object_new_object();
    say(v, "device", w.word[0]);
    say(v, "target", w.word[1]);
    say(v, "format", w.word[2]);
    say(v, "sync", w.f ? "full" : "top");
    say(v, "mode", w.n ? "existing" : "absolute-paths");
    return run(m, name, v, err);
}

bool monitor_cmd_drive_backup(Machine *m, const char *args, GString *out, GError **err)
{
    return start_copy(m, args, "drive_backup", "drive-backup", err);
}

bool monitor_cmd_drive_mirror(Machine *m, const char *args, GString *out, GError **err)
{
    return start_copy(m, args, "drive_mirror", "drive-mirror", err);
}

bool monitor_cmd_snapshot_blkdev(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, "snapshot_blkdev", 2, 3, err)) {
        return false;
    }
    json_object *v = json_object_new_object();
    say(v, "device", w.word[0]);
    say(v, "snapshot-file", w.word[1]);
    say(v, "format", w.word[2]);
    say(v, "mode", w.n ? "existing" : "absolute-paths");
    return run(m, "blockdev-snapshot-sync", v, err);
}

/* ---- disks for NBD clients ---------------------------------------------------------- */

static bool add_export(Machine *m, const char *device, const char *name, bool writable, GError **err)
{
    json_object *v = json_object_new_object();
    say(v, "device", device);
    say(v, "name", name);
    say(v, "writable", writable ? "on" : "off");
    return run(m, "nbd-server-add", v, err);
}

typedef struct AllExports {
    Machine *machine;
    bool writable, ok;
    GError **err;
} AllExports;

static void add_one_of_all(BlockBackend *blk, void *opaque)
{
    AllExports *all = opaque;
    g_autofree char *name = qmp_drive_name(blk);
    if (all->ok && *name) {
        all->ok = add_export(all->machine, name, NULL, all->writable && !block_is_readonly(blk), all->err);
    }
}

bool monitor_cmd_nbd_server_start(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, "nbd_server_start", 1, 1, err)) {
        return false;
    }
    const char *colon = strrchr(w.word[0], ':');
    if (!colon) {
        return monitor_syntax_error(err, "nbd_server_start: write nbd_server_start [-a] [-w] HOST:PORT");
    }
    if (w.w && !w.a) {
        return monitor_error(err, "-w only valid together with -a");
    }
    g_autofree char *host = g_strndup(w.word[0], (gsize)(colon - w.word[0]));
    json_object *v = json_object_new_object(), *addr = json_object_new_object(),
                *data = json_object_new_object();
    say(data, "host", host);
    say(data, "port", colon + 1);
    say(addr, "type", "inet");
    json_object_object_add(addr, "data", data);
    json_object_object_add(v, "addr", addr);
    if (!run(m, "nbd-server-start", v, err)) {
        return false;
    }
    AllExports all = { m, w.w, true, err };
    if (w.a) {
        block_foreach(m->drives, add_one_of_all, &all);
    }
    if (!all.ok) {
        run(m, "nbd-server-stop", json_object_new_object(), NULL);
    }
    return all.ok;
}

bool monitor_cmd_nbd_server_add(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    return read_words(&w, args, "nbd_server_add", 1, 2, err) && add_export(m, w.word[0], w.word[1], w.w, err);
}

bool monitor_cmd_nbd_server_remove(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(Words) w = { 0 };
    if (!read_words(&w, args, "nbd_server_remove", 1, 1, err)) {
        return false;
    }
    json_object *v = json_object_new_object();
    say(v, "name", w.word[0]);
    say(v, "mode", w.f ? "hard" : "safe");
    return run(m, "nbd-server-remove", v, err);
}
