/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several frontends on one chardev: the keys go to the one in focus, the output of
 * all is shown.  Ctrl-A (or the character of -echr) begins a command to the
 * multiplexer itself.
 * Spelling: the QEMU manual, "Keys in the character backend multiplexer".
 *
 * The newest frontend has the keys (a virtconsole that shares the terminal with serial
 * port 0 has them, not the port), but for monitors: those get them by Ctrl-A c, or when
 * nobody else is there.  Its keys wait for it until the guest listens; they do not go
 * to another one meanwhile, as what is typed must not depend on how fast a guest boots.
 *
 * Input is read into the slot of the frontend in focus, so that a guest
 * that reads nothing does not keep Ctrl-A x away (up to CHR_MUX_BUFFER bytes).
 * Text of the multiplexer waits in `own` and goes out before anything else.
 *
 * Not modelled: Ctrl-A s writes no temporary snapshot back; it says so. */
#include "chardev_priv.h"
#include "base/ending.h"

#include <string.h>

#include "base/clock.h"
#include "base/version.h"

static void mux_print(Chardev *chr, const char *text)
{
    lock_take(&chr->write_lock);
    g_byte_array_append(chr->own, (const uint8_t *)text, strlen(text));
    chr_flush_own(chr);
    lock_release(&chr->write_lock);
    chr_refresh_later(chr);
}

static void mux_print_help(Chardev *chr)
{
    static const char *const lines[] = {
        "h    print this help\n\r",
        "x    exit emulator\n\r",
        "s    save disk data back to file (refused: see the manual of snapshot=on)\n\r",
        "t    toggle console timestamps\n\r",
        "b    send break (magic sysrq)\n\r",
        "c    switch between console and monitor\n\r",
    };
    char key[8];
    uint8_t escape_char = chr->all->escape;
    if (escape_char > 0 && escape_char < 27) {
        g_snprintf(key, sizeof(key), "C-%c", escape_char - 1 + 'a');
    } else {
        g_snprintf(key, sizeof(key), "0x%02x", escape_char);
    }
    g_autoptr(GString) text = g_string_new("\n\r");
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_string_append_printf(text, "%s %s", key, lines[i]);
    }
    g_string_append_printf(text, "%s %s  sends %s\n\r", key, key, key);
    mux_print(chr, text->str);
}

void mux_focus_attached(Chardev *chr, int slot)
{
    const ChardevFrontend *now = chr->slots[chr->focus].fe, *fe = chr->slots[slot].fe;
    if (slot != chr->focus && (!now || !fe->background)) {
        chr_event(chr, chr->focus, CHARDEV_FOCUS_OUT);
        chr->focus = slot; /* it is told together with CHARDEV_OPENED */
    }
}

static void mux_set_focus(Chardev *chr, int slot)
{
    if (slot != chr->focus) {
        chr_event(chr, chr->focus, CHARDEV_FOCUS_OUT);
        chr->focus = slot;
        chr_event(chr, slot, CHARDEV_FOCUS_IN);
    }
}

/* Is slot a a better choice for the keys than b? */
static bool mux_prefers(const Chardev *chr, int a, int b)
{
    const ChrSlot *sa = &chr->slots[a], *sb = &chr->slots[b];
    if (!sa->fe || !sb->fe) {
        return sa->fe;
    }
    return sa->fe->background == sb->fe->background ? sa->age > sb->age : !sa->fe->background;
}

void mux_focus_detached(Chardev *chr)
{
    int best = chr->focus;
    for (int i = 0; i < CHR_SLOTS && !chr->slots[chr->focus].fe; i++) {
        best = mux_prefers(chr, i, best) ? i : best;
    }
    mux_set_focus(chr, best);
}

static void mux_next_focus(Chardev *chr)
{
    for (int i = 1; i < CHR_SLOTS; i++) {
        int slot = (chr->focus + i) % CHR_SLOTS;
        if (chr->slots[slot].fe) {
            mux_set_focus(chr, slot);
            return;
        }
    }
    mux_print(chr, "\n\rNothing else is connected here: there is no monitor on this line.\n\r");
}

static void mux_quit(Chardev *chr)
{
    g_autofree char *text = g_strdup_printf("%s: Terminated\n\r", version_product());
    mux_print(chr, text);
    ending_deadline("Ctrl-A x", 0);
    event_loop_quit(chr->all->loop, 0);
}

static void mux_command(Chardev *chr, uint8_t c)
{
    switch (c) {
    case 'x': mux_quit(chr); break;
    case 'c': mux_next_focus(chr); break;
    case 'b': chr_event(chr, chr->focus, CHARDEV_BREAK); break;
    case 's':
        mux_print(chr, "\n\rNothing is saved: writes of snapshot=on drives are dropped at exit, "
                       "those of other drives are in their files already.\n\r");
        break;
    case 't':
        lock_take(&chr->write_lock);
        chr->mux.stamps = !chr->mux.stamps;
        chr->mux.at_line_start = false;
        chr->mux.stamp_zero = clock_get_ns(NULL, CLK_REALTIME);
        lock_release(&chr->write_lock);
        break;
    case 'h':
    case '?': mux_print_help(chr); break;
    default: break;
    }
}

void mux_input(Chardev *chr, const uint8_t *buf, int len)
{
    for (int i = 0; i < len; i++) {
        bool escaped = chr->mux.escaped;
        chr->mux.escaped = false;
        if (!escaped && buf[i] == chr->all->escape) {
            chr->mux.escaped = true;
        } else if (escaped && buf[i] != chr->all->escape) {
            mux_command(chr, buf[i]);
        } else if (chr->slots[chr->focus].fe) { /* else: typed for nobody */
            g_byte_array_append(chr->slots[chr->focus].in, &buf[i], 1);
        }
    }
}

static void mux_stamp(Chardev *chr)
{
    int64_t ms = (clock_get_ns(NULL, CLK_REALTIME) - chr->mux.stamp_zero) / 1000000;
    char text[48];
    int n = g_snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
                       (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    g_byte_array_append(chr->own, (const uint8_t *)text, n);
}

/* Line by line, a time before each. */
int mux_write_locked(Chardev *chr, const uint8_t *buf, int len)
{
    int done = 0;
    if (!chr->mux.stamps) {
        return chr_write_locked(chr, buf, len);
    }
    while (done < len) {
        if (chr->mux.at_line_start) {
            chr->mux.at_line_start = false;
            mux_stamp(chr);
        }
        const uint8_t *end = memchr(buf + done, '\n', len - done);
        int line = end ? (int)(end - buf) + 1 - done : len - done;
        int n = chr_write_locked(chr, buf + done, line);
        done += n;
        if (n < line) {
            return done;
        }
        chr->mux.at_line_start = end != NULL;
    }
    return done;
}
