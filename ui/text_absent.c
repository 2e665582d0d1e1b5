/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without libvterm: text consoles are refused, so nobody has one. */
#include "ui/text_console.h"

TextConsole *text_console_new(Consoles *all, const char *name, unsigned cols, unsigned rows,
                              void (*typed)(void *opaque), void *opaque, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "this program was built without libvterm; leave vc out");
    return NULL;
}

void text_console_free(TextConsole *t)
{
    g_assert(!t);
}

void text_console_write(TextConsole *t, const void *bytes, size_t len)
{
    g_assert_not_reached();
}

size_t text_console_read(TextConsole *t, void *bytes, size_t max)
{
    g_assert_not_reached();
}

bool text_console_is_possible(void)
{
    return false;
}
