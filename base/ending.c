/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the process: see base/ending.h.
 *
 * The deadline is a POSIX timer and its signal, SIGALRM: it needs no thread, no descriptor and
 * no lock, so it works when the main loop waits for a lock, a vCPU or a disk that does not come
 * back.  Its handler may use async-signal-safe functions only, on whatever thread
 * the kernel has chosen.
 *
 * Files are a list that only grows, published link by link, by any thread; a removed one keeps its link with
 * no path.  A child that was forked removes nothing. */
#include "base/ending.h"

#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct EndingFile {
    char *_Atomic path;
    EndingFile *next;
};

static EndingFile *_Atomic files;
static pid_t owner;
static void (*_Atomic restore_terminal)(void);

static atomic_int holds, held_signal;

static timer_t timer;
static bool have_timer;
static const char *program = "lyrebird";
static const char *_Atomic asked_by;
static atomic_int end_status;
static const char *_Atomic waits_for;

/* ---- files --------------------------------------------------------------- */

static void at_exit(void)
{
    if (getpid() == owner) {
        ending_clean();
    }
}

static void catch_exit(void)
{
    if (owner != getpid()) {
        owner = getpid();
        atexit(at_exit);
    }
}

EndingFile *ending_add_file(const char *path)
{
    EndingFile *f = g_new0(EndingFile, 1);
    catch_exit();
    atomic_store(&f->path, g_canonicalize_filename(path, NULL));
    f->next = atomic_load(&files);
    while (!atomic_compare_exchange_weak(&files, &f->next, f)) {
    }
    return f;
}

void ending_remove_file(EndingFile *f)
{
    char *path = f ? atomic_exchange(&f->path, NULL) : NULL;
    if (path) {
        unlink(path);
        g_free(path);
    }
}

void ending_foreach_file(void (*fn)(const char *path, void *opaque), void *opaque)
{
    for (EndingFile *f = atomic_load(&files); f; f = f->next) {
        const char *path = atomic_load(&f->path);
        if (path) {
            fn(path, opaque);
        }
    }
}

void ending_enter_root(const char *root)
{
    for (EndingFile *f = atomic_load(&files); f; f = f->next) {
        char *path = atomic_load(&f->path);
        const char *inside = path && g_str_has_prefix(path, root) ? path + strlen(root) : NULL;
        atomic_store(&f->path, inside && *inside == '/' ? g_strdup(inside) : NULL);
        g_free(path);
    }
}

void ending_set_terminal_hook(void (*restore)(void))
{
    catch_exit();
    atomic_store(&restore_terminal, restore);
}

void ending_clean(void)
{
    void (*restore)(void) = atomic_load(&restore_terminal);
    if (restore) {
        restore();
    }
    for (EndingFile *f = atomic_load(&files); f; f = f->next) {
        char *path = atomic_exchange(&f->path, NULL);
        if (path) {
            unlink(path); /* not freed: this may be a signal handler */
        }
    }
}

void ending_hold(void)
{
    atomic_fetch_add(&holds, 1);
}

void ending_release(void)
{
    int number = 0;
    if (atomic_fetch_sub(&holds, 1) == 1) {
        number = atomic_exchange(&held_signal, 0);
    }
    if (number) {
        raise(number);
    }
}

bool ending_is_held(int number)
{
    if (!atomic_load(&holds)) {
        return false;
    }
    atomic_store(&held_signal, number);
    return true;
}

/* ---- the deadline -------------------------------------------------------- */

/* A full pipe must not keep us. */
static void say_part(const char *text)
{
    struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
    if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT)) {
        ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
        (void)ignored;
    }
}

void ending_say(const char *first, ...)
{
    va_list parts;
    say_part(program);
    say_part(": ");
    va_start(parts, first);
    for (const char *part = first; part; part = va_arg(parts, const char *)) {
        say_part(part);
    }
    va_end(parts);
    say_part("\n");
}

static void on_deadline(int number)
{
    const char *what = atomic_load(&waits_for);
    ending_say(atomic_load(&asked_by), ": the end has not come in time; no longer waiting for ",
               what ? what : "the main loop to come round", NULL);
    ending_clean();
    _exit(atomic_load(&end_status));
}

void ending_init(const char *name)
{
    struct sigaction sa = { .sa_handler = on_deadline };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    program = g_intern_string(name); /* the deadline may come when all has been freed */
    sigaction(SIGALRM, &sa, NULL);
    have_timer = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
}

void ending_deadline(const char *asked, int status)
{
    const char *none = NULL;
    struct itimerspec when = { .it_value = { .tv_sec = ENDING_MS / 1000,
                                             .tv_nsec = ENDING_MS % 1000 * 1000000 } };
    if (have_timer && atomic_compare_exchange_strong(&asked_by, &none, asked)) {
        atomic_store(&end_status, status);
        timer_settime(timer, 0, &when, NULL);
    }
}

void ending_waits_for(const char *what)
{
    atomic_store(&waits_for, what);
}
