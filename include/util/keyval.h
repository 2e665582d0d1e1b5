/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "key=value,key2=value2" as the command line has it: ",," is a comma in a value;
 * a bare first word may stand for an implied key; another bare word is key=on, "nokey" is
 * key=off (old spelling).  Repeated keys: the last wins, but the values of hostfwd, guestfwd and
 * dnssearch are kept all, a newline between them. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Keys and values are owned by the table. implied: key of a bare first word, or NULL. */
GHashTable *keyval_parse(const char *text, const char *implied, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* on off yes no y n true false */
bool keyval_bool(const char *value, bool *out);
/* 1024, 0x400, 1k, 1K, 1M, 1G, 1T, 1.5G; default unit (1, 1 << 20) for a bare number. */
bool keyval_size(const char *value, uint64_t unit, uint64_t *out);
bool keyval_uint(const char *value, uint64_t max, uint64_t *out);
