/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scrolling, found by the sums of rows.
 *
 * Where a row differs from the one above, the two are a mark.  A mark that is once in the picture before votes for the distance to
 * where it is now; the distance with most votes wins, if it explains more rows than standing still does.  Sums may agree by chance,
 * and a guest may make them agree: so the answer is a guess, and its user compares pixels. */
#include "ui/scroll.h"

#include <stdlib.h>
#include <string.h>

enum { FEWEST_ROWS = 32, SAMPLE = 16, SAMPLE_EVERY = 160 };

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

/* Its value above, its row below: so they can be sorted. */
static uint64_t mark(const Rows *rows, unsigned y)
{
    return (uint64_t)(rows->sums[y] * 0x85ebca6bu + rows->sums[y - 1]) << 32 | y;
}

static int compare_marks(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorted, and not hashed: a guest that knows where a table puts them can make each search as long as the table. */
static uint64_t *marks_of(const Rows *rows, unsigned *count)
{
    uint64_t *marks = g_new(uint64_t, rows->count);
    *count = 0;
    for (unsigned y = 1; y < rows->count; y++) {
        if (is_mark(rows, y)) {
            marks[(*count)++] = mark(rows, y);
        }
    }
    qsort(marks, *count, sizeof(*marks), compare_marks);
    return marks;
}

static unsigned same_marks(const uint64_t *marks, unsigned count, unsigned first)
{
    unsigned end = first + 1;
    while (end < count && marks[end] >> 32 == marks[first] >> 32) {
        end++;
    }
    return end - first;
}

/* The distance that most marks vote for; 0: there are none.  Both lists are walked side by side. */
static int elect(const Rows *before, const Rows *now)
{
    unsigned was_count, is_count;
    g_autofree uint64_t *was = marks_of(before, &was_count), *is = marks_of(now, &is_count);
    g_autofree unsigned *votes = g_new0(unsigned, 2 * (size_t)now->count); /* of -count to count - 1 */
    unsigned best = now->count;
    for (unsigned i = 0, j = 0; i < was_count && j < is_count;) {
        unsigned n = same_marks(was, was_count, i), m = same_marks(is, is_count, j);
        bool same = was[i] >> 32 == is[j] >> 32, once = same && n == 1;
        for (unsigned k = 0; k < m && once; k++) {
            unsigned at = now->count + (uint32_t)is[j + k] - (uint32_t)was[i];
            votes[at]++;
            best = votes[at] > votes[best] ? at : best;
        }
        bool was_first = was[i] < is[j];
        i += same || was_first ? n : 0;
        j += same || !was_first ? m : 0;
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
