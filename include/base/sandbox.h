/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this process may still ask of its host when a guest has taken it over: a list of system calls (seccomp), and of
 * files (Landlock).  Both hold for all threads, for those to come, and cannot be taken back.
 *
 * The machine is made first, with all rights of the user; then the lists close behind it.  docs/sandbox.md says what is
 * in them, and what no longer works. */
#pragma once
#include <dirent.h>
#include <glib.h>
#include <stdbool.h>

/* Calls besides those that a machine needs. */
typedef enum SandboxCalls {
    SANDBOX_OBSOLETE = 1,   /* those that no program of today makes */
    SANDBOX_PRIVILEGES = 2, /* another user or group */
    SANDBOX_SPAWN = 4, /* other programs; what they need is not known, so all calls but the most dangerous */
    SANDBOX_RESOURCES = 8, /* priorities, processors, limits */
    SANDBOX_WINDOW = 16,   /* memory that a display server shares */
    SANDBOX_KVM = 32,      /* what a virtual machine of the kernel's is asked for, but no new one */
} SandboxCalls;

/* ---- while the machine is made ------------------------------------------- */

/* A folder whose files may be read, or read and made, after the start. */
void sandbox_add_folder(const char *path, bool writable);
/* Programs will not be startable: the next function says no. */
void sandbox_forbid_programs(void);
/* A host end starts programs for the guest, now or later.  False: they are forbidden. */
bool sandbox_want_program(GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool sandbox_wants_program(void); /* did somebody? */

/* ---- when it is complete ------------------------------------------------- */

/* Can the host's kernel do it?  If not, `why`. */
bool sandbox_has_files(const char **why);
bool sandbox_has_calls(const char **why);
/* Comes before the root changes, for the next function; the caller's (closedir).  NULL: errno says why. */
DIR *sandbox_open_threads(void);
/* Nothing is opened by its name any more but in the folders above, in those of the files that the end removes
 * (base/ending.h), and what the system's libraries read (base/sandbox_files.c). */
bool sandbox_close_files(DIR *threads, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* No call is made any more but those of the list and `more` (of SandboxCalls).  One that is ends the process by SIGSYS,
 * with its name in a message. */
bool sandbox_close_calls(unsigned more, GError **err) G_GNUC_WARN_UNUSED_RESULT;
