/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of the graph of nodes under a disk that is in use.  Main loop; the disk is held (block_hold) where a change is made. */
#pragma once
#include "block/job/job.h"

/* The node of the disk below a job's. */
BlockNode *graph_top(const BlockBackend *disk);
/* Does its chain of backings have this node, below the first? */
bool graph_has_below(BlockNode *top, const BlockNode *n);
BlockNode *graph_above(BlockNode *top, const BlockNode *n); /* whose backing is n; NULL: none */
BlockNode *graph_last(BlockNode *top);
const char *graph_format(const BlockNode *n); /* as an image names that of its backing */
char *graph_name(const BlockNode *n);         /* of its file, from wherever; the caller's */
/* The same, as an image names what it is on; NULL: no name says what it is. */
char *graph_backing_name(const BlockNode *n, GError **err);

/* The image's name for it, and the node itself; base: NULL: none.  text: NULL: by its file. */
bool graph_set_backing(BlockNode *image, BlockNode *base, const char *text, GError **err);

/* Node, name and properties of the one become those of the other, and the other way round; who uses them stays. */
void graph_swap(BlockBackend *a, BlockBackend *b);
/* The disk is on this node from here on, which may be that of a backend that nobody uses. */
void graph_move_to(BlockBackend *disk, BlockNode *image, BlockBackend *target);
