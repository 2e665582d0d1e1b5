/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pinned host code: what the back end makes of small programs, so that a change of code
 * quality is a difference that somebody reads.  With LYREBIRD_BLESS=1 in the environment
 * (scripts/dev bless) the file is rewritten.
 *
 *     program NAME
 *     (text IR)
 *     code
 *     (assembly)
 *
 * Skipped without a disassembler, and on hosts without BMI2 and LZCNT (other code). */
#include <stdlib.h>
#include <string.h>

#include "jit-engine.h"
#include "tests/host-x86_64.h"

static const char *path;

typedef struct Program {
    char *name, *ir, *code;
} Program;

static void program_free(gpointer opaque)
{
    Program *p = opaque;
    g_free(p->name);
    g_free(p->ir);
    g_free(p->code);
    g_free(p);
}

/* The file's head (up to the first program) into *head. */
static GPtrArray *read_programs(char **head)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) err = NULL;
    if (!g_file_get_contents(path, &text, NULL, &err)) {
        g_error("%s", err->message);
    }
    GPtrArray *list = g_ptr_array_new_with_free_func(program_free);
    g_auto(GStrv) parts = g_strsplit(text, "\nprogram ", -1);
    *head = g_strdup(parts[0]);
    for (unsigned i = 1; parts[i]; i++) {
        Program *p = g_new0(Program, 1);
        char *body = strchr(parts[i], '\n');
        g_assert(body);
        char *code = strstr(body, "\ncode\n");
        p->name = g_strndup(parts[i], body - parts[i]);
        p->ir = code ? g_strndup(body + 1, code - body) : g_strdup(body + 1);
        p->code = g_strdup(code ? code + 6 : "");
        g_ptr_array_add(list, p);
    }
    return list;
}

static GString *host_code(const Program *p)
{
    g_autoptr(GError) err = NULL;
    GString *out = g_string_new(NULL);
    IrBlock *b = ir_block_new(&toy_guest);
    if (!ir_parse(b, p->ir, toy_helpers, &err) || !ir_verify(b, &err)) {
        g_error("%s: %s", p->name, err->message);
    }
    jit_engine_print(b, out);
    ir_block_free(b);
    return out;
}

static void test_host_code(void)
{
    bool bless = getenv("LYREBIRD_BLESS") != NULL;
    g_autofree char *head = NULL;
    GPtrArray *list = read_programs(&head);
    g_autoptr(GString) all = g_string_new(head);
    for (unsigned i = 0; i < list->len; i++) {
        Program *p = list->pdata[i];
        g_autoptr(GString) code = host_code(p);
        if (code->len == 0) {
            g_test_skip("built without capstone");
            break;
        }
        if (!bless && strcmp(code->str, p->code)) {
            g_test_message("%s changed; if that is wanted: scripts/dev bless\nnow:\n%s\nwas:\n%s", p->name,
                           code->str, p->code);
            g_test_fail();
        }
        g_string_append_printf(all, "\nprogram %s\n%scode\n%s", p->name, p->ir, code->str);
    }
    if (bless && !g_test_failed()) {
        g_assert_true(g_file_set_contents(path, all->str, all->len, NULL));
    }
    g_ptr_array_free(list, TRUE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert(argc > 1);
    path = argv[1];
    if (has_bmi2_and_lzcnt()) {
        g_test_add_func("/tcg/host-code/x86_64", test_host_code);
    }
    return g_test_run();
}
