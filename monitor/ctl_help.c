/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands there are and what they take: see monitor/ctl_priv.h.  Names and types are the other side's; what they are
 * for is told by our own rows, where those have the name. */
#include "monitor/ctl_priv.h"

#include <string.h>

#include "monitor/command.h"

static int longest(const GPtrArray *names, const char *other)
{
    int width = strlen(other);
    for (guint i = 0; names->pdata[i]; i++) {
        int length = strlen(names->pdata[i]);
        width = MAX(width, length);
    }
    return width;
}

void ctl_help_list(const CtlSchema *s, GString *out)
{
    g_autoptr(GPtrArray) names = ctl_schema_names(s, "command");
    int width = longest(names, "events [NAME...]");
    for (guint i = 0; names->pdata[i]; i++) {
        const char *name = names->pdata[i];
        const Command *known = command_find(name);
        if (known) {
            g_string_append_printf(out, "%-*s  %s\n", width, name, known->help);
        } else {
            g_string_append_printf(out, "%s\n", name);
        }
    }
    g_string_append_printf(out, "\n%-*s  what a command takes and gives\n", width, "help COMMAND");
    g_string_append_printf(out, "%-*s  what happens, until interrupted\n", width, "events [NAME...]");
}

/* ---- one command --------------------------------------------------------- */

/* The row of an argument, in our own tables; NULL: there is none. */
static const Prop *known_member(const Shape *shape, const CtlMember *m)
{
    const Prop *p = shape ? props_find(shape->props, m->name) : NULL;
    const char *const *names = shape && shape->tag ? prop_enum_names(shape->tag) : NULL;
    for (unsigned i = 0; !p && m->arm && names && names[i]; i++) {
        if (g_str_equal(names[i], m->arm) && shape->arms[i]) {
            p = props_find(shape->arms[i]->props, m->name);
        }
    }
    return p;
}

/* Another side's types may contain themselves, often: how deep is shown, and until when. */
enum { NESTED_MAX = 6, HELP_MAX = 1 << 18 };

/* Where members are shown. */
typedef struct Level {
    const Shape *shape; /* of our own tables; NULL: they have none */
    const char *prefix; /* "addr.", as it is typed */
    unsigned depth, indent;
} Level;

static void show_members(const CtlSchema *s, json_object *object, const Level *at, GString *out);

/* Those of an object, or of the elements of a list, as they are typed. */
static void show_nested(const CtlSchema *s, const CtlMember *m, const Prop *known, const Level *at,
                        GString *out)
{
    json_object *list = ctl_schema_find(s, m->type, "array");
    const char *type = list ? ctl_text(list, "element-type") : m->type;
    json_object *object = type ? ctl_schema_find(s, type, "object") : NULL;
    if (object && !ctl_schema_single(s, object) && at->depth < NESTED_MAX && out->len < HELP_MAX) {
        g_autofree char *prefix = g_strconcat(at->prefix, m->name, list ? ".0." : ".", NULL);
        const Level inside = { known ? known->of : NULL, prefix, at->depth + 1,
                               at->indent + (m->arm ? 4 : 2) };
        show_members(s, object, &inside, out);
    }
}

static void show_member(const CtlSchema *s, const CtlMember *m, const Level *at, GString *out)
{
    g_autofree char *type = ctl_schema_text(s, m->type),
                    *text = g_strdup_printf("%s%s=%s", at->prefix, m->name, type);
    const Prop *known = known_member(at->shape, m);
    const char *help = known && known->help ? known->help : NULL;
    g_string_append_printf(out, "%*s%-30s%s%s%s", at->indent + (m->arm ? 2 : 0), "", text, help ? "  " : "",
                           help ? help : "", m->required ? "  (required)" : "");
    while (out->str[out->len - 1] == ' ') {
        g_string_truncate(out, out->len - 1);
    }
    g_string_append_c(out, '\n');
    show_nested(s, m, known, at, out);
}

static void show_members(const CtlSchema *s, json_object *object, const Level *at, GString *out)
{
    g_autoptr(GArray) members = ctl_schema_members(s, object, NULL, true);
    const char *arm = NULL, *tag = ctl_text(object, "tag");
    for (unsigned required = 0; required < 2; required++) { /* those first */
        for (guint i = 0; i < members->len; i++) {
            const CtlMember *m = &g_array_index(members, CtlMember, i);
            if (!m->arm && m->required == !required) {
                show_member(s, m, at, out);
            }
        }
    }
    for (guint i = 0; i < members->len; i++) {
        const CtlMember *m = &g_array_index(members, CtlMember, i);
        if (m->arm && g_strcmp0(m->arm, arm) != 0) {
            arm = m->arm;
            g_string_append_printf(out, "%*swith %s%s=%s:\n", at->indent, "", at->prefix, tag, arm);
        }
        if (m->arm) {
            show_member(s, m, at, out);
        }
    }
}

/* "list of object: a, b, c" */
static void show_result(const CtlSchema *s, const char *type, GString *out)
{
    g_autofree char *text = ctl_schema_text(s, type);
    json_object *info = ctl_schema_type(s, type);
    const char *element = ctl_text(info, "element-type");
    g_autoptr(GArray) members =
        ctl_schema_members(s, element ? ctl_schema_type(s, element) : info, NULL, false);
    if (!g_str_has_suffix(text, "object")) {
        g_string_append_printf(out, "gives: %s\n", text);
        return;
    }
    if (!members->len) {
        g_string_append(out, "gives nothing\n");
        return;
    }
    g_string_append_printf(out, "gives: %s with", text);
    for (guint i = 0; i < members->len; i++) {
        g_string_append_printf(out, "%s %s", i ? "," : "", g_array_index(members, CtlMember, i).name);
    }
    g_string_append_c(out, '\n');
}

void ctl_help_command(const CtlSchema *s, const char *command, GString *out)
{
    json_object *info = ctl_schema_find(s, command, "command");
    json_object *args = ctl_schema_type(s, ctl_text(info, "arg-type"));
    const Command *known = command_find(command);
    const Level outermost = { known ? known->args : NULL, "", 0, 2 };
    gsize before;
    g_string_append_printf(out, "%s%s%s\n", command, known ? ": " : "", known ? known->help : "");
    before = out->len;
    show_members(s, args, &outermost, out);
    g_string_append(out, out->len == before ? "  takes no arguments\n" : "");
    show_result(s, ctl_text(info, "ret-type"), out);
}

/* ---- completion ---------------------------------------------------------- */

static void offer(GString *out, const char *before, const char *word, const char *behind, const char *prefix)
{
    g_autofree char *whole = g_strconcat(before, word, behind, NULL);
    if (g_str_has_prefix(whole, prefix)) {
        g_string_append_printf(out, "%s\n", whole);
    }
}

static void offer_all(GString *out, const char *before, const GPtrArray *words, const char *prefix)
{
    for (guint i = 0; words->pdata[i]; i++) {
        offer(out, before, words->pdata[i], "", prefix);
    }
}

/* The value of a key: words of its type; else keys. */
static void complete_argument(const CtlSchema *s, const char *command, char **words, const char *prefix,
                              GString *out)
{
    json_object *info = ctl_schema_find(s, command, "command"), *given = json_object_new_object();
    const char *equals = strchr(prefix, '=');
    for (; *words; words++) { /* so far: the tag of a union may be among them */
        g_auto(GStrv) pair = g_strsplit(*words, "=", 2);
        if (pair[0] && pair[1]) {
            json_object_object_add(given, pair[0], json_object_new_string(pair[1]));
        }
    }
    g_autoptr(GArray) members =
        ctl_schema_members(s, ctl_schema_type(s, ctl_text(info, "arg-type")), given, false);
    for (guint i = 0; i < members->len; i++) {
        const CtlMember *m = &g_array_index(members, CtlMember, i);
        g_autofree char *key = g_strconcat(m->name, "=", NULL);
        if (equals && g_str_has_prefix(prefix, key)) {
            g_autoptr(GPtrArray) values = ctl_schema_words(s, m->type);
            offer_all(out, key, values, prefix);
        } else if (!equals && !json_object_object_get_ex(given, m->name, NULL)) {
            offer(out, "", m->name, "=", prefix);
        }
    }
    json_object_put(given);
}

void ctl_complete(const CtlSchema *s, char **words, GString *out)
{
    guint n = g_strv_length(words);
    const char *prefix = n ? words[n - 1] : "", *first = words[0];
    bool of_events = n > 1 && g_str_equal(first, "events");
    if (n <= 1 || of_events || (n == 2 && g_str_equal(first, "help"))) {
        g_autoptr(GPtrArray) names = ctl_schema_names(s, of_events ? "event" : "command");
        offer_all(out, "", names, prefix);
        if (n <= 1) {
            offer(out, "", "help", "", prefix);
            offer(out, "", "events", "", prefix);
        }
        return;
    }
    g_auto(GStrv) given = g_strdupv(words + 1);
    g_clear_pointer(&given[n - 2], g_free);
    complete_argument(s, first, given, prefix, out);
}
