/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: requests of QMP on a machine of a test, from bytes to the result of the command.  What reaches out of the
 * process (files, networks) or ends it is only checked as far as its request. */
#include "fuzz.h"

#include <string.h>

#include "../fake/machine.h"
#include "monitor/qmp.h"
#include "util/json.h"

static Machine *machine;

static bool stays_inside(const char *name)
{
    static const char *const outside[] = {
        "human-monitor-command", "object-add",   "netdev_add",  "quit",
        "qmp_capabilities",      "device_add",   "chardev-add", "memsave",
        "chardev-change",        "blockdev-add", "pmemsave",    NULL,
    };
    return !g_strv_contains(outside, name);
}

static void run(json_object *value)
{
    g_autoptr(GError) err = NULL;
    Control c = { machine, NULL, NULL };
    json_object *result = NULL;
    QmpRequest r;
    if (!qmp_request_parse(&r, value, true, true, &err)) {
        g_assert_nonnull(command_error_class(err));
        return;
    }
    if (stays_inside(r.command->name)) {
        bool ok = command_run(r.command, &c, r.args, true, &result, &err);
        g_assert_true(ok == (err == NULL));
        json_object_put(result);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    machine = machine ? machine : fake_machine_new();
    JsonReader *reader = json_reader_new(JSON_MAX_DEPTH);
    for (size_t at = 0, used; at < size; at += used) {
        json_object *value;
        JsonStep step = json_reader_feed(reader, (const char *)data + at, size - at, &used, &value, NULL);
        if (step == JSON_VALUE) {
            run(value);
            json_object_put(value);
        }
    }
    json_reader_free(reader);
    return 0;
}
