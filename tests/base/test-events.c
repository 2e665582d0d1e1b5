/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens to a machine is told in order, to who listens, and not more often than its limit says. */
#include "base/events.h"

#include <json-c/json.h>
#include <string.h>

#include "tests/loop.h"
#include "tests/patience.h"

typedef struct PortData {
    char *id;
    bool open;
} PortData;

static const Prop port_props[] = {
    { "id", PROP_STRING, offsetof(PortData, id), .required = true },
    { "open", PROP_BOOL, offsetof(PortData, open), .required = true },
    { NULL },
};
static const Shape port_shape = { "PortData", sizeof(PortData), port_props };
enum { LIMIT_MS = 300 };
static const Event stop = { .name = "STOP" };
static const Event free_port = { .name = "FREE_PORT", .data = &port_shape };
static const Event port = { .name = "PORT", .data = &port_shape, .limit_ms = LIMIT_MS, .key = "id" };

static GString *told;
static int64_t told_time;

static void listener(void *opaque, const EventNote *note)
{
    g_assert_true(opaque == &told);
    told_time = note->time_us;
    g_string_append_printf(told, "%s%s;", note->event->name,
                           note->data ? json_object_to_json_string_ext(note->data, JSON_C_TO_STRING_PLAIN)
                                      : "");
}

static void expect(const char *text)
{
    g_assert_cmpstr(told->str, ==, text);
    g_string_truncate(told, 0);
}

static Events *begin(void)
{
    Events *all = events_new(test_loop());
    told = g_string_new(NULL);
    events_emit(all, &stop, NULL); /* nobody listens */
    events_listen(all, listener, &told);
    return all;
}

static void end(Events *all)
{
    events_free(all);
    g_string_free(told, TRUE);
}

static void wait_told(void)
{
    gint64 until = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (!told->len) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_main_context_iteration(event_loop_context(test_loop()), TRUE);
    }
}

static void test_order(void)
{
    Events *all = begin();
    events_emit(all, &stop, NULL);
    events_emit(all, &free_port, &(PortData){ "a", true });
    events_emit(all, &free_port, &(PortData){ "a", true });
    expect("");
    events_tell(all);
    expect("STOP;FREE_PORT{\"id\":\"a\",\"open\":true};FREE_PORT{\"id\":\"a\",\"open\":true};");
    events_tell(all);
    expect("");
    events_emit(all, &stop, NULL);
    wait_told(); /* by the loop */
    expect("STOP;");
    events_emit(all, &stop, NULL);
    events_listen(all, NULL, NULL);
    expect("STOP;"); /* the listener of then */
    events_emit(all, &stop, NULL);
    events_listen(all, listener, &told);
    events_tell(all);
    expect("");
    events_emit(NULL, &stop, NULL);
    end(all);
}

/* The first goes at once; then the newest of each key, when the time is over, and it keeps its own time. */
static void test_limit(void)
{
    Events *all = begin();
    PortData a = { "a", true }, a_closed = { "a", false }, b = { "b", true };
    gint64 before = g_get_monotonic_time();
    events_emit(all, &port, &a);
    events_tell(all);
    expect("PORT{\"id\":\"a\",\"open\":true};");
    events_emit(all, &port, &a_closed);
    events_tell(all);
    events_emit(all, &port, &a);
    events_emit(all, &port, &b);
    events_tell(all);
    expect("PORT{\"id\":\"b\",\"open\":true};");
    int64_t happened = g_get_real_time();
    wait_told();
    g_assert_cmpint(g_get_monotonic_time() - before, >=, (LIMIT_MS - 1) * 1000);
    expect("PORT{\"id\":\"a\",\"open\":true};");
    g_assert_cmpint(told_time, <=, happened);
    end(all); /* with a limit that runs */
}

static gpointer emit_many(gpointer opaque)
{
    for (unsigned i = 0; i < 20000; i++) {
        events_emit(opaque, &port, &(PortData){ i & 1 ? "a" : "b", true });
    }
    return NULL;
}

/* However often a guest does it, two notes wait. */
static void test_threads(void)
{
    Events *all = begin();
    GThread *t[3];
    for (unsigned i = 0; i < G_N_ELEMENTS(t); i++) {
        t[i] = g_thread_new("guest", emit_many, all);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(t); i++) {
        g_thread_join(t[i]);
    }
    events_tell(all);
    g_assert_cmpuint(told->len, ==, 2 * strlen("PORT{\"id\":\"a\",\"open\":true};"));
    end(all);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/events/order", test_order);
    g_test_add_func("/events/limit", test_limit);
    g_test_add_func("/events/threads", test_threads);
    return g_test_run();
}
