/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: what a guest writes to a text console, and what is typed between.  2 bytes: columns and rows; then pieces: 1 byte
 * (bit 7: a key, else that many bytes are written, and behind an odd number somebody looks), 4 of a key and its modifiers. */
#include "fuzz.h"
#include "tests/loop.h"
#include "ui/text_console.h"

enum { MOST_COLS = 200, MOST_ROWS = 60, MOST_ANSWER = 64 << 10 };

static void none(void *opaque)
{
}

static void press(Console *c, FuzzInput *in)
{
    uint32_t key = fuzz_take(in, 3), mods = fuzz_take(in, 1) & 7;
    key =
        key & 0x800000 ? CONSOLE_KEY_FIRST + key % 40 : key % CONSOLE_KEY_FIRST; /* 40: some that are none */
    console_type(c, &(ConsoleKey){ key, mods });
}

/* All that can be seen is what a picture and cells of the size can hold. */
static void look(Console *c, ConsoleText *text, unsigned cols, unsigned rows)
{
    Picture p;
    console_snapshot(c, &p);
    g_assert_cmpuint(p.width, ==, cols * TEXT_CELL_WIDTH);
    g_assert_cmpuint(p.height, ==, rows * TEXT_CELL_HEIGHT);
    picture_clear(&p);
    g_assert_true(console_text(c, text));
    g_assert_true(text->cols == cols && text->rows == rows);
    g_assert_cmpint(text->cursor_x, <, (int)cols);
    g_assert_cmpint(text->cursor_y, <, (int)rows);
}

static void play(TextConsole *t, Console *c, unsigned cols, unsigned rows, FuzzInput *in)
{
    ConsoleText text = { 0 };
    while (in->left) {
        unsigned how = fuzz_take(in, 1);
        if (how & 0x80) {
            press(c, in);
            continue;
        }
        size_t n = MIN(how, in->left);
        text_console_write(t, in->at, n);
        in->at += n;
        in->left -= n;
        if (n & 1) {
            look(c, &text, cols, rows);
        }
    }
    look(c, &text, cols, rows);
    console_text_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t answer[MOST_ANSWER + 1];
    FuzzInput in = { data, size };
    unsigned cols = TEXT_MIN_COLS + fuzz_take(&in, 1) % MOST_COLS, rows = fuzz_take(&in, 1) % MOST_ROWS + 1;
    Consoles *all = consoles_new(test_loop(), test_clock());
    TextConsole *t = text_console_new(all, "line", cols, rows, none, NULL, NULL);
    g_assert_nonnull(t);
    play(t, consoles_get(all, 0), cols, rows, &in);
    g_assert_cmpuint(text_console_read(t, answer, sizeof(answer)), <=, MOST_ANSWER);
    text_console_free(t);
    consoles_free(all);
    return 0;
}
