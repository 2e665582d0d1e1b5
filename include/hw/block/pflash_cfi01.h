/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CFI parallel flash with the Intel command set. */
#pragma once
#include "block/block.h"
#include "hw/device.h"
#include "base/event_loop.h"

enum { PFLASH_BUFFER = 4096 }; /* bytes of the write buffer: 2 KiB a chip */

typedef struct Pflash {
    Device dev;
    MemoryRegion mem;  /* ROM-device: the array while it is read */
    BlockBackend *blk; /* NULL: contents live as long as the machine */
    char *name;
    uint32_t num_blocks, sector_length;
    uint64_t size;
    bool readonly;
    Bh *writer;           /* stores what is dirty */
    unsigned long *dirty; /* bit per page of 4 KiB: not yet stored */
    unsigned in_flight;
    bool storing;      /* not ready: something is dirty or in flight, and nothing has failed */
    bool failed;       /* what is dirty waits for the next try; the guest has been told */
    bool unsynced;     /* stored since the last flush */
    bool flush;        /* wanted, once all is stored */
    uint8_t error_bit; /* of the status, should storing fail */
    struct PflashState {
        uint8_t command; /* 0: read array */
        uint8_t cycle;   /* writes of the command seen so far */
        uint8_t status;
        uint32_t buffer_left;  /* words still to come */
        uint32_t buffer_block; /* its first byte in the array */
        uint8_t buffer[PFLASH_BUFFER];
        uint8_t buffer_used[PFLASH_BUFFER / 8]; /* bit per byte that was written */
    } s;
} Pflash;

extern const DeviceClass pflash_cfi01_class;
