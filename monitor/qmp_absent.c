/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about what this program has not got, and requests to it.  A list that is empty is the truth, and stays so until
 * that thing is built; a request is answered as by a QEMU whose machine has no such thing. */
#include "monitor/command.h"

typedef struct Nothing {
    char *name;
    int64_t number;
    int choice;
    bool flag;
} Nothing;
typedef struct SpiceInfo {
    bool enabled, migrated;
    int mouse;
} SpiceInfo;

static const char *const mouse_modes[] = { "client", "server", "unknown", NULL };
static const char *const tpm_models[] = { "tpm-tis", "tpm-crb", "tpm-spapr", NULL };
static const char *const tpm_types[] = { "passthrough", "emulator", NULL };
/* clang-format off */
static const char *const memory_device_types[] = { "dimm", "nvdimm", "virtio-pmem", "virtio-mem", NULL };
static const char *const audio_drivers[] = {
    "none", "alsa", "dbus", "jack", "oss", "pa", "pipewire", "sdl", "spice", "wav", NULL,
};
static const char *const yank_types[] = { "block-node", "chardev", "migration", NULL };
static const char *const ospm_types[] = { "DIMM", "CPU", NULL };
static const char *const replay_modes[] = { "none", "record", "play", NULL };
static const char *const dump_statuses[] = { "none", "active", "completed", "failed", NULL };
/* clang-format on */
static const Prop tpm_options_props[] = { { "type", PROP_ENUM, 0, .required = true, .names = tpm_types },
                                          { NULL } };
static const Shape tpm_options_shape = { "TpmTypeOptions", sizeof(int), tpm_options_props };

/* Shapes of elements of lists that are empty: none is ever made, so all their fields may be the same. */
#define T Nothing
#define TEXT(member_name)                                                                                    \
    {                                                                                                        \
        member_name, PROP_STRING, ALWAYS(name)                                                               \
    }
#define NUMBER(member_name)                                                                                  \
    {                                                                                                        \
        member_name, PROP_I64, ALWAYS(number)                                                                \
    }
#define CHOICE(member_name, table)                                                                           \
    {                                                                                                        \
        member_name, PROP_ENUM, ALWAYS(choice), .names = table                                               \
    }
#define FLAG(member_name)                                                                                    \
    {                                                                                                        \
        member_name, PROP_BOOL, ALWAYS(flag)                                                                 \
    }
/* clang-format off */
static const Prop tpm_props[] = {
    TEXT("id"), CHOICE("model", tpm_models), { "options", PROP_STRUCT, ALWAYS(name), .of = &tpm_options_shape }, { NULL },
};
static const Prop memory_device_props[] = { CHOICE("type", memory_device_types), { NULL } };
static const Prop audio_props[] = { TEXT("id"), CHOICE("driver", audio_drivers), { NULL } };
static const Prop yank_props[] = { CHOICE("type", yank_types), { NULL } };
static const Prop pr_manager_props[] = { TEXT("id"), FLAG("connected"), { NULL } };
static const Prop gic_props[] = { NUMBER("version"), FLAG("emulated"), FLAG("kernel"), { NULL } };
static const Prop ospm_props[] = {
    TEXT("slot"), CHOICE("slot-type", ospm_types), NUMBER("source"), NUMBER("status"), { NULL },
};
static const Prop generation_props[] = { TEXT("guid"), { NULL } };
/* These are made: with zeroes. */
static const Prop replay_props[] = { CHOICE("mode", replay_modes), NUMBER("icount"), { NULL } };
static const Prop dump_props[] = { CHOICE("status", dump_statuses), NUMBER("completed"), NUMBER("total"), { NULL } };
/* clang-format on */
#undef T
static const Shape tpm_shape = { "TPMInfo", sizeof(Nothing), tpm_props };
static const Shape memory_device_shape = { "MemoryDeviceInfo", sizeof(Nothing), memory_device_props };
static const Shape audio_shape = { "Audiodev", sizeof(Nothing), audio_props };
static const Shape yank_shape = { "YankInstance", sizeof(Nothing), yank_props };
static const Shape pr_manager_shape = { "PRManagerInfo", sizeof(Nothing), pr_manager_props };
static const Shape gic_shape = { "GICCapability", sizeof(Nothing), gic_props };
static const Shape ospm_shape = { "ACPIOSTInfo", sizeof(Nothing), ospm_props };
static const Shape generation_shape = { "GuidInfo", sizeof(Nothing), generation_props };
static const Shape replay_shape = { "ReplayInfo", sizeof(Nothing), replay_props };
static const Shape dump_shape = { "DumpQueryResult", sizeof(Nothing), dump_props };
#define T SpiceInfo
static const Prop spice_props[] = {
    { "enabled", PROP_BOOL, ALWAYS(enabled) },
    { "migrated", PROP_BOOL, ALWAYS(migrated) },
    { "mouse-mode", PROP_ENUM, ALWAYS(mouse), .names = mouse_modes },
    { NULL },
};
#undef T
static const Shape spice_shape = { "SpiceInfo", sizeof(SpiceInfo), spice_props };

static bool run_empty(Control *c, const void *args, void *result, GError **err)
{
    return true;
}

static bool run_gic(Control *c, const void *args, void *result, GError **err)
{
    return command_error(err, ERROR_GENERIC, "GIC hardware is not available on this target");
}

static bool run_generation_id(Control *c, const void *args, void *result, GError **err)
{
    return command_error(err, ERROR_GENERIC, "VM Generation ID device not found");
}

static bool run_ospm(Control *c, const void *args, void *result, GError **err)
{
    return command_error(err, ERROR_GENERIC, "command is not supported, missing ACPI device");
}

/* clang-format off */
const Command commands_absent[] = {
    { "query-memory-devices", "memory that was plugged in: there is none", NULL, RETURNS_LIST(memory_device_shape), 0,
      run_empty },
    { "query-tpm", "trusted platform modules: there are none", NULL, RETURNS_LIST(tpm_shape), 0, run_empty },
    { "query-tpm-models", "kinds of them: there are none", NULL, RETURNS_ENUMS(tpm_models), 0, run_empty },
    { "query-tpm-types", "kinds of their host ends: there are none", NULL, RETURNS_ENUMS(tpm_types), 0, run_empty },
    { "query-spice", "the SPICE server: there is none", NULL, RETURNS_STRUCT(spice_shape), 0, run_empty },
    { "query-audiodevs", "sound: there is none", NULL, RETURNS_LIST(audio_shape), 0, run_empty },
    { "query-yank", "connections that can be broken off: there are none", NULL, RETURNS_LIST(yank_shape), COMMAND_OOB,
      run_empty },
    { "query-pr-managers", "helpers for reservations: there are none", NULL, RETURNS_LIST(pr_manager_shape), 0, run_empty },
    { "query-replay", "recording of machines: there is none", NULL, RETURNS_STRUCT(replay_shape), 0, run_empty },
    { "query-dump", "how far a dump is: there is none", NULL, RETURNS_STRUCT(dump_shape), 0, run_empty },
    { "query-gic-capabilities", "interrupt controllers of Arm machines", NULL, RETURNS_LIST(gic_shape), 0, run_gic },
    { "query-vm-generation-id", "of a device that is not there", NULL, RETURNS_STRUCT(generation_shape), 0,
      run_generation_id },
    { "query-acpi-ospm-status", "of devices that are not there", NULL, RETURNS_LIST(ospm_shape), 0, run_ospm },
    { NULL },
};
/* clang-format on */
