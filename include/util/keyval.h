/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "key=value,key2=value2" as the command line has it: ",," is a comma in a value; a bare first word may
 * stand for an implied key.  Which words are keys and what their values mean is said by a table of rows
 * (base/props.h). */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct json_object;

/* An object of json-c, the caller's: its members in the order given, a value a string; of a bare word
 * the boolean true ("wait" is wait=on, "nowait" wait=off: the reader of the value knows); of a key that is repeated an array
 * of them.  implied: key of a bare first word, or NULL. */
struct json_object *keyval_read(const char *text, const char *implied,
                                GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The text of a member: of a repeated one the last, of a bare word or a true "on", of a number its digits; NULL: it is
 * not there, or an object. */
const char *keyval_text(struct json_object *keys, const char *key);
void keyval_append(struct json_object *keys, const char *key, const char *value); /* as repeated */
void keyval_put(struct json_object *keys, const char *key, const char *value);    /* replaces */
struct json_object *keyval_copy(struct json_object *keys);
void keyval_free(void *keys); /* NULL is fine */
/* As if the members of `from` had been given behind those of `into`. */
void keyval_merge(struct json_object *into, struct json_object *from);

/* on off yes no y n true false */
bool keyval_bool(const char *value, bool *out);
/* 1024, 0x400, 1k, 1K, 1M, 1G, 1T, 1.5G; default unit (1, 1 << 20) for a bare number. */
bool keyval_size(const char *value, uint64_t unit, uint64_t *out);
bool keyval_uint(const char *value, uint64_t max, uint64_t *out);

/* A part of -cpu behind the model: "key=value", "key" (on), or in the old spelling "+key" and "-key": its key and value, within it. */
char *keyval_split_switch(char *part, const char **value);
