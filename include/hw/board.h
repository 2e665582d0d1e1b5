/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine and the board (machine type) that builds it. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/device.h"
#include "hw/runstate.h"
#include "base/memory.h"

typedef struct CPU CPU;
typedef struct CPUArch CPUArch;
typedef struct Accel Accel;
typedef struct BoardClass BoardClass;
typedef struct FwCfg FwCfg;
typedef struct PcIrqs PcIrqs;
typedef struct BlockBackend BlockBackend;
typedef struct Chardevs Chardevs;
typedef struct Clock Clock;
typedef struct Consoles Consoles;
typedef struct Drives Drives;
typedef struct EventLoop EventLoop;
typedef struct Events Events;
typedef struct Nets Nets;
typedef struct Objects Objects;
typedef struct Clipboard Clipboard;
typedef struct Inputs Inputs;
typedef struct Migration Migration;
typedef struct GlobalProp GlobalProp;
typedef struct VncServer VncServer;

enum { MACHINE_MAX_CPUS = 64, MACHINE_MAX_SERIALS = 4, MACHINE_MAX_PFLASH = 2 };

/* The clock behind the guest's real-time clock: the host's wall clock; or, from its time at start on,
 * the monotonic clock (rt), or the virtual one, which stops with the machine (vm). */
typedef enum RtcClock { RTC_HOST, RTC_RT, RTC_VM } RtcClock;

/* What the user asked for, parsed and checked by the command line.  Strings
 * are owned by the config. */
typedef struct MachineConfig {
    const BoardClass *board;
    struct json_object *board_options; /* -machine key=value left to the board; NULL: none */
    uint64_t ram_size;                 /* bytes */
    struct Object *ram_backend;        /* -machine memory-backend=, or NULL */
    unsigned cpus, max_cpus, sockets, dies, cores, threads; /* dies of a socket, cores of a die */
    char *cpu_model; /* "rv64,sv48=on", or NULL for the board's default */
    char *bios, *kernel, *initrd, *append, *dtb, *dumpdtb;
    struct Chardev *serial[MACHINE_MAX_SERIALS]; /* NULL: not connected */
    BlockBackend *pflash[MACHINE_MAX_PFLASH];
    uint8_t uuid[16];
    bool uuid_set;
    char *name;
    RunActions actions; /* -action, -no-reboot, -no-shutdown */
    bool start_paused, nodefaults;
    bool boot_menu, boot_strict; /* -boot, for firmware that asks */
    bool boot_splash_given, boot_fail_wait_given;
    uint32_t boot_splash_ms, boot_fail_wait_ms;
    int64_t rtc_offset_ns; /* guest RTC = host clock + this */
    RtcClock rtc_clock;    /* -rtc clock= */
} MachineConfig;

enum { MACHINE_PORTS = 1 << 16 };

/* What the rooms above a machine (the monitor, the debugger's server) ask of each other: they are
 * neighbours that do not know each other, and who made both (system/) carries it out. */
typedef struct MachineServices MachineServices;
struct MachineServices {
    /* What the monitor prints for a line as typed. */
    char *(*run_command)(MachineServices *s, const char *line);
    /* Serve a debugger on this device; "none": no longer. */
    bool (*serve_debugger)(MachineServices *s, const char *device, GError **err);
};

struct Machine {
    Events *events;  /* what happens to it, for whoever manages it */
    EventLoop *loop; /* whose thread carries out what "the main loop" does */
    Clock *clock;    /* stops with the machine */

    /* Host ends, and what else the user gave a name: ids are looked up here. */
    Chardevs *chardevs;
    Drives *drives;
    Nets *nets;
    Objects *objects;
    Consoles *consoles;
    Inputs *inputs;
    Clipboard *clipboard;
    int display;        /* DisplayType (ui/display.h): what shows the consoles */
    VncServer *vnc;     /* and over the network; NULL: none */
    GPtrArray *globals; /* of GlobalProp, in the order given: the last wins */
    RunControl *run;
    MachineServices *services; /* NULL: nobody gives any */
    unsigned monitor_cpu;      /* whose registers and memory the monitor's commands mean */

    const MachineConfig *config; /* this and what follows: from machine_build on */
    const BoardClass *board;
    Accel *accel;
    Accel *reserve;       /* another one, to which the vCPUs may be handed (machine_hand_over); NULL: none */
    AddressSpace *memory; /* what CPUs and DMA see */
    MemoryRegion system;  /* root container */
    AddressSpace *io;     /* ports: of CPUs that have such instructions, and of PCI's I/O BARs */
    MemoryRegion ports;   /* its root, 64 KiB */
    MemoryRegion ram;
    CPU *cpus[MACHINE_MAX_CPUS];
    unsigned cpu_count;
    GPtrArray *devices; /* of Device, in order of creation (reset order) */
    GPtrArray *buses;   /* of Bus */
    GPtrArray *blobs;   /* what the loader puts in memory at reset (hw/loader.h), or NULL */
    PcIrqs *pc_irqs;    /* of a PC */
    FwCfg *fw_cfg;      /* NULL when the board has none */
    /* Takes message-signalled interrupts for the board's controllers, or NULL: there are none.  Any
     * thread, any lock.  False: nothing is at addr. */
    bool (*msi_send)(Machine *m, uint64_t addr, uint32_t data);
    Irq powerdown;        /* raised by runstate_request_powerdown */
    Irq nmi;              /* pulsed by inject-nmi; not connected: the board has no such button */
    bool dump_guest_core; /* RAM is part of a core dump of this process */
    Migration *migration; /* its state goes elsewhere, or comes from there (hw/migration.h) */
    void *board_data;     /* the board's own */
};

struct BoardClass {
    const char *name; /* "virt" */
    const char *const *aliases;
    const char *desc; /* in -machine help */
    const char *arch; /* "riscv64": which guest program name it belongs to */
    const CPUArch *(*cpu_arch)(const MachineConfig *config);
    const char *default_cpu;
    const char *ram_id; /* name of RAM, and by custom of the object behind it */
    uint64_t default_ram;
    unsigned max_cpus;
    bool has_dies;            /* -smp dies= */
    const char *default_nic;  /* device of -nic/-net nic without a model */
    const char *block_device; /* what if=virtio drives become: "virtio-blk-device" or "...-pci" */
    const Prop *options;      /* of -machine, offsets into board_data; NULL-terminated */
    size_t board_size;        /* of board_data, which options are parsed into */
    /* Place CPUs, memory, devices.  Devices of -device are added after this. */
    bool (*build)(Machine *m, GError **err);
    /* All devices are there: load firmware and kernel, write the device tree. */
    bool (*finish)(Machine *m, GError **err);
    void (*destroy)(Machine *m); /* free what build made that is no device */
    bool is_default;
    unsigned irqchips; /* bits 1 << AccelIrqchip: its interrupt controllers may be the accelerator's */
};

/* Those that exist, and the list of them. */
extern const BoardClass riscv64_virt_board, riscv32_virt_board, riscv64_none_board, riscv32_none_board;
extern const BoardClass x86_64_microvm_board, i386_microvm_board;
extern const BoardClass x86_64_bare_board, i386_bare_board, x86_64_none_board, i386_none_board;
extern const BoardClass *const board_classes[]; /* ends with NULL; hw/boards.c */

/* Options of -machine that every board has: offsets into Machine; ends with a NULL name. */
extern const Prop machine_options[];

/* In this order: an empty machine, for which host ends are opened; its board; after the user's
 * devices, firmware and kernel.  What failed is freed like what did not.  The config stays the
 * caller's, who keeps it as long as the machine. */
Machine *machine_new(EventLoop *loop);
bool machine_build(Machine *m, const MachineConfig *config, Accel *accel,
                   GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool machine_finish(Machine *m, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* For boards: make m->ram, of what the user gave for it. */
bool machine_init_ram(Machine *m, uint64_t size, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void machine_free(Machine *m); /* with its host ends; its accelerator is closed before; NULL is fine */
/* For boards: connect a device's output to the controllers that the accelerator has, as line gsi of
 * them, or, when it has none, to the board's own. */
void machine_connect_irq(Machine *m, Irq *irq, unsigned gsi, IrqHandler *own, void *opaque, int line);
/* A message-signalled interrupt of a device.  False: nothing takes it. */
bool machine_send_msi(Machine *m, uint64_t addr, uint32_t data);
/* For boards, in the order of their numbers: a vCPU, run by the machine's accelerator (if it has one).
 * machine_free() frees it. */
CPU *machine_add_cpu(Machine *m, const CPUArch *arch, const char *model,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Between accel and reserve, which change places; the machine stands. */
void machine_hand_over(Machine *m);
/* All that -smp asks for, of the -cpu model or the board's default. */
bool machine_add_cpus(Machine *m, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void machine_reset(Machine *m);                              /* vCPUs are stopped by the caller */
Bus *machine_find_bus(Machine *m, const char *name);         /* by name */
Bus *machine_find_bus_of_kind(Machine *m, const char *kind); /* first with room */
Device *machine_find_device(Machine *m, const char *id_or_path);

/* -global: the default of a property for devices of a class (and of classes derived
 * from it) that are made from now on.  The value is checked at once. */
bool machine_add_global(Machine *m, const char *driver, const char *name, const char *value,
                        GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* What -device takes. */
typedef struct DeviceOptions {
    char *driver, *id, *bus;   /* the latter two may be NULL */
    struct json_object *props; /* of the class; NULL: none */
} DeviceOptions;
extern const Shape device_shape;

/* Create a device that the user asked for: class, bus= or the first fitting bus,
 * all properties (typed: they are JSON's), realize.  Errors name the value, the valid ones, the nearest. */
Device *machine_add_device(Machine *m, const DeviceOptions *o, bool typed,
                           GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* What the monitor shows, in QEMU's formats (`info mtree [-f]`, `info qtree`). */
void machine_dump_mtree(Machine *m, GString *out, bool flat);
void machine_dump_qtree(Machine *m, GString *out);
/* The names of its traced events (base/trace.h): of char *, which the array owns.  A * in one
 * stands for an index, or for names that no table has. */
GPtrArray *machine_trace_names(const Machine *m);
