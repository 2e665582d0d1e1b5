/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A chardev: the host end of a serial line, console port or monitor.
 *
 * A backend (stdio, file, pipe, pty, socket, null, ringbuf, vc, qemu-vdagent) has one frontend, or
 * several behind a mux (Ctrl-A c changes between them).  Bytes for the frontend
 * arrive in the main loop, under the frontend's lock; the backend never
 * hands over more than can_receive() allows and tries again after
 * chardev_accept_input(). */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/props.h"

typedef struct Chardev Chardev;
typedef struct Chardevs Chardevs;
typedef struct Clipboard Clipboard;
typedef struct Consoles Consoles;
typedef struct EventLoop EventLoop;

typedef enum ChardevEvent {
    CHARDEV_OPENED,
    CHARDEV_CLOSED,
    CHARDEV_BREAK,
    CHARDEV_FOCUS_IN,
    CHARDEV_FOCUS_OUT, /* of a mux */
} ChardevEvent;

typedef struct ChardevFrontend {
    int (*can_receive)(void *opaque); /* bytes it can take now */
    void (*receive)(void *opaque, const uint8_t *buf, int len);
    void (*event)(void *opaque, ChardevEvent event); /* may be NULL */
    /* Descriptors that came with the bytes which are received next (SCM_RIGHTS): the frontend's from now on.
     * NULL: it takes none. */
    void (*receive_fds)(void *opaque, const int *fds, unsigned count);
    bool (*is_open)(void *opaque); /* has who is behind it opened it?  Under `lock`.  NULL: always */
    bool background; /* of a mux: the newest frontend without this (a monitor has it) gets the keys */
    bool converses; /* a monitor or a debugger: who has begun goes on, so no other host end takes its place */
} ChardevFrontend;

/* The chardevs of one machine. */
Chardevs *chardevs_new(EventLoop *loop);
void chardevs_free(Chardevs *all); /* with those that are left; NULL is fine */
/* The escape character of those with mux=on, -echr (default 1, Ctrl-A). */
void chardevs_set_escape(Chardevs *all, uint8_t c);
/* Where text consoles (vc) are made; NULL (as at first): none can be. */
void chardevs_set_consoles(Chardevs *all, Consoles *consoles);
/* Which a qemu-vdagent shares with its guest; NULL (as at first): there is none. */
void chardevs_set_clipboard(Chardevs *all, Clipboard *clipboard);

/* What -chardev takes; a union by backend.  Its struct is the room's own: made by shape_new.  The chardev is
 * registered under its id.  A descriptor that is named (fd=) is the chardev's unless this fails. */
typedef struct ChardevOptions ChardevOptions;
extern const Shape chardev_shape;
Chardev *chardev_new(Chardevs *all, const ChardevOptions *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Create from the short form of -serial, -monitor, -qmp: stdio, mon:stdio,
 * pty, null, none (returns NULL without error), file:PATH, pipe:PATH, tcp:HOST:PORT[,opts],
 * unix:PATH[,opts], ringbuf, vc, vc:WxH, vc:COLSCxROWSC, chardev:ID. */
Chardev *chardev_new_from_short(Chardevs *all, const char *label, const char *text, bool *with_monitor,
                                GError **err) G_GNUC_WARN_UNUSED_RESULT;
Chardev *chardev_find(const Chardevs *all, const char *id);
void chardev_foreach(const Chardevs *all, void (*fn)(Chardev *chr, void *opaque), void *opaque);
const char *chardev_id(const Chardev *chr);
char *chardev_describe(const Chardev *chr); /* "pty:/dev/pts/3", for info chardev */
/* Another host end for one that may be in use (not multiplexed, nor a monitor's): it is closed and opened for its frontend.
 * The id of the options is not looked at.  Fails: it is as it was. */
bool chardev_change(Chardev *chr, const ChardevOptions *o, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* One chardev, detached by its frontends; not from inside its own callbacks. */
void chardev_free(Chardev *chr);

/* Give the terminal back as it was found; safe in a signal handler. */
void chardev_restore_terminal(void);

/* Attach a frontend.  lock may be NULL.  What has already happened (CHARDEV_OPENED)
 * is told from the main loop, not from inside this call.  Fails when the chardev has one already and is no mux. */
bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, Lock *lock,
                    GError **err) G_GNUC_WARN_UNUSED_RESULT;
void chardev_detach(Chardev *chr, void *opaque);

/* Instead of attaching, main loop: a listening socket gives each peer that connects to fn, as a chardev of its own
 * that is in no list, which fn's side attaches to and frees (chardev_free).  At most `most` at once; others
 * wait.  False without an error: it is no listening socket, to be attached to as usual. */
bool chardev_serve_peers(Chardev *chr, unsigned most, void (*fn)(void *opaque, Chardev *peer), void *opaque,
                         GError **err);
/* End the connection, as if the peer had; not from inside the callbacks.  False: there is none that ends. */
bool chardev_hang_up(Chardev *chr);

/* Write from any thread, also under the frontend's lock.  Returns how many bytes were taken (0..len, less when
 * the host end is slow: use chardev_write_all for frontends without flow
 * control, which blocks a short bounded time and then drops). */
int chardev_write(Chardev *chr, const void *buf, int len);
void chardev_write_all(Chardev *chr, const void *buf, int len);
/* Any thread.  Call fn once in the main loop (under the frontend's lock) when writing may go on. */
void chardev_watch_writable(Chardev *chr, void (*fn)(void *opaque), void *opaque);
/* Who is behind the frontend has opened its end anew, or closed it: what was begun is no more.  Any thread, also under the
 * frontend's lock. */
void chardev_tell_opened(Chardev *chr, bool open);
void chardev_accept_input(Chardev *chr); /* can_receive() has grown; any thread */
bool chardev_is_connected(const Chardev *chr);
bool chardev_is_mux(const Chardev *chr);
bool chardev_stays(
    const Chardev *chr); /* it can neither go nor be changed while the machine is there: a vc */
bool chardev_is_used(const Chardev *chr); /* by a frontend, or a server of peers */
bool chardev_is_open(const Chardev *chr); /* by a frontend that is open itself; main loop */

/* What a ringbuf keeps, oldest first and gone from it (`ringbuf_read`). */
GBytes *chardev_ringbuf_read(Chardev *chr, size_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* As if its frontend had written it (`ringbuf_write`). */
bool chardev_ringbuf_write(Chardev *chr, const void *data, size_t len,
                           GError **err) G_GNUC_WARN_UNUSED_RESULT;
