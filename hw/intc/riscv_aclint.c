/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Core-local interruptor: the SiFive CLINT as its two halves, and the ACLINT's
 * devices, which differ in where mtime stands and in the SSWI.
 * Spec: RISC-V ACLINT 1.0-rc4, chapters MTIMER, MSWI, SSWI.
 *
 * mtime is the virtual clock in ticks plus an offset that a write moves.
 * Registers may be written by halves: an RV32 hart has no other way. */
#include "hw/intc/riscv_aclint.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"

enum { NS_PER_SECOND = 1000000000 };

static AclintMtimer *mtimer(void *dev)
{
    return dev;
}

/* ---- time ---------------------------------------------------------------- */

static uint64_t clock_ticks(const AclintMtimer *m)
{
    uint64_t ns = (uint64_t)clock_get_ns(CLK_VIRTUAL);
    return (uint64_t)((unsigned __int128)ns * m->timebase_freq / NS_PER_SECOND);
}

uint64_t aclint_read_time(void *opaque)
{
    const AclintMtimer *m = opaque;
    return clock_ticks(m) + __atomic_load_n(&m->s.offset, __ATOMIC_RELAXED);
}

static void set_time(AclintMtimer *m, uint64_t ticks)
{
    __atomic_store_n(&m->s.offset, ticks - clock_ticks(m), __ATOMIC_RELAXED);
    if (m->time_changed) {
        m->time_changed(m->time_opaque);
    }
}

static uint64_t hart_now(void *opaque)
{
    const AclintHartTimer *h = opaque;
    return aclint_read_time(h->owner);
}

static void hart_drive(void *opaque, bool high)
{
    AclintHartTimer *h = opaque;
    irq_set(&h->irq, high);
}

static const ComparatorOps hart_ops = { .now = hart_now, .drive = hart_drive };

/* The line of one hart follows mtimecmp and mtime as they are now. */
static void hart_refresh(AclintMtimer *m, unsigned hart)
{
    if (m->hart[hart].comparator) {
        comparator_set(m->hart[hart].comparator, m->s.timecmp[hart]);
    }
}

static void mtimer_refresh(Device *dev)
{
    AclintMtimer *m = mtimer(dev);
    for (unsigned i = 0; i < m->num_harts; i++) {
        hart_refresh(m, i);
    }
}

/* ---- registers ----------------------------------------------------------- */

static bool mtimer_find(const AclintMtimer *m, hwaddr off, bool *is_time, unsigned *hart)
{
    *is_time = off >= m->time_base && off < (hwaddr)m->time_base + 8;
    *hart = (unsigned)((off - m->timecmp_base) / 8);
    return *is_time || (off >= m->timecmp_base && *hart < m->num_harts);
}

static BusResult mtimer_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    AclintMtimer *m = opaque;
    bool is_time;
    unsigned hart;
    if (!mtimer_find(m, off, &is_time, &hart)) {
        log_guest_error("%s: read at 0x%" PRIx64 ", where no register is", m->dev.path, off);
        return BUS_OK;
    }
    uint64_t v = is_time ? aclint_read_time(m) : m->s.timecmp[hart];
    *value = off & 4 ? v >> 32 : v;
    return BUS_OK;
}

static uint64_t put_part(uint64_t old, hwaddr off, unsigned size, uint64_t value)
{
    if (size == 8) {
        return value;
    }
    unsigned shift = off & 4 ? 32 : 0;
    return (old & ~((uint64_t)UINT32_MAX << shift)) | (value & UINT32_MAX) << shift;
}

static BusResult mtimer_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    AclintMtimer *m = opaque;
    bool is_time;
    unsigned hart;
    if (!mtimer_find(m, off, &is_time, &hart)) {
        log_guest_error("%s: write at 0x%" PRIx64 ", where no register is", m->dev.path, off);
        return BUS_OK;
    }
    if (is_time) {
        set_time(m, put_part(aclint_read_time(m), off, size, value));
        mtimer_refresh(&m->dev);
    } else {
        m->s.timecmp[hart] = put_part(m->s.timecmp[hart], off, size, value);
        hart_refresh(m, hart);
    }
    return BUS_OK;
}

/* time_base and timecmp_base are multiples of 8 within their aperture, so that bit 2
 * of an offset tells the half. */
static const IoOps mtimer_ops = { .read = mtimer_read, .write = mtimer_write, .min = 4, .max = 8 };

static bool mtimer_realize(Device *dev, GError **err)
{
    AclintMtimer *m = mtimer(dev);
    if (m->time_base % 8 || m->timecmp_base % 8) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "riscv.aclint.mtimer: time-base and timecmp-base must be multiples of 8");
        return false;
    }
    for (unsigned i = 0; i < m->num_harts; i++) {
        m->hart[i].owner = m;
        m->hart[i].comparator = comparator_new(m->timebase_freq, &hart_ops, &m->hart[i]);
    }
    memory_region_init_io(&m->mmio, &dev->regions, &mtimer_ops, m, "riscv.aclint.mtimer", m->aperture_size);
    return true;
}

static void mtimer_unrealize(Device *dev)
{
    AclintMtimer *m = mtimer(dev);
    for (unsigned i = 0; i < m->num_harts; i++) {
        comparator_free(m->hart[i].comparator);
    }
    if (m->mmio.parent) {
        memory_region_remove(m->mmio.parent, &m->mmio);
    }
    memory_region_finish(&m->mmio);
}

/* Lines are driven anew: the harts forget theirs. */
static void mtimer_reset(Device *dev)
{
    AclintMtimer *m = mtimer(dev);
    for (unsigned i = 0; i < m->num_harts; i++) {
        irq_lower(&m->hart[i].irq);
    }
    set_time(m, 0);
}

static const Prop mtimer_props[] = {
    { "num-harts", PROP_U32, offsetof(AclintMtimer, num_harts), "harts that it serves", .def = 1, .min = 1,
      .max = MACHINE_MAX_CPUS },
    { "timecmp-base", PROP_U32, offsetof(AclintMtimer, timecmp_base), "offset of mtimecmp0", .def = 0,
      .min = 0, .max = 0x7ff8 },
    { "time-base", PROP_U32, offsetof(AclintMtimer, time_base), "offset of mtime", .def = 0x7ff8, .min = 0,
      .max = 0x7ff8 },
    { "aperture-size", PROP_U32, offsetof(AclintMtimer, aperture_size), "bytes", .def = 0x8000, .min = 0x1000,
      .max = 0x10000 },
    { "timebase-freq", PROP_U32, offsetof(AclintMtimer, timebase_freq), "ticks per second", .def = 10000000,
      .min = 1, .max = NS_PER_SECOND },
    { NULL },
};

static const Field mtimer_state[] = {
    STATE_U64(AclintMtimer, offset, .keep = true), /* set by reset, from the clock */
    STATE_U64(AclintMtimer, timecmp),
    { NULL },
};

const DeviceClass riscv_aclint_mtimer_class = {
    .name = "riscv.aclint.mtimer",
    .desc = "RISC-V machine timer",
    .category = "Misc",
    .size = sizeof(AclintMtimer),
    .props = mtimer_props,
    .state = mtimer_state,
    .state_offset = offsetof(AclintMtimer, s),
    .state_size = sizeof(struct AclintMtimerState),
    .realize = mtimer_realize,
    .unrealize = mtimer_unrealize,
    .reset = mtimer_reset,
    .refresh = mtimer_refresh,
};

/* ---- software interrupts ------------------------------------------------- */

static AclintSwi *swi(void *dev)
{
    return dev;
}

static void swi_refresh(Device *dev)
{
    AclintSwi *w = swi(dev);
    for (unsigned i = 0; i < w->num_harts && !w->supervisor; i++) {
        irq_set(&w->irq[i], (int)w->s.msip[i]);
    }
}

static BusResult swi_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    AclintSwi *w = opaque;
    if (off / 4 >= w->num_harts) {
        log_guest_error("%s: read at 0x%" PRIx64 ", where no register is", w->dev.path, off);
    } else {
        *value = w->s.msip[off / 4];
    }
    return BUS_OK;
}

static BusResult swi_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    AclintSwi *w = opaque;
    hwaddr hart = off / 4;
    if (hart >= w->num_harts) {
        log_guest_error("%s: write at 0x%" PRIx64 ", where no register is", w->dev.path, off);
    } else if (!w->supervisor) {
        w->s.msip[hart] = value & 1;
        irq_set(&w->irq[hart], value & 1);
    } else if (value & 1 && w->irq[hart].handler) {
        /* an edge: software clears SSIP in the hart, the line has no level */
        w->irq[hart].handler(w->irq[hart].opaque, w->irq[hart].line, 1);
    }
    return BUS_OK;
}

static const IoOps swi_ops = { .read = swi_read, .write = swi_write, .min = 4, .max = 4 };

static bool swi_realize(Device *dev, GError **err)
{
    AclintSwi *w = swi(dev);
    memory_region_init_io(&w->mmio, &dev->regions, &swi_ops, w, "riscv.aclint.swi", 0x4000);
    return true;
}

static void swi_unrealize(Device *dev)
{
    AclintSwi *w = swi(dev);
    if (w->mmio.parent) {
        memory_region_remove(w->mmio.parent, &w->mmio);
    }
    memory_region_finish(&w->mmio);
}

static const Prop swi_props[] = {
    { "num-harts", PROP_U32, offsetof(AclintSwi, num_harts), "harts that it serves", .def = 1, .min = 1,
      .max = MACHINE_MAX_CPUS },
    { "sswi", PROP_BOOL, offsetof(AclintSwi, supervisor), "interrupts of supervisor level" },
    { NULL },
};

static const Field swi_state[] = {
    STATE_U32(AclintSwi, msip, .max = 1),
    { NULL },
};

const DeviceClass riscv_aclint_swi_class = {
    .name = "riscv.aclint.swi",
    .desc = "RISC-V software interrupts",
    .category = "Misc",
    .size = sizeof(AclintSwi),
    .props = swi_props,
    .state = swi_state,
    .state_offset = offsetof(AclintSwi, s),
    .state_size = sizeof(struct AclintSwiState),
    .realize = swi_realize,
    .unrealize = swi_unrealize,
    .refresh = swi_refresh,
};
