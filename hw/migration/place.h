/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of migration: where a state goes to and comes from.  All that waits gives up when `stop` is signalled, with
 * -ECANCELED or an error that says so. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/event_notifier.h"

typedef struct Place Place;

/* fd: of "fd:", taken in any case; else -1.  The machine's loop; names of hosts are looked up.  NULL: it is no place. */
Place *place_new(const char *uri, int fd, const EventNotifier *stop, GError **err);
void place_free(Place *p); /* closes it; NULL is fine */
/* comes: to read from it.  Sockets listen from here on, files are opened.  The machine's loop. */
bool place_prepare(Place *p, bool comes, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* ---- one thread, any ---- */
/* Connect, or wait for the peer. */
bool place_open(Place *p, GError **err) G_GNUC_WARN_UNUSED_RESULT;
int place_write(Place *p, const void *data, size_t bytes); /* all of it: 0 or -errno */
ssize_t place_read(Place *p, void *data, size_t bytes);    /* some of it; 0: the end; or -errno */
/* All has arrived, as far as the other end tells: a file is whole, a command ends well. */
bool place_finish(Place *p, GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool place_wait_ms(const Place *p, int ms); /* false: stopped */
