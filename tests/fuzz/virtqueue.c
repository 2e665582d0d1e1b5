/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: the rings of a virtio device.  1 byte: transport and device; 1: queue; 2: available index; then 8
 * descriptors of 9 bytes (4 of address within RAM, 2 of length, 1 of flags, 1 of next, 1 of what is wrong), and the
 * entries of the available ring.  Everything a driver writes is the input's. */
#include "fuzz.h"
#include "tests/hw/virtio-rig.h"

enum { SIZE = 8 };

static void add_descriptor(RigQueue *q, unsigned i, FuzzInput *in)
{
    uint32_t place = fuzz_take(in, 4);
    uint32_t len = fuzz_take(in, 2);
    uint16_t flags = fuzz_take(in, 1), next = fuzz_take(in, 1);
    unsigned wrong = fuzz_take(in, 1);
    hwaddr addr = RIG_RAM + place % RIG_RAM_SIZE;
    addr = wrong & 1 ? place : addr;                     /* outside RAM */
    addr = wrong & 2 ? UINT64_MAX - place % 4096 : addr; /* wraps around */
    len = wrong & 4 ? len << 16 : len;
    rig_desc(q, i, addr, len, flags & 0xf, wrong & 8 ? next << 8 : next % SIZE);
}

static void play(Rig *r, FuzzInput *in)
{
    RigQueue q;
    unsigned index = fuzz_take(in, 1) % r->v->queue_count;
    rig_queue(r, &q, index, SIZE);
    rig_driver_ok(r);
    for (unsigned round = 0; round < 3 && in->left; round++) {
        uint16_t available = fuzz_take(in, 2);
        for (unsigned i = 0; i < SIZE; i++) {
            add_descriptor(&q, i, in);
        }
        for (unsigned i = 0; i < SIZE; i++) {
            rig_write(r, q.avail + 4 + 2 * i, 2, fuzz_take(in, 1) % (SIZE + 1));
        }
        q.avail_idx += available % (SIZE + 2);
        rig_write(r, q.avail + 2, 2, q.avail_idx);
        rig_kick(&q);
        rig_loop();
    }
    rig_reset_device(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const devices[] = { "virtio-rng",    "virtio-balloon", "virtio-net",
                                           "virtio-serial", "virtio-gpu",     "virtio-keyboard",
                                           "virtio-mouse",  "virtio-tablet",  "virtio-multitouch" };
    FuzzInput in = { data, size };
    unsigned kind = fuzz_take(&in, 1);
    Rig r;
    rig_open(&r, kind % RIG_KINDS, devices[kind / RIG_KINDS % G_N_ELEMENTS(devices)], NULL);
    rig_start(&r, UINT64_MAX);
    play(&r, &in);
    rig_close(&r);
    return 0;
}
