/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors: enough to start, and some kept for the user.
 *
 * Guests and their networks open descriptors as they like (a connection to a forwarded port is
 * one).  So some are held open from the start: one for the peer of each socket that listens
 * for a monitor, a debugger or a console, and some for monitor commands.  They are given up
 * for a moment when their time has come.  All machines of the process share them: any loop.
 *
 * The soft limit is left as the user has it: it also bounds what a guest can make this
 * process hold. */
#pragma once
#include <glib.h>
#include <stdbool.h>

/* First of all: standard input, output and error exist (else a disk image may become one). */
void fds_open_standard(void);
/* Enough are free to start a machine?  Before GLib makes a loop: it aborts without. */
bool fds_init(GError **err);

/* Hold `more` further ones; fds_unkeep: no longer. */
bool fds_keep(unsigned more, GError **err);
void fds_unkeep(unsigned less);
/* Around opening descriptors for the user.  After closing one of them fds_reserve_end alone
 * holds it again. */
void fds_reserve_begin(void);
void fds_reserve_end(void);

unsigned fds_limit(void); /* numbers are below this */
bool fds_any_left(void);  /* besides those held */
