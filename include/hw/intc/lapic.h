/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC of a processor. */
#pragma once
#include "base/clock.h"
#include "hw/device.h"
#include "hw/regs.h"
#include "target/cpu.h"

enum { LAPIC_BYTES = 0x400, LAPIC_VECTOR_WORDS = 8 };
enum { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LAPIC_LVTS };

typedef struct PcIrqs PcIrqs;

typedef struct Lapic {
    Device dev;
    RegFile regs;
    PcIrqs *irqs;      /* who carries its messages */
    CPU *cpu;          /* NULL: of a test */
    IntSource source;  /* for the CPU */
    Timer *timer;      /* one-shot and periodic, and the TSC's deadline */
    uint64_t base;     /* IA32_APIC_BASE as the CPU has told */
    MemoryRegion page; /* where that is another address than that of the window (pc_irq.h) */
    bool ready;        /* atomic: the CPU may acknowledge */
    uint64_t taken;    /* interrupts, for `info irq` */
    struct LapicState {
        uint32_t id; /* 8 bits of it are shown in xAPIC mode */
        uint32_t tpr, ldr, dfr, svr;
        uint32_t esr, errors; /* what is shown, what has come since */
        uint32_t icr_low, icr_high;
        uint32_t lvt[LAPIC_LVTS];
        uint32_t isr[LAPIC_VECTOR_WORDS], tmr[LAPIC_VECTOR_WORDS], irr[LAPIC_VECTOR_WORDS];
        uint32_t initial, divide; /* of the timer */
        uint64_t start;           /* virtual ns at which `initial` was loaded; 0: it stands */
        bool lint0;               /* the PIC asks */
    } s;
} Lapic;

extern const DeviceClass lapic_class;

/* Delivery modes of messages, ICR, LVT and redirection entries (SDM 3, "Interrupt Command Register"). */
typedef enum ApicDelivery {
    APIC_FIXED,
    APIC_LOWEST,
    APIC_SMI,
    APIC_REMOTE_READ,
    APIC_NMI,
    APIC_INIT,
    APIC_STARTUP,
    APIC_EXTINT,
} ApicDelivery;

/* A message on the way to APICs. */
typedef struct ApicMessage {
    uint8_t vector;
    ApicDelivery delivery;
    bool level; /* triggered by level: the end of interrupt is told to the I/O APICs */
    bool logical;
    uint32_t destination;
} ApicMessage;

/* ---- under the lock that all interrupt controllers of the machine share ---- */

bool lapic_matches(const Lapic *l, const ApicMessage *m, bool is_x2apic_id);
bool lapic_accepts(const Lapic *l); /* fixed interrupts: it is enabled, by hardware and by software */
uint8_t lapic_priority(const Lapic *l);
/* Deliver to this one, whomever it is meant for.  False: it takes none now. */
bool lapic_deliver(Lapic *l, const ApicMessage *m);
void lapic_drive_lint0(Lapic *l, bool high); /* the PIC's output */
/* The NMI button's edge: as LVT says; of an APIC that is off it is the processor's NMI pin. */
void lapic_pulse_lint1(Lapic *l);
/* An access by its own CPU; outside of xAPIC mode nothing answers. */
BusResult lapic_read(Lapic *l, hwaddr offset, unsigned size, uint64_t *value);
BusResult lapic_write(Lapic *l, hwaddr offset, unsigned size, uint64_t value);

/* ---- for people (lapic_describe.c) ---- */
void lapic_describe(Device *dev, GString *out); /* takes the lock */

/* ---- lapic.c and lapic_timer.c ---- */
void lapic_local_interrupt(Lapic *l, unsigned lvt);
uint32_t lapic_timer_count(const Lapic *l);
void lapic_timer_set_initial(Lapic *l, uint32_t initial);
void lapic_timer_set_divide(Lapic *l, uint32_t divide);
void lapic_timer_set_lvt(Lapic *l, uint32_t lvt);
void lapic_timer_look(Lapic *l);             /* deliver what is due, wait for the next */
void lapic_timer_deadline_written(Lapic *l); /* IA32_TSC_DEADLINE was written */
void lapic_timer_deadline_loaded(Lapic *l);  /* it was loaded, with the CPU */
void lapic_timer_fired(void *lapic);
void lapic_timer_stop(Lapic *l);

static inline bool lapic_is_enabled(const Lapic *l)
{
    return l->base & 1 << 11;
}
static inline hwaddr lapic_address(const Lapic *l)
{
    return l->base & ~UINT64_C(0xfff);
}
static inline bool lapic_is_x2apic(const Lapic *l)
{
    return lapic_is_enabled(l) && (l->base & 1 << 10);
}
