/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scrolling, found by the sums of rows.
 *
 * Where a row differs from the one above, the two are a mark.  A mark that is once in the picture before votes for the distance to
 * where it is now; the distance with most votes wins, if it explains more rows than standing still does.  Sums may agree by chance,
 * and a guest may make them agree: so the answer is a guess, and its user compares pixels. */
#include "ui/scroll.h"

#include <string.h>

enum { FEWEST_ROWS = 32, SAMPLE = 16, SAMPLE_EVERY = 160, SEVERAL = -1 };

typedef struct Rows {
    unsigned count;
    uint32_t *sums;
} Rows;

/* Of a part of a row, two characters of twenty: both pictures have left the caches, and to read all of them takes a millisecond. */
static uint32_t sum_of(const uint32_t *pixels, unsigned count)
{
    uint64_t sum = 0, two;
    for (unsigned start = 0; start < count; start += SAMPLE_EVERY) {
        for (unsigned i = start; i + 2 <= MIN(start + SAMPLE, count); i += 2) {
            memcpy(&two, pixels + i, sizeof(two));
            sum += (two & 0x00ffffff00ffffff) * (0x9e3779b97f4a7c15 * (i + 1)); /* a weight for each place */
        }
    }
    return sum ^ sum >> 32;
}

static Rows rows_of(const Picture *p, const PictureRect *r)
{
    Rows rows = { r->height, g_new(uint32_t, r->height) };
    for (unsigned y = 0; y < r->height; y++) {
        rows.sums[y] = sum_of(picture_row(p, r->y + y) + r->x, r->width);
    }
    return rows;
}

static bool is_mark(const Rows *rows, unsigned y)
{
    return rows->sums[y] != rows->sums[y - 1];
}

static gpointer mark(const Rows *rows, unsigned y)
{
    return GUINT_TO_POINTER(rows->sums[y] * 0x85ebca6bu + rows->sums[y - 1]);
}

/* Of each mark the row, or SEVERAL. */
static GHashTable *marks_of(const Rows *rows)
{
    GHashTable *marks = g_hash_table_new(NULL, NULL);
    for (unsigned y = 1; y < rows->count; y++) {
        if (is_mark(rows, y)) {
            bool again = g_hash_table_contains(marks, mark(rows, y));
            g_hash_table_insert(marks, mark(rows, y), GINT_TO_POINTER(again ? SEVERAL : (int)y));
        }
    }
    return marks;
}

/* The distance that most marks vote for; 0: there are none. */
static int elect(const Rows *before, const Rows *now)
{
    g_autoptr(GHashTable) marks = marks_of(before);
    g_autofree unsigned *votes = g_new0(unsigned, 2 * (size_t)now->count); /* of -count to count - 1 */
    unsigned best = now->count;
    for (unsigned y = 1; y < now->count; y++) {
        int was = is_mark(now, y) ? GPOINTER_TO_INT(g_hash_table_lookup(marks, mark(now, y))) : 0;
        if (was > 0) { /* 0: there was none */
            unsigned at = now->count + y - was;
            votes[at]++;
            best = votes[at] > votes[best] ? at : best;
        }
    }
    return (int)best - (int)now->count;
}

static unsigned rows_explained(const Rows *before, const Rows *now, int by)
{
    unsigned n = 0, first = MAX(by, 0), end = now->count - MAX(-by, 0);
    for (unsigned y = first; y < end; y++) {
        n += now->sums[y] == before->sums[y - by];
    }
    return n;
}

int scroll_find(const Picture *before, const Picture *now, const PictureRect *r)
{
    if (r->height < FEWEST_ROWS) {
        return 0;
    }
    Rows a = rows_of(before, r), b = rows_of(now, r);
    int by = elect(&a, &b);
    if (by && rows_explained(&a, &b, by) < rows_explained(&a, &b, 0) + FEWEST_ROWS) {
        by = 0;
    }
    g_free(a.sums);
    g_free(b.sums);
    return by;
}

PictureRect scroll_target(const PictureRect *r, int by)
{
    unsigned distance = MIN((unsigned)ABS(by), r->height);
    return (PictureRect){ r->x, by < 0 ? r->y : r->y + distance, r->width, r->height - distance };
}
