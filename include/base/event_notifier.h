/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event that one thread (or the kernel) signals and another polls for: an eventfd. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct EventNotifier {
    int fd; /* readable while signalled: for fdwatch_new(), or for the kernel */
} EventNotifier;

EventNotifier *event_notifier_new(GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* NULL is fine.  A thread may be signalling it still (a bus write): it goes with memory_free_later(). */
void event_notifier_free(EventNotifier *e);
void event_notifier_set(EventNotifier *e);
/* Whether it was signalled since the last call. */
bool event_notifier_test_and_clear(EventNotifier *e);
