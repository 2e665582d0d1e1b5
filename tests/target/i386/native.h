/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs single instructions on the host's processor (x86-64 Linux), in 64-, 32- and 16-bit code: does it exist, and
 * how long is it? */
#pragma once
#include "target/i386/decode.h"

enum { NATIVE_BATCH = 4096, NATIVE_FLAGS = 0x8d5 };

typedef enum NativeOutcome {
    NATIVE_RAN,       /* to the breakpoint behind it */
    NATIVE_FAULTED,   /* it exists, and raised a fault */
    NATIVE_UNDEFINED, /* #UD */
    NATIVE_STRAYED,   /* it led elsewhere, or the child has died of it */
} NativeOutcome;

typedef struct NativeTrial {
    uint8_t bytes[16];
    uint8_t length;  /* in: where breakpoints begin (16: nowhere); out, with NATIVE_RAN: bytes before one */
    uint8_t outcome; /* NativeOutcome */
    uint32_t flags;  /* arithmetic flags (NATIVE_FLAGS) before it; out, with NATIVE_RAN: behind it */
} NativeTrial;

/* Trials for a batch, shared with the children that run them. */
NativeTrial *native_open(void);

/* Run the first `count` trials as code of a size (2, 4, 8).  False: the kernel has no such code segments. */
bool native_run(unsigned size, unsigned count);
