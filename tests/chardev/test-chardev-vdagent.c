/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qemu-vdagent: the clipboard, as an agent in a guest sees it (spice-protocol, vd_agent.h). */
#include <string.h>

#include "rig.h"
#include "tests/ends.h"
#include "tests/loop.h"
#include "ui/clipboard.h"
#include "util/bytes.h"

enum { CLIPBOARD = 4, ANNOUNCE = 6, GRAB = 7, REQUEST = 8, HEADS = 28, CHUNK_MAX = 2048 };

typedef struct Agent {
    Rig r;
    Clipboard *clipboard;
    ClipboardPeer user;
    int told;
} Agent;

static void told(ClipboardPeer *p)
{
    ((Agent *)p->opaque)->told++;
}

static void agent_open(Agent *a)
{
    *a = (Agent){ .clipboard = clipboard_new(), .user = { .changed = told, .opaque = a } };
    clipboard_join(a->clipboard, &a->user);
    chardevs_set_clipboard(test_chardevs(), a->clipboard);
    rig_init(&a->r, rig_chardev_ok("qemu-vdagent,id=v,clipboard=on"), &rig_frontend);
    g_assert_true(clipboard_has_guest(a->clipboard));
}

static void agent_close(Agent *a)
{
    Chardev *chr = a->r.chr;
    rig_clear(&a->r);
    chardev_free(chr);
    g_assert_false(clipboard_has_guest(a->clipboard));
    chardevs_set_clipboard(test_chardevs(), NULL);
    clipboard_leave(a->clipboard, &a->user);
    clipboard_free(a->clipboard);
}

/* Messages in one chunk each. */
static void add(GByteArray *out, uint32_t type, const void *data, uint32_t size)
{
    uint8_t head[HEADS] = { 0 };
    store_le(head, 4, 1);
    store_le(head + 4, 4, 20 + size);
    store_le(head + 8, 4, 1);
    store_le(head + 12, 4, type);
    store_le(head + 24, 4, size);
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, data, size);
}

static void say(Agent *a, uint32_t type, const void *data, uint32_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    add(out, type, data, size);
    for (guint i = 0; i < out->len; i++) { /* in the smallest pieces */
        g_assert_cmpint(chardev_write(a->r.chr, out->data + i, 1), ==, 1);
    }
}

/* The host says this next. */
static void expect(Agent *a, uint32_t type, const void *data, uint32_t size)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    add(all, type, data, size);
    g_assert_true(rig_wait_bytes(&a->r, all->len));
    g_assert_cmpmem(a->r.got->str, all->len, all->data, all->len);
    g_string_erase(a->r.got, 0, all->len);
}

static void meet(Agent *a)
{
    static const uint8_t caps[] = { 1, 0, 0, 0, 0x60, 0, 0, 0 }, answer[] = { 0, 0, 0, 0, 0x60, 0, 0, 0 };
    chardev_tell_opened(a->r.chr, true);
    expect(a, ANNOUNCE, caps, sizeof(caps));
    say(a, ANNOUNCE, caps, sizeof(caps));
    expect(a, ANNOUNCE, answer, sizeof(answer));
}

static const uint8_t text_type[] = { 0, 0, 0, 0, 1, 0, 0, 0 };

/* Copied in the guest: asked for, and taken; not what comes unasked, nor of another selection. */
static void test_from_guest(void)
{
    Agent a;
    static const uint8_t text[] = { 0, 0, 0, 0, 1, 0, 0, 0, 'h', 'i' },
                         primary[] = { 1, 0, 0, 0, 1, 0, 0, 0 };
    agent_open(&a);
    meet(&a);
    say(&a, CLIPBOARD, text, sizeof(text));
    say(&a, GRAB, primary, sizeof(primary));
    g_assert_cmpint(a.told, ==, 0);
    say(&a, GRAB, text_type, sizeof(text_type));
    expect(&a, REQUEST, text_type, sizeof(text_type));
    say(&a, CLIPBOARD, text, sizeof(text));
    g_assert_cmpint(a.told, ==, 1);
    g_autofree char *got = clipboard_text(a.clipboard);
    g_assert_cmpstr(got, ==, "hi");
    agent_close(&a);
}

/* Copied by the user, before and after the agent has come. */
static void test_from_user(void)
{
    Agent a;
    static const uint8_t old[] = { 0, 0, 0, 0, 1, 0, 0, 0, 'o', 'l', 'd' },
                         none[] = { 0, 0, 0, 0, 0, 0, 0, 0 };
    static const uint8_t png[] = { 0, 0, 0, 0, 2, 0, 0, 0 };
    agent_open(&a);
    clipboard_put(a.clipboard, &a.user, "old", 3);
    meet(&a);
    expect(&a, GRAB, text_type, sizeof(text_type));
    say(&a, REQUEST, text_type, sizeof(text_type));
    expect(&a, CLIPBOARD, old, sizeof(old));
    say(&a, REQUEST, png, sizeof(png));
    expect(&a, CLIPBOARD, none, sizeof(none));
    clipboard_put(a.clipboard, &a.user, "new", 3);
    expect(&a, GRAB, text_type, sizeof(text_type));
    agent_close(&a);
}

/* A text of many chunks, none longer than an agent takes. */
static void test_long(void)
{
    Agent a;
    enum { LENGTH = 100000, MESSAGE = 20 + 8 + LENGTH };
    g_autofree char *text = g_strnfill(LENGTH, 'x');
    agent_open(&a);
    meet(&a);
    clipboard_put(a.clipboard, &a.user, text, LENGTH);
    expect(&a, GRAB, text_type, sizeof(text_type));
    say(&a, REQUEST, text_type, sizeof(text_type));
    g_assert_true(rig_wait_bytes(&a.r, MESSAGE + 8 * ((MESSAGE + CHUNK_MAX - 1) / CHUNK_MAX)));
    gsize at = 0, sum = 0;
    while (at < a.r.got->len) {
        uint32_t size = load_le(a.r.got->str + at + 4, 4);
        g_assert_cmpuint(size, <=, CHUNK_MAX);
        at += 8 + size;
        sum += size;
    }
    g_assert_cmpuint(at, ==, a.r.got->len);
    g_assert_cmpuint(sum, ==, MESSAGE);
    agent_close(&a);
}

/* An agent that asks all the time and reads nothing has to wait; one that comes anew begins anew. */
static void test_hostile(void)
{
    Agent a;
    g_autoptr(GByteArray) flood = g_byte_array_new();
    g_autofree char *text = g_strnfill(CLIPBOARD_MAX, 'x');
    agent_open(&a);
    meet(&a);
    clipboard_put(a.clipboard, &a.user, text, CLIPBOARD_MAX);
    expect(&a, GRAB, text_type, sizeof(text_type));
    a.r.room = 0;
    for (int i = 0; i < 100; i++) {
        add(flood, REQUEST, text_type, sizeof(text_type));
    }
    int first = chardev_write(a.r.chr, flood->data, (int)flood->len);
    g_assert_cmpint(first, ==, HEADS + (int)sizeof(text_type)); /* one of them */
    g_assert_cmpint(chardev_write(a.r.chr, flood->data, (int)flood->len), ==, 0);
    chardev_tell_opened(a.r.chr, false);
    a.r.room = -1;
    meet(&a);
    expect(&a, GRAB, text_type, sizeof(text_type));
    static const uint8_t too_long[] = { 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 4, 0,
                                        0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0x10 };
    static const uint8_t other_port[] = { 2, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3 };
    g_assert_cmpint(chardev_write(a.r.chr, other_port, sizeof(other_port)), ==, sizeof(other_port));
    say(&a, GRAB, text_type, sizeof(text_type));
    expect(&a, REQUEST, text_type, sizeof(text_type));
    g_assert_cmpint(chardev_write(a.r.chr, too_long, sizeof(too_long)), ==, sizeof(too_long));
    g_assert_cmpint(a.told, ==, 0);
    agent_close(&a);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/vdagent/from-guest", test_from_guest);
    g_test_add_func("/chardev/vdagent/from-user", test_from_user);
    g_test_add_func("/chardev/vdagent/long", test_long);
    g_test_add_func("/chardev/vdagent/hostile", test_hostile);
    return g_test_run();
}
