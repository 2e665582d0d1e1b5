/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A build without libvncserver: a server is refused, so nobody has one. */
#include <unistd.h>

#include "ui/vnc.h"

VncServer *vnc_open(const VncConfig *c, GError **err)
{
    close(c->listen_fd);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "this program was built without libvncserver; leave -vnc out");
    return NULL;
}

void vnc_close(VncServer *v)
{
    g_assert(!v);
}

bool vnc_asks_password(const VncServer *v)
{
    g_assert_not_reached();
}

void vnc_set_password(VncServer *v, const char *password)
{
    g_assert_not_reached();
}

void vnc_set_expiry(VncServer *v, int64_t when)
{
    g_assert_not_reached();
}

const char *vnc_id(const VncServer *v)
{
    g_assert_not_reached();
}

const char *vnc_display(const VncServer *v)
{
    g_assert_not_reached();
}

const VncAddress *vnc_address(const VncServer *v)
{
    g_assert_not_reached();
}

GPtrArray *vnc_clients(VncServer *v)
{
    g_assert_not_reached();
}
