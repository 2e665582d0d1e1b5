/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts: controllers in the kernel, all of them (on), the local APICs alone (split), or none (off).
 * Spec: "KVM_CREATE_IRQCHIP", "KVM_CAP_SPLIT_IRQCHIP", "KVM_SET_GSI_ROUTING", "KVM_IRQ_LINE", "KVM_SIGNAL_MSI",
 * "KVM_INTERRUPT"; ISA interrupts of the I/O APIC: the MultiProcessor specification (IRQ 0 is input 2). */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"
#include "target/i386.h"

enum { ISA_IRQS = 16, IOAPIC_PINS = 24, BOARD_PINS = 2 * IOAPIC_PINS, ROUTES = BOARD_PINS };

/* ---- controllers ------------------------------------------------------------------------ */

static bool fail(GError **err, const char *what)
{
    int error = errno;
    g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(error),
                "-accel kvm: the kernel makes no %s: %s\n  do:  -accel kvm,kernel-irqchip=off", what,
                g_strerror(error));
    return false;
}

typedef struct Routing {
    struct kvm_irq_routing head;
    struct kvm_irq_routing_entry rows[ROUTES];
} Routing;

static void add_route(Routing *r, unsigned gsi, unsigned chip, unsigned pin)
{
    r->rows[r->head.nr++] = (struct kvm_irq_routing_entry){ .gsi = gsi,
                                                            .type = KVM_IRQ_ROUTING_IRQCHIP,
                                                            .u.irqchip = { .irqchip = chip, .pin = pin } };
}

/* A machine's lines 0 to 15 are those of the ISA bus, to both controllers; the others are inputs of the I/O APIC.  The kernel's own
 * routes, from KVM_CREATE_IRQCHIP on, differ in line 0 and, which nobody drives, line 2.  A change of routes waits for all processors
 * (6 ms on a busy host): it is made when line 0 is first used. */
static bool route(const Kvm *k)
{
    Routing r = { 0 };
    for (unsigned gsi = 0; gsi < IOAPIC_PINS; gsi++) {
        if (gsi < ISA_IRQS && gsi != 2) { /* of the PIC it is the other PIC */
            add_route(&r, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi & 7);
        }
        if (gsi != 2) {
            add_route(&r, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
        }
    }
    return ioctl(k->vm, KVM_SET_GSI_ROUTING, &r) == 0;
}

static void remember_chips(Kvm *k)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(k->chips); i++) {
        k->chips[i].chip_id = i;
        ioctl(k->vm, KVM_GET_IRQCHIP, &k->chips[i]);
    }
}

static bool create_all(Kvm *k, GError **err)
{
    if (ioctl(k->vm, KVM_CREATE_IRQCHIP, 0) < 0) {
        return fail(err, "interrupt controllers");
    }
    remember_chips(k);
    return true;
}

static bool create_split(const Kvm *k, GError **err)
{
    struct kvm_enable_cap c = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { BOARD_PINS } };
    return ioctl(k->vm, KVM_ENABLE_CAP, &c) == 0 || fail(err, "local APICs");
}

static AccelIrqchip chips_of(const Kvm *k, unsigned possible)
{
    switch ((KvmIrqchipWish)k->opt.irqchip) {
    case WISH_OFF: return ACCEL_IRQCHIP_NONE;
    case WISH_SPLIT: return ACCEL_IRQCHIP_LOCAL;
    case WISH_ON: return ACCEL_IRQCHIP_ALL;
    default: return possible >> ACCEL_IRQCHIP_ALL & 1 ? ACCEL_IRQCHIP_ALL : ACCEL_IRQCHIP_NONE;
    }
}

bool kvm_choose_irqchip(Accel *a, unsigned possible, GError **err)
{
    Kvm *k = container_of(a, Kvm, accel);
    a->irqchip = chips_of(k, possible);
    if (a->irqchip != ACCEL_IRQCHIP_NONE && !(possible >> a->irqchip & 1)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "-accel kvm: this machine cannot have its interrupt controllers so\n  do:  leave "
                    "kernel-irqchip= out");
        return false;
    }
    switch (k->accel.irqchip) {
    case ACCEL_IRQCHIP_ALL: return create_all(k, err);
    case ACCEL_IRQCHIP_LOCAL: return create_split(k, err);
    default: return true;
    }
}

void kvm_irqchip_reset(Kvm *k)
{
    for (unsigned i = 0; k->accel.irqchip == ACCEL_IRQCHIP_ALL && i < G_N_ELEMENTS(k->chips); i++) {
        ioctl(k->vm, KVM_SET_IRQCHIP, &k->chips[i]);
    }
}

/* ---- saved ------------------------------------------------------------------------------- */

static unsigned saved_chips(const Kvm *k)
{
    return k->accel.irqchip == ACCEL_IRQCHIP_ALL ? G_N_ELEMENTS(k->chips) : 0;
}

/* As the kernel gives them: the PICs and the I/O APIC where they are its, then each processor's local APIC. */
GByteArray *kvm_chips_save(Accel *a)
{
    Kvm *k = container_of(a, Kvm, accel);
    GByteArray *out = g_byte_array_new();
    for (unsigned i = 0; i < saved_chips(k); i++) {
        struct kvm_irqchip chip = { .chip_id = i };
        ioctl(k->vm, KVM_GET_IRQCHIP, &chip);
        g_byte_array_append(out, (const uint8_t *)&chip, sizeof(chip));
    }
    for (unsigned i = 0; i < k->vcpus->len; i++) {
        const KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        struct kvm_lapic_state lapic = { 0 };
        ioctl(v->fd, KVM_GET_LAPIC, &lapic);
        g_byte_array_append(out, (const uint8_t *)&lapic, sizeof(lapic));
    }
    return out;
}

/* The kernel checks what it is given.  Local APICs wait for their processors' other state. */
bool kvm_chips_load(Accel *a, const uint8_t *data, size_t len, GError **err)
{
    Kvm *k = container_of(a, Kvm, accel);
    if (len != saved_chips(k) * sizeof(k->chips[0]) + k->vcpus->len * sizeof(struct kvm_lapic_state)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "the state of the interrupt controllers has another size");
        return false;
    }
    for (unsigned i = 0; i < saved_chips(k); i++, data += sizeof(struct kvm_irqchip)) {
        struct kvm_irqchip chip;
        memcpy(&chip, data, sizeof(chip));
        chip.chip_id = i;
        if (ioctl(k->vm, KVM_SET_IRQCHIP, &chip) < 0) {
            g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                        "the kernel does not take the state of the interrupt controllers: %s",
                        g_strerror(errno));
            return false;
        }
    }
    for (unsigned i = 0; i < k->vcpus->len; i++, data += sizeof(struct kvm_lapic_state)) {
        KvmVcpu *v = g_ptr_array_index(k->vcpus, i);
        g_free(v->loaded);
        v->loaded = g_memdup2(data, sizeof(*v->loaded));
        cpu_state_change(v->cpu);
    }
    return true;
}

/* ---- lines and messages ------------------------------------------------------------------- */

void kvm_irq_set(Accel *a, unsigned gsi, int level)
{
    Kvm *k = container_of(a, Kvm, accel);
    struct kvm_irq_level l = { .irq = gsi, .level = level };
    if (gsi == 0 && g_once_init_enter(&k->routed)) {
        if (!route(k)) {
            log_report("-accel kvm: the timer's interrupt is not routed: %s; use kernel-irqchip=off",
                       g_strerror(errno));
        }
        g_once_init_leave(&k->routed, 1);
    }
    ioctl(k->vm, KVM_IRQ_LINE, &l);
}

int kvm_msi_send(Accel *a, uint64_t addr, uint32_t data)
{
    struct kvm_msi m = { .address_lo = (uint32_t)addr, .address_hi = addr >> 32, .data = data };
    return ioctl(container_of(a, Kvm, accel)->vm, KVM_SIGNAL_MSI, &m);
}

/* By routes of pins the kernel knows of which vectors it tells the end (KVM_EXIT_IOAPIC_EOI). */
void kvm_ioapic_routes(Accel *a, const AccelMessage *pins, unsigned count)
{
    Routing r = { 0 };
    g_assert(count <= BOARD_PINS);
    for (unsigned i = 0; i < count; i++) {
        if (pins[i].data) {
            r.rows[r.head.nr++] = (struct kvm_irq_routing_entry){
                .gsi = i,
                .type = KVM_IRQ_ROUTING_MSI,
                .u.msi = { .address_lo = (uint32_t)pins[i].addr,
                           .address_hi = pins[i].addr >> 32,
                           .data = pins[i].data },
            };
        }
    }
    if (ioctl(container_of(a, Kvm, accel)->vm, KVM_SET_GSI_ROUTING, &r) < 0) {
        log_report("-accel kvm: the kernel takes no routes of the I/O APICs: %s; use kernel-irqchip=off",
                   g_strerror(errno));
    }
}

/* "KVM_NMI" says how: the NMI is sent if LVT lets it through, or the APIC is off.  In the vCPU's thread. */
static void pulse_lint1(CPU *cpu, void *opaque)
{
    enum { LVT_LINT1 = 0x360, MASKED = 1 << 16, DELIVERY = 7 << 8, NMI = 4 << 8, APIC_ENABLED = 1 << 11 };
    struct kvm_lapic_state apic;
    uint32_t lvt = MASKED;
    if (ioctl(cpu->kvm->fd, KVM_GET_LAPIC, &apic) == 0) {
        memcpy(&lvt, apic.regs + LVT_LINT1, sizeof(lvt));
    }
    bool off = !(cpu->kvm->run->apic_base & APIC_ENABLED);
    if (off || (lvt & (MASKED | DELIVERY)) == NMI) {
        cpu->arch->set_irq(cpu, X86_IRQ_NMI, 1);
    }
}

void kvm_lint1(CPU *cpu)
{
    cpu_run(cpu, pulse_lint1, NULL);
}

/* ---- the board's controllers ----------------------------------------------------------------- */

/* A vector is acknowledged only when the processor takes it at once; else KVM_RUN ends when it would. */
void kvm_inject(KvmVcpu *v)
{
    X86CPU *x = x86_cpu(v->cpu);
    while (x86_take_nmi(x)) {
        ioctl(v->fd, KVM_NMI, 0);
        v->nmi_sent = true;
    }
    v->run->request_interrupt_window = 0;
    if (v->kvm->accel.irqchip == ACCEL_IRQCHIP_ALL || !cpu_int_pending(v->cpu)) {
        return;
    }
    if (!v->run->ready_for_interrupt_injection) {
        v->run->request_interrupt_window = 1;
        return;
    }
    int vector = cpu_int_acknowledge(v->cpu);
    struct kvm_interrupt i = { .irq = vector };
    if (vector >= 0 && ioctl(v->fd, KVM_INTERRUPT, &i) == 0) {
        v->run->ready_for_interrupt_injection = 0;
    }
}

/* While the state is the kernel's it says itself whether interrupts are enabled.  What waits for a start-up message hears nothing
 * else. */
bool kvm_has_interrupt(KvmVcpu *v)
{
    const X86CPU *x = x86_cpu(v->cpu);
    bool enabled = v->cpu->state_away ? v->run->if_flag : !!(x->s.eflags & EFL_IF);
    if (x86_message_ready(x)) {
        return true;
    }
    return x->s.events.mp_state == MP_RUNNABLE && (x86_nmi_waits(x) || (enabled && cpu_int_pending(v->cpu)));
}
