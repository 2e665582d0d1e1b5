/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of the schema: what each kind is, its default, and what it owns.
 * One row of `prop_kinds` says all about a kind but how it is read and shown. */
#include "base/props_priv.h"

#include <json-c/json.h>
#include <string.h>

#include "util/bytes.h"

#define INTEGER "integer"
#define STRING "string"

const char *const on_off_auto_names[] = {
    [ON_OFF_AUTO] = "auto", [ON_OFF_ON] = "on", [ON_OFF_OFF] = "off", NULL
};

const PropKindInfo prop_kinds[] = {
    [PROP_BOOL] = { "bool", "boolean", "'on' or 'off'", 0, sizeof(bool) },
    [PROP_U8] = { "uint8", INTEGER, "a number", 1, 1 },
    [PROP_U16] = { "uint16", INTEGER, "a number", 2, 2 },
    [PROP_U32] = { "uint32", INTEGER, "a number", 4, 4 },
    [PROP_U64] = { "uint64", INTEGER, "a number", 8, 8 },
    [PROP_I32] = { "int32", INTEGER, "a number", 0, 4 },
    [PROP_I64] = { "int64", INTEGER, "a number", 0, 8 },
    [PROP_SIZE] = { "size", INTEGER, "a size such as 4096, 64k, 1M or 2G", 8, 8 },
    [PROP_F64] = { "number", "number", "a number such as 0.5", 0, sizeof(double) },
    [PROP_STRING] = { "str", STRING, "text", 0, sizeof(char *) },
    [PROP_ENUM] = { "enum", STRING, "one of its names", 0, sizeof(int) },
    [PROP_ON_OFF_AUTO] = { "OnOffAuto", STRING, "on, off or auto", 0, sizeof(int) },
    [PROP_MAC] = { "str", STRING, "six bytes such as 52:54:00:12:34:56", 0, 6 },
    [PROP_PCI_ADDR] = { "int32", STRING, "a slot and function, in hexadecimal, such as 04.0", 0, 4 },
    [PROP_CHARDEV] = { "str", STRING, "the id of a -chardev", 0, sizeof(void *) },
    [PROP_DRIVE] = { "str", STRING, "the id of a -drive, or the node-name of a -blockdev", 0,
                     sizeof(void *) },
    [PROP_NETDEV] = { "str", STRING, "the id of a -netdev", 0, sizeof(void *) },
    [PROP_LINK] = { "link", STRING, "the id of an -object", 0, sizeof(void *) },
    [PROP_STRUCT] = { "object", "object", "members", 0, sizeof(void *) },
    [PROP_ANY] = { "any", "value", "anything", 0, sizeof(void *) },
};

const char *prop_type_name(const Prop *p)
{
    return prop_kinds[p->kind].type;
}

const char *prop_json_type(const Prop *p)
{
    return p->list ? "array" : prop_kinds[p->kind].json;
}

size_t prop_element_size(const Prop *p)
{
    return prop_kinds[p->kind].size;
}

const char *const *prop_enum_names(const Prop *p)
{
    return p->kind == PROP_ON_OFF_AUTO ? on_off_auto_names : p->kind == PROP_ENUM ? p->names : NULL;
}

bool prop_is_listed(const Prop *p)
{
    return !p->same_as && !p->refused;
}

const Prop *props_find(const Prop *props, const char *name)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            return p->same_as ? props_find(props, p->same_as) : p;
        }
    }
    return NULL;
}

void prop_uint_bounds(const Prop *p, uint64_t *min, uint64_t *max)
{
    *min = p->min;
    *max = p->min || p->max ? p->max : bytes_mask(prop_kinds[p->kind].width);
}

void prop_int_bounds(const Prop *p, int64_t *min, int64_t *max)
{
    *min = p->min || p->max ? (int64_t)p->min : p->kind == PROP_I32 ? INT32_MIN : INT64_MIN;
    *max = p->min || p->max ? (int64_t)p->max : p->kind == PROP_I32 ? INT32_MAX : INT64_MAX;
}

/* ---- what a field owns, and what it has at first -------------------------- */

static void clear_value(void *at, const Prop *p)
{
    if (p->kind == PROP_STRING) {
        g_clear_pointer((char **)at, g_free);
    } else if (p->kind == PROP_STRUCT) {
        shape_free(p->of, *(void **)at);
        *(void **)at = NULL;
    } else if (p->kind == PROP_ANY) {
        json_object_put(*(json_object **)at);
        *(json_object **)at = NULL;
    }
}

void prop_list_clear(PropList *list, const Prop *p)
{
    for (size_t i = 0; i < list->count; i++) {
        clear_value((char *)list->items + i * prop_element_size(p), p);
    }
    g_free(list->items);
    *list = (PropList){ 0 };
}

void prop_set_default(void *base, const Prop *p)
{
    if (p->only || p->list || !prop_is_listed(p)) {
        return; /* zero: an empty list */
    }
    void *at = (char *)base + p->offset;
    switch (p->kind) {
    case PROP_BOOL: *(bool *)at = p->def != 0; return;
    case PROP_U8:
    case PROP_U16:
    case PROP_U32:
    case PROP_U64:
    case PROP_I32:
    case PROP_I64:
    case PROP_SIZE:
    case PROP_ENUM:
    case PROP_ON_OFF_AUTO: store_host(at, prop_kinds[p->kind].size, (uint64_t)p->def); return;
    case PROP_F64: *(double *)at = (double)p->def; return;
    case PROP_PCI_ADDR: *(int32_t *)at = -1; return;
    case PROP_STRING: *(char **)at = g_strdup(p->def_string); return;
    case PROP_MAC:
    case PROP_CHARDEV:
    case PROP_DRIVE:
    case PROP_NETDEV:
    case PROP_LINK:
    case PROP_STRUCT:
    case PROP_ANY: return; /* zero: none */
    }
}

void prop_clear(void *base, const Prop *p)
{
    if (p->only || !prop_is_listed(p)) {
        return;
    }
    char *at = (char *)base + p->offset;
    if (p->list) {
        prop_list_clear((PropList *)at, p);
    } else {
        clear_value(at, p);
    }
    if (p->or_text) {
        clear_value((char *)base + p->or_text, &(const Prop){ p->name, PROP_STRING });
    }
}
