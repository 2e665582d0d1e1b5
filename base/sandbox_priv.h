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
    bool own; /* value: this process's number, SANDBOX_SELF until that is known */
} SandboxRow;
extern const SandboxRow sandbox_rows[]; /* ends with NULL calls */

/* The filters that the build makes of the rows (sandbox_gen.c), in the kernel's form (struct sock_filter): that of a set of
 * SandboxCalls begins at sandbox_filter_at[set] and ends where the next begins. */
typedef struct SandboxInsn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
} SandboxInsn;
enum { SANDBOX_SETS = 64, SANDBOX_SELF = 0x5e1f5e1f };
extern const SandboxInsn sandbox_filters[];
extern const uint32_t sandbox_filter_at[]; /* SANDBOX_SETS + 1 */

/* Names of the host's system calls by their numbers, some NULL (made by scripts/gen-syscall-names.py). */
extern const char *const sandbox_call_names[];
extern const unsigned sandbox_call_count;
