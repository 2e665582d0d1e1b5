/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions and interrupts: what becomes of one that meets another, and which come first.
 * Spec: SDM volume 3, "Interrupt 8 - Double Fault Exception" (the table of classes), "Priority Among Concurrent Events",
 * "Masking Maskable Hardware Interrupts", "Handling Multiple NMIs", "Resume Flag".
 *
 * Not modelled: machine checks from hardware. */
#include "target/i386/trap.h"

#include <inttypes.h>

#include "base/log.h"
#include "target/i386.h"
#include "target/i386/init.h"
#include "target/i386/smm.h"
#include "target/vcpu.h"

bool x86_has_error_code(uint8_t vector)
{
    enum {
        WITH_CODE = 1 << X86_EXC_DF | 1 << X86_EXC_TS | 1 << X86_EXC_NP | 1 << X86_EXC_SS | 1 << X86_EXC_GP |
                    1 << X86_EXC_PF | 1 << X86_EXC_AC
    };
    return vector < 32 && (WITH_CODE >> vector & 1);
}

/* ---- one after the other ----------------------------------------------------------- */

typedef enum Class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT } Class;

static Class class_of(uint8_t vector)
{
    switch (vector) {
    case X86_EXC_DE:
    case X86_EXC_TS:
    case X86_EXC_NP:
    case X86_EXC_SS:
    case X86_EXC_GP: return CONTRIBUTORY;
    case X86_EXC_PF: return PAGE_FAULT;
    case X86_EXC_DF: return DOUBLE_FAULT;
    default: return BENIGN;
    }
}

void x86_shut_down(X86CPU *x)
{
    if (log_enabled(LOG_INT) || log_enabled(LOG_GUEST_ERROR)) {
        log_write("i386: CPU %u: triple fault at %x:0x%" PRIx64 "\n", x->cpu.index, x->s.seg[SEG_CS].selector,
                  x86_ip(x));
    }
    x->s.events.shutdown = true;
    x->cpu.halted = true;
    if (x->shut_down) {
        x->shut_down(x->shut_down_opaque);
    }
}

/* What is to be delivered instead of `first`, when `f` came up in its delivery; false: nothing any more. */
static bool combine(Class first, X86Fault *f)
{
    Class second = class_of(f->vector);
    if (first == DOUBLE_FAULT && second != BENIGN) {
        return false;
    }
    bool becomes_double = (first == CONTRIBUTORY && second == CONTRIBUTORY) ||
                          (first == PAGE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT));
    if (becomes_double) {
        *f = (X86Fault){ .vector = X86_EXC_DF };
    }
    return true;
}

/* CR2 and DR6 are the exception's that is delivered, though its delivery may fail. */
static void show_fault(X86CPU *x, const X86Fault *f)
{
    if (f->vector == X86_EXC_PF) {
        x->s.cr2 = f->address;
    } else if (f->vector == X86_EXC_DB) {
        x->s.dr6 = (x->s.dr6 & ~0xfull) | DR6_FIXED | f->dr6;
        x->s.dr7 &= ~(uint64_t)DR7_GD;
        x->s.msr.debugctl &= ~(uint64_t)(DEBUGCTL_BTF | DEBUGCTL_LBR);
    }
}

static X86Event event_of(const X86CPU *x, const X86Fault *f)
{
    return (X86Event){ .vector = f->vector,
                       .kind = EVENT_EXCEPTION,
                       .has_error = (x->s.cr0 & CR0_PE) && x86_has_error_code(f->vector),
                       .error = f->error,
                       .return_ip = x86_ip(x),
                       .rf = f->vector != X86_EXC_DB ||
                             (f->dr6 & DR6_BD) }; /* of #DB one kind is a fault alone */
}

static void log_event(const X86CPU *x, const X86Event *e)
{
    if (log_enabled(LOG_INT)) {
        log_write("i386: CPU %u: vector %u, error 0x%x, at %x:0x%" PRIx64 ", level %u\n", x->cpu.index,
                  e->vector, e->error, x->s.seg[SEG_CS].selector, x86_ip(x), x->s.cpl);
    }
}

/* Breakpoints of data that the frame of an event met: a trap, before its handler's first instruction.  Those of #DB's own frame are
 * not told: its handler would never begin. */
static void tell_of_frame(X86CPU *x)
{
    const X86Fault f = { .vector = X86_EXC_DB, .dr6 = x->met };
    if (x->met) {
        x86_exception(x, &f);
    }
}

void x86_exception(X86CPU *x, const X86Fault *fault)
{
    X86Fault f = *fault;
    bool is_debug;
    for (;;) {
        Class class = class_of(f.vector);
        X86Event e = event_of(x, &f);
        show_fault(x, &f);
        log_event(x, &e);
        is_debug = e.vector == X86_EXC_DB;
        f = (X86Fault){ 0 };
        x->met = 0;
        if (x86_event_deliver(x, &e, &f)) {
            break;
        }
        if (!combine(class, &f)) {
            x86_shut_down(x);
            is_debug = true;
            break;
        }
    }
    x->s.events.shadow = 0;
    x->stepping = false;
    if (!is_debug) {
        tell_of_frame(x);
    }
    x->met = 0;
}

static void deliver_external(X86CPU *x, uint8_t vector)
{
    X86Event e = { .vector = vector, .kind = EVENT_EXTERNAL, .return_ip = x86_ip(x) };
    X86Fault f = { 0 };
    log_event(x, &e);
    if (x86_event_deliver(x, &e, &f)) {
        tell_of_frame(x);
    } else {
        x86_exception(x, &f);
    }
    x->s.events.shadow = 0;
    x->s.events.mp_state = MP_RUNNABLE;
    x->cpu.halted = false;
}

void x86_interrupt(X86CPU *x, uint8_t vector)
{
    deliver_external(x, vector);
}

void x86_nmi(X86CPU *x)
{
    x->s.events.nmi_masked = true;
    deliver_external(x, X86_EXC_NMI);
}

bool x86_software_interrupt(X86CPU *x, uint8_t vector, X86EventKind kind, uint64_t next_ip, X86Fault *f)
{
    X86Event e = { .vector = vector, .kind = kind, .return_ip = next_ip };
    log_event(x, &e);
    if (!x86_event_deliver(x, &e, f)) {
        f->external = false;
        return false;
    }
    x->s.events.shadow = 0;
    if (kind == EVENT_ICEBP) {
        x->met = 0; /* what waits since a MOV SS comes with this #DB, or not at all */
    }
    return true;
}

/* A gather of which an element faults behind others that were loaded: the traps of those, a step or breakpoints of data, come
 * in place of the fault, which the rest meets again (SDM volume 2, VPGATHERDD).  RF is set then; on AMD's not (seen on Zen 5). */
static void gather_fault(X86CPU *x, const X86Fault *f)
{
    bool trap = x->gathered && (x->stepping || x->met);
    x->gathered = false;
    if (!trap) {
        x86_exception(x, f);
        return;
    }
    X86Fault db = { .vector = X86_EXC_DB, .dr6 = x->met | (x->stepping ? DR6_BS : 0) };
    x->stepping = false;
    x->s.eflags |= x->vendor == VENDOR_AMD ? 0 : EFL_RF;
    x86_exception(x, &db);
}

void x86_raise(X86CPU *x, const X86Fault *f)
{
    if (!f->new_task) {
        cpu_restore_pc(&x->cpu);
    }
    gather_fault(x, f);
    cpu_loop_exit(&x->cpu);
}

uint64_t x86_segment_linear(X86CPU *x, X86SegId seg, uint64_t offset, unsigned bytes, bool write)
{
    const X86Bounds *b = &x->bounds[seg];
    if (offset < b->low || offset + bytes > (write ? b->wr_end : b->rd_end)) {
        X86Fault f = { .vector = seg == SEG_SS ? X86_EXC_SS : X86_EXC_GP };
        x86_raise(x, &f);
    }
    return (uint32_t)(x->s.seg[seg].base + offset);
}

/* ---- for the accelerator ------------------------------------------------------------- */

void x86_raise_fault(CPU *cpu, const MmuFault *fault)
{
    X86CPU *x = x86_cpu(cpu);
    X86Fault f = { .vector = X86_EXC_AC }; /* FAULT_ALIGN of a program whose alignment is checked */
    if (fault->kind == FAULT_ALIGN && fault->mop & MEM_WIDE) {
        f.vector = X86_EXC_GP; /* a vector that must be aligned */
    } else if (fault->kind == FAULT_WALK) {
        f.vector = fault->code >> 32;
        f.error = fault->code;
        f.address = fault->vaddr;
        x86_explain_fault(x, fault->access, &f);
    } else if (fault->kind == FAULT_BUS) {
        f.vector = X86_EXC_MC; /* not reached: where nothing answers reads give ones */
    }
    gather_fault(x, &f);
}

/* ---- messages: before interrupts --------------------------------------------------------- */

static void set_a20(X86CPU *x, bool on)
{
    if (x->s.a20 != on) {
        x->s.a20 = on;
        cpu_flush_all(&x->cpu);
    }
}

/* A message that changes nothing wakes nobody: who halted before halts on. */
void x86_take_messages(X86CPU *x)
{
    uint32_t open = x->s.events.smm ? MESSAGES_SMM : MESSAGES;
    uint32_t m = __atomic_fetch_and(&x->s.messages, ~open, __ATOMIC_ACQ_REL) & open;
    if (m & (MESSAGE_A20_ON | MESSAGE_A20_OFF)) {
        set_a20(x, m & MESSAGE_A20_ON);
    }
    if (m & MESSAGE_INIT) {
        x86_init(x);
    }
    if (m & MESSAGE_SIPI) {
        x86_sipi(x, m & MESSAGE_VECTOR);
    }
    x->cpu.halted = x->s.events.mp_state != MP_RUNNABLE || x->s.events.shutdown;
}

static void send_message(CPU *cpu, uint32_t without, uint32_t with)
{
    X86CPU *x = x86_cpu(cpu);
    uint32_t old = __atomic_load_n(&x->s.messages, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&x->s.messages, &old, (old & ~without) | with, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    cpu_request_exit(cpu);
}

/* It undoes a start-up message before it. */
void x86_request_init(CPU *cpu)
{
    send_message(cpu, MESSAGE_SIPI | MESSAGE_VECTOR, MESSAGE_INIT);
}

void x86_request_sipi(CPU *cpu, uint8_t vector)
{
    send_message(cpu, MESSAGE_VECTOR, MESSAGE_SIPI | vector);
}

void x86_set_a20(CPU *cpu, bool on)
{
    send_message(cpu, MESSAGE_A20_ON | MESSAGE_A20_OFF, on ? MESSAGE_A20_ON : MESSAGE_A20_OFF);
}

/* ---- interrupts ---------------------------------------------------------------------------- */

static bool interrupt_enabled(const X86CPU *x)
{
    return (x->s.eflags & EFL_IF) && !x->s.events.shadow;
}

static bool waits_for_sipi(const X86CPU *x)
{
    return x->s.events.mp_state != MP_RUNNABLE && x->s.events.mp_state != MP_HALTED;
}

static bool smi_ready(const X86CPU *x)
{
    return __atomic_load_n(&x->s.events.smi_pending, __ATOMIC_ACQUIRE) && !x->s.events.smm &&
           !waits_for_sipi(x);
}

/* STI may hold an NMI off for one instruction, as MOV SS does (SDM volume 2, STI): test suites take it for granted. */
static bool nmi_ready(const X86CPU *x)
{
    return !waits_for_sipi(x) && x86_nmi_waits(x) && !x->s.events.nmi_masked && !x->s.events.shadow;
}

/* What an accelerator that ran it before has begun, and this one ends: an interrupt that was acknowledged.  Of exceptions it is a
 * debug trap alone: with a fault the instruction has not ended, and meets it again. */
static bool end_begun(X86CPU *x)
{
    X86Events *e = &x->s.events;
    bool trap = e->pending && e->vector == X86_EXC_DB;
    e->pending = false;
    if (trap) {
        x->s.dr6 |= e->payload;
        x86_exception(x, &(X86Fault){ .vector = X86_EXC_DB });
        return true;
    }
    if (e->taken) {
        e->taken = false;
        x86_interrupt(x, e->taken_vector);
        return true;
    }
    return false;
}

/* A processor that is shut down hears nothing but INIT or a reset. */
bool x86_has_work(CPU *cpu)
{
    const X86CPU *x = x86_cpu(cpu);
    if (x86_message_ready(x)) {
        return true;
    }
    return !x->s.events.shutdown && (x->s.events.taken || smi_ready(x) || nmi_ready(x) ||
                                     (interrupt_enabled(x) && cpu_int_pending(cpu)));
}

bool x86_take_interrupt(CPU *cpu)
{
    X86CPU *x = x86_cpu(cpu);
    x->no_interrupt = false;
    if (x86_message_ready(x)) {
        x86_take_messages(x);
        if (x->cpu.halted && !x86_has_work(cpu)) {
            return true;
        }
    }
    if (x->s.events.shutdown) {
        return false;
    }
    if (G_UNLIKELY(x->s.events.pending || x->s.events.taken) && end_begun(x)) {
        return true;
    }
    if (smi_ready(x)) {
        __atomic_store_n(&x->s.events.smi_pending, false, __ATOMIC_RELEASE);
        x86_smi(x);
        return true;
    }
    if (x->s.events.mp_state == MP_HALTED && !x->cpu.halted) {
        x->s.events.mp_state = MP_RUNNABLE;
    }
    if (nmi_ready(x)) {
        x86_take_nmi(x);
        x86_nmi(x);
        return true;
    }
    /* Where it is not asked for, a request to look for interrupts may end here with one left waiting. */
    x->no_interrupt = interrupt_enabled(x) && !cpu_int_pending(cpu);
    int vector = interrupt_enabled(x) && !x->no_interrupt ? cpu_int_acknowledge(cpu) : -1;
    if (vector < 0) {
        return false;
    }
    x86_interrupt(x, vector);
    return true;
}

/* A processor takes an NMI at the end of the instruction during which it comes, and latches one that comes in its handler.  Here it
 * takes it at the end of a block: of two that come before it none is lost.  Those of a handler become one when it ends. */
void x86_add_nmi(X86CPU *x)
{
    if (__atomic_exchange_n(&x->s.events.nmi_pending, true, __ATOMIC_ACQ_REL)) {
        __atomic_store_n(&x->s.events.nmi_again, true, __ATOMIC_RELEASE);
    }
}

bool x86_take_nmi(X86CPU *x)
{
    return __atomic_exchange_n(&x->s.events.nmi_pending, false, __ATOMIC_ACQ_REL) ||
           __atomic_exchange_n(&x->s.events.nmi_again, false, __ATOMIC_ACQ_REL);
}

void x86_unmask_nmi(X86CPU *x)
{
    X86Events *e = &x->s.events;
    if (e->nmi_masked && x86_take_nmi(x)) {
        __atomic_store_n(&e->nmi_again, false, __ATOMIC_RELEASE);
        __atomic_store_n(&e->nmi_pending, true, __ATOMIC_RELEASE);
    }
    e->nmi_masked = false;
}

void x86_set_irq(void *opaque, int line, int level)
{
    X86CPU *x = opaque;
    if (line == X86_IRQ_IGNNE) {
        __atomic_store_n(&x->s.ignne, level != 0, __ATOMIC_RELEASE);
    } else if (level) {
        if (line == X86_IRQ_SMI) {
            __atomic_store_n(&x->s.events.smi_pending, true, __ATOMIC_RELEASE);
        } else {
            x86_add_nmi(x);
        }
        cpu_request_exit(&x->cpu);
    }
}
