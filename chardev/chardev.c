/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chardevs: what all backends share.  Frontends and their buffers, the way out
 * with its log file, and one deferred "look again" (chr_refresh) per device, which is
 * how other threads reach the main loop.
 *
 * Flow control inwards: a backend reads at most chr_input_room() bytes; what the
 * frontend then does not take waits in its slot, and room is 0 until it is gone.
 * Outwards: a write takes what the host takes now; the frontend asks to be called. */
#include "chardev_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* chardev_write_all waits at most 0.2 s for a byte to go, and 2 s in all. */
enum { WAIT_SLICE_MS = 10, WAIT_SLICES = 20, WAIT_SLICES_ALL = 200 };

/* ---- slots --------------------------------------------------------------- */

void chr_event(Chardev *chr, int slot, ChardevEvent event)
{
    ChrSlot *s = &chr->slots[slot];
    Lock *lock = s->lock;
    if (s->fe && s->fe->event) {
        lock_take_any(lock);
        s->fe->event(s->opaque, event);
        lock_release_any(lock);
    }
}

static int slot_room(ChrSlot *s)
{
    if (!s->fe || !s->fe->can_receive) {
        return 0;
    }
    Lock *lock = s->lock;
    lock_take_any(lock);
    int n = s->fe->can_receive(s->opaque);
    lock_release_any(lock);
    return MAX(n, 0);
}

/* Hand over what waits, as far as the frontend takes it. */
static void slot_pump(ChrSlot *s)
{
    uint8_t chunk[CHR_READ_MAX];
    while (s->fe && s->in->len) {
        Lock *lock = s->lock;
        lock_take_any(lock);
        int room = s->fe->can_receive ? s->fe->can_receive(s->opaque) : 0;
        int n = MIN(MIN(room, (int)s->in->len), (int)sizeof(chunk));
        if (n > 0) {
            memcpy(chunk, s->in->data, n); /* the frontend may detach meanwhile */
            g_byte_array_remove_range(s->in, 0, n);
            s->fe->receive(s->opaque, chunk, n);
        }
        lock_release_any(lock);
        if (n <= 0) {
            return;
        }
    }
}

int chr_input_room(Chardev *chr)
{
    ChrSlot *s = &chr->slots[chr->focus];
    if (chr->mux_on) { /* with nobody there, too: Ctrl-A x */
        return CHR_MUX_BUFFER - MIN((int)s->in->len, CHR_MUX_BUFFER);
    }
    if (!s->fe) {
        return 0;
    }
    return s->in->len ? 0 : slot_room(s);
}

void chr_input(Chardev *chr, const uint8_t *buf, int len)
{
    if (chr->mux_on) {
        mux_input(chr, buf, len);
    } else {
        g_byte_array_append(chr->slots[0].in, buf, len);
    }
    for (int i = 0; i < CHR_SLOTS; i++) {
        slot_pump(&chr->slots[i]);
    }
}

bool chr_takes_fds(const Chardev *chr)
{
    return !chr->mux_on && chr->slots[0].fe && chr->slots[0].fe->receive_fds;
}

void chr_input_fds(Chardev *chr, const int *fds, unsigned count)
{
    ChrSlot *s = &chr->slots[0];
    if (chr_takes_fds(chr)) {
        lock_take_any(s->lock);
        s->fe->receive_fds(s->opaque, fds, count);
        lock_release_any(s->lock);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        close(fds[i]);
    }
}

static void slot_tell(Chardev *chr, int slot, bool opened)
{
    chr->slots[slot].tell_opened = false;
    chr_event(chr, slot, opened ? CHARDEV_OPENED : CHARDEV_CLOSED);
    if (opened && chr->mux_on && slot == chr->focus) {
        chr_event(chr, slot, CHARDEV_FOCUS_IN);
    }
}

void chr_set_connected(Chardev *chr, bool on)
{
    if (on == __atomic_exchange_n(&chr->connected, on, __ATOMIC_RELAXED)) {
        return;
    }
    for (int i = 0; i < CHR_SLOTS; i++) {
        slot_tell(chr, i, on);
    }
    chr_refresh_later(chr);
}

/* ---- looking again ------------------------------------------------------- */

static bool chr_wants_write(Chardev *chr)
{
    lock_take(&chr->write_lock);
    bool want = chr->own->len > 0;
    for (int i = 0; i < CHR_SLOTS; i++) {
        want |= chr->slots[i].writable != NULL;
    }
    lock_release(&chr->write_lock);
    return want;
}

void chr_refresh(void *opaque)
{
    Chardev *chr = opaque;
    for (int i = 0; i < CHR_SLOTS; i++) {
        ChrSlot *s = &chr->slots[i];
        if (s->tell_opened) {
            slot_tell(chr, i, true);
        }
        slot_pump(s);
    }
    bool want = chr_wants_write(chr);
    if (chr->backend->refresh) {
        chr->backend->refresh(chr, want);
    } else if (want) {
        chr_writable(chr);
    }
}

void chr_refresh_later(Chardev *chr)
{
    bh_schedule(chr->bh);
}

void chr_writable(Chardev *chr)
{
    lock_take(&chr->write_lock);
    bool free_again = chr_flush_own(chr);
    lock_release(&chr->write_lock);
    if (!free_again) {
        chr_refresh_later(chr);
        return;
    }
    for (int i = 0; i < CHR_SLOTS; i++) {
        ChrSlot *s = &chr->slots[i];
        lock_take(&chr->write_lock);
        void (*fn)(void *) = s->writable;
        void *arg = s->writable_opaque;
        s->writable = NULL;
        lock_release(&chr->write_lock);
        if (fn) {
            Lock *lock = s->lock;
            lock_take_any(lock);
            fn(arg);
            lock_release_any(lock);
        }
    }
}

/* ---- the way out --------------------------------------------------------- */

/* Is there room again?  A pipe whose reader stands still costs this time once, then what does not fit is lost. */
static bool log_wait(Chardev *chr)
{
    struct pollfd p = { .fd = chr->log_fd, .events = POLLOUT };
    if (!chr->log_stuck && poll(&p, 1, WAIT_SLICE_MS * WAIT_SLICES) > 0) {
        return true;
    }
    if (!chr->log_stuck) {
        log_report("chardev '%s': nobody reads its log, and what does not fit is lost; read it", chr->id);
    }
    chr->log_stuck = true;
    return false;
}

static void log_end(Chardev *chr, const char *why)
{
    log_report("chardev '%s': its log file takes no more: %s; look after the file, and start anew", chr->id,
               why);
    close(chr->log_fd);
    chr->log_fd = -1;
}

static void log_output(Chardev *chr, const uint8_t *buf, int len)
{
    while (chr->log_fd >= 0 && len > 0) {
        ssize_t n = write(chr->log_fd, buf, len);
        if (n > 0) {
            chr->log_stuck = false;
            buf += n;
            len -= (int)n;
        } else if (n < 0 && errno == EAGAIN) {
            if (!log_wait(chr)) {
                return;
            }
        } else if (n == 0 || errno != EINTR) {
            log_end(chr, n < 0 ? g_strerror(errno) : "nothing was written");
        }
    }
}

bool chr_flush_own(Chardev *chr)
{
    if (chr->own->len) {
        int n = chr->backend->write(chr, chr->own->data, chr->own->len);
        g_byte_array_remove_range(chr->own, 0, n);
    }
    return chr->own->len == 0;
}

int chr_write_locked(Chardev *chr, const uint8_t *buf, int len)
{
    if (!chr_flush_own(chr)) {
        return 0;
    }
    int n = chr->backend->write(chr, buf, len);
    if (n > 0) {
        chr->stuck = false;
        log_output(chr, buf, n);
    }
    return n;
}

static int write_some(Chardev *chr, const uint8_t *buf, int len)
{
    return chr->mux_on ? mux_write_locked(chr, buf, len) : chr_write_locked(chr, buf, len);
}

int chardev_write(Chardev *chr, const void *buf, int len)
{
    if (len <= 0) {
        return 0;
    }
    lock_take(&chr->write_lock);
    int n = write_some(chr, buf, len);
    lock_release(&chr->write_lock);
    return n;
}

void chr_write_wait(Chardev *chr, const uint8_t *buf, int len)
{
    int slices = chr->stuck ? 0 : WAIT_SLICES, all = WAIT_SLICES_ALL;
    while (len > 0) {
        int n = write_some(chr, buf, len);
        buf += n;
        len -= n;
        int fd = chr->backend->write_fd ? chr->backend->write_fd(chr) : -1;
        slices = n > 0 ? WAIT_SLICES : slices - 1;
        if (n == 0 && (slices < 0 || all-- <= 0 || fd < 0)) {
            chr->stuck = true;
            return;
        }
        if (n == 0) {
            struct pollfd p = { .fd = fd, .events = POLLOUT };
            poll(&p, 1, WAIT_SLICE_MS);
        }
    }
}

void chardev_write_all(Chardev *chr, const void *buf, int len)
{
    lock_take(&chr->write_lock);
    chr_write_wait(chr, buf, len);
    lock_release(&chr->write_lock);
}

static ChrSlot *slot_of(Chardev *chr, void *opaque)
{
    for (int i = 0; i < CHR_SLOTS; i++) {
        if (chr->slots[i].fe && chr->slots[i].opaque == opaque) {
            return &chr->slots[i];
        }
    }
    return NULL;
}

void chardev_watch_writable(Chardev *chr, void (*fn)(void *opaque), void *opaque)
{
    lock_take(&chr->write_lock);
    ChrSlot *s = slot_of(chr, opaque);
    s = s ? s : &chr->slots[0];
    s->writable = fn;
    s->writable_opaque = opaque;
    lock_release(&chr->write_lock);
    chr_refresh_later(chr);
}

/* ---- frontends ----------------------------------------------------------- */

bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, Lock *lock, GError **err)
{
    int slot = 0;
    while (slot < (chr->mux_on ? CHR_SLOTS : 1) && chr->slots[slot].fe) {
        slot++;
    }
    if (slot == (chr->mux_on ? CHR_SLOTS : 1)) {
        chr_error(err, "chardev '%s' is already in use: %s; %s", chr->id,
                  chr->mux_on ? "a multiplexed one serves four frontends" : "it serves one frontend",
                  chr->mux_on ? "use a second chardev" : "give it mux=on, or use a second chardev");
        return false;
    }
    ChrSlot *s = &chr->slots[slot];
    lock_take(&chr->write_lock);
    s->fe = fe;
    s->opaque = opaque;
    s->lock = lock;
    s->age = ++chr->attached;
    lock_release(&chr->write_lock);
    mux_focus_attached(chr, slot);
    s->tell_opened = chardev_is_connected(chr);
    chr_refresh_later(chr);
    return true;
}

void chardev_detach(Chardev *chr, void *opaque)
{
    ChrSlot *s = slot_of(chr, opaque);
    if (!s) {
        return;
    }
    lock_take(&chr->write_lock);
    s->fe = NULL;
    s->opaque = NULL;
    s->lock = NULL;
    s->writable = NULL;
    lock_release(&chr->write_lock);
    g_byte_array_set_size(s->in, 0);
    s->tell_opened = false;
    mux_focus_detached(chr);
    chr_refresh_later(chr);
}

bool chardev_serve_peers(Chardev *chr, unsigned most, void (*fn)(void *opaque, Chardev *peer), void *opaque,
                         GError **err)
{
    static const ChardevFrontend nobody = { 0 }; /* the socket itself is in use */
    if (!chr->backend->serve_peers || chr->mux_on) {
        return false;
    }
    return chardev_attach(chr, &nobody, opaque, NULL, err) &&
           (chr->backend->serve_peers(chr, most, fn, opaque) || (chardev_detach(chr, opaque), false));
}

bool chardev_hang_up(Chardev *chr)
{
    if (!chr->backend->hang_up || !chardev_is_connected(chr)) {
        return false;
    }
    chr->backend->hang_up(chr);
    return true;
}

void chardev_tell_opened(Chardev *chr, bool open)
{
    lock_take(&chr->write_lock);
    if (chr->backend->opened) {
        chr->backend->opened(chr, open);
    }
    lock_release(&chr->write_lock);
}

void chardev_accept_input(Chardev *chr)
{
    chr_refresh_later(chr);
}

bool chardev_is_connected(const Chardev *chr)
{
    return __atomic_load_n(&chr->connected, __ATOMIC_RELAXED);
}

bool chardev_is_mux(const Chardev *chr)
{
    return chr->mux_on;
}

bool chardev_stays(const Chardev *chr)
{
    return chr->backend->stays;
}

bool chardev_is_used(const Chardev *chr)
{
    bool used = false;
    for (int i = 0; i < CHR_SLOTS; i++) {
        used |= chr->slots[i].fe != NULL;
    }
    return used;
}

static bool slot_is_open(const ChrSlot *s)
{
    bool open = s->fe && !s->fe->is_open;
    if (s->fe && s->fe->is_open) {
        lock_take_any(s->lock);
        open = s->fe->is_open(s->opaque);
        lock_release_any(s->lock);
    }
    return open;
}

bool chardev_is_open(const Chardev *chr)
{
    bool open = false;
    for (int i = 0; i < CHR_SLOTS && !open; i++) {
        open = slot_is_open(&chr->slots[i]);
    }
    return open;
}

const char *chardev_id(const Chardev *chr)
{
    return chr->id;
}

char *chardev_describe(const Chardev *chr)
{
    return chr->backend->describe ? chr->backend->describe(chr) : g_strdup(chr_type_names[chr->type]);
}
