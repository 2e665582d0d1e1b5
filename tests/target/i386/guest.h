/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A processor of ours with nothing but RAM, from address 0 on, which accel/tcg runs in this thread. */
#pragma once
#include "target/i386/cpu.h"

typedef enum GuestEngine { GUEST_INTERP, GUEST_JIT, GUEST_LOCKSTEP } GuestEngine;
enum { GUEST_ENGINES = GUEST_LOCKSTEP + 1, GUEST_STOP_BYTES = 4096 };
extern const char *const guest_engine_names[GUEST_ENGINES];
extern const char guest_engine_letters[GUEST_ENGINES + 1]; /* of the tests' arguments */
GuestEngine guest_engine_of(int argc, char **argv);        /* their first; the interpreter without one */

typedef struct Guest {
    X86CPU *x;    /* has every feature, and is of the host's maker */
    uint8_t *ram; /* as the host has it; write code by dma_write(x->cpu.as, ...) */
    /* A fetch from one of these pages, aligned, ends a run, with the pc at it. */
    uint64_t stop_at, stop_at_too;
    bool give_up; /* a handler of signals sets it by guest_give_up(): the run ends, somewhere */
    struct GuestWires *wires;
} Guest;

Guest *guest_new(GuestEngine engine, uint64_t ram_bytes);
void guest_free(Guest *g);
/* On from x->s until it fetches from a page where it stops, or halts. */
void guest_run(Guest *g);
/* From a handler of signals: end the run that is under way.  None is: nothing. */
void guest_give_up(void);
/* The same, an instruction at a time; before each, and each delivery of an exception, `look` is asked: false ends it, too. */
typedef bool (*GuestLook)(Guest *g, void *opaque);
void guest_step(Guest *g, GuestLook look, void *opaque);
/* Processor time of translating one instruction, in ns, and how many there were. */
double guest_translation_ns(const Guest *g, uint64_t *insns);
