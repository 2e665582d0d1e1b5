/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command's slow end, in a thread, for a session that waits for it, or has ended meanwhile. */
#pragma once
#include "monitor/command.h"
#include "monitor/monitor_priv.h"

/* done: in the machine's loop, once; err: NULL, all went well.  It belongs to the monitors, until then or their end. */
typedef void QmpTaskDone(void *opaque, const GError *err);
QmpTask *qmp_task_new(Monitors *all, const CommandWork *w, QmpTaskDone *done, void *opaque);
void qmp_task_forget(QmpTask *t); /* done is not called any more */
void qmp_task_free(void *task);   /* ends it, and waits for that */
