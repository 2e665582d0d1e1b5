/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between viewers and the library.
 *
 * The library reads and writes in one thread, and waits where a socket is full.  A viewer that types while it is sent a large
 * picture would wait for the server, which waits for it; and one that reads slowly would hold up all others.  So the library
 * talks into one end of a pair of sockets; a thread carries what comes between the other end and the viewer, with a buffer
 * each way, both of which have a bound. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "base/event_notifier.h"

typedef struct VncPump VncPump; /* of one server */
typedef struct VncLink VncLink; /* a viewer's; counts who holds it */

/* Out: one update of 4096 by 8192 pixels, for the next waits until it is read (vnc_link_is_behind). */
enum { VNC_OUT_MOST = 128 << 20, VNC_IN_MOST = 64 << 10, VNC_GIVE_UP_MS = 60000 };

/* wake is set when a viewer that was behind has caught up. */
VncPump *vnc_pump_new(EventNotifier *wake, GError **err) G_GNUC_WARN_UNUSED_RESULT;
void vnc_pump_free(VncPump *p); /* hangs up on viewers; NULL is fine */

/* Carry for the viewer at fd, which is the pump's from now on.  *inner: the library's end.  NULL: no descriptors; fd is
 * closed. */
VncLink *vnc_pump_add(VncPump *p, int fd, int *inner);
void vnc_link_unref(VncLink *l);
/* Has it still to read what it was sent?  Then `wake` is set when it has. */
bool vnc_link_is_behind(VncLink *l);
