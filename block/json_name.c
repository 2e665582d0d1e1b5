/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of images that are options of nodes: json:{"driver": "qcow2", "file": {"driver": "http", "url": ...}}, also with
 * "file.driver", "file.url".
 * Spelling: QEMU's manual, "Disk image file locations".
 *
 * An image may have such a name for another one, so it says no more than which bytes and what format: the chain of images is
 * looked at where they are opened (block/image.c).
 *
 * Not built, and refused: options of formats, filters, nodes by name. */
#include <json-c/json.h>
#include <string.h>

#include "block/blockdev.h"
#include "util/json.h"
#include "util/keyval.h"

enum { DEPTH = 8 };

bool json_name_is(const char *text)
{
    return g_str_has_prefix(text, "json:");
}

static json_object *refused(json_object *child, GError **err, const char *what)
{
    block_error(err,
                "json: '%s' is not built there: it names a format, and the driver and options of its file",
                what);
    json_object_put(child);
    return NULL;
}

/* Options of nodes are read as text, for a user may write "64k" where a number is wanted.  The caller's. */
static json_object *as_text(json_object *value)
{
    if (json_object_is_type(value, json_type_boolean)) {
        return json_object_new_string(json_object_get_boolean(value) ? "on" : "off");
    }
    if (!json_object_is_type(value, json_type_object)) {
        return json_object_new_string(value ? json_object_get_string(value) : "");
    }
    json_object *all = json_object_new_object();
    json_object_object_foreach(value, key, member)
    {
        json_object_object_add(all, key, as_text(member));
    }
    return all;
}

/* The options of the file that a format is in; the caller's. */
static json_object *file_of(json_object *values, GError **err)
{
    json_object *file = json_object_object_get(values, "file");
    bool whole = json_object_is_type(file, json_type_object);
    json_object *child = whole ? json_object_get(file) : json_object_new_object();
    json_object_object_foreach(values, key, value)
    {
        bool part = g_str_has_prefix(key, "file.") && !whole;
        if (part) {
            json_object_object_add(child, key + strlen("file."), json_object_get(value));
        } else if (strcmp(key, "driver") != 0 && (strcmp(key, "file") != 0 || !whole)) {
            return refused(child, err, key);
        }
    }
    return child;
}

/* How it is opened, where it does not say so. */
static void add(json_object *child, const char *key, bool want, const char *value)
{
    if (want && !json_object_object_get(child, key)) {
        keyval_put(child, key, value);
    }
}

static BlockNode *open_bytes(json_object *child, const OpenFlags *flags, GError **err)
{
    const char *driver = keyval_text(child, "driver");
    bool local = driver && (strcmp(driver, "file") == 0 || strcmp(driver, "host_device") == 0);
    if (!driver || (!local && strcmp(driver, "nbd") != 0 && strcmp(driver, "http") != 0 &&
                    strcmp(driver, "https") != 0)) {
        block_error(err, "json: the driver of the bytes is file, host_device, nbd, http or https, not '%s'",
                    driver ? driver : "");
        return NULL;
    }
    if (json_object_object_get(child, "open-timeout") || json_object_object_get(child, "reconnect-delay")) {
        block_error(err,
                    "json: an image does not say how long a program waits (open-timeout, reconnect-delay)");
        return NULL;
    }
    keyval_put(child, "node-name", "image");
    add(child, "read-only", true, flags->readonly ? "on" : "off");
    add(child, "locking", local && !flags->locking, "off");
    add(child, "cache.direct", flags->direct, "on");
    add(child, "cache.no-flush", flags->no_flush, "on");
    add(child, "discard", flags->discard, "unmap");
    BlockNode *n = image_open_values(child, flags->secrets, err);
    if (n && n->readonly && !flags->readonly) {
        block_error(err, "'%s': read-only, as its json: says", n->filename);
        node_unref(n);
        return NULL;
    }
    return n;
}

BlockNode *json_name_open(const char *text, const OpenFlags *flags, char **format, GError **err)
{
    const char *body = text + strlen("json:");
    json_object *read = json_read(body, strlen(body), DEPTH, err), *child = NULL;
    json_object *values = read ? as_text(read) : NULL;
    *format = NULL;
    if (values && !json_object_is_type(values, json_type_object)) {
        block_error(err, "json: an object was expected, such as {\"driver\": \"http\", \"url\": \"...\"}");
    } else if (values) {
        const char *driver = keyval_text(values, "driver");
        bool is_format = driver && format_find(driver);
        child = driver && !is_format ? json_object_get(values) : file_of(values, err);
        *format = is_format ? g_strdup(driver) : NULL;
    }
    BlockNode *n = child ? open_bytes(child, flags, err) : NULL;
    json_object_put(child);
    json_object_put(values);
    json_object_put(read);
    return n;
}
