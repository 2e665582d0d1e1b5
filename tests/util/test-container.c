/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container_of finds the object from any of its fields and keeps const.  That it takes no pointer
 * of another type is proved in meson.build: there a compiler must refuse it. */
#include "util/container.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Part {
    int x;
} Part;

typedef struct Whole {
    Part first;
    char between[3];
    struct {
        int before;
        Part part;
    } inner;
} Whole;

static unsigned calls;

static Part *counted(Part *p)
{
    calls++;
    return p;
}

static void test_finds_the_object(void)
{
    Whole w = { 0 };
    g_assert_true(container_of(&w.first, Whole, first) == &w);
    g_assert_true(container_of(&w.inner.part, Whole, inner.part) == &w);
    g_assert_true(container_of(counted(&w.inner.part), Whole, inner.part) == &w);
    g_assert_cmpuint(calls, ==, 1); /* the argument is evaluated once */
}

static void test_keeps_const(void)
{
    const Whole w = { .inner.part.x = 5 };
    const Part *part = &w.inner.part;
    g_assert_cmpint(container_of(part, Whole, inner.part)->inner.part.x, ==, 5);
    g_assert_true(_Generic(container_of(part, Whole, inner.part), const Whole *: true, Whole *: false));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/container/finds-the-object", test_finds_the_object);
    g_test_add_func("/container/keeps-const", test_keeps_const);
    return g_test_run();
}
