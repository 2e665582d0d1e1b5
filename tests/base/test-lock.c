/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks: each mistake ends the program with a message that names the locks and the places; the
 * page docs/locks.md has the table that the program has. */
#include "base/lock.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_BEGIN "<!-- the table: written by scripts/dev bless -->\n"
#define TABLE_END "<!-- the table ends -->\n"

typedef struct Rig {
    Lock device, other_device, log;
    GCond cond;
} Rig;

static void rig_init(Rig *r)
{
    lock_init(&r->device, LOCK_DEVICE);
    lock_init(&r->other_device, LOCK_DEVICE);
    lock_init(&r->log, LOCK_LOG);
    g_cond_init(&r->cond);
}

/* ---- what is right ------------------------------------------------------------------------ */

static gpointer release_soon(gpointer data)
{
    Rig *r = data;
    lock_take(&r->device);
    g_cond_signal(&r->cond);
    lock_release(&r->device);
    return NULL;
}

static void test_right(void)
{
    Rig r;
    static Lock fixed = LOCK_INIT(LOCK_MEMORY_MAP);
    rig_init(&r);
    lock_take(&r.device);
    lock_take(&fixed);
    lock_take(&r.log);
    lock_assert_held(&fixed);
    g_assert_false(lock_try(&fixed));
    lock_release(&fixed); /* in any order */
    g_assert_true(lock_try(&r.other_device));
    lock_release(&r.other_device);
    lock_release(&r.log);
    GThread *t = g_thread_new("other", release_soon, &r);
    lock_wait(&r.cond, &r.device);
    g_assert_false(lock_wait_until(&r.cond, &r.device, g_get_monotonic_time() + 1));
    lock_release(&r.device);
    lock_assert_none();
    g_thread_join(t);
    lock_finish(&r.device);
    lock_take_any(NULL);
    lock_release_any(NULL);
}

/* ---- what is wrong ------------------------------------------------------------------------ */

static void too_late(Rig *r)
{
    lock_take(&r->log);
    lock_take(&r->device);
}

static void same_class(Rig *r)
{
    lock_take(&r->device);
    lock_take(&r->other_device);
}

static void behind_a_tried_one(Rig *r)
{
    g_assert_true(lock_try(&r->log));
    lock_take(&r->device);
}

static void under_a_leaf(Rig *r)
{
    Lock leaf = LOCK_INIT(LOCK_READERS), later = LOCK_INIT(LOCK_TIMERS);
    lock_take(&leaf);
    lock_take(&r->log);
    lock_release(&r->log);
    lock_take(&later);
}

static void twice(Rig *r)
{
    lock_take(&r->device);
    lock_take(&r->device);
}

static void not_made(Rig *r)
{
    Lock l = { 0 };
    lock_take(&l);
}

static void waits_with_another(Rig *r)
{
    lock_take(&r->device);
    lock_take(&r->log);
    lock_wait(&r->cond, &r->log);
}

static gpointer take_device(gpointer data)
{
    lock_take(&((Rig *)data)->device);
    return NULL;
}

static void not_mine(Rig *r)
{
    g_thread_join(g_thread_new("other", take_device, r));
    lock_release(&r->device);
}

static void ends_held(Rig *r)
{
    g_thread_join(g_thread_new("other", take_device, r));
    lock_finish(&r->device);
}

static void not_held(Rig *r)
{
    lock_assert_held(&r->device);
}

static void waits_for_others(Rig *r)
{
    lock_take(&r->device);
    lock_assert_none();
}

static const struct Wrong {
    const char *name;
    void (*fn)(Rig *r);
    const char *says;
} wrongs[] = {
    { "too-late", too_late,
      "*test-lock.c:*'device' lock * is taken too late*holds the 'log' lock*test-lock.c:*" },
    { "same-class", same_class, "*'device' lock * is taken too late*holds the 'device' lock*" },
    { "behind-a-tried-one", behind_a_tried_one, "*'device' lock * is taken too late*holds the 'log' lock*" },
    { "under-a-leaf", under_a_leaf, "*'timers' lock * is taken under a leaf*holds the 'readers' lock*" },
    { "twice", twice, "*'device' lock * is taken twice*" },
    { "not-made", not_made, "*nobody has made it*" },
    { "waits-with-another", waits_with_another,
      "*'log' lock * is let go in a wait*holds the 'device' lock*" },
    { "not-mine", not_mine, "*'device' lock * is released by a thread that does not hold it*" },
    { "ends-held", ends_held, "*'device' lock * ends while another thread holds it*" },
    { "not-held", not_held, "*test-lock.c:*'device' lock * is needed here*" },
    { "waits-for-others", waits_for_others, "*'device' lock * about to wait*" },
};

static void test_wrong(gconstpointer data)
{
    const struct Wrong *w = data;
    if (!LOCKS_CHECKED) {
        g_test_skip("built without checks");
        return;
    }
    if (g_test_subprocess()) {
        Rig r;
        rig_init(&r);
        w->fn(&r);
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr(w->says);
}

/* ---- the page ----------------------------------------------------------------------------- */

static GString *table(void)
{
    GString *out = g_string_new("| rank | lock | guards | while it is held |\n|---|---|---|---|\n");
    for (int c = LOCK_UNSET + 1; c < LOCK_CLASSES; c++) {
        const LockClassInfo *i = &lock_classes[c];
        g_assert_true(i->name && i->guards);
        g_string_append_printf(out, "| %d | %s | %s | %s |\n", c, i->name, i->guards,
                               i->calls ? i->calls : "nothing (a leaf)");
    }
    return out;
}

static void test_page(void)
{
    g_autofree char *page = NULL;
    g_autoptr(GString) now = table();
    g_assert_true(g_file_get_contents(LOCKS_PAGE, &page, NULL, NULL));
    char *begin = strstr(page, TABLE_BEGIN), *end = strstr(page, TABLE_END);
    g_assert_true(begin && end > begin);
    begin += strlen(TABLE_BEGIN);
    g_autofree char *was = g_strndup(begin, (gsize)(end - begin));
    if (getenv("LYREBIRD_BLESS")) {
        g_autofree char *head = g_strndup(page, (gsize)(begin - page));
        g_autofree char *all = g_strconcat(head, now->str, end, NULL);
        g_assert_true(g_file_set_contents(LOCKS_PAGE, all, -1, NULL));
    } else {
        g_assert_cmpstr(was, ==, now->str); /* else: scripts/dev bless --suite base */
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lock/right", test_right);
    for (unsigned i = 0; i < G_N_ELEMENTS(wrongs); i++) {
        g_autofree char *path = g_strdup_printf("/lock/wrong/%s", wrongs[i].name);
        g_test_add_data_func(path, &wrongs[i], test_wrong);
    }
    g_test_add_func("/lock/page", test_page);
    return g_test_run();
}
