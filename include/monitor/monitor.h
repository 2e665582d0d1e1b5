/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors over chardevs: the human monitor (HMP), and the control protocol for programs (QMP, docs/qmp.md). */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Chardev Chardev;
typedef struct Machine Machine;

/* Run one line as typed and return what it prints (human-monitor-command). */
char *monitor_run_line(Machine *m, const char *line);

/* The monitors of one machine. */
typedef struct Monitors Monitors;
Monitors *monitors_new(Machine *m);
void monitors_free(Monitors *all); /* NULL is fine */
bool monitor_new(Monitors *all, Chardev *chr, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* A control monitor.  A listening socket serves many clients at once.  pretty: replies over several lines. */
bool monitor_new_control(Monitors *all, Chardev *chr, bool pretty, GError **err) G_GNUC_WARN_UNUSED_RESULT;
