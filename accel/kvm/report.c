/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a vCPU cannot go on, for the user: what KVM said, where the guest is and with which instruction, what that means as a
 * rule, and what to do.
 * Spec: "KVM_EXIT_INTERNAL_ERROR". */
#include <inttypes.h>

#include "accel/kvm/kvm.h"
#include "base/log.h"

enum { CODE_BYTES = 15 };

typedef struct Code {
    uint8_t bytes[CODE_BYTES];
    unsigned count;
    uint64_t linear;
    bool mapped;    /* the page tables lead somewhere */
    bool is_memory; /* ... to RAM or ROM */
} Code;

static uint64_t linear_ip(const X86CPU *x)
{
    return x86_64bit(x) ? x->s.pc : (uint32_t)(x->s.seg[SEG_CS].base + x86_ip(x));
}

static Code find_code(X86CPU *x)
{
    Code c = { .linear = linear_ip(x) };
    uint64_t phys;
    c.mapped = x->cpu.arch->debug_walk(&x->cpu, c.linear, &phys);
    const FlatRange *r = c.mapped ? address_space_lookup(x->cpu.as, phys) : NULL;
    c.is_memory = r && flat_range_ram(r);
    while (c.is_memory && c.count < CODE_BYTES &&
           cpu_debug_read(&x->cpu, c.linear + c.count, &c.bytes[c.count], 1)) {
        c.count++;
    }
    return c;
}

static const char *mode_of(const X86CPU *x)
{
    uint32_t attr = x->s.seg[SEG_CS].attr;
    return !(x->s.cr0 & CR0_PE) ? "real mode"
           : x86_v86(x)         ? "virtual-8086 mode"
           : x86_64bit(x)       ? "64-bit mode"
           : x86_long_mode(x)   ? "compatibility mode"
           : attr & ATTR_DB     ? "32-bit protected mode"
                                : "16-bit protected mode";
}

static void add_code(const X86CPU *x, const Code *c, GString *out)
{
    g_string_append_printf(out, "  at:  %04x:%0*" PRIx64 ", %s, level %u", x->s.seg[SEG_CS].selector,
                           x86_64bit(x) ? 16 : 8, x86_ip(x), mode_of(x), x->s.cpl);
    if (!c->count) {
        g_string_append(out, c->mapped ? "; there is no memory\n" : "; the page tables lead nowhere\n");
        return;
    }
    CpuContextKey key;
    x->cpu.arch->context_key((CPU *)&x->cpu, &key);
    g_string_append(out, "\n  instruction:  ");
    unsigned length = x->cpu.arch->disassemble(key.mode, x->s.pc, c->bytes, c->count, out);
    g_string_append(out, "   (");
    for (unsigned i = 0; i < length; i++) {
        g_string_append_printf(out, "%s%02x", i ? " " : "", c->bytes[i]);
    }
    g_string_append(out, ")\n");
}

/* One message: it may be long, and others report, too. */
void kvm_report(KvmVcpu *v, const char *what, const char *cause)
{
    X86CPU *x = x86_cpu(v->cpu);
    cpu_state_fetch(v->cpu);
    Code c = find_code(x);
    g_autoptr(GString) text = g_string_new(NULL);
    add_code(x, &c, text);
    if (cause) {
        g_string_append_printf(text, "  likely:  %s\n", cause);
    }
    x->cpu.arch->dump(v->cpu, text);
    g_string_append(text, "  do:  -accel tcg runs this guest without KVM");
    log_report("-accel kvm: CPU %u stops: %s\n%s", v->cpu->index, what, text->str);
}

static const char *cause_of_failure(X86CPU *x)
{
    Code c = find_code(x);
    if (!c.mapped || !c.is_memory) {
        return "the guest jumped to where no code is";
    }
    return "the host's KVM interprets this instruction, and does not know it: an access of a device by an "
           "unusual instruction, or a host whose processor gives KVM no help";
}

void kvm_report_internal_error(KvmVcpu *v)
{
    const struct kvm_run *run = v->run;
    cpu_state_fetch(v->cpu);
    switch (run->internal.suberror) {
    case KVM_INTERNAL_ERROR_EMULATION:
        kvm_report(v, "KVM cannot carry out an instruction", cause_of_failure(x86_cpu(v->cpu)));
        break;
    case KVM_INTERNAL_ERROR_SIMUL_EX:
        kvm_report(v, "exceptions came up in a way that KVM cannot follow", NULL);
        break;
    case KVM_INTERNAL_ERROR_DELIVERY_EV:
        kvm_report(v, "KVM cannot deliver an exception or interrupt",
                   "the guest's interrupt table or stack is not in memory");
        break;
    default: {
        g_autofree char *what = g_strdup_printf("KVM has an internal error (%u)", run->internal.suberror);
        kvm_report(v, what, "a fault of the host's kernel");
    }
    }
}
