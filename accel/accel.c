/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerators compiled in, and the choice among them. */
#include "accel/accel.h"

#include <string.h>

#ifdef CONFIG_KVM
#include "accel/kvm/kvm.h"
#endif
#include "accel/tcg/loop.h"

const AccelClass *const accel_classes[] = {
    &tcg_accel_class,
    &interp_accel_class,
#ifdef CONFIG_KVM
    &kvm_accel_class,
#endif
    NULL,
};

/* Known from other emulators. */
static const struct {
    const char *name, *what;
} elsewhere[] = {
    { "kvm", "KVM (this host is no Linux on x86-64)" },
    { "hvf", "the hypervisor of macOS" },
    { "whpx", "the hypervisor of Windows" },
    { "mshv", "the hypervisor of Windows" },
    { "nvmm", "the hypervisor of NetBSD" },
    { "xen", "Xen" },
    { "qtest", "a machine whose CPUs stand still" },
};

static const AccelClass *find_class(const char *name, GError **err)
{
    const char *names[G_N_ELEMENTS(accel_classes)] = { NULL };
    for (unsigned i = 0; accel_classes[i]; i++) {
        names[i] = accel_classes[i]->name;
        if (strcmp(name, names[i]) == 0) {
            return accel_classes[i];
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(elsewhere); i++) {
        if (strcmp(name, elsewhere[i].name) == 0) {
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                        "invalid accelerator %s: %s is not built; use -accel tcg", name, elsewhere[i].what);
            return NULL;
        }
    }
    g_autofree char *advice = names_advice(name, names);
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "invalid accelerator %s%s", name, advice);
    return NULL;
}

const char *accel_unusable(const AccelClass *class)
{
    return class->unusable ? class->unusable() : NULL;
}

const char *accel_default(void)
{
    unsigned i = 0;
    while (accel_classes[i + 1] && accel_unusable(accel_classes[i])) {
        i++;
    }
    return accel_classes[i]->name;
}

static bool check_guest(const AccelClass *class, const char *arch, GError **err)
{
    if (!arch || !class->guests || g_strv_contains(class->guests, arch)) {
        return true;
    }
    g_autofree char *runs = g_strjoinv(", ", (char **)class->guests);
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOSYS,
                "-accel %s: it runs guests of %s, and this is %s\n  do:  -accel %s", class->name, runs, arch,
                accel_default());
    return false;
}

static Accel *open_class(const AccelClass *class, EventLoop *loop, struct json_object *options, GError **err)
{
    const char *why = accel_unusable(class);
    if (why) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOSYS, "-accel %s: %s\n  do:  -accel %s", class->name,
                    why, accel_default());
        return NULL;
    }
    g_autofree char *who = g_strdup_printf("-accel %s", class->name);
    PropContext c = { .who = who };
    void *o = shape_new(class->options, options, &c, err);
    Accel *a = o ? class->open(loop, o, err) : NULL;
    shape_free(class->options, o);
    return a;
}

void accel_catch_up(Accel *a)
{
    if (a && a->class->catch_up) {
        a->class->catch_up(a);
    }
}

bool accel_prove(Accel *a, GError **err)
{
    if (!a->class->prove || a->class->prove(a, err)) {
        return true;
    }
    a->class->close(a);
    return false;
}

Accel *accel_open(const char *list, const char *arch, EventLoop *loop, struct json_object *options,
                  GError **err)
{
    g_auto(GStrv) names = g_strsplit(list, ":", -1);
    g_autoptr(GString) why = g_string_new(NULL);
    for (unsigned i = 0; names[i]; i++) {
        g_autoptr(GError) local = NULL;
        const AccelClass *class = find_class(names[i], &local);
        bool fits = class && check_guest(class, arch, &local);
        Accel *a = fits ? open_class(class, loop, options, &local) : NULL;
        if (a && (!names[i + 1] || accel_prove(a, &local))) {
            return a;
        }
        g_string_append_printf(why, "%s%s", why->len ? "\n" : "", local->message);
    }
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s",
                why->len ? why->str : "no accelerator is named\n  do:  -accel tcg");
    return NULL;
}

bool accel_add_vcpu(Accel *a, CPU *cpu, GError **err)
{
    unsigned max = a->limits.max_vcpus;
    if (max && cpu->index >= max) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "-accel %s runs %u vCPUs at most, and this is number %u\n  do:  -smp %u", a->class->name,
                    max, cpu->index + 1, max);
        return false;
    }
    cpu->accel = a;
    cpu->ops = a->class->vcpu_ops;
    if (!a->class->vcpu_init(a, cpu, err)) {
        accel_forget_vcpu(cpu);
        return false;
    }
    return true;
}

void accel_forget_vcpu(CPU *cpu)
{
    cpu->accel = NULL;
    cpu->ops = &vcpu_ops_none;
}

bool accel_add_reserve(Accel *a, CPU *cpu, GError **err)
{
    Accel *runs = cpu->accel;
    const VcpuOps *ops = cpu->ops;
    bool ok = accel_add_vcpu(a, cpu, err);
    cpu->accel = runs;
    cpu->ops = ops;
    return ok;
}

/* What the new one has of the vCPU is of before: translations, the debugger's lists. */
void accel_hand_over(Accel *to, CPU *cpu)
{
    cpu_state_change(cpu);
    cpu->accel = to;
    cpu->ops = to->class->vcpu_ops;
    if (to->class->adopt) {
        to->class->adopt(cpu);
    }
    cpu->ops->mmu_changed(cpu);
    cpu->ops->flush(cpu, CPU_FLUSH_ALL, 0, 0);
    cpu->ops->breakpoints_changed(cpu);
    cpu->ops->watchpoints_changed(cpu);
    cpu_request_exit(cpu);
}
