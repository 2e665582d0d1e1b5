/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State by tables: what a guest can change of a device or a CPU, a row for each field.
 *
 * Such an object keeps its state in a struct `s` of its own, apart from the model (properties), from
 * what is derived, and from wires (Irq, Timer, Chardev, host pointers).  A table of `s` drives reset,
 * save, load and the comparisons of lockstep; one generic test proves that it covers
 * every byte of `s` but padding (tests/hw/test-generic.c).
 *
 * Nested structs and arrays of them have tables of their own, made of MEMBER_ rows.  Their fields
 * stand in a stream under names with dots ("fp.flags"), those of an array in columns: all
 * elements' first field, then all elements' second.
 *
 * An accelerator that keeps registers elsewhere (KVM) adds a column with its own number of a row. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/fifo8.h"

typedef enum FieldKind {
    FIELD_BOOL,
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_BYTES,   /* uint8_t[count] */
    FIELD_COUNTED, /* a buffer of `size` bytes, of which a uint32_t at `fill` says how many are in use */
    FIELD_FIFO8,   /* Fifo8 */
    FIELD_TIMER,   /* Timer *, outside `s`: its deadline on CLK_VIRTUAL is state.  Off after reset */
    FIELD_STRUCT,  /* a struct of `size` bytes that `fields` describes */
} FieldKind;

typedef struct Field Field;
struct Field {
    const char *name; /* at most 255 bytes with those of the structs around it */
    FieldKind kind;
    size_t offset;  /* in the owner, or in the struct around it */
    uint32_t count; /* elements, 1 for a scalar */
    uint64_t reset; /* value of each element after reset; bytes in use and queues are empty then ... */
    uint64_t (*reset_to)(const void *owner); /* ... or what gives it, where it depends on the model */
    uint64_t max;                            /* largest value (of a queue: fill) that load accepts; 0: any */
    uint16_t since;                          /* version of the table in which it first appeared, 0 = always */
    bool keep;                               /* survives reset (flash contents, RTC offset) */
    bool shared; /* other threads change it at any time, with atomic operations (a CPU's
                       interrupt lines): lockstep neither compares nor restores it */
    size_t size, fill;
    const Field *fields; /* ends with a NULL name, as every table */
};

/* Rows of the struct `s` in T (STATE_), and of a nested struct's table (MEMBER_). */
/* clang-format off */
#define FIELD_(T, at, text, k, width, ...) { .name = text, .kind = k, .offset = offsetof(T, at), \
    .count = sizeof(((T *)0)->at) / (width), ##__VA_ARGS__ }
#define STATE_BOOL(T, f, ...)   FIELD_(T, s.f, #f, FIELD_BOOL, sizeof(bool), ##__VA_ARGS__)
#define STATE_U8(T, f, ...)     FIELD_(T, s.f, #f, FIELD_U8, 1, ##__VA_ARGS__)
#define STATE_U16(T, f, ...)    FIELD_(T, s.f, #f, FIELD_U16, 2, ##__VA_ARGS__)
#define STATE_U32(T, f, ...)    FIELD_(T, s.f, #f, FIELD_U32, 4, ##__VA_ARGS__)
#define STATE_U64(T, f, ...)    FIELD_(T, s.f, #f, FIELD_U64, 8, ##__VA_ARGS__)
#define STATE_BYTES(T, f, ...)  FIELD_(T, s.f, #f, FIELD_BYTES, 1, ##__VA_ARGS__)
#define STATE_FIFO8(T, f, ...)  FIELD_(T, s.f, #f, FIELD_FIFO8, sizeof(Fifo8), ##__VA_ARGS__)
#define STATE_COUNTED(T, f, n, ...) { .name = #f, .kind = FIELD_COUNTED, .offset = offsetof(T, s.f), \
    .count = 1, .size = sizeof(((T *)0)->s.f), .fill = offsetof(T, s.n), ##__VA_ARGS__ }
#define STATE_STRUCT(T, f, E, table, ...) FIELD_(T, s.f, #f, FIELD_STRUCT, sizeof(E), .size = sizeof(E), \
    .fields = table, ##__VA_ARGS__)
#define STATE_TIMER(T, wire, ...) FIELD_(T, wire, #wire, FIELD_TIMER, sizeof(void *), ##__VA_ARGS__)
#define MEMBER_BOOL(E, f, ...)  FIELD_(E, f, #f, FIELD_BOOL, sizeof(bool), ##__VA_ARGS__)
#define MEMBER_U8(E, f, ...)    FIELD_(E, f, #f, FIELD_U8, 1, ##__VA_ARGS__)
#define MEMBER_U16(E, f, ...)   FIELD_(E, f, #f, FIELD_U16, 2, ##__VA_ARGS__)
#define MEMBER_U32(E, f, ...)   FIELD_(E, f, #f, FIELD_U32, 4, ##__VA_ARGS__)
#define MEMBER_U64(E, f, ...)   FIELD_(E, f, #f, FIELD_U64, 8, ##__VA_ARGS__)
#define MEMBER_BYTES(E, f, ...) FIELD_(E, f, #f, FIELD_BYTES, 1, ##__VA_ARGS__)
#define MEMBER_COUNTED(E, f, n, ...) { .name = #f, .kind = FIELD_COUNTED, .offset = offsetof(E, f), \
    .count = 1, .size = sizeof(((E *)0)->f), .fill = offsetof(E, n), ##__VA_ARGS__ }
#define MEMBER_STRUCT(E, f, I, table, ...) FIELD_(E, f, #f, FIELD_STRUCT, sizeof(I), .size = sizeof(I), \
    .fields = table, ##__VA_ARGS__)
/* clang-format on */

/* A table and its version: raised when a row with `since` is added to a table that was released. */
typedef struct StateTable {
    const Field *fields; /* NULL: none */
    size_t stride; /* bytes from row to row, where rows are the first member of larger ones that say more
                            of the field (a CPU's registers); 0: they are Fields */
    uint16_t version;
} StateTable;

/* Row i of a table, or NULL behind its end.  One of count 0 has no state (a view of another's). */
static inline const Field *state_row(const StateTable *t, unsigned i)
{
    size_t stride = t->stride ? t->stride : sizeof(Field);
    const Field *f = t->fields ? (const Field *)((const char *)t->fields + i * stride) : NULL;
    return f && f->name ? f : NULL;
}

/* Whose state: an object of several tables (a class's and its parents'), the eldest first. */
enum { STATE_MAX_TABLES = 8 };
typedef struct State {
    void *owner;      /* what offsets count from */
    const char *name; /* for messages: "serial0" */
    StateTable tables[STATE_MAX_TABLES];
    unsigned count;
    /* Checks what rows cannot say; the new state is in place.  NULL: nothing to check. */
    bool (*loaded)(void *owner, GError **err);
} State;

/* All that follows: the caller keeps others from the object (its lock; a vCPU that stands). */
void state_reset(const State *s);
GByteArray *state_save(const State *s);
/* The stream is hostile input; one that is refused leaves the object as it was. */
bool state_load(const State *s, const uint8_t *data, size_t len, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* A row with the structs around it opened: what is in the stream under one name. */
enum { STATE_MAX_DEPTH = 4, STATE_MAX_NAME = 255 };
typedef struct StateLeaf {
    const Field *field; /* never FIELD_STRUCT */
    char name[STATE_MAX_NAME + 1];
    size_t offset;  /* of the first element in the owner */
    uint32_t count; /* elements in all */
    uint16_t since;
    bool keep, shared;
    unsigned depth; /* structs around it, the outermost first */
    struct {
        uint32_t count;
        size_t stride;
    } around[STATE_MAX_DEPTH];
} StateLeaf;

size_t state_field_bytes(
    const Field *f); /* that a row takes in memory: all elements (not a counted buffer's fill) */
size_t state_leaf_element(const StateLeaf *leaf, uint32_t i); /* offset of element i in the owner */
size_t state_leaf_bytes(const StateLeaf *leaf);               /* that an element takes in memory */
/* Calls fn for each leaf of a table in order, until one returns false; did all return true? */
bool state_foreach(const StateTable *table, bool (*fn)(const StateLeaf *leaf, void *opaque), void *opaque);
