/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images that grow, with or without a place for what is new. */
#include <errno.h>
#include <string.h>

#include "block/image_create.h"
#include "img/img.h"

bool img_take_preallocation(const char *text, int *how)
{
    for (int i = 0; preallocation_names[i]; i++) {
        if (strcmp(text, preallocation_names[i]) == 0) {
            *how = i;
            return true;
        }
    }
    img_error("Invalid preallocation mode '%s'", text);
    return false;
}

int img_give_place(BlockNode *n, const char *format, int how, uint64_t from)
{
    int e = how == PREALLOCATE_OFF ? 0 : image_preallocate(n, format, how, from);
    e = e ? e : node_flush(n);
    if (e) {
        img_error(e == -ENOTSUP ? "Unsupported preallocation mode: %s" : "Preallocation (%s) failed: %s",
                  preallocation_names[how], g_strerror(-e));
        node_resize(n, from);
    }
    return e;
}
