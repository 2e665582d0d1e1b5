/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -display curses: see curses.h.
 *
 * The terminal is given back whatever way the process ends: by ncurses, or in raw haste (ending_set_terminal_hook).
 *
 * Not modelled: the mouse, charset=. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/ending.h"
#include "ui/curses/curses_priv.h"

enum { ESCAPE_MS = 25 };

/* For handlers of signals, which find nothing else. */
static struct termios before;
static volatile sig_atomic_t is_ours;
static volatile gint size_changed; /* atomic */
static EventNotifier *to_wake;

static void restore(void)
{
    static const char leave[] =
        "\033[?1049l\033[?25h"; /* the other screen of xterm and its like; the cursor */
    if (is_ours) {
        is_ours = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        (void)!write(STDOUT_FILENO, leave, sizeof(leave) - 1);
    }
}

static void resized(int sig)
{
    int keep = errno;
    g_atomic_int_set(&size_changed, 1);
    event_notifier_set(to_wake);
    errno = keep;
}

/* ---- the thread ----------------------------------------------------------------------- */

static void heard(ConsoleListener *l)
{
    CursesDisplay *d = l->opaque;
    g_atomic_int_set(&d->news, 1);
    event_notifier_set(d->wake);
}

void curses_switch(CursesDisplay *d, unsigned index)
{
    if (index < d->count && d->consoles[index] != d->console) {
        input_release_all(d->seat);
        console_unlisten(d->console, &d->ear);
        d->console = d->consoles[index];
        d->seat = input_seat_of(d->inputs, d->console);
        console_listen(d->console, &d->ear);
    }
}

static void follow_size(CursesDisplay *d)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col) {
        d->api->resizeterm(size.ws_row, size.ws_col);
        d->rows = size.ws_row;
        d->cols = size.ws_col;
        d->api->clearok(*d->api->stdscr, TRUE);
        g_atomic_int_set(&d->news, 1);
    }
}

/* Milliseconds until the next picture; -1: nothing is new. */
static int until_next(CursesDisplay *d, int64_t last)
{
    int64_t gone = g_get_monotonic_time() - last;
    return !g_atomic_int_get(&d->news) ? -1
           : gone >= CURSES_FRAME_US   ? 0
                                       : (CURSES_FRAME_US - gone) / 1000 + 1;
}

static void run(CursesDisplay *d)
{
    struct pollfd fds[] = { { d->wake->fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
    int64_t last = 0;
    while (!g_atomic_int_get(&d->ending)) {
        if (poll(fds, G_N_ELEMENTS(fds), until_next(d, last)) > 0 && fds[1].revents) {
            curses_take_keys(d);
            if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL)) {
                fds[1].fd = -1; /* the terminal has gone: the machine goes on */
            }
        }
        (void)event_notifier_test_and_clear(d->wake);
        if (g_atomic_int_compare_and_exchange(&size_changed, 1, 0)) {
            follow_size(d);
        }
        if (until_next(d, last) == 0) {
            g_atomic_int_set(&d->news, 0);
            curses_draw(d);
            last = g_get_monotonic_time();
        }
    }
}

static gpointer thread(gpointer data)
{
    CursesDisplay *d = data;
    follow_size(d);
    console_listen(d->console, &d->ear);
    run(d);
    console_unlisten(d->console, &d->ear);
    input_release_all(d->seat);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------- */

static bool take_terminal(CursesDisplay *d, GError **err)
{
    const CursesApi *api = d->api;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "standard input and output are no terminal; start it on one, or use -display none");
        return false;
    }
    setlocale(LC_CTYPE, ""); /* which characters the terminal takes */
    d->screen = api->newterm(NULL, stdout, stdin);
    if (!d->screen) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "ncurses does not know this terminal; set TERM to what it is, or use -display none");
        return false;
    }
    is_ours = 1;
    ending_set_terminal_hook(restore);
    api->raw();
    api->noecho();
    api->nonl();
    api->keypad(*api->stdscr, TRUE);
    api->nodelay(*api->stdscr, TRUE);
    api->set_escdelay(ESCAPE_MS);
    curses_make_colours(d);
    to_wake = d->wake;
    struct sigaction act = { .sa_handler = resized, .sa_flags = SA_RESTART };
    sigaction(SIGWINCH, &act, NULL);
    return true;
}

static void give_terminal_back(CursesDisplay *d)
{
    if (d->screen) {
        signal(SIGWINCH, SIG_DFL);
        d->api->endwin();
        is_ours = 0;
        d->api->delscreen(d->screen);
    }
}

static void curses_free(CursesDisplay *d)
{
    give_terminal_back(d);
    event_notifier_free(d->wake);
    console_text_clear(&d->text);
    g_free(d);
}

static void curses_close(Display *display)
{
    CursesDisplay *d = (CursesDisplay *)display;
    g_atomic_int_set(&d->ending, 1);
    event_notifier_set(d->wake);
    g_thread_join(d->thread);
    curses_free(d);
}

static Display *curses_open(const DisplayConfig *c, GError **err)
{
    CursesDisplay *d = g_new0(CursesDisplay, 1);
    d->display.ops = &display_curses;
    d->inputs = c->inputs;
    d->ear = (ConsoleListener){ .notify = heard, .opaque = d };
    for (; d->count < CURSES_CONSOLES && (d->consoles[d->count] = consoles_get(c->consoles, d->count));
         d->count++) {
    }
    d->console = d->consoles[0];
    d->seat = input_seat_of(d->inputs, d->console);
    d->wake = event_notifier_new(err);
    d->api = d->wake ? curses_api_load(err) : NULL;
    if (!d->api || !take_terminal(d, err)) {
        curses_free(d);
        return NULL;
    }
    d->thread = g_thread_new("curses", thread, d);
    return &d->display;
}

const DisplayOps display_curses = { .open = curses_open, .close = curses_close };
