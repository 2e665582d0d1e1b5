/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `lyrebird ctl`.  It knows of the machine what the socket tells: names and types come from the schema that the
 * other side gives (query-qmp-schema), which may be another version, or QEMU. */
#pragma once
#include <glib.h>
#include <json-c/json.h>
#include <stdbool.h>

/* ---- the connection (ctl_client.c) --------------------------------------- */

typedef struct CtlClient CtlClient;
/* address: a path, unix:PATH or tcp:HOST:PORT.  The capabilities are negotiated. */
CtlClient *ctl_connect(const char *address, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void ctl_close(CtlClient *c); /* NULL is fine */
/* Asks; args: an object, which stays the caller's, or NULL.  The reply, an object with "return" or "error", the caller's; NULL: the
 * connection is lost.  Events meanwhile are dropped. */
json_object *ctl_ask(CtlClient *c, const char *command, json_object *args,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The next event, the caller's; NULL: the other side has closed (no error), or the connection is lost. */
json_object *ctl_next_event(CtlClient *c, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- the schema (ctl_schema.c) ------------------------------------------- */

typedef struct CtlSchema CtlSchema;
CtlSchema *ctl_schema_new(json_object *infos); /* takes a reply of query-qmp-schema */
void ctl_schema_free(CtlSchema *s);            /* NULL is fine */
/* A command, an event or a type; NULL: there is none of this name. */
json_object *ctl_schema_find(const CtlSchema *s, const char *name, const char *meta);
json_object *ctl_schema_type(const CtlSchema *s, const char *name);
/* Names of all commands or events in their order, NULL-terminated, the caller's (the strings are the schema's). */
GPtrArray *ctl_schema_names(const CtlSchema *s, const char *meta);
/* Its members: of Member, the caller's; those of the arms of a union too, if `given` has its tag, or `all` are wanted. */
typedef struct CtlMember {
    const char *name, *type;
    bool required;
    const char *arm; /* only with this value of the union's tag; NULL: always */
} CtlMember;
GArray *ctl_schema_members(const CtlSchema *s, json_object *object, json_object *given, bool all);
char *ctl_schema_text(const CtlSchema *s, const char *type); /* "integer", "on|off", "list of string" */
/* What words are possible, NULL-terminated, the caller's: of an enum and a boolean; else none. */
GPtrArray *ctl_schema_words(const CtlSchema *s, const char *type);
/* The only member of an object, a builtin one (QMP's String); NULL: it has several, or none. */
const char *ctl_schema_single(const CtlSchema *s, json_object *object);
/* A member of what the other side has sent that is a text, or a list; NULL: it is not there. */
const char *ctl_text(json_object *object, const char *key);
json_object *ctl_list(json_object *object, const char *key);

/* ---- arguments (ctl_args.c) ---------------------------------------------- */

/* From words: key=value, nested keys with dots, or one word of JSON.  Of device_add, what keys its driver has is asked
 * for.  An object, the caller's; NULL: the error says what was probably meant. */
json_object *ctl_args_new(CtlClient *c, const CtlSchema *s, const char *command, char **words,
                          GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- output (ctl_show.c, ctl_help.c) ------------------------------------- */

/* A reply as people read it: tables of lists, lines of objects.  Control characters, which may be a guest's, are
 * escaped. */
/* Without control characters, but for the ends of lines: names and words are the other side's. */
char *ctl_clean(const char *text);
void ctl_show(json_object *value, GString *out);
void ctl_show_event(json_object *event, GString *out); /* a line */
void ctl_show_json(json_object *value, GString *out);  /* a line of JSON */

void ctl_help_list(const CtlSchema *s, GString *out);
void ctl_help_command(const CtlSchema *s, const char *command, GString *out);
/* The words that may stand for the last one, a line each; words: behind the socket. */
void ctl_complete(const CtlSchema *s, char **words, GString *out);
