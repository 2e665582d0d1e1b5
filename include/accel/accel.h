/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An accelerator: what runs the vCPUs.  Machines and devices never ask which. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/props.h"
#include "target/cpu.h"

typedef struct AccelClass AccelClass;
typedef struct EventLoop EventLoop;

/* Interrupt controllers of a PC that the host's kernel has for the machine. */
typedef enum AccelIrqchip {
    ACCEL_IRQCHIP_NONE,  /* the board's devices are the controllers */
    ACCEL_IRQCHIP_LOCAL, /* local APICs; the rest are the board's devices, and send messages to them */
    ACCEL_IRQCHIP_ALL,   /* I/O APIC and PIC, too: machine_connect_irq() */
} AccelIrqchip;

/* A message-signalled interrupt; data 0: none (vector 0 cannot be). */
typedef struct AccelMessage {
    uint64_t addr;
    uint32_t data;
} AccelMessage;

/* What this one can do on this host; open() finds out. */
typedef struct AccelLimits {
    unsigned max_vcpus; /* 0: as many as a machine has */
} AccelLimits;

struct Accel {
    const AccelClass *class;
    AccelLimits limits;
    EventLoop *loop;      /* of its machine: pauses and resumes it, hears of stops */
    AccelIrqchip irqchip; /* from choose_irqchip() on */
    /* A vCPU cannot go on, which the user has been told: the machine stops.  Any thread; NULL: nobody asks. */
    void (*stuck)(void *opaque);
    void *stuck_opaque;
    /* With ACCEL_IRQCHIP_LOCAL: a local APIC has had the end of an interrupt of ioapic_routes().  Any vCPU's thread, no lock. */
    void (*level_ended)(void *opaque, uint8_t vector);
    void *level_opaque;
};

struct AccelClass {
    const char *name, *desc; /* "tcg", "interp" */
    /* Why it cannot run on this host, in a few words; NULL (or no function): it can. */
    const char *(*unusable)(void);
    const char *const *guests; /* architectures that it runs, by name; NULL: all.  Ends with NULL */
    bool takes_events; /* a write that signals an event (memory_region_add_event) does not leave the guest */
    unsigned sandbox_calls; /* of SandboxCalls: what it makes while the machine runs */
    const Shape *options;   /* what -accel takes besides the name */
    Accel *(*open)(EventLoop *loop, const void *options /* of that shape */, GError **err);
    /* Does it run guests?  Asked where another accelerator could instead; else start() finds out, which costs less.  NULL: it does. */
    bool (*prove)(Accel *a, GError **err);
    /* possible: bits 1 << AccelIrqchip, which of these the board can do with besides its own devices.  Before the first vCPU;
     * NULL: the kernel has none. */
    bool (*choose_irqchip)(Accel *a, unsigned possible, GError **err);
    bool (*vcpu_init)(Accel *a, CPU *cpu, GError **err); /* cpu->accel is set */
    const VcpuOps *vcpu_ops;
    /* All vCPUs are made: make the thread(s) that run them, all paused. */
    bool (*start)(Accel *a, GError **err);
    void (*resume)(Accel *a);
    /* The vCPU was another's until now, and its state is in the struct.  May be NULL. */
    void (*adopt)(CPU *cpu);
    void (*pause)(Accel *a); /* returns when all vCPUs stand still, at an instruction's end */
    /* A vCPU stopped by itself for the debugger (breakpoint, watchpoint, step): the
     * accelerator has paused all and calls this in the main loop. */
    void (*set_debug_hook)(Accel *a, void (*fn)(CPU *cpu, void *opaque), void *opaque);
    /* Interrupt controllers in the host's kernel, used through machine_connect_irq() and
     * machine_send_msi(), as Accel.irqchip says.  Any thread, any lock. */
    void (*irq_set)(Accel *a, unsigned gsi, int level); /* gsi: the machine's number of the line */
    /* Above 0: a processor takes it; 0: none listens; below 0: no controller is at addr. */
    int (*msi_send)(Accel *a, uint64_t addr, uint32_t data);
    /* With ACCEL_IRQCHIP_LOCAL: what the pins of the board's I/O APICs send by level, in their order. */
    void (*ioapic_routes)(Accel *a, const AccelMessage *pins, unsigned count);
    /* A pulse at LINT1 of the CPU's local APIC, which is the kernel's.  Main loop. */
    void (*lint1)(CPU *cpu);
    /* The state of those controllers, in a form of the accelerator's own; the machine stands.  What is loaded is hostile input.  NULL: it
     * has none. */
    GByteArray *(*chips_save)(Accel *a);
    bool (*chips_load)(Accel *a, const uint8_t *data, size_t len, GError **err);
    /* Writes that may come late (memory_region_allow_late_writes) come now.  Any thread, no lock; NULL: none comes late. */
    void (*catch_up)(Accel *a);
    void (*info)(Accel *a, GString *out); /* info jit */
    /* Its vCPUs stand still from here on: their ops are vcpu_ops_none. */
    void (*close)(Accel *a);
};

extern const AccelClass *const accel_classes[];      /* ends with NULL */
const char *accel_unusable(const AccelClass *class); /* see AccelClass.unusable */
const char *accel_default(void);                     /* the name of the first that can run here */
/* First that opens of "tcg", "kvm:tcg"..., for guests of an architecture (NULL: whichever); err says why each did not.  options:
 * key=value as keyval_read has it.  Those before the last have proved that they run guests. */
Accel *accel_open(const char *list, const char *arch, EventLoop *loop, struct json_object *options,
                  GError **err);
/* See AccelClass.prove; if it does not, it is closed. */
bool accel_prove(Accel *a, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* See AccelClass.catch_up; a may be NULL. */
void accel_catch_up(Accel *a);
/* The accelerator runs this vCPU from now on.  False: it cannot, and has nothing of it. */
bool accel_add_vcpu(Accel *a, CPU *cpu, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The same of an accelerator that stays in reserve: the vCPU is still run by the one that has it. */
bool accel_add_reserve(Accel *a, CPU *cpu, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* From one accelerator that has it to another: it stands still, and both have begun (start). */
void accel_hand_over(Accel *to, CPU *cpu);
/* The end of that, of both sides: the vCPU is nobody's. */
void accel_forget_vcpu(CPU *cpu);
