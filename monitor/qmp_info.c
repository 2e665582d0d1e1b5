/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that tell what machine this is: its names, accelerator, CPUs and memory. */
#include "monitor/qmp_info.h"

#include <string.h>

#include "accel/accel.h"
#include "hw/board.h"
#include "hw/object.h"
#include "monitor/command.h"
#include "monitor/qmp_types.h"
#include "target/cpu.h"

/* Guests that QEMU knows. */
/* clang-format off */
const char *const qmp_targets[] = {
    "aarch64", "alpha", "arm", "avr", "hexagon", "hppa", "i386", "loongarch64", "m68k", "microblaze",
    "mips", "mips64", "mips64el", "mipsel", "or1k", "ppc", "ppc64", "riscv32", "riscv64", "rx", "s390x",
    "sh4", "sh4eb", "sparc", "sparc64", "tricore", "x86_64", "xtensa", "xtensaeb", NULL,
};
static const char *const accelerators[] = { "hvf", "kvm", "mshv", "nvmm", "qtest", "tcg", "whpx", "xen", NULL };
/* clang-format on */

static int name_index(const char *const *names, const char *name)
{
    int i = 0;
    while (names[i] && strcmp(names[i], name) != 0) {
        i++;
    }
    g_assert(names[i]);
    return i;
}

/* ---- names --------------------------------------------------------------- */

#define T NameInfo
static const Prop name_props[] = { { "name", PROP_STRING, MAYBE(name) }, { NULL } };
#undef T
static const Shape name_shape = { "NameInfo", sizeof(NameInfo), name_props };
#define T UuidInfo
static const Prop uuid_props[] = { { "UUID", PROP_STRING, ALWAYS(uuid) }, { NULL } };
#undef T
static const Shape uuid_shape = { "UuidInfo", sizeof(UuidInfo), uuid_props };

static bool run_query_name(Control *c, const void *args, void *result, GError **err)
{
    NameInfo *info = result;
    info->name = g_strdup(c->machine->config->name);
    return true;
}

static bool run_query_uuid(Control *c, const void *args, void *result, GError **err)
{
    UuidInfo *info = result;
    const uint8_t *u = c->machine->config->uuid;
    info->uuid = g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
                                 u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
                                 u[13], u[14], u[15]);
    return true;
}

/* ---- what runs it -------------------------------------------------------- */

typedef struct TargetInfo {
    int arch;
} TargetInfo;
typedef struct KvmInfo {
    bool enabled, present;
} KvmInfo;
typedef struct AcceleratorInfo {
    int enabled;
    PropList present;
} AcceleratorInfo;

#define T TargetInfo
static const Prop target_props[] = { { "arch", PROP_ENUM, ALWAYS(arch), .names = qmp_targets }, { NULL } };
#undef T
#define T KvmInfo
static const Prop kvm_props[] = {
    { "enabled", PROP_BOOL, ALWAYS(enabled) },
    { "present", PROP_BOOL, ALWAYS(present) },
    { NULL },
};
#undef T
#define T AcceleratorInfo
static const Prop accelerator_props[] = {
    { "enabled", PROP_ENUM, ALWAYS(enabled), .names = accelerators },
    { "present", PROP_ENUM, ALWAYS(present), .list = true, .names = accelerators },
    { NULL },
};
#undef T
static const Shape target_shape = { "TargetInfo", sizeof(TargetInfo), target_props };
static const Shape kvm_shape = { "KvmInfo", sizeof(KvmInfo), kvm_props };
static const Shape accelerator_shape = { "AcceleratorInfo", sizeof(AcceleratorInfo), accelerator_props };

static bool run_query_target(Control *c, const void *args, void *result, GError **err)
{
    TargetInfo *info = result;
    info->arch = name_index(qmp_targets, c->machine->board->arch);
    return true;
}

static bool run_query_kvm(Control *c, const void *args, void *result, GError **err)
{
    const Accel *a = c->machine->accel;
    KvmInfo *info = result;
    info->enabled = info->present = a && g_str_equal(a->class->name, "kvm");
    return true;
}

/* The interpreter is tcg to other programs: they know no name for it. */
static bool run_query_accelerators(Control *c, const void *args, void *result, GError **err)
{
    AcceleratorInfo *info = result;
    const Accel *a = c->machine->accel;
    info->enabled = name_index(accelerators, a && g_str_equal(a->class->name, "kvm") ? "kvm" : "tcg");
    prop_list_add_enum(&info->present, info->enabled);
    return true;
}

/* ---- CPUs ---------------------------------------------------------------- */

typedef struct CpuPlace {
    int64_t socket, core, thread;
} CpuPlace;
typedef struct CpuInfo {
    int64_t index, thread;
    char *type, *path;
    CpuPlace *place;
    int target;
} CpuInfo;

#define T CpuPlace
static const Prop place_props[] = {
    { "socket-id", PROP_I64, MAYBE(socket) },
    { "core-id", PROP_I64, MAYBE(core) },
    { "thread-id", PROP_I64, MAYBE(thread) },
    { NULL },
};
#undef T
static const Shape place_shape = { "CpuInstanceProperties", sizeof(CpuPlace), place_props };
#define T CpuInfo
static const Prop cpu_props[] = {
    { "cpu-index", PROP_I64, ALWAYS(index) },
    { "qom-type", PROP_STRING, ALWAYS(type) },
    { "qom-path", PROP_STRING, ALWAYS(path) },
    { "thread-id", PROP_I64, ALWAYS(thread), .help = "of the host" },
    { "props", PROP_STRUCT, MAYBE(place), .of = &place_shape },
    { "target", PROP_ENUM, ALWAYS(target), .names = qmp_targets },
    { NULL },
};
#undef T
static const Shape cpu_shape = { "CpuInfoFast", sizeof(CpuInfo), cpu_props };

char *qmp_cpu_type(const Machine *m)
{
    const char *model = m->config->cpu_model ? m->config->cpu_model : m->board->default_cpu;
    return model ? cpu_type_name(m->board->cpu_arch(m->config), model) : g_strdup("cpu");
}

static CpuPlace *cpu_place(const MachineConfig *config, unsigned i)
{
    unsigned threads = MAX(config->threads, 1), cores = MAX(config->cores, 1);
    CpuPlace *place = g_new(CpuPlace, 1);
    *place = (CpuPlace){ i / threads / cores, i / threads % cores, i % threads };
    return place;
}

static bool run_query_cpus(Control *c, const void *args, void *result, GError **err)
{
    Machine *m = c->machine;
    for (unsigned i = 0; i < m->cpu_count; i++) {
        CpuInfo *info = prop_list_add(result, &cpu_shape);
        info->index = i;
        info->thread = m->cpus[i]->thread_id;
        info->type = qmp_cpu_type(m);
        info->path = g_strdup_printf("/machine/cpu[%u]", i);
        info->place = cpu_place(m->config, i);
        info->target = name_index(qmp_targets, m->board->arch);
    }
    return true;
}

static bool run_query_hotpluggable_cpus(Control *c, const void *args, void *result, GError **err)
{
    return command_error(err, ERROR_GENERIC, "machine does not support hot-plugging CPUs");
}

typedef struct HotpluggableCpu {
    char *type, *path;
    int64_t count;
    CpuPlace *place;
} HotpluggableCpu;

#define T HotpluggableCpu
static const Prop hotpluggable_props[] = {
    { "type", PROP_STRING, ALWAYS(type) },
    { "vcpus-count", PROP_I64, ALWAYS(count) },
    { "props", PROP_STRUCT, ALWAYS(place), .of = &place_shape },
    { "qom-path", PROP_STRING, MAYBE(path) },
    { NULL },
};
#undef T
static const Shape hotpluggable_shape = { "HotpluggableCPU", sizeof(HotpluggableCpu), hotpluggable_props };

/* ---- memory, and suspending ---------------------------------------------- */

typedef struct MemoryInfo {
    uint64_t base, plugged;
    bool has_plugged;
} MemoryInfo;
typedef struct CurrentMachine {
    bool wakeup;
} CurrentMachine;

#define T MemoryInfo
static const Prop memory_props[] = {
    { "base-memory", PROP_SIZE, ALWAYS(base) },
    { "plugged-memory", PROP_SIZE, MAYBE_HAS(plugged) },
    { NULL },
};
#undef T
#define T CurrentMachine
static const Prop current_props[] = { { "wakeup-suspend-support", PROP_BOOL, ALWAYS(wakeup) }, { NULL } };
#undef T
static const Shape memory_shape = { "MemoryInfo", sizeof(MemoryInfo), memory_props };
static const Shape current_shape = { "CurrentMachineParams", sizeof(CurrentMachine), current_props };

static const char *const host_policies[] = { "default", "preferred", "bind", "interleave", NULL };
typedef struct MemdevInfo {
    char *id;
    uint64_t size;
    bool merge, dump, prealloc, share;
    PropList nodes;
    int policy;
} MemdevInfo;

#define T MemdevInfo
static const Prop memdev_props[] = {
    { "id", PROP_STRING, MAYBE(id) },
    { "size", PROP_SIZE, ALWAYS(size) },
    { "merge", PROP_BOOL, ALWAYS(merge) },
    { "dump", PROP_BOOL, ALWAYS(dump) },
    { "prealloc", PROP_BOOL, ALWAYS(prealloc) },
    { "share", PROP_BOOL, ALWAYS(share) },
    { "host-nodes", PROP_I64, ALWAYS(nodes), .list = true },
    { "policy", PROP_ENUM, ALWAYS(policy), .names = host_policies },
    { NULL },
};
#undef T
static const Shape memdev_shape = { "Memdev", sizeof(MemdevInfo), memdev_props };

static void add_memdev(const Object *o, void *opaque)
{
    if (object_memory_size(o)) {
        MemdevInfo *info = prop_list_add(opaque, &memdev_shape);
        info->id = g_strdup(object_id(o));
        info->size = object_memory_size(o);
        info->dump = object_memory_is_dumped(o);
        info->share = object_memory_is_shared(o);
    }
}

static bool run_query_memdev(Control *c, const void *args, void *result, GError **err)
{
    objects_foreach(c->machine->objects, add_memdev, result);
    return true;
}

static bool run_query_memory(Control *c, const void *args, void *result, GError **err)
{
    MemoryInfo *info = result;
    info->base = c->machine->config->ram_size;
    return true;
}

static bool run_query_current_machine(Control *c, const void *args, void *result, GError **err)
{
    return true; /* none can be suspended */
}

/* clang-format off */
const Command commands_info[] = {
    { "query-name", "the name of -name", NULL, RETURNS_STRUCT(name_shape), 0, run_query_name },
    { "query-uuid", "the UUID of -uuid", NULL, RETURNS_STRUCT(uuid_shape), 0, run_query_uuid },
    { "query-target", "the guest's architecture", NULL, RETURNS_STRUCT(target_shape), 0, run_query_target },
    { "query-kvm", "whether KVM runs the machine", NULL, RETURNS_STRUCT(kvm_shape), 0, run_query_kvm },
    { "query-accelerators", "what runs the machine, and what could", NULL, RETURNS_STRUCT(accelerator_shape), 0,
      run_query_accelerators },
    { "query-cpus-fast", "the CPUs, with their threads on the host", NULL, RETURNS_LIST(cpu_shape), 0, run_query_cpus },
    { "query-hotpluggable-cpus", "CPUs that may be added", NULL, RETURNS_LIST(hotpluggable_shape), 0,
      run_query_hotpluggable_cpus },
    { "query-memory-size-summary", "how much memory the machine has", NULL, RETURNS_STRUCT(memory_shape), 0,
      run_query_memory },
    { "query-memdev", "memory backends", NULL, RETURNS_LIST(memdev_shape), 0, run_query_memdev },
    { "query-current-machine", "what the machine can do", NULL, RETURNS_STRUCT(current_shape), 0,
      run_query_current_machine },
    { NULL },
};
/* clang-format on */
