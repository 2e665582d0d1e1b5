/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which name did they mean?  Edit distance (insert, delete, change, swap two neighbours) of the
 * parts between '-', '_' and '.': a name is near if each part is, so that virtio-gpu-pci
 * is not taken for virtio-blk-pci, from which three letters of fourteen differ. */
#include "util/nearest.h"

#include <string.h>

enum { NEAREST_MAX_WORD = 64 };
static const char separators[] = "-_.";

static unsigned edit_distance(const char *a, size_t la, const char *b, size_t lb)
{
    unsigned rows[3][NEAREST_MAX_WORD + 1]; /* of the table: two above, above, this */
    if (la > NEAREST_MAX_WORD || lb > NEAREST_MAX_WORD) {
        return G_MAXUINT;
    }
    for (size_t i = 0; i <= la; i++) {
        unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            if (i == 0) {
                row[j] = j;
                continue;
            }
            char x = g_ascii_tolower(a[i - 1]), y = g_ascii_tolower(b[j - 1]);
            row[j] = MIN(up[j - 1] + (x != y), MIN(up[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == g_ascii_tolower(b[j - 2]) && y == g_ascii_tolower(a[i - 2])) {
                row[j] = MIN(row[j], up2[j - 2] + 1);
            }
        }
    }
    return rows[la % 3][lb];
}

static unsigned limit_of(size_t len)
{
    return len < 2 ? 0 : MAX(1, len / 3);
}

/* The distance of words with as many parts each, each within its limit; else G_MAXUINT. */
static unsigned parts_distance(const char *a, const char *b)
{
    unsigned sum = 0;
    for (;;) {
        size_t la = strcspn(a, separators), lb = strcspn(b, separators);
        unsigned d = edit_distance(a, la, b, lb);
        if (d > limit_of(la) || !a[la] != !b[lb]) {
            return G_MAXUINT;
        }
        sum += d;
        if (!a[la]) {
            return sum;
        }
        sum += a[la] != b[lb];
        a += la + 1;
        b += lb + 1;
    }
}

const char *nearest_name(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t len = strlen(word);
    unsigned least = G_MAXUINT;
    for (; *names; names++) {
        unsigned whole = edit_distance(word, len, *names, strlen(*names));
        unsigned d =
            whole <= 1 && whole <= limit_of(len) ? whole : parts_distance(word, *names); /* a '-' too few */
        if (d < least && d < len) {
            least = d;
            best = *names;
        }
    }
    return best;
}

char *names_hint(const char *word, const char *const *names)
{
    const char *near = nearest_name(word, names);
    return near ? g_strdup_printf("; did you mean '%s'?", near) : g_strdup("");
}

char *names_advice(const char *word, const char *const *names)
{
    g_autofree char *all = names_join(names, ", "), *hint = names_hint(word, names);
    return names[0] ? g_strdup_printf(". There %s %s%s", names[1] ? "are" : "is", all, hint)
                    : g_strdup(". None is known here");
}

char *names_join(const char *const *names, const char *separator)
{
    return g_strjoinv(separator, (char **)names); /* which does not change them */
}
