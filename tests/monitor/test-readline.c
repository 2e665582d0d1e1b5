/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys in, lines out. */
#include "monitor/readline.h"

#include <string.h>

typedef struct Rig {
    GString *echo, *lines;
} Rig;

static void rig_write(void *opaque, const char *text, int len)
{
    g_string_append_len(((Rig *)opaque)->echo, text, len);
}

static void rig_line(void *opaque, const char *line)
{
    g_string_append_printf(((Rig *)opaque)->lines, "[%s]", line);
}

static char **rig_complete(void *opaque, const char *before, const char *word)
{
    static const char *const names[] = { "stop", "system_reset", "system_powerdown", "quit", NULL };
    GPtrArray *found = g_ptr_array_new();
    for (unsigned i = 0; names[i] && !*before; i++) {
        if (g_str_has_prefix(names[i], word)) {
            g_ptr_array_add(found, g_strdup(names[i]));
        }
    }
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(found, false);
}

static void check(const char *keys, const char *lines)
{
    static const ReadlineOps ops = { rig_write, rig_line, rig_complete };
    Rig rig = { g_string_new(NULL), g_string_new(NULL) };
    Readline *r = readline_new(&ops, &rig, "> ");
    readline_feed(r, (const uint8_t *)keys, strlen(keys));
    g_assert_cmpstr(rig.lines->str, ==, lines);
    readline_free(r);
    g_string_free(rig.echo, true);
    g_string_free(rig.lines, true);
}

static void test_lines(void)
{
    check("one\rtwo\n", "[one][two]");
    check("one\r\ntwo\r\n", "[one][two]");
    check("\n\n", "[][]");
}

static void test_editing(void)
{
    check("abx\177c\r", "[abc]");
    check("abc\001X\r", "[Xabc]");
    check("abc\001X\005Y\r", "[XabcY]");
    check("abc\002\002X\r", "[aXbc]");
    check("abc\002\004\r", "[ab]");
    check("abc\002\013\r", "[ab]");
    check("abc\002\025\r", "[c]");
    check("one two\027three\r", "[one three]");
    check("abc\033[D\033[D\033[3~\r", "[ac]");
    check("abc\033[HX\033[FY\r", "[XabcY]");
    check("abc\033OHX\r", "[Xabc]");
    check("\177\002\004\025\013\027x\r", "[x]"); /* nothing there to delete */
    check("abc\003x\r", "[x]");
}

static void test_history(void)
{
    check("one\rtwo\r\033[A\r", "[one][two][two]");
    check("one\rtwo\r\033[A\033[A\r", "[one][two][one]");
    check("one\rnew\033[A\033[B\r", "[one][new]");
    check("one\r\020\020\020!\r", "[one][one!]");
    check("\033[A\033[Bx\r", "[x]");
}

static void test_completion(void)
{
    check("q\t\r", "[quit ]");
    check("sys\tr\t\r", "[system_reset ]");
    check("zz\t\r", "[zz]");
    check("x q\t\r", "[x q]");
}

static void test_hostile(void)
{
    g_autoptr(GString) s = g_string_new(NULL);
    for (unsigned i = 0; i < 3 * READLINE_MAX; i++) {
        g_string_append_c(s, 'a');
    }
    g_string_append(s, "\033[99999999999999999999~\033[;;;X\033[\r");
    Rig rig = { g_string_new(NULL), g_string_new(NULL) };
    static const ReadlineOps ops = { rig_write, rig_line, rig_complete };
    Readline *r = readline_new(&ops, &rig, "> ");
    readline_feed(r, (const uint8_t *)s->str, s->len);
    readline_feed(r, (const uint8_t *)"\r", 1);
    g_assert_cmpuint(rig.lines->len, ==, READLINE_MAX + 2);
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t c = g_test_rand_int_range(0, 256);
        readline_feed(r, &c, 1);
        g_string_truncate(rig.echo, 0);
        g_string_truncate(rig.lines, 0);
    }
    readline_free(r);
    g_string_free(rig.echo, true);
    g_string_free(rig.lines, true);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/monitor/readline/lines", test_lines);
    g_test_add_func("/monitor/readline/editing", test_editing);
    g_test_add_func("/monitor/readline/history", test_history);
    g_test_add_func("/monitor/readline/completion", test_completion);
    g_test_add_func("/monitor/readline/hostile", test_hostile);
    return g_test_run();
}
