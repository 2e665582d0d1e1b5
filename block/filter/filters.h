/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes that stand on another one, and have its bytes: to make errors, to compare, to copy what is read. */
#pragma once
#include "base/props.h"
#include "block/driver.h"

/* Each takes no reference: it has its own. */
BlockNode *copy_on_read_node_open(BlockNode *below);
/* What is read from `test` must be what `copy` has; both are written. */
BlockNode *blkverify_node_open(BlockNode *test, BlockNode *copy, GError **err);

typedef struct BlkdebugOptions {
    char *config;
    uint64_t align, max_transfer, max_write_zero, max_discard;
    PropList inject, states; /* of BlkdebugInject, BlkdebugState */
} BlkdebugOptions;
extern const Shape blkdebug_inject_shape, blkdebug_state_shape;
BlockNode *blkdebug_node_open(BlockNode *below, const BlkdebugOptions *o, GError **err);

/* Rows of a table for them, at an offset of a struct. */
/* clang-format off */
#define BLKDEBUG_ROWS(at)                                                                                    \
    { "config", PROP_STRING, (at) + offsetof(BlkdebugOptions, config), "a file with more rules" },           \
    { "align", PROP_SIZE, (at) + offsetof(BlkdebugOptions, align), "what is read and written there is whole units of so much" }, \
    { "max-transfer", PROP_SIZE, (at) + offsetof(BlkdebugOptions, max_transfer), "of a read or write there" }, \
    { "max-write-zero", PROP_SIZE, (at) + offsetof(BlkdebugOptions, max_write_zero), "of zeroes there" },    \
    { "max-discard", PROP_SIZE, (at) + offsetof(BlkdebugOptions, max_discard), "of a discard there" },       \
    PROP_ONLY_NUMBER("opt-write-zero", 0, "zeroes are asked for as they come"),                              \
    PROP_ONLY_NUMBER("opt-discard", 0, "discards are asked for as they come"),                               \
    { "inject-error", PROP_STRUCT, (at) + offsetof(BlkdebugOptions, inject), "requests that fail",           \
      .list = true, .of = &blkdebug_inject_shape },                                                          \
    { "set-state", PROP_STRUCT, (at) + offsetof(BlkdebugOptions, states), "changes of the state",            \
      .list = true, .of = &blkdebug_state_shape },                                                           \
    { "take-child-perms", PROP_STRING, .refused = "a node has one user, who has all of it" },                \
    { "unshare-child-perms", PROP_STRING, .refused = "a node has one user, who has all of it" }
/* clang-format on */
