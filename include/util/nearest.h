/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of names (NULL-terminated), as error messages tell them: all, and the nearest to a word. */
#pragma once
#include <glib.h>

/* The name of NAMES (NULL-terminated) closest to WORD by edit distance (two neighbours
 * swapped count once), or NULL when none is a likely misspelling: of no part between
 * '-', '_' and '.' may more than a third of the letters differ, or one. */
const char *nearest_name(const char *word, const char *const *names);
/* The end of a message about a word that is none of the names: "; did you mean 'b'?", or "" without a near one.
 * The one place that words it. */
char *names_hint(const char *word, const char *const *names);
/* The same behind all of them: ". There are a, b, c; did you mean 'b'?"; of an empty list: ". None is known here". */
char *names_advice(const char *word, const char *const *names);
/* "a, b, c" */
char *names_join(const char *const *names, const char *separator);
/* The list that an array of names is; its last element is NULL. */
static inline const char *const *names_of(const GPtrArray *array)
{
    return (const char *const *)array->pdata;
}
