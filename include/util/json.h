/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON (RFC 8259) of strangers into a tree of json-c.
 *
 * json-c takes more than JSON and changes what does not fit; here that is an error: a member that is given twice,
 * a number that neither int64, uint64 nor double holds, a lone surrogate, a NUL, bytes that are no UTF-8, a
 * comment, a comma without a value.  A string may also stand in '...', as QMP has it. */
#pragma once
#include <glib.h>

struct json_object;

/* One value and nothing behind it but blanks, nested no deeper than `depth`.  The caller's (json_object_put).
 * NULL and the reason: also for null, which is no object. */
struct json_object *json_read(const char *text, size_t len, int depth,
                              GError **err) G_GNUC_WARN_UNUSED_RESULT;
