/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev-change: another host end for a chardev that is in use.
 *
 * Who uses a chardev keeps a pointer to it, so it stays, and its backend becomes a relay to a hidden chardev behind it, which
 * has the new host end and the relay as its frontend.  Both are in the main loop but for the way out: there the
 * hidden one's lock is taken under the other's, and has a class of its own. */
#include "chardev_priv.h"

#include <unistd.h>

/* ---- the relay ----------------------------------------------------------- */

static int relay_write(Chardev *chr, const uint8_t *buf, int len)
{
    return chardev_write(chr->behind, buf, len);
}

static void relay_writable(void *opaque)
{
    chr_writable(opaque);
}

static void relay_refresh(Chardev *chr, bool want_write)
{
    if (want_write) {
        chardev_watch_writable(chr->behind, relay_writable, chr);
    }
    chardev_accept_input(chr->behind);
}

static int relay_write_fd(Chardev *chr)
{
    const ChardevBackend *b = chr->behind->backend;
    lock_take(&chr->behind->write_lock);
    int fd = b->write_fd ? b->write_fd(chr->behind) : -1;
    lock_release(&chr->behind->write_lock);
    return fd;
}

static char *relay_describe(const Chardev *chr)
{
    return chardev_describe(chr->behind);
}

static void relay_hang_up(Chardev *chr)
{
    chardev_hang_up(chr->behind);
}

static void relay_opened(Chardev *chr, bool open)
{
    chardev_tell_opened(chr->behind, open);
}

static void relay_close(Chardev *chr)
{
    chardev_detach(chr->behind, chr);
    chr_free(chr->behind);
}

static const ChardevBackend relay = {
    .size = sizeof(Chardev),
    .close = relay_close,
    .opened = relay_opened,
    .write = relay_write,
    .refresh = relay_refresh,
    .write_fd = relay_write_fd,
    .describe = relay_describe,
    .hang_up = relay_hang_up,
};

/* ---- as the frontend of what is behind ------------------------------------ */

static int behind_can_receive(void *chr)
{
    return chr_input_room(chr);
}

static void behind_receive(void *chr, const uint8_t *buf, int len)
{
    chr_input(chr, buf, len);
}

static void behind_event(void *chr, ChardevEvent event)
{
    if (event == CHARDEV_OPENED || event == CHARDEV_CLOSED) {
        chr_set_connected(chr, event == CHARDEV_OPENED);
    }
}

static const ChardevFrontend behind_frontend = {
    .can_receive = behind_can_receive,
    .receive = behind_receive,
    .event = behind_event,
};

/* ---- the change ---------------------------------------------------------- */

/* From here on the new one has the output; the old one ends. */
static void put_behind(Chardev *chr, Chardev *behind)
{
    Chardev *before = chr->behind;
    const ChardevBackend *old = chr->backend;
    lock_take(&chr->write_lock);
    chr->behind = behind;
    chr->backend = &relay;
    chr->type = behind->type;
    chr->stuck = false;
    if (chr->log_fd >= 0) { /* the new one has its own */
        close(chr->log_fd);
        chr->log_fd = -1;
    }
    lock_release(&chr->write_lock);
    if (before) {
        chardev_detach(before, chr);
        chr_free(before);
    } else if (old->close) {
        old->close(chr);
    }
    chr_set_connected(chr, false);
}

bool chardev_change(Chardev *chr, const ChardevOptions *o, GError **err)
{
    if (chr->mux_on || o->mux) {
        chr_error(err, "Chardev '%s' is multiplexed: several use it, it stays as it is", chr->id);
        return false;
    }
    if (chr->slots[0].fe && (chr->slots[0].fe->converses || !chr->slots[0].fe->receive)) {
        chr_error(
            err, "Chardev '%s' is a monitor's or a debugger's: the conversation would end; it stays as it is",
            chr->id);
        return false;
    }
    if (chr->backend->stays) {
        chr_error(err, "Chardev '%s' is a text console, which stays as it is", chr->id);
        return false;
    }
    Chardev *behind = chr_new_behind(chr->all, o, err);
    if (!behind) {
        return false;
    }
    put_behind(chr, behind);
    chr_refresh_later(chr);
    return chardev_attach(behind, &behind_frontend, chr, NULL, err);
}
