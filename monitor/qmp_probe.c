/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What managers ask before they start a machine: which machines and CPUs there are, what options take, what is measured. */
#include <string.h>

#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/object.h"
#include "monitor/command.h"
#include "monitor/qmp_info.h"
#include "net/net.h"
#include "target/cpu.h"

/* ---- machines ------------------------------------------------------------ */

typedef struct MachineInfo {
    char *name, *alias, *cpu, *ram;
    bool is_default, has_is_default;
    int64_t cpus;
    bool no; /* what no machine here can: false */
} MachineInfo;
typedef struct CompatFilter {
    bool compat, has_compat;
} CompatFilter;

#define T MachineInfo
static const Prop machine_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "alias", PROP_STRING, MAYBE(alias) },
    { "is-default", PROP_BOOL, MAYBE_HAS(is_default) },
    { "cpu-max", PROP_I64, ALWAYS(cpus) },
    { "hotpluggable-cpus", PROP_BOOL, ALWAYS(no) },
    { "numa-mem-supported", PROP_BOOL, ALWAYS(no) },
    { "deprecated", PROP_BOOL, ALWAYS(no) },
    { "default-cpu-type", PROP_STRING, MAYBE(cpu) },
    { "default-ram-id", PROP_STRING, MAYBE(ram) },
    { "acpi", PROP_BOOL, ALWAYS(no) },
    { NULL },
};
#undef T
static const Shape machine_shape = { "MachineInfo", sizeof(MachineInfo), machine_props };
#define T CompatFilter
static const Prop compat_props[] = { { "compat-props", PROP_BOOL, MAYBE_HAS(compat) }, { NULL } };
#undef T
static const Shape compat_shape = { "MachineFilter", sizeof(CompatFilter), compat_props };

static bool run_query_machines(Control *c, const void *args, void *result, GError **err)
{
    for (const BoardClass *const *b = board_classes; *b; b++) {
        if (!g_str_equal((*b)->arch, c->machine->board->arch)) {
            continue;
        }
        MachineInfo *info = prop_list_add(result, &machine_shape);
        info->name = g_strdup((*b)->name);
        info->alias = (*b)->aliases ? g_strdup((*b)->aliases[0]) : NULL;
        info->cpus = (*b)->max_cpus;
        info->ram = g_strdup((*b)->ram_id);
        info->cpu = (*b)->default_cpu ? cpu_type_name(cpu_arch_find((*b)->arch), (*b)->default_cpu) : NULL;
    }
    return true;
}

/* ---- CPUs ---------------------------------------------------------------- */

typedef struct CpuDefinition {
    char *name, *type;
    bool fixed, deprecated;
} CpuDefinition;

#define T CpuDefinition
static const Prop cpu_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "typename", PROP_STRING, ALWAYS(type) },
    { "static", PROP_BOOL, ALWAYS(fixed) },
    { "deprecated", PROP_BOOL, ALWAYS(deprecated) },
    { NULL },
};
#undef T
static const Shape cpu_shape = { "CpuDefinitionInfo", sizeof(CpuDefinition), cpu_props };

static bool run_query_cpu_definitions(Control *c, const void *args, void *result, GError **err)
{
    const CPUArch *arch = c->machine->board->cpu_arch(c->machine->config);
    const char *name;
    for (unsigned n = 0; (name = arch->model_name(n)); n++) {
        CpuDefinition *info = prop_list_add(result, &cpu_shape);
        info->name = g_strdup(name);
        info->type = cpu_type_name(arch, name);
    }
    return true;
}

typedef struct CpuModel {
    char *name;
    json_object *props;
} CpuModel;
typedef struct ModelExpansion {
    int type;
    CpuModel *model;
} ModelExpansion;

static const char *const expansion_types[] = { "static", "full", NULL };

#define T CpuModel
static const Prop model_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "props", PROP_ANY, MAYBE(props) },
    { NULL },
};
#undef T
static const Shape model_shape = { "CpuModelInfo", sizeof(CpuModel), model_props };
#define T ModelExpansion
static const Prop expansion_props[] = {
    { "type", PROP_ENUM, ALWAYS(type), .names = expansion_types },
    { "model", PROP_STRUCT, ALWAYS(model), .of = &model_shape },
    { NULL },
};
static const Prop expanded_props[] = { { "model", PROP_STRUCT, ALWAYS(model), .of = &model_shape },
                                       { NULL } };
#undef T
static const Shape expansion_shape = { "CpuModelExpansion", sizeof(ModelExpansion), expansion_props };
static const Shape expanded_shape = { "CpuModelExpansionInfo", sizeof(ModelExpansion), expanded_props };

/* Managers take this answer, and then leave CPU models as the user writes them; they give up where the command is unknown. */
static bool run_expansion(Control *c, const void *args, void *result, GError **err)
{
    const ModelExpansion *a = args;
    return command_error(err, ERROR_GENERIC,
                         "the features of CPU model '%s' cannot be told; -cpu %s,FEATURE=on|off sets them",
                         a->model->name, a->model->name);
}

/* ---- how machines can be moved -------------------------------------------- */

typedef struct Capability {
    int capability;
    bool state;
} Capability;
typedef struct Capabilities {
    PropList list;
} Capabilities;

static const char *const migration_capabilities[] = { "events", NULL };

#define T Capability
static const Prop capability_props[] = {
    { "capability", PROP_ENUM, ALWAYS(capability), .names = migration_capabilities },
    { "state", PROP_BOOL, ALWAYS(state) },
    { NULL },
};
#undef T
static const Shape capability_shape = { "MigrationCapabilityStatus", sizeof(Capability), capability_props };
#define T Capabilities
static const Prop capabilities_props[] = {
    { "capabilities", PROP_STRUCT, ALWAYS(list), .list = true, .of = &capability_shape },
    { NULL },
};
#undef T
static const Shape capabilities_shape = { "MigrationCapabilities", sizeof(Capabilities), capabilities_props };

/* Events of a migration come whenever there is one: the only capability, and it cannot be off. */
static bool run_query_capabilities(Control *c, const void *args, void *result, GError **err)
{
    Capability *info = prop_list_add(result, &capability_shape);
    info->state = true;
    return true;
}

static bool run_set_capabilities(Control *c, const void *args, void *result, GError **err)
{
    const Capabilities *a = args;
    for (size_t i = 0; i < a->list.count; i++) {
        const Capability *want = prop_list_struct(&a->list, i);
        if (!want->state) {
            return command_error(
                err, ERROR_GENERIC,
                "capability 'events' cannot be switched off: events of a migration are always told");
        }
    }
    return true;
}

/* ---- what options take --------------------------------------------------- */

enum { PARAMETER_STRING, PARAMETER_BOOLEAN, PARAMETER_NUMBER, PARAMETER_SIZE };
static const char *const parameter_types[] = { "string", "boolean", "number", "size", NULL };
typedef struct ParameterInfo {
    char *name, *help, *preset; /* preset: as QEMU's schema has it, and never told */
    int type;
} ParameterInfo;
typedef struct OptionInfo {
    char *option;
    PropList parameters;
} OptionInfo;
typedef struct OptionFilter {
    char *option;
} OptionFilter;

#define T ParameterInfo
static const Prop parameter_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "type", PROP_ENUM, ALWAYS(type), .names = parameter_types },
    { "help", PROP_STRING, MAYBE(help) },
    { "default", PROP_STRING, MAYBE(preset) },
    { NULL },
};
#undef T
static const Shape parameter_shape = { "CommandLineParameterInfo", sizeof(ParameterInfo), parameter_props };
#define T OptionInfo
static const Prop option_props[] = {
    { "option", PROP_STRING, ALWAYS(option) },
    { "parameters", PROP_STRUCT, ALWAYS(parameters), .list = true, .of = &parameter_shape },
    { NULL },
};
#undef T
static const Shape option_shape = { "CommandLineOptionInfo", sizeof(OptionInfo), option_props };
#define T OptionFilter
static const Prop option_filter_props[] = { { "option", PROP_STRING, MAYBE(option), .help = "this one" },
                                            { NULL } };
#undef T
static const Shape option_filter_shape = { "OptionFilter", sizeof(OptionFilter), option_filter_props };

static int parameter_type(const Prop *p)
{
    const char *json = prop_json_type(p);
    return p->kind == PROP_SIZE           ? PARAMETER_SIZE
           : g_str_equal(json, "boolean") ? PARAMETER_BOOLEAN
           : g_str_equal(json, "integer") ? PARAMETER_NUMBER
                                          : PARAMETER_STRING;
}

static void add_parameters(OptionInfo *info, const Prop *props)
{
    for (const Prop *p = props; p && p->name; p++) {
        if (prop_is_listed(p)) {
            ParameterInfo *one = prop_list_add(&info->parameters, &parameter_shape);
            one->name = g_strdup(p->name);
            one->type = parameter_type(p);
            one->help = g_strdup(p->help);
        }
    }
}

static void add_option(PropList *list, const OptionFilter *f, const char *name, const Prop *props,
                       const Prop *more)
{
    if (!f->option || g_str_equal(f->option, name)) {
        OptionInfo *info = prop_list_add(list, &option_shape);
        info->option = g_strdup(name);
        add_parameters(info, props);
        add_parameters(info, more);
    }
}

/* Those whose rows are known below the command line. */
static bool run_query_options(Control *c, const void *args, void *result, GError **err)
{
    const OptionFilter *f = args;
    PropList *list = result;
    add_option(list, f, "machine", machine_options, c->machine->board->options);
    add_option(list, f, "drive", drive_shape.props, NULL);
    add_option(list, f, "netdev", netdev_shape.props, NULL);
    add_option(list, f, "chardev", chardev_shape.props, NULL);
    add_option(list, f, "object", object_shape.props, NULL);
    add_option(list, f, "device", device_shape.props, NULL);
    return !f->option || list->count ||
           command_error(err, ERROR_GENERIC, "invalid option name: %s", f->option);
}

/* ---- a measurement that nobody has begun --------------------------------- */

static const char *const rate_statuses[] = { "unstarted", "measuring", "measured", NULL };
static const char *const rate_modes[] = { "page-sampling", "dirty-ring", "dirty-bitmap", NULL };
static const char *const time_units[] = { "second", "millisecond", NULL };
typedef struct DirtyRate {
    int status, unit, mode;
    int64_t start, time, pages;
} DirtyRate;
typedef struct DirtyRateUnit {
    int unit;
} DirtyRateUnit;

#define T DirtyRate
static const Prop rate_props[] = {
    { "status", PROP_ENUM, ALWAYS(status), .names = rate_statuses },
    { "start-time", PROP_I64, ALWAYS(start) },
    { "calc-time", PROP_I64, ALWAYS(time) },
    { "calc-time-unit", PROP_ENUM, ALWAYS(unit), .names = time_units },
    { "sample-pages", PROP_I64, ALWAYS(pages) },
    { "mode", PROP_ENUM, ALWAYS(mode), .names = rate_modes },
    { NULL },
};
#undef T
static const Shape rate_shape = { "DirtyRateInfo", sizeof(DirtyRate), rate_props };
#define T DirtyRateUnit
static const Prop rate_unit_props[] = { { "calc-time-unit", PROP_ENUM, MAYBE(unit), .names = time_units },
                                        { NULL } };
#undef T
static const Shape rate_unit_shape = { "DirtyRateUnit", sizeof(DirtyRateUnit), rate_unit_props };

static bool run_query_dirty_rate(Control *c, const void *args, void *result, GError **err)
{
    const DirtyRateUnit *a = args;
    DirtyRate *rate = result;
    rate->unit = a->unit;
    return true;
}

static bool run_empty(Control *c, const void *args, void *result, GError **err)
{
    return true;
}

/* ---- statistics of an accelerator or device: none keeps any --------------- */

static const char *const stats_targets[] = { "vm", "vcpu", "cryptodev", NULL };
static const char *const stats_providers[] = { "kvm", "cryptodev", NULL };
typedef struct StatsFilter {
    int target, provider;
    bool has_provider;
    PropList providers, vcpus;
} StatsFilter;
typedef struct StatsRequest {
    int provider;
    PropList names;
} StatsRequest;
typedef struct StatsResult {
    int provider, target;
    char *path;
    PropList stats;
} StatsResult;

#define T StatsRequest
static const Prop stats_request_props[] = {
    { "provider", PROP_ENUM, ALWAYS(provider), .names = stats_providers },
    { "names", PROP_STRING, MAYBE(names), .list = true },
    { NULL },
};
#undef T
static const Shape stats_request_shape = { "StatsRequest", sizeof(StatsRequest), stats_request_props };
#define T StatsFilter
static const Prop stats_vcpu_props[] = { { "vcpus", PROP_STRING, MAYBE(vcpus), .list = true }, { NULL } };
static const Prop stats_filter_props[] = {
    { "target", PROP_ENUM, ALWAYS(target), .names = stats_targets },
    { "providers", PROP_STRUCT, MAYBE(providers), .list = true, .of = &stats_request_shape },
    { NULL },
};
static const Prop stats_provider_props[] = {
    { "provider", PROP_ENUM, MAYBE_HAS(provider), .names = stats_providers },
    { NULL },
};
#undef T
static const Shape stats_vcpu_shape = { "StatsVCPUFilter", sizeof(StatsFilter), stats_vcpu_props };
static const Shape *const stats_arms[] = { NULL, &stats_vcpu_shape, NULL, NULL };
static const Shape stats_filter_shape = { "StatsFilter", sizeof(StatsFilter), stats_filter_props,
                                          .tag = &stats_filter_props[0], .arms = stats_arms };
static const Shape stats_provider_shape = { "StatsProvider", sizeof(StatsFilter), stats_provider_props };
/* None is ever made. */
static const char *const stat_types[] = { "cumulative",       "instant",        "peak",
                                          "linear-histogram", "log2-histogram", NULL };
typedef struct Stat {
    char *name;
    int type;
    int64_t exponent;
    json_object *value;
} Stat;

#define T Stat
static const Prop stat_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "value", PROP_ANY, ALWAYS(value) },
    { NULL },
};
static const Prop stat_kind_props[] = {
    { "name", PROP_STRING, ALWAYS(name) },
    { "type", PROP_ENUM, ALWAYS(type), .names = stat_types },
    { "exponent", PROP_I64, ALWAYS(exponent) },
    { NULL },
};
#undef T
static const Shape stat_shape = { "Stats", sizeof(Stat), stat_props };
static const Shape stat_kind_shape = { "StatsSchemaValue", sizeof(Stat), stat_kind_props };
#define T StatsResult
static const Prop stats_result_props[] = {
    { "provider", PROP_ENUM, ALWAYS(provider), .names = stats_providers },
    { "qom-path", PROP_STRING, MAYBE(path) },
    { "stats", PROP_STRUCT, ALWAYS(stats), .list = true, .of = &stat_shape },
    { NULL },
};
static const Prop stats_schema_props[] = {
    { "provider", PROP_ENUM, ALWAYS(provider), .names = stats_providers },
    { "target", PROP_ENUM, ALWAYS(target), .names = stats_targets },
    { "stats", PROP_STRUCT, ALWAYS(stats), .list = true, .of = &stat_kind_shape },
    { NULL },
};
#undef T
static const Shape stats_result_shape = { "StatsResult", sizeof(StatsResult), stats_result_props };
static const Shape stats_schema_shape = { "StatsSchema", sizeof(StatsResult), stats_schema_props };

/* clang-format off */
const Command commands_probe[] = {
    { "query-machines", "machines that -machine knows", &compat_shape, RETURNS_LIST(machine_shape), 0, run_query_machines },
    { "query-cpu-definitions", "models that -cpu knows", NULL, RETURNS_LIST(cpu_shape), 0, run_query_cpu_definitions },
    { "query-cpu-model-expansion", "what a CPU model stands for", &expansion_shape, RETURNS_STRUCT(expanded_shape), 0,
      run_expansion },
    { "query-stats", "statistics of accelerators and devices: none keeps any", &stats_filter_shape,
      RETURNS_LIST(stats_result_shape), 0, run_empty },
    { "query-stats-schemas", "which there are: none", &stats_provider_shape, RETURNS_LIST(stats_schema_shape), 0, run_empty },
    { "query-migrate-capabilities", "how machines can be moved", NULL, RETURNS_LIST(capability_shape), 0,
      run_query_capabilities },
    { "migrate-set-capabilities", "how they are to be moved", &capabilities_shape, NULL, 0, run_set_capabilities },
    { "query-command-line-options", "what options take", &option_filter_shape, RETURNS_LIST(option_shape), 0,
      run_query_options },
    { "query-dirty-rate", "how fast the guest writes memory: not measured", &rate_unit_shape, RETURNS_STRUCT(rate_shape), 0,
      run_query_dirty_rate },
    { NULL },
};
/* clang-format on */
