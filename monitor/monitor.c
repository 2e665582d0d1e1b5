/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A monitor: the line editor and the commands at the end of a chardev.
 *
 * On a chardev that is shared with a serial line the banner appears when the
 * user first comes over (Ctrl-A c), else when someone connects. */
#include "monitor/monitor.h"

#include <string.h>

#include "base/events.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "monitor/monitor_priv.h"
#include "monitor/qmp.h"
#include "monitor/qmp_task.h"
#include "monitor/readline.h"
#include "base/version.h"

typedef struct Monitor {
    Machine *machine;
    Chardev *chr;
    Readline *readline;
    bool greeted;
} Monitor;

struct Monitors {
    Machine *machine;
    GPtrArray *list;     /* of Monitor: for people */
    GPtrArray *sessions; /* of QmpSession: for programs */
    GPtrArray *tasks;    /* of QmpTask: also of sessions that have ended */
    GPtrArray *owned;    /* freed with the others */
};

/* Lines end in CR LF on the wire. */
static void monitor_write(void *opaque, const char *text, int len)
{
    Monitor *mon = opaque;
    g_autoptr(GString) s = g_string_sized_new(len + 16);
    for (int i = 0; i < len; i++) {
        if (text[i] == '\n') {
            g_string_append_c(s, '\r');
        }
        g_string_append_c(s, text[i]);
    }
    chardev_write_all(mon->chr, s->str, s->len);
}

static void monitor_line(void *opaque, const char *line)
{
    Monitor *mon = opaque;
    g_autofree char *answer = monitor_run_line(mon->machine, line);
    if (*answer) {
        monitor_write(mon, answer, strlen(answer));
    }
    readline_show_prompt(mon->readline);
}

static void add_matches(GPtrArray *names, const MonitorCommand *table, const char *word)
{
    for (; table->name; table++) {
        g_autofree char *name = g_strndup(table->name, strcspn(table->name, "|"));
        if (g_str_has_prefix(name, word)) {
            g_ptr_array_add(names, g_steal_pointer(&name));
        }
    }
}

static char **monitor_complete(void *opaque, const char *before, const char *word)
{
    GPtrArray *names = g_ptr_array_new();
    g_autofree char *head = g_strstrip(g_strdup(before));
    if (!*head || g_str_equal(head, "help") || g_str_equal(head, "?")) {
        add_matches(names, monitor_commands, word);
    } else if (g_str_equal(head, "info") || g_str_equal(head, "help info")) {
        add_matches(names, monitor_infos, word);
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, false);
}

static const ReadlineOps readline_ops = { monitor_write, monitor_line, monitor_complete };

static void monitor_greet(Monitor *mon)
{
    g_autofree char *banner = g_strdup_printf("%s %s monitor - type 'help' for more information\n",
                                              version_product(), version_number());
    monitor_write(mon, banner, strlen(banner));
    readline_show_prompt(mon->readline);
    mon->greeted = true;
}

static int monitor_can_receive(void *opaque)
{
    return 4096;
}

static void monitor_receive(void *opaque, const uint8_t *buf, int len)
{
    Monitor *mon = opaque;
    readline_feed(mon->readline, buf, len);
}

static void monitor_event(void *opaque, ChardevEvent event)
{
    Monitor *mon = opaque;
    if (event == CHARDEV_OPENED && !chardev_is_mux(mon->chr)) {
        monitor_greet(mon);
    } else if (event == CHARDEV_FOCUS_IN && !mon->greeted) {
        monitor_greet(mon);
    } else if (event == CHARDEV_FOCUS_IN) {
        readline_show_prompt(mon->readline);
    }
}

static const ChardevFrontend frontend = {
    .can_receive = monitor_can_receive,
    .receive = monitor_receive,
    .event = monitor_event,
    .background = true,
    .converses = true,
};

static void monitor_free(void *opaque)
{
    Monitor *mon = opaque;
    chardev_detach(mon->chr, mon);
    readline_free(mon->readline);
    g_free(mon);
}

bool monitor_new(Monitors *all, Chardev *chr, GError **err)
{
    Monitor *mon = g_new0(Monitor, 1);
    mon->machine = all->machine;
    mon->chr = chr;
    mon->readline = readline_new(&readline_ops, mon, "(qemu) ");
    if (!chardev_attach(chr, &frontend, mon, NULL, err)) {
        readline_free(mon->readline);
        g_free(mon);
        return false;
    }
    g_ptr_array_add(all->list, mon);
    return true;
}

bool monitor_new_control(Monitors *all, Chardev *chr, bool pretty, GError **err)
{
    return qmp_serve(all, chr, pretty, err);
}

/* ---- all of them --------------------------------------------------------- */

Machine *monitors_machine(const Monitors *all)
{
    return all->machine;
}

void monitors_add_session(Monitors *all, QmpSession *session)
{
    g_ptr_array_add(all->sessions, session);
}

void monitors_end_session(Monitors *all, QmpSession *session)
{
    g_ptr_array_remove(all->sessions, session);
}

void monitors_add_task(Monitors *all, QmpTask *task)
{
    g_ptr_array_add(all->tasks, task);
}

void monitors_end_task(Monitors *all, QmpTask *task)
{
    g_ptr_array_remove(all->tasks, task);
}

unsigned monitors_tasks(const Monitors *all)
{
    return all->tasks->len;
}

void monitors_own(Monitors *all, void *memory)
{
    g_ptr_array_add(all->owned, memory);
}

static void tell_sessions(void *opaque, const EventNote *note)
{
    Monitors *all = opaque;
    for (guint i = 0; i < all->sessions->len; i++) {
        qmp_session_tell(all->sessions->pdata[i], note);
    }
}

Monitors *monitors_new(Machine *m)
{
    Monitors *all = g_new0(Monitors, 1);
    all->machine = m;
    all->list = g_ptr_array_new_with_free_func(monitor_free);
    all->sessions = g_ptr_array_new_with_free_func(qmp_session_free);
    all->tasks = g_ptr_array_new_with_free_func(qmp_task_free);
    all->owned = g_ptr_array_new_with_free_func(g_free);
    events_listen(m->events, tell_sessions, all);
    return all;
}

void monitors_free(Monitors *all)
{
    if (all) {
        events_tell(all->machine->events); /* the end, too */
        events_listen(all->machine->events, NULL, NULL);
        g_ptr_array_unref(all->list);
        g_ptr_array_unref(all->sessions);
        g_ptr_array_unref(all->tasks); /* what they write is written */
        g_ptr_array_unref(all->owned);
        g_free(all);
    }
}
