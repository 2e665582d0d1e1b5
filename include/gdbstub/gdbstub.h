/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The debugger's wire: gdb's remote protocol over a chardev.  Main loop only. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Machine Machine;

/* The server of one machine, which has its accelerator. */
typedef struct GdbServer GdbServer;
GdbServer *gdbserver_new(Machine *m);
void gdbserver_free(GdbServer *g); /* before the accelerator is closed; NULL is fine */

/* Serve gdb on `device`: tcp::PORT, tcp:HOST:PORT, unix:PATH, chardev:ID, or
 * another chardev's short form; "none" ends it.  A second call replaces the first.
 * One debugger at a time. */
bool gdbserver_start(GdbServer *g, const char *device, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void gdbserver_stop(GdbServer *g);
/* The process ends: tell the debugger the exit status. */
void gdbserver_exited(GdbServer *g, int status);
