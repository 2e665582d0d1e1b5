/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files that a user names. */
#pragma once
#include <glib.h>

/* All bytes of a file, or of what comes out of a pipe, with a zero byte behind them; at most `max` bytes, since a
 * name may lead to something without an end (/dev/zero).  NULL and G_FILE_ERROR if it cannot be read or has more. */
GByteArray *file_read(const char *path, size_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* As file_read, while a machine runs: what would have to be waited for (a pipe, a terminal) is an error. */
GByteArray *file_read_now(const char *path, size_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;
