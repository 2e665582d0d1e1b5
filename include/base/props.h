/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The schema: a row for each thing that a user or a program may set, wherever it is set.
 *
 * A device's properties, the keys of -netdev, -chardev, -drive, -object, -accel, -machine, -smp ... and the
 * arguments of the monitor's commands are tables of such rows.  A row says the name, the kind and bounds
 * of the value, and at which offset of a struct it is kept.  From the tables come the parsing of key=value, of JSON
 * and of single values, help, the advice in error messages, and introspection.
 *
 *   Prop    a row; a table of them ends with a NULL name
 *   Shape   a table with the struct that it fills; a union adds, by the value of one row, the rows of an arm
 *
 * Values come as a tree of json-c, however they were written: keyval_read() (util/keyval.h) makes it from
 * key=value, with every value a text, json_read() (util/json.h) from JSON, where each has a type and must have the
 * right one.
 *
 * Error texts: those that programs know from QMP stand first, ours follow after ". ". */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/nearest.h"

struct json_object;
typedef struct Prop Prop;
typedef struct Shape Shape;

/* ---- rows ---------------------------------------------------------------- */

typedef enum PropKind {
    PROP_BOOL, /* bool */
    PROP_U8,
    PROP_U16,
    PROP_U32,
    PROP_U64, /* unsigned, decimal or 0x */
    PROP_I32,
    PROP_I64,
    PROP_SIZE,        /* uint64_t: 4k, 1M, 2G ... */
    PROP_F64,         /* double, finite */
    PROP_STRING,      /* char *, owned */
    PROP_ENUM,        /* int, index into .names */
    PROP_ON_OFF_AUTO, /* int, OnOffAuto */
    PROP_MAC,         /* uint8_t[6] */
    PROP_PCI_ADDR,    /* int32_t devfn, "slot[.fn]", -1 = automatic */
    PROP_CHARDEV,     /* Chardev *, by id; this and the next: see PropLinks */
    PROP_DRIVE,       /* BlockBackend *, by id */
    PROP_NETDEV,      /* NetClient *, by id */
    PROP_LINK,        /* Object of -object by id, void * */
    PROP_STRUCT,      /* void *, owned: a struct of shape .of; NULL: not given */
    PROP_ANY,         /* struct json_object *, owned: whatever was given; NULL: nothing */
} PropKind;

typedef enum OnOffAuto { ON_OFF_AUTO, ON_OFF_ON, ON_OFF_OFF } OnOffAuto;
extern const char *const on_off_auto_names[]; /* by OnOffAuto; ends with NULL, as all such lists */

/* What a row with .list is kept in: `count` elements as the kind has them one behind the other, owned; behind
 * them one of zeroes, so that strings are a NULL-terminated list. */
typedef struct PropList {
    void *items;
    size_t count;
} PropList;

struct Prop {
    const char *name;
    PropKind kind;
    size_t offset; /* in the struct */
    const char *help;
    int64_t def;              /* default of the integer kinds and of enums */
    const char *def_string;   /* default of PROP_STRING; the printed default of others */
    uint64_t min, max;        /* bounds of unsigned integers and sizes; both 0: the kind's own */
    const char *const *names; /* PROP_ENUM; a table of its own, shared by all rows of this type */
    const char *const
        *unbuilt; /* PROP_ENUM: other names that programs know, for a clear refusal; NULL: none */
    bool required;
    const char *only; /* the default is all there is: why.  Stored nowhere */

    size_t has;      /* offset of a bool: was it given?  0: nobody asks, the default says it all */
    bool list;       /* a PropList.  In key=value the key is repeated */
    const Shape *of; /* PROP_STRUCT */
    size_t or_text;  /* PROP_STRUCT: offset of a char *, owned: a text may be given instead; 0: it may not */
    bool wrapped;    /* a list of strings whose elements are {"str": "..."} in JSON (QMP's String) */
    uint64_t unit;   /* PROP_SIZE: of a bare number in key=value, such as 1 << 20; 0: 1 */
    const char *same_as; /* another spelling of this row, which is for the same field: in no list */
    const char *
        refused; /* known elsewhere and not built: why, and what to do instead.  In no list, stored nowhere */
};

/* What other programs name and what is so anyway: taken with this value, refused with another. */
#define PROP_ONLY_OFF(prop, why)                                                                             \
    {                                                                                                        \
        prop, PROP_BOOL, 0, .only = why                                                                      \
    }
#define PROP_ONLY_ON(prop, why)                                                                              \
    {                                                                                                        \
        prop, PROP_BOOL, 0, .def = 1, .only = why                                                            \
    }
#define PROP_ONLY_NUMBER(prop, value, why)                                                                   \
    {                                                                                                        \
        prop, PROP_U32, 0, .def = value, .only = why                                                         \
    }

/* ---- shapes -------------------------------------------------------------- */

/* The struct has `size` bytes.  In a union the rows of props are for its first part; arms[n], for value n of the
 * enum `tag` (a required row of props, or one with a default), is NULL or a shape whose struct begins
 * with that first part and whose props are those that come to it. */
struct Shape {
    const char *name; /* as messages, help and introspection have it: "NetdevUserOptions", "virtio-rng" */
    size_t size;
    const Prop *props; /* NULL: none */
    const Prop *tag;
    const Shape *const *arms;
    const char *implied; /* key=value: the key of a bare first word */
    const Prop *
        rest; /* a PROP_ANY row that takes, as an object, the members that no row knows; NULL: they are refused */
};

/* How links find what they name, and where: the machine's (hw/core/props.c), or none. */
typedef struct PropLinks {
    void *(*find)(const void *scope, PropKind kind, const char *id); /* NULL: nothing has this id */
    const char *(*id)(PropKind kind, const void *what);
} PropLinks;

/* Where values come from, and what is said when they are wrong. */
typedef struct PropContext {
    const char *who; /* messages start with it and ": "; NULL: they do not */
    const char *class
        ; /* NULL, or whose properties these are: a name that is none is "Property 'class.name' not found" */
    bool typed; /* from JSON: a value has the type of its row.  Else all is text */
    const PropLinks *links;
    const void *scope;
} PropContext;

/* Fill a new struct from a tree: defaults, values, and what is required.  NULL context: text without a name.
 * Freed with shape_free.  NULL: the error names the member by its path (addr.host, keys[0].data). */
void *shape_new(const Shape *shape, struct json_object *values, const PropContext *c,
                GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The same from the text of an option: JSON if it begins with '{', else key=value. */
void *shape_parse(const Shape *shape, const char *text, const PropContext *c,
                  GError **err) G_GNUC_WARN_UNUSED_RESULT;
void shape_free(const Shape *shape, void *s); /* NULL is fine */
/* The same for a struct that the caller has (room for the largest arm): shape_read begins with shape_init,
 * and leaves nothing to clear when it fails. */
void shape_init(const Shape *shape, void *s);
bool shape_read(const Shape *shape, void *s, struct json_object *values, const PropContext *c,
                GError **err) G_GNUC_WARN_UNUSED_RESULT;
void shape_clear(const Shape *shape, void *s);

/* Bytes that a struct of this shape takes, with its largest arm. */
size_t shape_size(const Shape *shape);
/* The arm that a filled struct has; NULL: none. */
const Shape *shape_arm(const Shape *shape, const void *s);
/* A row by its name, of the table alone; NULL: none. */
const Prop *props_find(const Prop *props, const char *name);

/* ---- one value ----------------------------------------------------------- */

/* From a value of a tree.  False: refused, and the field is as it was. */
bool prop_set(void *base, const Prop *p, struct json_object *value, const PropContext *c,
              GError **err) G_GNUC_WARN_UNUSED_RESULT;
void prop_set_default(void *base, const Prop *p);
void prop_clear(void *base, const Prop *p); /* free what the field owns */
/* Its text, as `info qtree` shows it; the caller's.  c: for links, or NULL. */
char *prop_get(const void *base, const Prop *p, const PropContext *c);

const char *prop_type_name(const Prop *p); /* "uint32", as help has it */
const char *prop_json_type(const Prop *p); /* "integer": the type that its JSON has; "array" of a list */
const char *const *
prop_enum_names(const Prop *p);          /* of an enum, also of PROP_ON_OFF_AUTO; NULL: it is none */
size_t prop_element_size(const Prop *p); /* bytes of one value of the kind */
bool prop_is_listed(const Prop *p);      /* in help and introspection: not a second spelling, nor refused */

/* ---- values as JSON ------------------------------------------------------ */

/* The caller's.  Of a struct: every required row, and of the others those that are there (`has`; else strings,
 * structs and values that are not NULL, lists that are not empty, and all numbers and bools). */
struct json_object *shape_json(const Shape *shape, const void *s);
struct json_object *prop_json(const void *base, const Prop *p,
                              const PropContext *c); /* c: for links, or NULL */
/* For who fills a struct: a list is longer by one element, which the list owns.  A struct is as shape_init leaves it. */
void *prop_list_add(PropList *list, const Shape *shape);
void prop_list_add_string(PropList *list, const char *text);
void prop_list_add_enum(PropList *list, int value);
void prop_list_add_number(PropList *list, int64_t value);

/* Element i of a list of structs, or of strings. */
static inline void *prop_list_struct(const PropList *list, size_t i)
{
    void *const *items = list->items;
    return items[i];
}

/* ---- help and advice ----------------------------------------------------- */

/* "  name=<type>          - help (default: value)", a line. */
void prop_help(const Prop *p, GString *out);
void props_help(const Prop *props, GString *out); /* of those that are listed */

/* names_advice() of the rows of two tables, each of which may be NULL. */
char *props_advice(const char *word, const Prop *props, const Prop *more);
