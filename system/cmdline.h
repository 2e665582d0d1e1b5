/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, private to system/: options are rows of one table; parsing
 * makes a list of items; the stages of start-up take from the list what they
 * need, so the order of options is free. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/board.h"

typedef struct Monitors Monitors;
typedef struct GdbServer GdbServer;
typedef struct Confinement Confinement;
typedef struct DisplayOptions DisplayOptions;

/* clang-format off */
typedef enum OptionKind {
    OPT_NONE, /* refused rows */
    OPT_HELP, OPT_VERSION, OPT_MACHINE, OPT_ARCH, OPT_CPU, OPT_ACCEL, OPT_ENABLE_KVM, OPT_MEMORY, OPT_SMP, OPT_BIOS,
    OPT_KERNEL, OPT_APPEND, OPT_INITRD, OPT_DTB, OPT_PFLASH, OPT_FW_CFG, OPT_NAME, OPT_UUID,
    OPT_RTC, OPT_BOOT, OPT_DEVICE, OPT_GLOBAL, OPT_OBJECT, OPT_DRIVE, OPT_BLOCKDEV, OPT_HDA, OPT_SNAPSHOT,
    OPT_NETDEV, OPT_NIC, OPT_NET, OPT_CHARDEV, OPT_SERIAL, OPT_PARALLEL, OPT_MONITOR, OPT_MON, OPT_QMP, OPT_QMP_PRETTY,
    OPT_ECHR, OPT_DISPLAY, OPT_VNC, OPT_VGA, OPT_NOGRAPHIC, OPT_GDB, OPT_GDB_SHORT, OPT_PAUSED, OPT_INCOMING, OPT_LOADVM,
    OPT_NO_REBOOT, OPT_NO_SHUTDOWN, OPT_ACTION, OPT_PIDFILE, OPT_DAEMONIZE, OPT_NODEFAULTS,
    OPT_MSG, OPT_OVERCOMMIT, OPT_LOG, OPT_LOG_FILE, OPT_TRACE, OPT_DATADIR, OPT_ADD_FD, OPT_READCONFIG,
    OPT_SANDBOX, OPT_RUNAS, OPT_RUN_WITH, OPT_CHROOT,
} OptionKind;
/* clang-format on */

typedef enum OptionShape {
    SHAPE_FLAG, /* takes no argument */
    SHAPE_TEXT, /* an argument, as it is */
    SHAPE_KEYS, /* key=value,...; a bare first word is the value of `implied` */
} OptionShape;

typedef struct Option {
    const char *name; /* without the dash */
    OptionKind kind;
    OptionShape shape;
    const char *implied; /* SHAPE_KEYS: key of a bare first word */
    bool json;           /* SHAPE_KEYS: also {"key": value} */
    const Shape *takes;  /* SHAPE_KEYS: the keys, for NAME,help and "help"; NULL: any (-global) */
    const char *section; /* heading in -help, on the first row of a section */
    const char *arg;     /* as in -help, NULL: not shown (an alias or refused) */
    const char *help;    /* lines of -help, separated by \n */
    const char *refused; /* OPT_NONE: why, and what to use */
    const char *list;    /* what "help" lists, where that is one text */
    const char *already; /* OPT_NONE: taken if `implied` has this value, which is so anyway; "": a flag */
} Option;

extern const Option cmdline_options[]; /* ends with a NULL name */

/* One option as given. */
typedef struct CmdItem {
    const Option *option;
    const char *text; /* of argv, NULL for flags; "disk_image" for a bare word; "FILE:LINE" of -readconfig */
    char *where;      /* owns that of -readconfig; else NULL */
    struct json_object *values; /* SHAPE_KEYS, unless the text asks for help */
    bool typed;                 /* they are JSON's */
} CmdItem;

/* What -machine says, of all of them together; texts are NULL when they are not given. */
typedef struct MachineOptions {
    char *type, *accel, *reserve, *irqchip, *firmware, *kernel, *initrd, *append, *dtb, *dumpdtb,
        *memory_backend;
    char *pflash[MACHINE_MAX_PFLASH];
    struct json_object *board; /* the board's own */
} MachineOptions;
extern const Shape cmdline_machine_shape;

typedef struct NameOptions {
    char *guest, *process;
    bool threads;
} NameOptions;
extern const Shape cmdline_name_shape;

/* What the others take; their structs stand where they are read. */
extern const Shape cmdline_add_fd_shape, cmdline_boot_shape, cmdline_fw_cfg_shape, cmdline_memory_shape,
    cmdline_mon_shape, cmdline_msg_shape, cmdline_overcommit_shape, cmdline_rtc_shape, cmdline_run_with_shape,
    cmdline_sandbox_shape, cmdline_smp_shape, cmdline_trace_shape;

typedef struct CmdLine {
    char *program;       /* "qemu-system-riscv64": starts messages */
    const char *arch;    /* default guest, "riscv64" */
    bool arch_given;     /* by the program's name or -arch */
    GPtrArray *items;    /* of CmdItem, in order */
    GPtrArray *monitors; /* of Chardev: monitors to start when the machine is complete */
    GPtrArray *controls; /* likewise, of QMP: on one line a reply; and over several */
    GPtrArray *pretty_controls;
    MachineOptions *machine;  /* from cmdline_config on */
    GPtrArray *nics;          /* of json_object: devices of -nic and -net nic, with "driver" */
    Confinement *confinement; /* from cmdline_check_confinement on */
} CmdLine;

CmdLine *cmdline_parse(int argc, char **argv, GError **err);
void cmdline_free(CmdLine *c);
/* -readconfig (cmdline-readconfig.c): more items, from a file. */
bool cmdline_read_config(CmdLine *c, const char *path, GError **err);
/* An item of the option `name`, which takes keys; where: "FILE:LINE".  Its values, to be filled; NULL: there is none. */
struct json_object *cmdline_add_group(CmdLine *c, const char *name, const char *where, GError **err);

/* Items of a kind: how many, the i-th (0..), the last or NULL. */
unsigned cmdline_count(const CmdLine *c, OptionKind kind);
const CmdItem *cmdline_item(const CmdLine *c, OptionKind kind, unsigned i);
const CmdItem *cmdline_last(const CmdLine *c, OptionKind kind);
const char *cmdline_text(const CmdLine *c, OptionKind kind); /* of the last, or NULL */
static inline bool cmdline_has(const CmdLine *c, OptionKind kind)
{
    return cmdline_last(c, kind) != NULL;
}
/* All values of all items of a kind, later ones win; the caller's. */
struct json_object *cmdline_values(const CmdLine *c, OptionKind kind);
/* Fill a struct of this shape from an item; freed with shape_free. */
void *cmdline_shape(const CmdItem *item, const Shape *shape, GError **err);
/* The same from all items of a kind. */
void *cmdline_merged_shape(const CmdLine *c, OptionKind kind, const Shape *shape, GError **err);
/* Is the word "help" or "?"? */
bool cmdline_is_help(const char *word);
/* Does the item ask for help ("help", "?", or with prefix "NAME,help")? */
bool cmdline_wants_help(const CmdItem *item);

/* Put "-option text: " before the message. Returns false. */
bool cmdline_blame(GError **err, const CmdItem *item);
/* Set the error; returns false. */
bool cmdline_fail(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* "'WORD' is not KIND; valid: a, b, c; did you mean 'b'?" */
void cmdline_error_choice(GError **err, const char *what, const char *word, const char *const *valid);

/* ---- help (cmdline-help.c) ---- */
void cmdline_print_help(const CmdLine *c);
void cmdline_print_version(void);
/* Print each list asked for (-machine help ...).  True when there was one: exit 0. */
bool cmdline_answer_help(const CmdLine *c, GError **err);

/* ---- stages (one file each) ---- */
/* -machine -smp -m -cpu -kernel ...; the config is g_new0 */
bool cmdline_config(CmdLine *c, MachineConfig *config, GError **err);
void cmdline_config_free(MachineConfig *config);
/* Unless the guest architecture is given, a machine or a -cpu model that only another one has picks it. */
void cmdline_pick_arch(CmdLine *c);
bool cmdline_has_board(const CmdLine *c); /* named, or there is a default */
bool cmdline_is_default_board(const CmdLine *c, const BoardClass *b);
const BoardClass *cmdline_find_board(const CmdLine *c, const char *name);
/* "tcg:interp" lists of -accel and -machine accel= */
/* For guests of the architecture `arch`. */
Accel *cmdline_open_accel(const CmdLine *c, const char *arch, EventLoop *loop, GError **err);
/* -machine x-accel-reserve=; *reserve is NULL without it. */
bool cmdline_open_reserve(const CmdLine *c, const char *arch, EventLoop *loop, const Accel *accel,
                          Accel **reserve, GError **err);

/* -m and -smp (cmdline-cpus.c); the board is known */
bool cmdline_memory(const CmdLine *c, MachineConfig *config, GError **err);
bool cmdline_smp(const CmdLine *c, MachineConfig *config, GError **err);
/* -boot (cmdline-boot.c) */
bool cmdline_boot(const CmdLine *c, MachineConfig *config, GError **err);
/* -display, -vga, -parallel, -overcommit: what is asked for is so already; and -daemonize with -nographic */
bool cmdline_check_display(const CmdLine *c, GError **err);
/* -display; without it a window, if there is a display server and a screen to show.  NULL: what is asked for cannot
 * be; *asked: the user has named it. */
DisplayOptions *cmdline_display(const CmdLine *c, const Machine *m, bool *asked, GError **err);
/* -vnc: m->vnc, if one is asked for.  The devices are there. */
bool cmdline_vnc(const CmdLine *c, Machine *m, GError **err);
bool cmdline_check_overcommit(const CmdLine *c, GError **err);
/* -add-fd, before anything opens a file */
bool cmdline_fdsets(const CmdLine *c, GError **err);
/* -chardev, -object, -serial ..., before the machine is built */
bool cmdline_chardevs(const CmdLine *c, Machine *m, MachineConfig *config, GError **err);
bool cmdline_objects(const CmdLine *c, Machine *m, MachineConfig *config, GError **err);
bool cmdline_drives(const CmdLine *c, Machine *m, MachineConfig *config, GError **err);
bool cmdline_netdevs(const CmdLine *c, Machine *m, GError **err);
bool cmdline_globals(const CmdLine *c, Machine *m, GError **err);
/* -device, drives with if=virtio, -nic: between the board's build and finish */
bool cmdline_devices(const CmdLine *c, Machine *m, GError **err);
bool cmdline_fw_cfg(const CmdLine *c, Machine *m, GError **err);
/* The machine is complete. */
bool cmdline_monitors(const CmdLine *c, Monitors *monitors, GError **err);
bool cmdline_gdb(const CmdLine *c, GdbServer *gdb, GError **err);

/* ---- what the process may (confine.c) ---- */
/* -sandbox, -runas, -run-with, -chroot are looked at before anything is made, */
bool cmdline_check_confinement(CmdLine *c, GError **err);
/* and carried out when all is: the last step that can fail.  calls: of SandboxCalls, what this machine needs. */
bool cmdline_confine(const CmdLine *c, unsigned calls, GError **err);
void confinement_free(Confinement *f); /* NULL is fine */

/* ---- the process (daemon.c) ---- */
bool daemon_fork(const char *program, GError **err); /* only the child returns */
bool daemon_leave(GError **err);                     /* the terminal and the folder, while they can be left */
bool daemon_ready(GError **err);
bool daemon_write_pidfile(const char *path, GError **err);
void daemon_remove_pidfile(void);
