/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties: text to the fields of a device (or of a board's options) and back.
 * One row of `kinds` says all about a kind of property but the parsing of its text.
 * Spelling of values: the QEMU manual, "invocation". */
#include "hw/core/device_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "net/net.h"
#include "hw/object.h"
#include "util/bytes.h"
#include "util/keyval.h"
#include "util/nearest.h"

static const char *const on_off_auto[] = { "auto", "on", "off", NULL };

static const struct PropKindInfo {
    const char *type;  /* in NAME,help */
    const char *takes; /* what a value looks like */
    uint8_t width;     /* of an unsigned integer, bytes */
} kinds[] = {
    [PROP_BOOL] = { "bool", "on or off", 0 },
    [PROP_U8] = { "uint8", "a number", 1 },
    [PROP_U16] = { "uint16", "a number", 2 },
    [PROP_U32] = { "uint32", "a number", 4 },
    [PROP_U64] = { "uint64", "a number", 8 },
    [PROP_I32] = { "int32", "a number", 0 },
    [PROP_SIZE] = { "size", "a size such as 4096, 64k, 1M or 2G", 8 },
    [PROP_STRING] = { "str", "text", 0 },
    [PROP_ENUM] = { "enum", "one of its names", 0 },
    [PROP_MAC] = { "str", "six bytes such as 52:54:00:12:34:56", 0 },
    [PROP_CHARDEV] = { "str", "the id of a -chardev", 0 },
    [PROP_DRIVE] = { "str", "the id of a -drive", 0 },
    [PROP_NETDEV] = { "str", "the id of a -netdev", 0 },
    [PROP_LINK] = { "link", "the id of an -object", 0 },
    [PROP_PCI_ADDR] = { "int32", "a slot and function, in hexadecimal, such as 04.0", 0 },
    [PROP_ON_OFF_AUTO] = { "OnOffAuto", "on, off or auto", 0 },
};

const char *prop_type_name(const Prop *p)
{
    return kinds[p->kind].type;
}

/* ---- helpers ------------------------------------------------------------- */

static const char *const *prop_names(const Prop *p)
{
    return p->kind == PROP_ON_OFF_AUTO ? on_off_auto : p->names;
}

static void uint_bounds(const Prop *p, uint64_t *min, uint64_t *max)
{
    unsigned width = kinds[p->kind].width;
    *min = p->min;
    *max = p->min || p->max ? p->max : bytes_mask(width);
}

static bool bad_value(const Prop *p, const char *who, const char *value, GError **err)
{
    uint64_t min, max;
    g_autofree char *bounds = NULL;
    if (kinds[p->kind].width && (p->min || p->max)) {
        uint_bounds(p, &min, &max);
        bounds = g_strdup_printf(" from %" PRIu64 " to %" PRIu64, min, max);
    }
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "%s: '%s' is no value for property '%s'; it takes %s%s", who, value, p->name,
                kinds[p->kind].takes, bounds ? bounds : "");
    return false;
}

static bool bad_name(const Prop *p, const char *who, const char *value, GError **err)
{
    const char *const *names = prop_names(p);
    const char *near = nearest_name(value, names);
    g_autofree char *list = names_join(names, ", ");
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "%s: '%s' is no value for property '%s'%s%s%s; it takes %s", who, value, p->name,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", list);
    return false;
}

/* ---- text to value ------------------------------------------------------- */

static bool parse_mac(const char *text, uint8_t mac[6])
{
    unsigned v[6];
    char sep[5];
    int used = 0;
    if (sscanf(text, "%2x%c%2x%c%2x%c%2x%c%2x%c%2x%n", &v[0], &sep[0], &v[1], &sep[1], &v[2], &sep[2], &v[3],
               &sep[3], &v[4], &sep[4], &v[5], &used) != 11 ||
        text[used]) {
        return false;
    }
    for (unsigned i = 0; i < 5; i++) {
        if (sep[i] != ':' && sep[i] != '-') {
            return false;
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        mac[i] = v[i];
    }
    return true;
}

static bool parse_pci_addr(const char *text, int32_t *devfn)
{
    unsigned slot, fn = 0;
    int used = 0;
    if (!g_ascii_isxdigit(text[0])) {
        return false;
    }
    if (sscanf(text, "%x.%x%n", &slot, &fn, &used) != 2 || text[used]) {
        fn = 0;
        used = 0;
        if (sscanf(text, "%x%n", &slot, &used) != 1 || text[used]) {
            return false;
        }
    }
    if (slot > 31 || fn > 7) {
        return false;
    }
    *devfn = slot << 3 | fn;
    return true;
}

static bool parse_name(const char *text, const char *const *names, int *index)
{
    for (int i = 0; names[i]; i++) {
        if (g_ascii_strcasecmp(text, names[i]) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool parse_int32(const char *text, int32_t *out)
{
    uint64_t v;
    bool minus = *text == '-';
    if (!keyval_uint(text + minus, minus ? UINT64_C(1) << 31 : INT32_MAX, &v)) {
        return false;
    }
    *out = (minus ? -(int64_t)v : (int64_t)v);
    return true;
}

static void *find_by_id(const Machine *m, PropKind kind, const char *id)
{
    if (!m) { /* a device of a test */
        return NULL;
    }
    switch (kind) {
    case PROP_CHARDEV: return chardev_find(m->chardevs, id);
    case PROP_DRIVE: return block_find(m->drives, id);
    case PROP_NETDEV: return net_find(m->nets, id);
    default: return object_find(m->objects, id);
    }
}

static bool set_by_id(void **at, const Prop *p, const Machine *m, const char *who, const char *id,
                      GError **err)
{
    void *found = find_by_id(m, p->kind, id);
    if (!found) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: property '%s': there is nothing with the id '%s'; it takes %s, which must be "
                    "given on the command line too",
                    who, p->name, id, kinds[p->kind].takes);
        return false;
    }
    *at = found;
    return true;
}

static bool set_uint(void *at, const Prop *p, const char *value)
{
    uint64_t v, min, max;
    uint_bounds(p, &min, &max);
    bool ok = p->kind == PROP_SIZE ? keyval_size(value, 1, &v) : keyval_uint(value, UINT64_MAX, &v);
    if (!ok || v < min || v > max) {
        return false;
    }
    store_host(at, kinds[p->kind].width, v);
    return true;
}

/* A property that has one value. */
typedef union OnlyValue {
    uint64_t u64;
    int32_t i32;
    bool yes;
    char *text;
} OnlyValue;

static char *only_text(const Prop *p)
{
    OnlyValue v = { 0 };
    Prop plain = *p;
    plain.only = NULL;
    prop_set_default(&v, &plain);
    char *text = prop_get(&v, &plain);
    prop_clear(&v, &plain);
    return text;
}

static bool set_only(const Prop *p, const char *who, const char *value, GError **err)
{
    OnlyValue v = { 0 };
    Prop plain = *p;
    plain.only = NULL;
    if (!prop_set(&v, &plain, NULL, who, value, err)) {
        return false;
    }
    g_autofree char *got = prop_get(&v, &plain), *have = only_text(p);
    prop_clear(&v, &plain);
    if (strcmp(got, have) == 0) {
        return true;
    }
    g_autofree char *number = g_strdup_printf("%" PRId64, p->def);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "%s: '%s=%s' is not built: %s; '%s=%s' is all there is", who, p->name, value, p->only,
                p->name,
                p->kind == PROP_BOOL     ? (p->def ? "on" : "off")
                : p->kind == PROP_STRING ? (p->def_string ? p->def_string : "")
                                         : number);
    return false;
}

bool prop_set(void *base, const Prop *p, const Machine *m, const char *who, const char *value, GError **err)
{
    if (p->only) {
        return set_only(p, who, value, err);
    }
    void *at = (char *)base + p->offset;
    switch (p->kind) {
    case PROP_BOOL: return keyval_bool(value, at) || bad_value(p, who, value, err);
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_SIZE: return set_uint(at, p, value) || bad_value(p, who, value, err);
    case PROP_I32: return parse_int32(value, at) || bad_value(p, who, value, err);
    case PROP_STRING:
        g_free(*(char **)at);
        *(char **)at = g_strdup(value);
        return true;
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: return parse_name(value, prop_names(p), at) || bad_name(p, who, value, err);
    case PROP_MAC: return parse_mac(value, at) || bad_value(p, who, value, err);
    case PROP_PCI_ADDR: return parse_pci_addr(value, at) || bad_value(p, who, value, err);
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK: return set_by_id(at, p, m, who, value, err);
    }
    g_assert_not_reached();
}

void prop_set_default(void *base, const Prop *p)
{
    if (p->only) {
        return;
    }
    void *at = (char *)base + p->offset;
    switch (p->kind) {
    case PROP_BOOL: *(bool *)at = p->def != 0; return;
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_SIZE: store_host(at, kinds[p->kind].width, p->def); return;
    case PROP_I32:
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: *(int32_t *)at = p->def; return;
    case PROP_PCI_ADDR: *(int32_t *)at = -1; return;
    case PROP_STRING: *(char **)at = g_strdup(p->def_string); return;
    case PROP_MAC:
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK: return; /* zero: none */
    }
}

void prop_clear(void *base, const Prop *p)
{
    if (p->kind == PROP_STRING && !p->only) {
        g_clear_pointer((char **)((char *)base + p->offset), g_free);
    }
}

/* ---- value to text ------------------------------------------------------- */

static char *size_text(uint64_t v)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned i = 0;
    double shown = v;
    while (shown >= 1000 && i + 1 < G_N_ELEMENTS(units)) {
        shown /= 1024;
        i++;
    }
    return g_strdup_printf("%" PRIu64 " (%.3g %s)", v, shown, units[i]);
}

static char *quoted(const char *text)
{
    return g_strdup_printf("\"%s\"", text ? text : "");
}

static const char *id_text(PropKind kind, void *what)
{
    if (!what) {
        return "";
    }
    switch (kind) {
    case PROP_CHARDEV: return chardev_id(what);
    case PROP_DRIVE: return block_id(what);
    case PROP_NETDEV: return net_id(what);
    default: return object_id(what);
    }
}

char *prop_get(const void *base, const Prop *p)
{
    if (p->only) {
        return only_text(p);
    }
    const void *at = (const char *)base + p->offset;
    const uint8_t *mac = at;
    uint64_t v;
    int32_t n;
    switch (p->kind) {
    case PROP_BOOL: return g_strdup(*(const bool *)at ? "true" : "false");
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
        v = load_host(at, kinds[p->kind].width);
        return g_strdup_printf("%" PRIu64 " (0x%" PRIx64 ")", v, v);
    case PROP_SIZE: return size_text(*(const uint64_t *)at);
    case PROP_I32: n = *(const int32_t *)at; return g_strdup_printf("%d (0x%x)", n, n);
    case PROP_STRING: return quoted(*(char *const *)at);
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: return quoted(prop_names(p)[*(const int *)at]);
    case PROP_MAC:
        return g_strdup_printf("\"%02x:%02x:%02x:%02x:%02x:%02x\"", mac[0], mac[1], mac[2], mac[3], mac[4],
                               mac[5]);
    case PROP_PCI_ADDR:
        n = *(const int32_t *)at;
        return n < 0 ? g_strdup("\"<unset>\"") : g_strdup_printf("%02x.%x", (unsigned)n >> 3, n & 7);
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK: return quoted(id_text(p->kind, *(void *const *)at));
    }
    g_assert_not_reached();
}

/* ---- a device's properties ----------------------------------------------- */

unsigned class_lineage(const DeviceClass *c, const DeviceClass *line[CLASS_DEPTH])
{
    unsigned n = 0;
    for (const DeviceClass *p = c; p; p = p->parent) {
        n++;
    }
    g_assert(n <= CLASS_DEPTH);
    unsigned i = n;
    for (const DeviceClass *p = c; p; p = p->parent) {
        line[--i] = p;
    }
    return n;
}

void device_class_foreach_prop(const DeviceClass *c, void (*fn)(const Prop *p, void *opaque), void *opaque)
{
    const DeviceClass *line[CLASS_DEPTH];
    unsigned n = class_lineage(c, line);
    for (unsigned i = 0; i < n; i++) {
        for (const Prop *p = line[i]->props; p && p->name; p++) {
            fn(p, opaque);
        }
    }
}

static const Prop *class_find_prop(const DeviceClass *c, const char *name)
{
    for (; c; c = c->parent) {
        for (const Prop *p = c->props; p && p->name; p++) {
            if (strcmp(p->name, name) == 0) {
                return p;
            }
        }
    }
    return NULL;
}

int32_t device_bootindex(const Device *dev)
{
    const Prop *p = class_find_prop(dev->class, "bootindex");
    return p ? *(const int32_t *)((const char *)dev + p->offset) : -1;
}

static void collect_name(const Prop *p, void *opaque)
{
    g_ptr_array_add(opaque, (void *)p->name);
}

char *props_advice(const DeviceClass *c, const Prop *props, const Prop *more, const char *word)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    if (c) {
        device_class_foreach_prop(c, collect_name, names);
    }
    if (c && c->inner) {
        device_class_foreach_prop(c->inner, collect_name, names);
    }
    for (unsigned i = 0; i < 2; i++) {
        for (const Prop *p = i ? more : props; p && p->name; p++) {
            g_ptr_array_add(names, (void *)p->name);
        }
    }
    if (names->len == 0) {
        return g_strdup("; it has none");
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(word, names_of(names));
    g_autofree char *list = names_join(names_of(names), ", ");
    return near ? g_strdup_printf("; did you mean '%s'? There are: %s", near, list)
                : g_strdup_printf("; there are: %s", list);
}

bool device_set_prop(Device *dev, const char *name, const char *value, GError **err)
{
    const Prop *p = class_find_prop(dev->class, name);
    if (!p && dev->inner && class_find_prop(dev->inner->class, name)) {
        return device_set_prop(dev->inner, name, value, err);
    }
    if (!p) {
        g_autofree char *advice = props_advice(dev->class, NULL, NULL, name);
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "%s: Property '%s.%s' not found%s",
                    dev->class->name, dev->class->name, name, advice);
        return false;
    }
    if (dev->realized) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "%s: property '%s' cannot be changed: the device is in use; give it with -device",
                    dev->path, name);
        return false;
    }
    return prop_set(dev, p, dev->machine, device_user_name(dev), value, err);
}

char *device_get_prop(Device *dev, const Prop *prop)
{
    return prop_get(dev, prop);
}
