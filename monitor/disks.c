/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the human monitor on disks in use: the words of their lines, as arguments of the control protocol's commands.
 * Names and words: QEMU's manual, "QEMU Monitor". */
#include <string.h>

#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"
#include "util/keyval.h"

typedef struct Words {
    bool n, f; /* -n, -f */
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
