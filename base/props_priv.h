/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the schema share: where in a tree a value stands. */
#pragma once
#include "base/props.h"

typedef struct PropKindInfo {
    const char *type;  /* in NAME,help */
    const char *json;  /* type in JSON */
    const char *takes; /* what a value looks like */
    uint8_t width;     /* of an unsigned integer, bytes */
    uint8_t size;      /* of the field */
} PropKindInfo;
extern const PropKindInfo prop_kinds[]; /* by PropKind */

/* What an unsigned and a signed row takes. */
void prop_uint_bounds(const Prop *p, uint64_t *min, uint64_t *max);
void prop_int_bounds(const Prop *p, int64_t *min, int64_t *max);
void prop_list_clear(PropList *list, const Prop *p);

typedef struct PropWhere PropWhere;
struct PropWhere {
    const PropContext *c; /* never NULL */
    const PropWhere *up;  /* the struct or list around it; NULL: none */
    const char *name;     /* of the member; NULL: an element of a list */
    size_t index;         /* of an element */
};

/* "keys[0].data" */
char *where_path(const PropWhere *w);
/* Set the error, with "who: " in front.  Returns false. */
bool where_fail(const PropWhere *w, GError **err, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* A value into the field of a row that is neither .only nor .refused nor of another spelling. */
bool prop_read(void *base, const Prop *p, struct json_object *value, const PropWhere *w, GError **err);
/* Is it what a row says that is .only or .refused?  Stores nothing. */
bool prop_set_fixed(const Prop *p, struct json_object *value, const PropWhere *w, GError **err);
char *prop_only_text(const Prop *p); /* the value that it has, as prop_get tells it */
/* shape_new at a place within a tree. */
void *shape_new_at(const Shape *shape, struct json_object *values, const PropWhere *w, GError **err);
/* One value out of many: a key of key=value that was repeated has its last. */
struct json_object *value_last(struct json_object *value);
/* The text of a value of key=value; NULL: it is no text. */
const char *value_text(struct json_object *value);
