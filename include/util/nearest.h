/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The nearest of a list of names, for "did you mean" in error messages. */
#pragma once
#include <glib.h>

/* The name of NAMES (NULL-terminated) closest to WORD by edit distance (two neighbours
 * swapped count once), or NULL when none is a likely misspelling: of no part between
 * '-', '_' and '.' may more than a third of the letters differ, or one. */
const char *nearest_name(const char *word, const char *const *names);
