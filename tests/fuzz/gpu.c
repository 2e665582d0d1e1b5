/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: commands to virtio-gpu, most of them nearly right, so that they come further than rings of rubbish do.  1 byte:
 * transport; then for each command 1 byte (bits 0-3: which, 4: on the other queue, 5: any word is the input's, 6: a viewer looks,
 * 7: a driver's reset before), and words of 1 byte, or of 4. */
#include <string.h>

#include "fuzz.h"
#include "tests/hw/virtio-rig.h"
#include "ui/console.h"
#include "util/bytes.h"

enum { MOST = 64, WORDS = 40, ANSWER = 2048, SIZE = 16, REQUEST_AT = RIG_DATA, ANSWER_AT = RIG_DATA + 4096 };

typedef struct Driver {
    Rig r;
    RigQueue control, cursor;
} Driver;

static void start(Driver *d)
{
    rig_start(&d->r, UINT64_MAX);
    rig_queue(&d->r, &d->control, 0, SIZE);
    rig_queue(&d->r, &d->cursor, 1, SIZE);
    rig_driver_ok(&d->r);
}

/* A word of a command: small as sizes, numbers and places of screens are, in RAM as addresses are, or anything. */
static uint32_t word(FuzzInput *in, bool any)
{
    uint32_t v = fuzz_take(in, any ? 4 : 1);
    return any ? v : v & 0x80 ? RIG_DATA + (v & 0x7f) * 512 : v;
}

static void fill_request(uint8_t *at, unsigned type, FuzzInput *in, bool any)
{
    memset(at, 0, 24 + 4 * WORDS);
    store_le(at, 4, type);
    for (unsigned i = 0; i < WORDS && in->left; i++) {
        store_le(at + 24 + 4 * i, 4, word(in, any));
    }
}

static void look(Driver *d)
{
    Picture p;
    for (unsigned i = 0; i < consoles_count(d->r.m->consoles); i++) {
        console_snapshot(consoles_get(d->r.m->consoles, i), &p);
        picture_clear(&p);
    }
}

static void run_command(Driver *d, FuzzInput *in)
{
    static const uint16_t types[16] = { 0x101, 0x10c, 0x106, 0x106, 0x105, 0x104, 0x104, 0x103,
                                        0x10d, 0x102, 0x107, 0x100, 0x10a, 0x300, 0x301, 0x1ff };
    unsigned how = fuzz_take(in, 1), type = types[how & 15];
    bool cursor = (type >= 0x300) != (how >> 4 & 1);
    FuzzInput own = { in->at, MIN(in->left, how & 32 ? 4 * 12 : 12) }; /* of this command */
    in->at += own.left;
    in->left -= own.left;
    if (how & 128) {
        rig_reset_device(&d->r);
        start(d);
    }
    fill_request(rig_ram(&d->r, REQUEST_AT), type, &own, how & 32);
    RigQueue *q = cursor ? &d->cursor : &d->control;
    const RigBuf bufs[] = { { REQUEST_AT, 24 + 4 * WORDS, false }, { ANSWER_AT, ANSWER, true } };
    rig_add_chain(q, bufs, 2, 0);
    rig_kick(q);
    g_assert_cmpuint(rig_wait(q, NULL), >=, 24); /* there is an answer, to whatever it was */
    if (how & 64) {
        look(d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const RigKind kinds[] = { RIG_MODERN, RIG_PCI };
    FuzzInput in = { data, size };
    Driver d;
    rig_open(&d.r, kinds[fuzz_take(&in, 1) % G_N_ELEMENTS(kinds)], "virtio-gpu",
             "max_outputs=2,max_hostmem=4194304,blob=on");
    start(&d);
    for (unsigned n = 0; in.left && n < MOST; n++) {
        run_command(&d, &in);
    }
    look(&d);
    rig_close(&d.r);
    return 0;
}
