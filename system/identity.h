/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who the process is once the machine is complete, and who clears up behind it.  Private to system/. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Identity Identity;

/* user: a name of the host's, or "UID:GID", or NULL; root: a folder, or NULL.  Looked up at once, changed by nothing:
 * NULL if there is none such, or this process may not. */
Identity *identity_new(const char *user, const char *root, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void identity_free(Identity *id); /* NULL is fine */
/* Become it, all threads; there is no way back. */
bool identity_take(const Identity *id, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* Another process, "cleanup/PID", that shares the memory and frees it when this one has ended.  It gives up the same
 * system calls if `sandboxed` (see sandbox_close_calls). */
bool teardown_start(bool sandboxed, unsigned calls, GError **err) G_GNUC_WARN_UNUSED_RESULT;
