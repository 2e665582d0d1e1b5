/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a block under way does to memory, noted so that lockstep can take it back: with TcgVcpu.log set. */
#pragma once
#include "accel/tcg/vcpu.h"

enum { LOGGED_BYTES = 64 }; /* the widest write: a cache block */

typedef struct RamWrite {
    uint8_t *host;
    unsigned bytes;
    uint8_t old[LOGGED_BYTES], done[LOGGED_BYTES];
} RamWrite;

struct TcgLog {
    bool replay;
    GArray *ram;  /* of RamWrite */
    bool devices; /* the block accessed a device: cannot be repeated */
};

/* Before a write to RAM by C code, of LOGGED_BYTES at most; before an access to a device. */
void tcg_log_ram_write(TcgLog *log, void *host, unsigned bytes);
void tcg_log_bus(TcgLog *log);
