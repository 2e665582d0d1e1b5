/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of -d and -D.  One table names the items; a message is written whole,
 * so that those of several threads do not mix.
 *
 * The guest can cause any number of messages: it is the user who turned them on. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "util/nearest.h"

uint32_t log_items;

static Lock file_lock = LOCK_INIT(LOCK_LOG);
static FILE *file; /* NULL: standard error */

static const struct LogName {
    const char *name;
    LogItem item;
    const char *help;
} names[] = {
    { "guest_errors", LOG_GUEST_ERROR, "what the guest did that no specification allows" },
    { "unimp", LOG_UNIMP, "what the guest used that is not modelled" },
    { "in_asm", LOG_IN_ASM, "guest code of each block that is translated" },
    { "op", LOG_OP, "intermediate code of each block, before the passes" },
    { "op_opt", LOG_OP_OPT, "intermediate code of each block, after the passes" },
    { "out_asm", LOG_OUT_ASM, "host code of each block" },
    { "int", LOG_INT, "interrupts and exceptions" },
    { "exec", LOG_EXEC, "each block that is entered (turns chaining off)" },
    { "cpu", LOG_CPU, "registers at each block that is entered" },
    { "mmu", LOG_MMU, "page walks and faults" },
};

static void log_print_items(void)
{
    printf("Log items (comma separated):\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        printf("%-15s %s\n", names[i].name, names[i].help);
    }
}

static bool log_find_item(const char *word, uint32_t *items, GError **err)
{
    const char *all[G_N_ELEMENTS(names) + 1] = { NULL };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(word, names[i].name) == 0) {
            *items |= names[i].item;
            return true;
        }
        all[i] = names[i].name;
    }
    g_autofree char *advice = names_advice(word, all);
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-d: there is no log item '%s'%s", word,
                advice);
    return false;
}

bool log_set_items(const char *spec, bool *help, GError **err)
{
    g_auto(GStrv) words = g_strsplit(spec, ",", -1);
    uint32_t items = 0;
    *help = false;
    for (char **w = words; *w; w++) {
        if (strcmp(*w, "help") == 0 || strcmp(*w, "?") == 0) {
            log_print_items();
            *help = true;
            return true;
        }
        if (**w && !log_find_item(*w, &items, err)) {
            return false;
        }
    }
    log_items |= items;
    return true;
}

/* A pipe that nobody reads is an error: a machine that runs would wait for its reader. */
static FILE *open_file(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (fd >= 0 && g_unix_set_fd_nonblocking(fd, FALSE, NULL)) {
        return fdopen(fd, "w");
    }
    return NULL;
}

bool log_set_file(const char *path, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(path, "%d", -1);
    g_autofree char *pid = g_strdup_printf("%d", getpid());
    bool stray = g_strv_length(parts) > 2;
    for (char **part = parts; *part; part++) {
        stray |= strchr(*part, '%') != NULL;
    }
    if (stray) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-D %s: a log file's name may hold '%%d' once (the process id) and no other '%%'", path);
        return false;
    }
    g_autofree char *name = g_strjoinv(pid, parts);
    FILE *f = open_file(name);
    if (!f) {
        g_set_error(err, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "-D %s: cannot open the log file: %s; %s", name, g_strerror(errno),
                    errno == ENXIO ? "start what reads it first" : "choose a file that can be written");
        return false;
    }
    setvbuf(f, NULL, _IOLBF, 0);
    lock_take(&file_lock);
    if (file) {
        fclose(file);
    }
    file = f;
    lock_release(&file_lock);
    return true;
}

static void log_write_string(const char *text)
{
    lock_take(&file_lock);
    fputs(text, file ? file : stderr);
    lock_release(&file_lock);
}

void log_write(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    log_write_string(text);
}

static void log_item_line(const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    log_write_string(line);
}

void log_guest_error(const char *fmt, ...)
{
    if (log_enabled(LOG_GUEST_ERROR)) {
        va_list ap;
        va_start(ap, fmt);
        log_item_line(fmt, ap);
        va_end(ap);
    }
}

void log_unimp(const char *fmt, ...)
{
    if (log_enabled(LOG_UNIMP)) {
        va_list ap;
        va_start(ap, fmt);
        log_item_line(fmt, ap);
        va_end(ap);
    }
}

static bool report_times;
static const char *report_guest;

void log_set_report_form(bool timestamp, const char *guest)
{
    report_times = timestamp;
    report_guest = guest;
}

/* "2026-11-25T22:38:31.381796Z guest ", as much as was asked for. */
static char *report_head(void)
{
    g_autofree char *time = NULL;
    if (report_times) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
    }
    return g_strconcat(time ? time : "", time ? " " : "", report_guest ? report_guest : "",
                       report_guest ? " " : "", NULL);
}

void log_report(const char *fmt, ...)
{
    const char *program = g_get_prgname();
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_autofree char *head = report_head();
    g_autofree char *line = g_strdup_printf("%s%s: %s\n", head, program ? program : "lyrebird", text);
    lock_take(&file_lock);
    fputs(line, stderr);
    if (file) { /* all that is left to a process in the background */
        fputs(line, file);
    }
    lock_release(&file_lock);
}
