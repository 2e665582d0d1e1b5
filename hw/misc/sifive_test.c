/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SiFive test finisher ("sifive,test1", also a syscon for poweroff and reboot).
 * One 32-bit register: the low half says what, the high half is the exit code of
 * a failure.  A halfword is enough for pass and reset.  Reads give 0. */
#include "hw/misc/sifive_test.h"

#include <inttypes.h>

#include "hw/board.h"
#include "base/log.h"

enum { FINISHER_FAIL = 0x3333, FINISHER_PASS = 0x5555, FINISHER_RESET = 0x7777 };

static BusResult finisher_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    return BUS_OK;
}

static BusResult finisher_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    SifiveTest *t = opaque;
    if (off == 0) {
        switch (value & 0xffff) {
        case FINISHER_PASS: system_request_shutdown(SHUTDOWN_GUEST_POWEROFF, 0); return BUS_OK;
        case FINISHER_FAIL:
            system_request_shutdown(SHUTDOWN_GUEST_POWEROFF, (int)(value >> 16 & 0xffff));
            return BUS_OK;
        case FINISHER_RESET: system_request_reset(SHUTDOWN_GUEST_RESET); return BUS_OK;
        }
    }
    log_guest_error("%s: write of 0x%" PRIx64 " at 0x%" PRIx64 " means nothing", t->dev.path, value, off);
    return BUS_OK;
}

static const IoOps finisher_ops = { .read = finisher_read, .write = finisher_write, .min = 2, .max = 4 };

static bool finisher_realize(Device *dev, GError **err)
{
    SifiveTest *t = container_of(dev, SifiveTest, dev);
    memory_region_init_io(&t->mmio, &dev->regions, &finisher_ops, t, "riscv.sifive.test", 0x1000);
    return true;
}

static void finisher_unrealize(Device *dev)
{
    SifiveTest *t = container_of(dev, SifiveTest, dev);
    if (t->mmio.parent) {
        memory_region_remove(t->mmio.parent, &t->mmio);
    }
    memory_region_finish(&t->mmio);
}

const DeviceClass sifive_test_class = {
    .name = "riscv.sifive.test",
    .desc = "SiFive test finisher",
    .category = "Misc",
    .size = sizeof(SifiveTest),
    .realize = finisher_realize,
    .unrealize = finisher_unrealize,
};
