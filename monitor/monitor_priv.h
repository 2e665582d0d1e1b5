/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of monitor/ share. */
#pragma once
#include <glib.h>
#include <stdint.h>

#include "monitor/monitor.h"

typedef struct CPU CPU;
typedef struct QmpSession QmpSession;
typedef struct QmpTask QmpTask;

/* A command of the human monitor.  args: the rest of the line, blanks trimmed.  Output goes to out.  On error an
 * "Error: ..." line is printed. */
typedef struct MonitorCommand {
    const char *name, *args, *help;
    bool (*run)(Machine *m, const char *args, GString *out, GError **err);
    /* Instead of run: the control protocol's command that does it, with the words of the line in the order of its
     * arguments, and what is printed of its result (NULL: nothing). */
    const char *does;
    void (*show)(const void *result, GString *out);
} MonitorCommand;

/* ---- monitor.c ---- */
Machine *monitors_machine(const Monitors *all);
void monitors_add_session(Monitors *all, QmpSession *session);
void monitors_end_session(Monitors *all, QmpSession *session); /* frees it */
void monitors_add_task(Monitors *all, QmpTask *task);
unsigned monitors_tasks(const Monitors *all);         /* that have not ended */
void monitors_end_task(Monitors *all, QmpTask *task); /* frees it */
void monitors_own(Monitors *all, void *memory);       /* g_free with the monitors */

/* A mistake in how a command was written: followed by `Try "help NAME"`. */
bool monitor_syntax_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
bool monitor_error(GError **err, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Tables end with a NULL name. A name may have a short form: "stop|s". */
extern const MonitorCommand monitor_commands[]; /* commands.c */
extern const MonitorCommand monitor_infos[];    /* info.c */
const MonitorCommand *monitor_find(const MonitorCommand *table, const char *name);
bool monitor_has_name(const MonitorCommand *c, const char *name);
/* Run "name args" from a table; prefix: "info " or "". */
void monitor_dispatch(Machine *m, const MonitorCommand *table, const char *prefix, const char *line,
                      GString *out);
void monitor_help_all(const MonitorCommand *table, const char *prefix, GString *out);

/* unbuilt.c: why a command that QEMU has (of `info` or not) is not here; NULL: there is none. */
const char *monitor_why_unbuilt(bool info, const char *name);

/* The CPU of `cpu N`, NULL when the machine has none. */
CPU *monitor_cpu(Machine *m);
bool monitor_set_cpu(Machine *m, unsigned index);

/* expr.c: text from *at on, moved past what was read. */
bool monitor_expr(Machine *m, const char **at, uint64_t *value, GError **err);

/* What `info` prints of a result (MonitorCommand.show), beside its command. */
void monitor_show_block_jobs(const void *result, GString *out);
void monitor_show_blockstats(const void *result, GString *out);
void monitor_show_iothreads(const void *result, GString *out);
void monitor_show_mice(const void *result, GString *out);
void monitor_show_pci(const void *result, GString *out);

/* disks.c */
bool monitor_cmd_block_job_cancel(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_block_resize(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_block_set_io_throttle(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_block_stream(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_drive_backup(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_drive_mirror(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_nbd_server_add(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_nbd_server_remove(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_nbd_server_start(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_snapshot_blkdev(Machine *m, const char *args, GString *out, GError **err);

/* snapshots.c */
bool monitor_cmd_delvm(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_loadvm(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_savevm(Machine *m, const char *args, GString *out, GError **err);
bool monitor_info_snapshots(Machine *m, const char *args, GString *out, GError **err);

/* qmp_trace.c */
bool monitor_info_trace_events(Machine *m, const char *args, GString *out, GError **err);

/* hostends.c */
bool monitor_cmd_hostfwd_add(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_hostfwd_remove(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_ringbuf_read(Machine *m, const char *args, GString *out, GError **err);

/* qmp_input.c */
bool monitor_cmd_mouse_button(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_mouse_move(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_mouse_set(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_sendkey(Machine *m, const char *args, GString *out, GError **err);

/* qmp_screen.c */
bool monitor_info_vnc(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_set_password(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_expire_password(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_change(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_screendump(Machine *m, const char *args, GString *out, GError **err);

/* dump.c */
bool monitor_cmd_x(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_xp(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_print(Machine *m, const char *args, GString *out, GError **err);
