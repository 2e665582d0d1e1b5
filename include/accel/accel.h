/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An accelerator: what runs the vCPUs.  Machines and devices never ask which. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "target/cpu.h"

typedef struct AccelClass AccelClass;

struct Accel {
    const AccelClass *class;
    Machine *machine;
};

struct AccelClass {
    const char *name, *desc; /* "tcg", "interp" */
    /* Why it cannot run on this host, in a few words; NULL (or no function): it can. */
    const char *(*unusable)(void);
    /* options of -accel: char* -> char*; unknown ones are refused by name */
    Accel *(*open)(GHashTable *options, GError **err);
    bool (*vcpu_init)(Accel *a, CPU *cpu, GError **err);
    void (*vcpu_free)(CPU *cpu); /* of a machine that is never started; may be NULL */
    /* The machine is built: make the vCPU thread(s), all paused. */
    bool (*start)(Accel *a, Machine *m, GError **err);
    void (*resume)(Accel *a);
    void (*pause)(Accel *a); /* returns when all vCPUs stand still, at an instruction's end */
    void (*kick)(CPU *cpu);  /* wake from wfi; exit_request is set already */
    /* Run fn in the vCPU's thread, between instructions, and wait (at once when
     * paused, or when called from that thread). */
    void (*run_on_cpu)(CPU *cpu, void (*fn)(CPU *cpu, void *opaque), void *opaque);
    /* A vCPU stopped by itself for the debugger (breakpoint, watchpoint, step): the
     * accelerator has paused all and calls this in the main loop. */
    void (*set_debug_hook)(Accel *a, void (*fn)(CPU *cpu, void *opaque), void *opaque);
    /* The list of a paused vCPU changed. */
    void (*breakpoints_changed)(CPU *cpu);
    void (*watchpoints_changed)(CPU *cpu);
    void (*info)(Accel *a, GString *out); /* info jit */
    void (*close)(Accel *a);
};

extern const AccelClass *const accel_classes[];      /* ends with NULL */
const char *accel_unusable(const AccelClass *class); /* see AccelClass.unusable */
const char *accel_default(void);                     /* the name of the first that can run here */
/* First that opens of "tcg", "tcg:interp"...; err says why each did not. */
Accel *accel_open(const char *list, GHashTable *options, GError **err);
