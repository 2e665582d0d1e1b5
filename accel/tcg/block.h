/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of translated guest code, and the words that all files of this room use.
 *
 * Guest code is named by its *code address*: the RAM page number (see RamBlock.first_page)
 * and the offset in the page.  A block belongs to a code address, a virtual pc (constants in
 * it are virtual addresses) and a mode word. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "tcg/backend.h"

enum { GUEST_PAGE_BITS = 12, GUEST_PAGE = 1 << GUEST_PAGE_BITS };

typedef struct TcgBlock TcgBlock;

/* A direct jump out of a block, patched when its target exists. */
typedef struct TcgExit TcgExit;
struct TcgExit {
    JitExit jit;
    TcgBlock *from, *to;        /* to: chained now */
    TcgExit *next_in, *prev_in; /* list of to->incoming */
};

struct TcgBlock {
    uint64_t code_addr; /* RAM page number << 12 | offset of the first byte */
    uint64_t pc;
    uint32_t mode;
    uint16_t size; /* bytes of guest code, at most two pages */
    uint16_t insns;
    bool dropped; /* atomic: guest code changed, it is entered no more */
    bool single;  /* not entered in any table: used once (debugger, code not in RAM) */
    uint16_t exit_count;
    uint8_t *code; /* RX address of the entry; NULL when interpreted */
    uint32_t code_size;
    uint32_t pc_table; /* offset of the table: host offset -> guest pc */
    uint32_t moves;    /* offset of the table for copies at other addresses; 0: there are none */
    IrBlock *ir;       /* interpreter, lockstep: kept; else NULL */
    /* index.c */
    TcgBlock *next_hash;                   /* atomic */
    TcgBlock *next_page[2], *prev_page[2]; /* lists of the one or two pages, see TcgPage */
    uint64_t pages[2];                     /* RAM page numbers; [1] is BLOCK_NO_PAGE when one page */
    TcgExit *exits, *incoming;
};
#define BLOCK_NO_PAGE UINT64_MAX

void tcg_block_free(TcgBlock *b);

/* Some of the block's code is in [offset, offset + len) of the page. */
bool tcg_block_covers(const TcgBlock *b, uint64_t ram_page, unsigned offset, unsigned len);

static inline bool tcg_block_is_dropped(const TcgBlock *b)
{
    return __atomic_load_n(&b->dropped, __ATOMIC_ACQUIRE);
}
