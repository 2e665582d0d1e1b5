/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the process, whatever way it comes: files to remove, and a last deadline. */
#pragma once
#include <glib.h>
#include <stdbool.h>

/* A file that is removed at exit(), by a signal that ends a start, and by the deadline:
 * sockets, links, the pid file.  Make it and name it between ending_hold and
 * ending_release: such a signal then waits until both are done.  The path may be relative: it
 * means the folder of now, not that of a daemon later. */
typedef struct EndingFile EndingFile;
EndingFile *ending_add_file(const char *path);
void ending_remove_file(EndingFile *f); /* now; NULL: nothing */
void ending_hold(void);
void ending_release(void);

/* In the main thread: each that is there.  The path is absolute. */
void ending_foreach_file(void (*fn)(const char *path, void *opaque), void *opaque);
/* The process is about to change its root to `root`, which is absolute, without a '/' at its end: what lies outside
 * can no longer be removed. */
void ending_enter_root(const char *root);

/* "program: PARTS", a line on standard error, unless that waits for a reader; ends with NULL.  Async-signal-safe. */
void ending_say(const char *first, ...) G_GNUC_NULL_TERMINATED;
/* Async-signal-safe: remove the files, give the terminal back. */
void ending_clean(void);
void ending_set_terminal_hook(void (*restore)(void));

/* Signals that end a start (system/signals.c): true: a file is just being made, the same signal is
 * raised again when that is done.  Async-signal-safe. */
bool ending_is_held(int signal);

/* Somebody wants the end: the orderly way has ENDING_MS from now on, then the process ends with
 * `status` all the same and says what it was waiting for.  What the guest was told is on
 * the disk is there: completions come after the host's.  The first call counts.
 * asked: literal, "signal 15", "quit".  Async-signal-safe after ending_init. */
enum { ENDING_MS = 1200 };
void ending_init(const char *program);
void ending_deadline(const char *asked, int status);
/* What the main loop is about to wait for (literal); NULL: it is over. */
void ending_waits_for(const char *what);
