/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All locks of the program, outermost first: docs/locks.md is made from this table
 * (`scripts/dev bless --suite base`), with the rules around it. */
#include "base/lock.h"

const LockClassInfo lock_classes[LOCK_CLASSES] = {
    [LOCK_UNSET] = { "unset", "nothing: nobody has made this lock", NULL },
    [LOCK_BUS] = { "bus", "a bridge, and which devices sit behind it", "functions of those devices" },
    [LOCK_DEVICE] = { "device", "a device, and those inside it or behind it that share its lock",
                      "interrupt lines, host ends, DMA, the memory map, timers and work" },
    [LOCK_IRQ_ROUTER] = { "interrupt router", "lines that several devices share",
                          "the interrupt controller's inputs" },
    [LOCK_IRQ_CHIP] = { "interrupt chip", "an interrupt controller", "interrupt inputs of CPUs (atomic)" },
    [LOCK_COMPARATOR] = { "comparator", "a timer comparator",
                          "interrupt inputs of CPUs (atomic), its timer" },
    [LOCK_MEMORY_MAP] = { "memory map", "the tree of regions, the address spaces, who listens",
                          "listeners, which only take notes" },
    [LOCK_VCPUS] = { "vCPU thread", "what others ask of the thread that runs the vCPUs",
                     "work is scheduled" },
    [LOCK_OVERLAY] = { "overlay", "blocks of a temporary image that are being filled from its base",
                       "reads and writes of files" },
    [LOCK_FILE_WRITES] = { "file writes", "who writes a file that is written in larger pieces than a sector",
                           NULL },
    [LOCK_KEPT_REQUESTS] = { "kept requests", "disk requests that wait for the machine to go on", NULL },
    [LOCK_RING] = { "ring", "the io_uring and what did not fit into it", "work is scheduled" },
    [LOCK_WORKERS] = { "disk workers", "disk requests that wait for a thread", NULL },
    [LOCK_ENDED_REQUESTS] = { "ended requests", "disk requests that have ended and are not yet told of",
                              "work is scheduled" },
    [LOCK_CHARDEV_OUT] = { "chardev output", "the way out of a chardev, from any thread to the host",
                           "writes that do not wait, or not long; its log" },
    [LOCK_CODE_WRITTEN] = { "code written",
                            "what devices, and clients that follow RAM, ask of the vCPUs' thread", NULL },
    [LOCK_RETRIES] = { "retries", "how often a device that was busy has become free", NULL },
    [LOCK_READERS] = { "readers", "threads that read the memory map, and what they may still read", NULL },
    [LOCK_RAM_BLOCKS] = { "RAM blocks", "the table of RAM blocks", NULL },
    [LOCK_LOOP_WORK] = { "loop work", "work that is scheduled for the main loop", NULL },
    [LOCK_TIMERS] = { "timers", "pending timers, and what the host's timer is set to", NULL },
    [LOCK_LOG] = { "log", "the log's file", NULL },
};
