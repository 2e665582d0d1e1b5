/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A split virtqueue of eight descriptors (virtio 1.2, 2.7), its rings in one place. */
#ifndef X86_VIRTQ_H
#define X86_VIRTQ_H

enum { QUEUE = 8, VIRTQ_NEXT = 1, VIRTQ_WRITE = 2 /* by the device */ };

typedef struct VirtQueueRings {
    struct {
        uint64_t addr;
        uint32_t bytes;
        uint16_t flags, next;
    } desc[QUEUE];
    uint16_t avail_flags, avail_index, avail[QUEUE], used_event;
    /* flags, and the index above them; then pairs of head and length */
    uint32_t used_index __attribute__((aligned(4096))), used[2 * QUEUE];
} __attribute__((aligned(4096))) VirtQueueRings;

#endif
