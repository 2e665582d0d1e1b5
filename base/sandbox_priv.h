/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the sandbox, private to it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Calls that are never allowed, and so need no row, but where all others are (SANDBOX_SPAWN). */
enum { SANDBOX_NEVER = 1 << 8 };

/* Calls for one reason.  A call that is in no row ends the process. */
typedef struct SandboxRow {
    const char *
        calls; /* as the kernel names them, a blank between; those that a host does not have are passed over */
    const char *why;
    unsigned group; /* of SandboxCalls, or SANDBOX_NEVER; 0: always allowed */
    int error;      /* instead of being carried out it fails with this: callers know what to do then */
    int arg;        /* only if (argument & mask) == value; the first is 1, 0: whatever the arguments are */
    uint64_t mask, value;
    bool own; /* value: this process's number */
} SandboxRow;
extern const SandboxRow sandbox_rows[]; /* ends with NULL calls */

/* Names of the host's system calls by their numbers, some NULL (made by scripts/gen-syscall-names.py). */
extern const char *const sandbox_call_names[];
extern const unsigned sandbox_call_count;
