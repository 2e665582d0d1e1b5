/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events are traced, while the machine runs: what -trace says at the start (base/trace.h).  An event goes by several
 * names, of its device, its register and its memory region; each has a state of its own, and a line is written when
 * the newest choice that fits any of them says so. */
#include <string.h>

#include "base/trace.h"
#include "hw/board.h"
#include "monitor/command.h"
#include "monitor/monitor_priv.h"

enum { TRACE_UNAVAILABLE, TRACE_DISABLED, TRACE_ENABLED };
static const char *const states[] = {
    [TRACE_UNAVAILABLE] = "unavailable", [TRACE_DISABLED] = "disabled", [TRACE_ENABLED] = "enabled", NULL
};
typedef struct TraceEvent {
    char *name;
    int state;
} TraceEvent;
typedef struct TraceSet {
    char *name;
    bool enable, ignore, has_ignore;
} TraceSet;

#define T TraceEvent
static const Prop event_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "state", PROP_ENUM, ALWAYS(state), .names = states },
    { NULL },
};
#undef T
static const Shape event_shape = { "TraceEventInfo", sizeof(TraceEvent), event_props };
#define T TraceSet
static const Prop name_props[] = { { "name", PROP_STRING, ALWAYS(name), .help = "a pattern with * and ?" },
                                   { NULL } };
static const Prop set_props[] = {
    { "name", PROP_STRING, ALWAYS(name), .help = "a pattern with * and ?" },
    { "enable", PROP_BOOL, ALWAYS(enable) },
    { "ignore-unavailable", PROP_BOOL, MAYBE_HAS(ignore), .help = "there are no such events" },
    { NULL },
};
#undef T
static const Shape name_shape = { "TraceEventName", sizeof(TraceSet), name_props };
static const Shape set_shape = { "TraceEventSet", sizeof(TraceSet), set_props };

static void add_event(PropList *list, const char *name)
{
    TraceEvent *e = prop_list_add(list, &event_shape);
    const char *const names[] = { name, NULL };
    e->name = g_strdup(name);
    e->state = trace_wants(names) ? TRACE_ENABLED : TRACE_DISABLED;
}

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?") != NULL;
}

/* A name that is none is an error, a pattern may fit nothing. */
static bool list_events(const Machine *m, const char *pattern, PropList *list, GError **err)
{
    g_autoptr(GPtrArray) names = machine_trace_names(m);
    for (guint i = 0; i < names->len; i++) {
        if (g_pattern_match_simple(pattern, names->pdata[i])) {
            add_event(list, names->pdata[i]);
        } else if (!is_pattern(pattern) && g_pattern_match_simple(names->pdata[i], pattern)) {
            add_event(list, pattern); /* one of those that a * stands for */
        }
    }
    return list->count || is_pattern(pattern) ||
           command_error(err, ERROR_GENERIC, "unknown event \"%s\"", pattern);
}

static bool run_get_state(Control *c, const void *args, void *result, GError **err)
{
    const TraceSet *a = args;
    return list_events(c->machine, a->name, result, err);
}

static bool run_set_state(Control *c, const void *args, void *result, GError **err)
{
    const TraceSet *a = args;
    PropList list = { NULL, 0 };
    bool ok = list_events(c->machine, a->name, &list, err);
    prop_clear(&list, &(const Prop){ "events", PROP_STRUCT, .list = true, .of = &event_shape });
    g_autofree char *choice = g_strconcat(a->enable ? "" : "-", a->name, NULL);
    return ok && (trace_choose(choice) ||
                  command_error(err, ERROR_GENERIC,
                                "there are too many patterns; \"*\" takes the place of all before it"));
}

bool monitor_info_trace_events(Machine *m, const char *args, GString *out, GError **err)
{
    PropList list = { NULL, 0 };
    bool ok = list_events(m, *args ? args : "*", &list, err);
    for (size_t i = 0; i < list.count; i++) {
        const TraceEvent *e = prop_list_struct(&list, i);
        g_string_append_printf(out, "%s : state %d\n", e->name, e->state == TRACE_ENABLED);
    }
    prop_clear(&list, &(const Prop){ "events", PROP_STRUCT, .list = true, .of = &event_shape });
    return ok;
}

/* clang-format off */
const Command commands_trace[] = {
    { "trace-event-get-state", "whether events are traced", &name_shape, RETURNS_LIST(event_shape), 0, run_get_state },
    { "trace-event-set-state", "have events traced, or no longer", &set_shape, NULL, 0, run_set_state },
    { NULL },
};
/* clang-format on */
