/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values as text, help, and advice. */
#include "base/props_priv.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "util/bytes.h"

/* ---- value to text ------------------------------------------------------- */

static char *size_text(uint64_t v)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned i = 0;
    double size = v;
    while (size >= 1000 && i + 1 < G_N_ELEMENTS(units)) {
        size /= 1024;
        i++;
    }
    return g_strdup_printf("%" PRIu64 " (%.3g %s)", v, size, units[i]);
}

static char *quoted(const char *text)
{
    return g_strdup_printf("\"%s\"", text ? text : "");
}

static char *link_text(const Prop *p, const void *what, const PropContext *c)
{
    return quoted(what && c && c->links ? c->links->id(p->kind, what) : "");
}

static char *value_get(const void *at, const Prop *p, const PropContext *c)
{
    const uint8_t *mac = at;
    uint64_t v;
    int64_t n;
    switch (p->kind) {
    case PROP_BOOL: return g_strdup(*(const bool *)at ? "true" : "false");
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
        v = load_host(at, prop_kinds[p->kind].width);
        return g_strdup_printf("%" PRIu64 " (0x%" PRIx64 ")", v, v);
    case PROP_SIZE: return size_text(*(const uint64_t *)at);
    case PROP_I32: n = *(const int32_t *)at; return g_strdup_printf("%" PRId64 " (0x%x)", n, (unsigned)n);
    case PROP_I64:
        n = *(const int64_t *)at;
        return g_strdup_printf("%" PRId64 " (0x%" PRIx64 ")", n, (uint64_t)n);
    case PROP_F64: return g_strdup_printf("%g", *(const double *)at);
    case PROP_STRING: return quoted(*(char *const *)at);
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: return quoted(prop_enum_names(p)[*(const int *)at]);
    case PROP_MAC:
        return g_strdup_printf("\"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0], mac[1], mac[2], mac[3], mac[4],
                               mac[5]);
    case PROP_PCI_ADDR:
        n = *(const int32_t *)at;
        return n < 0 ? g_strdup("\"<unset>\"")
                     : g_strdup_printf("%02x.%x", (unsigned)n >> 3, (unsigned)n & 7);
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK: return link_text(p, *(void *const *)at, c);
    case PROP_STRUCT: return g_strdup(*(void *const *)at ? "{...}" : "none");
    case PROP_ANY: return g_strdup(json_object_to_json_string(*(json_object *const *)at));
    }
    g_assert_not_reached();
}

char *prop_get(const void *base, const Prop *p, const PropContext *c)
{
    if (p->only) {
        return prop_only_text(p);
    }
    const char *at = (const char *)base + p->offset;
    if (!p->list) {
        return value_get(at, p, c);
    }
    const PropList *list = (const PropList *)at;
    GString *out = g_string_new("[");
    for (size_t i = 0; i < list->count; i++) {
        g_autofree char *one = value_get((const char *)list->items + i * prop_element_size(p), p, c);
        g_string_append_printf(out, "%s%s", i ? ", " : "", one);
    }
    g_string_append_c(out, ']');
    return g_string_free(out, FALSE);
}

/* ---- help ---------------------------------------------------------------- */

static char *default_text(const Prop *p)
{
    if (p->list || p->has || p->required) {
        return NULL;
    }
    if (p->kind == PROP_ENUM || p->kind == PROP_ON_OFF_AUTO) {
        const char *name =
            p->def >= 0 ? prop_enum_names(p)[p->def] : NULL; /* NULL: it tells that nothing is given */
        return name ? quoted(name) : NULL;
    }
    if (p->def_string) {
        return quoted(p->def_string);
    }
    if (p->kind == PROP_BOOL) {
        return g_strdup(p->def ? "true" : "false");
    }
    bool unlike = prop_kinds[p->kind].width && (uint64_t)p->def < p->min; /* it tells that nothing is given */
    return p->kind <= PROP_SIZE && !unlike ? g_strdup_printf("%" PRId64, p->def) : NULL;
}

/* What it is, with the names that it takes. */
static char *help_text(const Prop *p)
{
    if (p->only && !p->help) {
        return g_strdup_printf("fixed: %s", p->only);
    }
    if (p->kind != PROP_ENUM) {
        return g_strdup(p->help);
    }
    g_autofree char *all = names_join(p->names, "/");
    return p->help ? g_strdup_printf("%s: %s", p->help, all) : g_steal_pointer(&all);
}

void prop_help(const Prop *p, GString *out)
{
    g_autofree char *def = default_text(p), *help = help_text(p);
    g_autofree char *head = g_strdup_printf("  %s=<%s%s>", p->name, prop_type_name(p), p->list ? "..." : "");
    g_string_append_printf(out, "%-24s", head);
    if (help || def) {
        g_string_append_printf(out, " - %s", help ? help : "");
    }
    if (def) {
        g_string_append_printf(out, " (default: %s)", def);
    }
    g_string_append_c(out, '\n');
}

void props_help(const Prop *props, GString *out)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (prop_is_listed(p)) {
            prop_help(p, out);
        }
    }
}

static void collect_names(const Prop *props, GPtrArray *names)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (prop_is_listed(p)) {
            g_ptr_array_add(names, (void *)p->name);
        }
    }
}

char *props_advice(const char *word, const Prop *props, const Prop *more)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    collect_names(props, names);
    collect_names(more, names);
    g_ptr_array_add(names, NULL);
    return names_advice(word, names_of(names));
}
