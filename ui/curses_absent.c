/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without ncurses: -display curses is refused. */
#include "ui/curses/curses.h"

static Display *refuse(const DisplayConfig *c, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "this program was built without ncurses; use -display none, or -nographic");
    return NULL;
}

const DisplayOps display_curses = { .open = refuse };
