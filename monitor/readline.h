/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line editor for a terminal at the other end of a byte stream. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Readline Readline;

typedef struct ReadlineOps {
    void (*write)(void *opaque, const char *text, int len); /* echo */
    void (*line)(void *opaque, const char *line);           /* a complete line */
    /* Names that go on with `word`, the last of `before`+`word`; newly allocated, NULL-terminated. */
    char **(*complete)(void *opaque, const char *before, const char *word);
} ReadlineOps;

enum { READLINE_MAX = 4095, READLINE_HISTORY = 64 };

Readline *readline_new(const ReadlineOps *ops, void *opaque, const char *prompt);
void readline_free(Readline *r);
void readline_feed(Readline *r, const uint8_t *bytes, int len);
void readline_show_prompt(Readline *r); /* with what is typed so far */
