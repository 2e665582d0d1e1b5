/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From JSON to a row's function and back. */
#include "monitor/command.h"

#include <stdarg.h>
#include <string.h>

#include "monitor/monitor_priv.h"

/* ---- rows ---------------------------------------------------------------- */

const Command *command_find(const char *name)
{
    for (const Command *const *table = command_tables; *table; table++) {
        for (const Command *cmd = *table; cmd->name; cmd++) {
            if (strcmp(cmd->name, name) == 0) {
                return cmd;
            }
        }
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const Command *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

GPtrArray *command_list(void)
{
    GPtrArray *all = g_ptr_array_new();
    for (const Command *const *table = command_tables; *table; table++) {
        for (const Command *cmd = *table; cmd->name; cmd++) {
            g_ptr_array_add(all, (void *)cmd);
        }
    }
    g_ptr_array_sort(all, by_name);
    return all;
}

/* ---- a call -------------------------------------------------------------- */

/* What a row's function fills. */
typedef struct Result {
    const Prop *kind;
    union {
        PropList list;
        char *string;
        json_object *any;
    } field;
    void *s; /* of a struct */
} Result;

static void result_init(Result *r, const Command *cmd)
{
    memset(r, 0, sizeof(*r));
    r->kind = cmd->returns;
    if (r->kind && r->kind->kind == PROP_STRUCT && !r->kind->list) {
        r->s = g_malloc0(shape_size(r->kind->of));
        shape_init(r->kind->of, r->s);
    }
}

static void *result_place(Result *r)
{
    return r->s ? r->s : &r->field;
}

static json_object *result_json(const Result *r)
{
    if (r->s) {
        return shape_json(r->kind->of, r->s);
    }
    return r->kind ? prop_json(&r->field, r->kind, NULL) : json_object_new_object();
}

static void result_clear(Result *r)
{
    if (r->s) {
        shape_free(r->kind->of, r->s);
    } else if (r->kind) {
        prop_clear(&r->field, r->kind);
    }
}

static bool call(const Command *cmd, Control *c, json_object *args, bool typed, Result *r, GError **err)
{
    static const Shape no_args = { "", 1, NULL };
    const PropContext context = { .typed = typed };
    const Shape *shape = cmd->args ? cmd->args : &no_args;
    json_object *values = args ? json_object_get(args) : json_object_new_object();
    void *s = shape_new(shape, values, &context, err);
    json_object_put(values);
    bool ok = s && cmd->run(c, s, result_place(r), err);
    shape_free(shape, s);
    return ok;
}

bool command_run(const Command *cmd, Control *c, json_object *args, bool typed, json_object **result,
                 GError **err)
{
    Result r;
    result_init(&r, cmd);
    bool ok = call(cmd, c, args, typed, &r, err);
    *result = ok ? result_json(&r) : NULL;
    result_clear(&r);
    return ok;
}

bool command_show(const Command *cmd, Control *c, json_object *args,
                  void (*show)(const void *result, GString *out), GString *out, GError **err)
{
    Result r;
    result_init(&r, cmd);
    bool ok = call(cmd, c, args, false, &r, err);
    if (ok && show) {
        show(result_place(&r), out);
    }
    result_clear(&r);
    return ok;
}

bool command_work(Control *c, const CommandWork *w, GError **err)
{
    if (c->later) {
        *c->later = *w;
        return true;
    }
    bool ok = w->work(w->data, NULL, err);
    w->free(w->data);
    return ok;
}

bool command_work_room(const Control *c, GError **err)
{
    /* Of sessions that have ended, too: each may hold a picture. */
    enum { TASKS_MAX = 32 };
    return !c->later || monitors_tasks(c->monitors) < TASKS_MAX ||
           command_error(
               err, ERROR_GENERIC,
               "%d commands of this kind are still carried out, also for clients that have gone; try again later",
               TASKS_MAX);
}

static const Prop id_props[] = {
    { "id", PROP_STRING, offsetof(IdArgument, id), .required = true },
    { NULL },
};
const Shape command_id_shape = { "IdArgument", sizeof(IdArgument), id_props };

/* ---- errors -------------------------------------------------------------- */

static GQuark command_quark(void)
{
    return g_quark_from_static_string("command-error");
}

bool command_error(GError **err, CommandErrorClass class, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, command_quark(), (int)class, text);
    return false;
}

bool command_no_device(GError **err, const char *id)
{
    return command_error(err, ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", id);
}

const char *command_error_class(const GError *err)
{
    static const char *const names[] = {
        [ERROR_GENERIC] = "GenericError",
        [ERROR_COMMAND_NOT_FOUND] = "CommandNotFound",
        [ERROR_DEVICE_NOT_FOUND] = "DeviceNotFound",
        [ERROR_DEVICE_NOT_ACTIVE] = "DeviceNotActive",
    };
    return names[err->domain == command_quark() ? err->code : ERROR_GENERIC];
}
