/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SiFive test finisher ("sifive,test1", also a syscon for poweroff and reboot).
 * One 32-bit register: the low half says what, the high half is the exit code of
 * a failure.  A halfword is enough for pass and reset.  Reads give 0. */
#include "hw/misc/sifive_test.h"

#include <inttypes.h>

#include "hw/board.h"
#include "base/log.h"

enum { WHAT = 0xffff };
enum { FINISHER_FAIL = 0x3333, FINISHER_PASS = 0x5555, FINISHER_RESET = 0x7777 };

static void finish_write(Device *dev, const RegAccess *a, uint64_t value)
{
    switch (value & WHAT) {
    case FINISHER_PASS: runstate_request_shutdown(dev->machine, SHUTDOWN_GUEST_POWEROFF, 0); return;
    case FINISHER_FAIL:
        runstate_request_shutdown(dev->machine, SHUTDOWN_GUEST_POWEROFF, (int)(value >> 16));
        return;
    case FINISHER_RESET: runstate_request_reset(dev->machine, SHUTDOWN_GUEST_RESET); return;
    }
    log_guest_error("%s: write of 0x%" PRIx64 " means nothing", dev->path, value);
}

static const RegBits finish_bits[] = { { "code", 0xffff0000 }, { NULL } };
static const Reg finisher_rows[] = {
    { "finish", 0, 4, .write = finish_write, .bits = finish_bits },
    { NULL },
};
static const RegTable finisher_regs = { finisher_rows, .min = 2, .max = 4 };

static bool finisher_realize(Device *dev, GError **err)
{
    SifiveTest *t = container_of(dev, SifiveTest, dev);
    reg_file_init(&t->regs, dev, &finisher_regs, "riscv.sifive.test", 0x1000);
    return true;
}

static void finisher_unrealize(Device *dev)
{
    SifiveTest *t = container_of(dev, SifiveTest, dev);
    reg_file_finish(&t->regs);
}

const DeviceClass sifive_test_class = {
    .name = "riscv.sifive.test",
    .desc = "SiFive test finisher",
    .category = "Misc",
    .size = sizeof(SifiveTest),
    .realize = finisher_realize,
    .unrealize = finisher_unrealize,
};
