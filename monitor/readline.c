/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line editor: typed bytes in, echo and complete lines out.
 *
 * Keys: printable characters, Backspace, Delete, arrows, Home, End, Tab (completion),
 * Ctrl-A E B F D H K U W P N L C.  Escape sequences are those of a VT100.
 *
 * Not modelled: characters of more than one byte move as their bytes do. */
#include "monitor/readline.h"

#include <string.h>

typedef enum EscState { ESC_NONE, ESC_START, ESC_CSI, ESC_SS3 } EscState;

struct Readline {
    const ReadlineOps *ops;
    void *opaque;
    char *prompt;
    GString *text;
    gsize cursor;
    GPtrArray *history; /* of char *, oldest first */
    guint at;           /* entry shown; history->len: the new line */
    char *saved;        /* the new line while older ones are shown */
    EscState esc;
    unsigned esc_arg;
    bool skip_newline; /* after a carriage return */
};

Readline *readline_new(const ReadlineOps *ops, void *opaque, const char *prompt)
{
    Readline *r = g_new0(Readline, 1);
    r->ops = ops;
    r->opaque = opaque;
    r->prompt = g_strdup(prompt);
    r->text = g_string_new(NULL);
    r->history = g_ptr_array_new_with_free_func(g_free);
    return r;
}

void readline_free(Readline *r)
{
    g_string_free(r->text, true);
    g_ptr_array_unref(r->history);
    g_free(r->prompt);
    g_free(r->saved);
    g_free(r);
}

static void emit(Readline *r, const char *text)
{
    r->ops->write(r->opaque, text, strlen(text));
}

/* Draw the line anew, cursor included. */
static void redraw(Readline *r)
{
    g_autoptr(GString) s = g_string_new("\r");
    g_string_append_printf(s, "%s%s\033[K", r->prompt, r->text->str);
    if (r->cursor < r->text->len) {
        g_string_append_printf(s, "\033[%zuD", r->text->len - r->cursor);
    }
    emit(r, s->str);
}

void readline_show_prompt(Readline *r)
{
    if (r->text->len) {
        redraw(r);
    } else {
        emit(r, r->prompt);
    }
}

/* ---- editing ---- */

static void insert(Readline *r, const char *text)
{
    if (r->text->len + strlen(text) > READLINE_MAX) {
        return;
    }
    bool at_end = r->cursor == r->text->len;
    g_string_insert(r->text, r->cursor, text);
    r->cursor += strlen(text);
    if (at_end) {
        emit(r, text);
    } else {
        redraw(r);
    }
}

static void delete_range(Readline *r, gsize from, gsize to)
{
    if (from >= to || to > r->text->len) {
        return;
    }
    g_string_erase(r->text, from, to - from);
    r->cursor = from;
    redraw(r);
}

static void move_to(Readline *r, gsize where)
{
    if (where <= r->text->len) {
        r->cursor = where;
        redraw(r);
    }
}

static void delete_word(Readline *r)
{
    gsize from = r->cursor;
    while (from && r->text->str[from - 1] == ' ') {
        from--;
    }
    while (from && r->text->str[from - 1] != ' ') {
        from--;
    }
    delete_range(r, from, r->cursor);
}

static void show_history(Readline *r, int step)
{
    guint to = r->at + step;
    if (to > r->history->len) { /* also below zero */
        return;
    }
    if (r->at == r->history->len) {
        g_free(r->saved);
        r->saved = g_strdup(r->text->str);
    }
    r->at = to;
    g_string_assign(r->text, to == r->history->len ? r->saved : r->history->pdata[to]);
    r->cursor = r->text->len;
    redraw(r);
}

static void remember(Readline *r)
{
    guint n = r->history->len;
    bool again = n && g_str_equal(r->history->pdata[n - 1], r->text->str);
    if (r->text->len && !again) {
        if (n == READLINE_HISTORY) {
            g_ptr_array_remove_index(r->history, 0);
        }
        g_ptr_array_add(r->history, g_strdup(r->text->str));
    }
    r->at = r->history->len;
}

static void finish_line(Readline *r)
{
    g_autofree char *line = g_strdup(r->text->str);
    remember(r);
    g_string_truncate(r->text, 0);
    r->cursor = 0;
    emit(r, "\n");
    r->ops->line(r->opaque, line);
}

/* ---- completion ---- */

static gsize common_prefix(char **names)
{
    gsize n = strlen(names[0]);
    for (unsigned i = 1; names[i]; i++) {
        gsize k = 0;
        while (k < n && names[i][k] == names[0][k]) {
            k++;
        }
        n = k;
    }
    return n;
}

static void complete(Readline *r)
{
    g_autofree char *head = g_strndup(r->text->str, r->cursor);
    char *space = strrchr(head, ' ');
    const char *word = space ? space + 1 : head;
    g_autofree char *before = g_strndup(head, word - head);
    g_auto(GStrv) names = r->ops->complete(r->opaque, before, word);
    if (!names || !names[0]) {
        return;
    }
    g_autofree char *more = g_strndup(names[0] + strlen(word), common_prefix(names) - strlen(word));
    if (*more) {
        insert(r, more);
    }
    if (!names[1]) {
        insert(r, " ");
    } else if (!*more) {
        g_autofree char *list = g_strjoinv("  ", names);
        emit(r, "\n");
        emit(r, list);
        emit(r, "\n");
        redraw(r);
    }
}

/* ---- keys ---- */

/* clang-format off */
static void control_key(Readline *r, uint8_t c)
{
    switch (c) {
    case 1: move_to(r, 0); break;                                  /* Ctrl-A */
    case 2: move_to(r, r->cursor - 1); break;                      /* B; wraps past the end: no move */
    case 3: delete_range(r, 0, r->text->len); break;               /* C */
    case 4: delete_range(r, r->cursor, r->cursor + 1); break;      /* D */
    case 5: move_to(r, r->text->len); break;                       /* E */
    case 6: move_to(r, r->cursor + 1); break;                      /* F */
    case 8: case 127: delete_range(r, r->cursor - 1, r->cursor); break;
    case 9: complete(r); break;
    case 11: delete_range(r, r->cursor, r->text->len); break;      /* K */
    case 12: emit(r, "\033[H\033[J"); redraw(r); break;            /* L */
    case 14: show_history(r, 1); break;                            /* N */
    case 16: show_history(r, -1); break;                           /* P */
    case 21: delete_range(r, 0, r->cursor); break;                 /* U */
    case 23: delete_word(r); break;                                /* W */
    case 27: r->esc = ESC_START; break;
    case '\r': r->skip_newline = true; finish_line(r); break;
    case '\n': finish_line(r); break;
    default: break;
    }
}

/* The last byte of an escape sequence. */
static void escape_key(Readline *r, uint8_t c)
{
    switch (c) {
    case 'A': show_history(r, -1); break;
    case 'B': show_history(r, 1); break;
    case 'C': move_to(r, r->cursor + 1); break;
    case 'D': move_to(r, r->cursor - 1); break;
    case 'H': move_to(r, 0); break;
    case 'F': move_to(r, r->text->len); break;
    case '~':
        if (r->esc_arg == 3) {
            delete_range(r, r->cursor, r->cursor + 1);
        } else if (r->esc_arg == 1 || r->esc_arg == 4) {
            move_to(r, r->esc_arg == 1 ? 0 : r->text->len);
        }
        break;
    default: break;
    }
}

/* clang-format on */

static void feed_escape(Readline *r, uint8_t c)
{
    if (r->esc == ESC_START) {
        r->esc = c == '[' ? ESC_CSI : c == 'O' ? ESC_SS3 : ESC_NONE;
        r->esc_arg = 0;
    } else if (r->esc == ESC_CSI && (g_ascii_isdigit(c) || c == ';')) {
        r->esc_arg = c == ';' ? 0 : (r->esc_arg * 10 + c - '0') % 1000;
    } else {
        r->esc = ESC_NONE;
        escape_key(r, c);
    }
}

void readline_feed(Readline *r, const uint8_t *bytes, int len)
{
    for (int i = 0; i < len; i++) {
        uint8_t c = bytes[i];
        bool skip = r->skip_newline && c == '\n';
        r->skip_newline = false;
        if (skip) {
            continue;
        }
        if (r->esc != ESC_NONE) {
            feed_escape(r, c);
        } else if (c < 32 || c == 127) {
            control_key(r, c);
        } else {
            insert(r, (char[]){ c, 0 });
        }
    }
}
