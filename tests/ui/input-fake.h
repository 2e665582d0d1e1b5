/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device of a test's: what it is given, as text. */
#pragma once
#include "tests/loop.h"
#include "ui/input.h"

typedef struct Fake {
    InputSink sink;
    Lock lock;
    GString *got;
} Fake;

static inline void got(void *opaque, const InputEvent *e)
{
    Fake *f = opaque;
    lock_assert_held(&f->lock);
    g_string_append_printf(f->got, "%d:%u:%d:%d ", e->kind, e->code, e->x, e->y);
}

static inline void fake_init(Fake *f, const char *name, unsigned takes)
{
    *f = (Fake){ .sink = { name, takes, &f->lock, got, f }, .got = g_string_new(NULL) };
    lock_init(&f->lock, LOCK_DEVICE);
}

static inline void fake_finish(Fake *f)
{
    lock_finish(&f->lock);
    g_string_free(f->got, TRUE);
}

static inline void run_loop(void)
{
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
}

static inline void expect(Fake *f, const char *text)
{
    run_loop();
    g_assert_cmpstr(f->got->str, ==, text);
    g_string_truncate(f->got, 0);
}
