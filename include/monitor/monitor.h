/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor (HMP): commands over a chardev. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Chardev Chardev;
typedef struct Machine Machine;
typedef struct Monitor Monitor;

/* One command.  args: the rest of the line, blanks trimmed.  Output goes to out.
 * On error an "Error: ..." line is printed. */
typedef struct MonitorCommand {
    const char *name, *args, *help;
    bool (*run)(Machine *m, const char *args, GString *out, GError **err);
} MonitorCommand;

/* Run one line as typed and return what it prints (human-monitor-command). */
char *monitor_run_line(Machine *m, const char *line);

/* The monitors of one machine. */
typedef struct Monitors Monitors;
Monitors *monitors_new(Machine *m);
void monitors_free(Monitors *all); /* NULL is fine */
Monitor *monitor_new(Monitors *all, Chardev *chr, bool control, GError **err) G_GNUC_WARN_UNUSED_RESULT;
