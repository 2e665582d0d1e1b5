/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event notifiers: see base/event_notifier.h. */
#include "base/event_notifier.h"

#include <errno.h>
#include <glib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/readers.h"

EventNotifier *event_notifier_new(GError **err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "no event can be made: %s; raise the limit of open files, e.g. with ulimit -n 4096",
                    g_strerror(errno));
        return NULL;
    }
    EventNotifier *e = g_new(EventNotifier, 1);
    e->fd = fd;
    return e;
}

static void destroy(void *opaque)
{
    EventNotifier *e = opaque;
    close(e->fd);
    g_free(e);
}

void event_notifier_free(EventNotifier *e)
{
    if (e) {
        memory_free_later(destroy, e);
    }
}

void event_notifier_set(EventNotifier *e)
{
    static const uint64_t one = 1;
    ssize_t n = write(e->fd, &one, sizeof(one));
    (void)n; /* full: it is signalled as much as can be */
}

bool event_notifier_test_and_clear(EventNotifier *e)
{
    uint64_t count;
    return read(e->fd, &count, sizeof(count)) == sizeof(count);
}
