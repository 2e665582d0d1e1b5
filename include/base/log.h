/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of -d and -D: what the guest did wrong, what the translator made.
 *
 * A message costs one load and a test when its item is off.  Messages go to
 * standard error, or to the file of -D.  Safe from any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum LogItem {
    LOG_GUEST_ERROR = 1 << 0, /* the guest did what no specification allows */
    LOG_UNIMP = 1 << 1,       /* the guest used what Lyrebird does not model */
    LOG_IN_ASM = 1 << 2,      /* guest code of each block translated */
    LOG_OP = 1 << 3,          /* IR before the passes */
    LOG_OP_OPT = 1 << 4,      /* IR after the passes */
    LOG_OUT_ASM = 1 << 5,     /* host code */
    LOG_INT = 1 << 6,         /* interrupts and exceptions */
    LOG_EXEC = 1 << 7,        /* each block entered (turns chaining off) */
    LOG_CPU = 1 << 8,         /* registers at each block entered */
    LOG_MMU = 1 << 9,         /* page walks and faults */
    LOG_TRACE = 1 << 10,      /* events chosen by -trace: base/trace.h */
} LogItem;

extern uint32_t log_items; /* items that are on */

static inline bool log_enabled(LogItem items)
{
    return G_UNLIKELY(log_items & items);
}

/* Write one message (no newline is added). */
void log_write(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* A message if the item is on.  fmt without the closing newline. */
void log_guest_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void log_unimp(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* Tell the user what went wrong on the host while the machine runs: "WHAT: WHY; WHAT TO DO", to
 * which the program's name is put in front.  To standard error (and to the file of -D): never
 * into a guest's console on standard output. */
void log_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* -msg: the time, and the guest's name (NULL: not), go in front of that. */
void log_set_report_form(bool timestamp, const char *guest);

/* Parse "-d guest_errors,int,..." and open "-D FILE" ("%d" is the process id).
 * "help" as an item prints the list and sets *help. */
bool log_set_items(const char *spec, bool *help, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool log_set_file(const char *path, GError **err) G_GNUC_WARN_UNUSED_RESULT;
