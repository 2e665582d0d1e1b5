/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nearest of a list of names, for "did you mean" in error messages. */
#pragma once
#include <glib.h>

/* The name of NAMES (NULL-terminated) closest to WORD by edit distance, or NULL
 * when none is close enough to be a likely misspelling (more than a third of
 * the word's letters, at least two, would have to change). */
const char *nearest_name(const char *word, const char *const *names);
