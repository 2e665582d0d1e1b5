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
    uint64_t ns = clock_get_ns(device_clock(&m->dev), CLK_VIRTUAL);
    return (unsigned __int128)ns * m->timebase_freq / NS_PER_SECOND;
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

static uint64_t mtime_read(Device *dev, const RegAccess *a)
{
    return aclint_read_time(mtimer(dev));
}

static void mtime_write(Device *dev, const RegAccess *a, uint64_t value)
{
    AclintMtimer *m = mtimer(dev);
    set_time(m, (aclint_read_time(m) & ~a->mask) | value);
    mtimer_refresh(dev);
}

static void mtimecmp_write(Device *dev, const RegAccess *a, uint64_t value)
{
    reg_store(a, value);
    hart_refresh(mtimer(dev), a->index);
}

/* Where they stand is a matter of properties. */
static bool mtimer_place_registers(AclintMtimer *m, GError **err)
{
    const Reg mtime = { "mtime", m->time_base, 8, .read = mtime_read, .write = mtime_write };
    const Reg mtimecmp = { "mtimecmp",
                           m->timecmp_base,
                           8,
                           REG_STATE(AclintMtimer, s.timecmp[0]),
                           .count = m->num_harts,
                           .write = mtimecmp_write };
    uint32_t time_end = m->time_base + 8, timecmp_end = m->timecmp_base + 8 * m->num_harts;
    bool time_first = m->time_base < m->timecmp_base;
    if (m->time_base % 8 || m->timecmp_base % 8 || MAX(time_end, timecmp_end) > m->aperture_size ||
        (time_first ? time_end > m->timecmp_base : timecmp_end > m->time_base)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "riscv.aclint.mtimer: time-base and timecmp-base must be multiples of 8, and the "
                    "registers stand apart within aperture-size");
        return false;
    }
    m->rows[0] = time_first ? mtime : mtimecmp;
    m->rows[1] = time_first ? mtimecmp : mtime;
    m->table = (RegTable){ m->rows, .min = 4, .max = 8 };
    return true;
}

static bool mtimer_realize(Device *dev, GError **err)
{
    AclintMtimer *m = mtimer(dev);
    if (!mtimer_place_registers(m, err)) {
        return false;
    }
    for (unsigned i = 0; i < m->num_harts; i++) {
        m->hart[i].owner = m;
        m->hart[i].comparator =
            comparator_new(device_clock(&m->dev), m->timebase_freq, &hart_ops, &m->hart[i]);
    }
    reg_file_init(&m->regs, dev, &m->table, "riscv.aclint.mtimer", m->aperture_size);
    return true;
}

static void mtimer_unrealize(Device *dev)
{
    AclintMtimer *m = mtimer(dev);
    for (unsigned i = 0; i < m->num_harts; i++) {
        comparator_free(m->hart[i].comparator);
    }
    reg_file_finish(&m->regs);
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
        irq_set(&w->irq[i], w->s.msip[i]);
    }
}

static int swi_element(Device *dev, unsigned hart)
{
    return hart < swi(dev)->num_harts ? (int)hart : REG_NONE;
}

static void msip_written(Device *dev, const RegAccess *a, uint64_t value)
{
    irq_set(&swi(dev)->irq[a->index], value & 1);
}

/* An edge: software clears SSIP in the hart, the line has no level. */
static void setssip_write(Device *dev, const RegAccess *a, uint64_t value)
{
    const Irq *irq = &swi(dev)->irq[a->index];
    if (value & 1 && irq->handler) {
        irq->handler(irq->opaque, irq->line, 1);
    }
}

static unsigned swi_bank(Device *dev)
{
    return swi(dev)->supervisor;
}

static const Reg swi_rows[] = {
    { "msip", 0, 4, REG_STATE(AclintSwi, s.msip[0]), .count = MACHINE_MAX_CPUS, .banks = 1 << 0, .rw = 1,
      .element = swi_element, .write = msip_written },
    { "setssip", 0, 4, .count = MACHINE_MAX_CPUS, .banks = 1 << 1, .element = swi_element,
      .write = setssip_write },
    { NULL },
};

static const RegTable swi_regs = { swi_rows, .min = 4, .max = 4, .bank = swi_bank };

static bool swi_realize(Device *dev, GError **err)
{
    AclintSwi *w = swi(dev);
    reg_file_init(&w->regs, dev, &swi_regs, "riscv.aclint.swi", 0x4000);
    return true;
}

static void swi_unrealize(Device *dev)
{
    AclintSwi *w = swi(dev);
    reg_file_finish(&w->regs);
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
