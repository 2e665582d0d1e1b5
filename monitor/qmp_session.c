/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands about the conversation itself, and what this program is. */
#include <stdlib.h>

#include "base/events.h"
#include "base/version.h"
#include "monitor/qmp.h"

/* ---- negotiation --------------------------------------------------------- */

static const char *const capabilities[] = { "oob", NULL };
typedef struct Negotiation {
    PropList enable;
} Negotiation;

#define T Negotiation
static const Prop negotiation_props[] = {
    { "enable", PROP_ENUM, MAYBE(enable), .help = "capabilities of the greeting", .names = capabilities,
      .list = true },
    { NULL },
};
#undef T
static const Shape negotiation_shape = { "Negotiation", sizeof(Negotiation), negotiation_props };

static bool run_capabilities(Control *c, const void *args, void *result, GError **err)
{
    const Negotiation *a = args;
    qmp_session_negotiate(c->session, a->enable.count > 0);
    return true;
}

/* ---- version ------------------------------------------------------------- */

typedef struct VersionTriple {
    int64_t major, minor, micro;
} VersionTriple;
typedef struct VersionInfo {
    VersionTriple *qemu;
    char *package;
} VersionInfo;

#define T VersionTriple
static const Prop triple_props[] = {
    { "major", PROP_I64, ALWAYS(major) },
    { "minor", PROP_I64, ALWAYS(minor) },
    { "micro", PROP_I64, ALWAYS(micro) },
    { NULL },
};
#undef T
static const Shape triple_shape = { "VersionTriple", sizeof(VersionTriple), triple_props };
#define T VersionInfo
static const Prop version_props[] = {
    { "qemu", PROP_STRUCT, ALWAYS(qemu), .of = &triple_shape },
    { "package", PROP_STRING, ALWAYS(package) },
    { NULL },
};
#undef T
static const Shape version_shape = { "VersionInfo", sizeof(VersionInfo), version_props };

static bool run_version(Control *c, const void *args, void *result, GError **err)
{
    VersionInfo *v = result;
    g_auto(GStrv) numbers = g_strsplit(QEMU_COMPAT_VERSION, ".", 3);
    v->qemu = g_new(VersionTriple, 1);
    *v->qemu = (VersionTriple){ atoi(numbers[0]), atoi(numbers[1]), atoi(numbers[2]) };
    v->package = g_strdup(version_package());
    return true;
}

json_object *qmp_greeting(void)
{
    VersionInfo v = { 0 };
    json_object *qmp = json_object_new_object(), *can = json_object_new_array_ext(1),
                *all = json_object_new_object();
    run_version(NULL, NULL, &v, NULL);
    json_object_object_add(qmp, "version", shape_json(&version_shape, &v));
    shape_clear(&version_shape, &v);
    for (unsigned i = 0; capabilities[i]; i++) {
        json_object_array_add(can, json_object_new_string(capabilities[i]));
    }
    json_object_object_add(qmp, "capabilities", can);
    json_object_object_add(all, "QMP", qmp);
    return all;
}

/* ---- names --------------------------------------------------------------- */

typedef struct NameOnly {
    char *name;
} NameOnly;

#define T NameOnly
static const Prop name_only_props[] = { { "name", PROP_STRING, ALWAYS(name) }, { NULL } };
#undef T
static const Shape command_name_shape = { "CommandInfo", sizeof(NameOnly), name_only_props };
static const Shape event_name_shape = { "EventInfo", sizeof(NameOnly), name_only_props };

static bool run_query_commands(Control *c, const void *args, void *result, GError **err)
{
    g_autoptr(GPtrArray) all = command_list();
    for (guint i = 0; i < all->len; i++) {
        const Command *cmd = all->pdata[i];
        NameOnly *n = prop_list_add(result, &command_name_shape);
        n->name = g_strdup(cmd->name);
    }
    return true;
}

static bool run_query_events(Control *c, const void *args, void *result, GError **err)
{
    for (const Event *const *e = command_events; *e; e++) {
        NameOnly *n = prop_list_add(result, &event_name_shape);
        n->name = g_strdup((*e)->name);
    }
    return true;
}

/* clang-format off */
const Command commands_session[] = {
    { "qmp_capabilities", "begin: nothing else is carried out before", &negotiation_shape, NULL, 0, run_capabilities },
    { "query-version", "the version of QEMU's interface that is followed, and whose work this is", NULL,
      RETURNS_STRUCT(version_shape), COMMAND_OOB, run_version },
    { "query-commands", "names of all commands", NULL, RETURNS_LIST(command_name_shape), 0, run_query_commands },
    { "query-events", "names of all events", NULL, RETURNS_LIST(event_name_shape), 0, run_query_events },
    { NULL },
};
/* clang-format on */
