/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A host whose disk fails: the calls of the block layer that reach it are wrapped by the linker, so that a
 * test needs neither root nor a full disk.  Both engines are covered: system calls of the
 * workers, and what io_uring says of what it has done. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

typedef enum FaultKind {
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_ALLOCATE,
    FAULT_THREAD,
    FAULT_KINDS
} FaultKind;

typedef struct Fault {
    atomic_int error; /* errno of what fails, 0: nothing does */
    atomic_int left;  /* failures to come, then all is well again; negative: without end */
    atomic_int calls; /* how often the host was asked */
} Fault;

extern Fault faults[FAULT_KINDS];

void fault_set(FaultKind kind, int error, int times);
void fault_clear(void);
/* From now on the host takes its time: a system call of a worker lasts until go_on(opaque).  NULL: no longer. */
void fault_hold(bool (*go_on)(void *opaque), void *opaque);
