/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ui/text/text.h"

ConsoleCell *text_history_add(TextHistory *h)
{
    unsigned at = (h->first + h->count) % TEXT_HISTORY;
    if (h->count == TEXT_HISTORY) {
        h->first = (h->first + 1) % TEXT_HISTORY;
    } else {
        h->count++;
    }
    if (!h->lines[at]) {
        h->lines[at] = g_new0(ConsoleCell, h->cols);
    }
    return h->lines[at];
}

const ConsoleCell *text_history_line(const TextHistory *h, unsigned back)
{
    g_assert(back && back <= h->count);
    return h->lines[(h->first + h->count - back) % TEXT_HISTORY];
}

void text_history_clear(TextHistory *h)
{
    for (unsigned i = 0; i < TEXT_HISTORY; i++) {
        g_clear_pointer(&h->lines[i], g_free);
    }
    h->first = h->count = 0;
}
