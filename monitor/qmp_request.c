/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request of QMP: {"execute": NAME, "arguments": {...}, "id": ANY}.
 * Texts: those that programs know (QEMU's manual, "QMP specification"). */
#include "monitor/qmp.h"

static bool check_members(json_object *value, bool oob, GError **err)
{
    json_object_object_foreach(value, name, member)
    {
        (void)member;
        bool known = g_str_equal(name, "execute") || g_str_equal(name, "arguments") ||
                     g_str_equal(name, "id") || (oob && g_str_equal(name, "exec-oob"));
        if (!known) {
            return command_error(err, ERROR_GENERIC, "QMP input member '%s' is unexpected", name);
        }
    }
    return true;
}

/* The name of the command, or NULL and the reason. */
static const char *command_name(json_object *value, bool *out_of_band, GError **err)
{
    json_object *in_band = NULL, *oob = NULL;
    bool execute = json_object_object_get_ex(value, "execute", &in_band);
    *out_of_band = json_object_object_get_ex(value, "exec-oob", &oob);
    const char *member = *out_of_band ? "exec-oob" : "execute";
    json_object *name = *out_of_band ? oob : in_band;
    if (execute && *out_of_band) {
        command_error(err, ERROR_GENERIC, "QMP input has both members 'execute' and 'exec-oob'");
        return NULL;
    }
    if (!execute && !*out_of_band) {
        command_error(err, ERROR_GENERIC, "QMP input lacks member 'execute'");
        return NULL;
    }
    if (!json_object_is_type(name, json_type_string)) {
        command_error(err, ERROR_GENERIC, "QMP input member '%s' must be a string", member);
        return NULL;
    }
    return json_object_get_string(name);
}

/* Nothing but the negotiation comes first, and it comes once. */
static bool check_turn(const char *name, bool negotiated, GError **err)
{
    bool negotiates = g_str_equal(name, "qmp_capabilities");
    if (!negotiated && !negotiates) {
        return command_error(err, ERROR_COMMAND_NOT_FOUND,
                             "Expecting capabilities negotiation with 'qmp_capabilities'");
    }
    if (negotiated && negotiates) {
        return command_error(err, ERROR_COMMAND_NOT_FOUND,
                             "Capabilities negotiation is already complete, command ignored");
    }
    return true;
}

static bool fail_unknown(const char *name, GError **err)
{
    g_autoptr(GPtrArray) all = command_list(), names = g_ptr_array_new();
    for (guint i = 0; i < all->len; i++) {
        const Command *cmd = all->pdata[i];
        g_ptr_array_add(names, (void *)cmd->name);
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, names_of(names));
    return command_error(err, ERROR_COMMAND_NOT_FOUND, "The command %s has not been found. %s%s%s", name,
                         near ? "Did you mean '" : "query-commands lists those that are there",
                         near ? near : "", near ? "'?" : "");
}

bool qmp_request_parse(QmpRequest *r, json_object *value, bool negotiated, bool oob, GError **err)
{
    bool out_of_band;
    *r = (QmpRequest){ 0 };
    if (!json_object_is_type(value, json_type_object)) {
        return command_error(err, ERROR_GENERIC, "QMP input must be a JSON object");
    }
    r->has_id = json_object_object_get_ex(value, "id", &r->id);
    if (!check_members(value, oob, err)) {
        return false;
    }
    const char *name = command_name(value, &out_of_band, err);
    if (!name) {
        return false;
    }
    if (json_object_object_get_ex(value, "arguments", &r->args) &&
        !json_object_is_type(r->args, json_type_object)) {
        return command_error(err, ERROR_GENERIC, "QMP input member 'arguments' must be an object");
    }
    if (!check_turn(name, negotiated, err)) {
        return false;
    }
    r->command = command_find(name);
    if (!r->command) {
        return fail_unknown(name, err);
    }
    return !out_of_band || r->command->flags & COMMAND_OOB ||
           command_error(err, ERROR_GENERIC, "The command %s does not support OOB", name);
}
