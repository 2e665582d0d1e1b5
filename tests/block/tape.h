/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file in memory that remembers what was written and flushed, so that it can be cut at any moment, and whose calls can
 * fail. */
#pragma once
#include "block/block_priv.h"

enum { FILE_MAX = 8 << 20 }; /* bytes: then it is full */

typedef struct Record {
    uint64_t offset, length; /* 0: a flush */
    uint8_t *data;
    bool grows; /* the file, where it lies beyond the end */
} Record;

typedef struct TapeNode {
    BlockNode node;
    uint8_t *bytes;
    GArray *tape; /* of Record; NULL: nobody asks */
    GMutex lock;
    unsigned calls, fails_at; /* this call fails, counted from 1; 0: none does */
    int error;
} TapeNode;

TapeNode *tape_new(const TapeNode *from); /* with its content; NULL: empty */
/* The file after a cut at `cut`: all before the last flush of the tape, and some of the rest. */
TapeNode *tape_cut(const TapeNode *start, const GArray *tape, guint cut, GRand *rand);
/* The file with all that stands on the tape before `end`. */
TapeNode *tape_after(const TapeNode *start, const GArray *tape, guint end);
