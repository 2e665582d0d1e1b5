/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image whose file is a tape: made, opened, looked at after a cut.  And allocations that fail. */
#pragma once
#include "block/image_check.h"
#include "tape.h"

/* What is looked at.  One that is encrypted has the key secret "s". */
typedef struct TapeKind {
    const char *format, *options;
    unsigned disk_kib;
} TapeKind;

extern const TapeKind *kind; /* of all images from here on */
extern uint64_t disk_bytes;  /* of its disk */
void tape_choose(const TapeKind *k);

TapeNode *tape_image_new(void);
BlockNode *tape_image_open(TapeNode *t, bool readonly, bool repair); /* it can be opened */
BlockNode *tape_image_try(TapeNode *t);                              /* to be written; NULL: it cannot */
bool tape_image_is_dirty(BlockNode *n); /* its counts may be wrong, until it is opened to be written */
/* Corruptions that a check finds; leaks are none.  loud: say what they are. */
uint64_t tape_image_faults(BlockNode *n, bool loud);
uint8_t *tape_image_disk(BlockNode *n); /* all of it, the caller's */
/* Sectors that are not `touched` are those of `sure`. */
void tape_check_content(BlockNode *n, const uint8_t *sure, const uint8_t *touched);

/* g_try_malloc and posix_memalign of the block layer: this call fails, counted from 1; 0: none does. */
extern unsigned allocations, allocation_fails_at;
