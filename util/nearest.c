/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edit distance (Levenshtein, one row of the table at a time). */
#include "util/nearest.h"

#include <string.h>

enum { NEAREST_MAX_WORD = 64 };

static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[NEAREST_MAX_WORD + 1];
    size_t la = strlen(a), lb = strlen(b);
    if (la > NEAREST_MAX_WORD || lb > NEAREST_MAX_WORD) {
        return G_MAXUINT;
    }
    for (size_t j = 0; j <= lb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned change = diagonal + (g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]));
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[lb];
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    unsigned limit = MAX(2, strlen(word) / 3), least = limit + 1;
    for (; *names; names++) {
        unsigned d = edit_distance(word, *names);
        if (d < least && d < strlen(word)) {
            least = d;
            best = *names;
        }
    }
    return best;
}
