/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each file of tests/tcg/programs on each engine. */
#include "program.h"

typedef struct Case {
    char *path;
    const TestEngine *engine;
} Case;

static void run_case(gconstpointer opaque)
{
    const Case *c = opaque;
    program_file_run(c->path, c->engine);
}

static void free_case(gpointer opaque)
{
    Case *c = opaque;
    g_free(c->path);
    g_free(c);
}

static void assert_has(const char *text, const char *name)
{
    g_autofree char *pattern = g_strdup_printf("\\b%s\\b", name);
    if (!g_regex_match_simple(pattern, text, 0, 0)) {
        g_test_message("no program has %s", name);
        g_test_fail();
    }
}

/* Every operation has a program, of each type that it is of.  What others are made of has no text of its own. */
static void test_complete(gconstpointer text)
{
    for (unsigned op = 0; op < IR_OPS; op++) {
        const IrOpInfo *info = &ir_op_info[op];
        if (op == IR_NOP || op == IR_ARMS || op == IR_ARG) {
            continue;
        }
        if (!info->types) {
            assert_has(text, info->name);
        }
        for (unsigned type = 0; type < IR_VOID; type++) {
            if (info->types >> type & 1) {
                g_autofree char *name = g_strdup_printf("%s.%s", info->name, ir_type_names[type]);
                assert_has(text, name);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    const char *folder = argc > 1 ? argv[1] : "tests/tcg/programs";
    GDir *dir = g_dir_open(folder, 0, NULL);
    g_assert(dir);
    g_autoptr(GString) all = g_string_new(NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        if (!g_str_has_suffix(name, ".ir")) {
            continue;
        }
        g_autofree char *file = g_build_filename(folder, name, NULL), *text = NULL;
        g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
        g_string_append(all, text);
        for (unsigned i = 0; test_engines[i].name; i++) {
            if (!test_engine_usable(&test_engines[i])) {
                continue;
            }
            Case *c = g_new(Case, 1);
            *c = (Case){ g_build_filename(folder, name, NULL), &test_engines[i] };
            g_autofree char *path = g_strdup_printf("/tcg/%s/%s", test_engines[i].name, name);
            g_test_add_data_func_full(path, c, run_case, free_case);
        }
    }
    g_dir_close(dir);
    g_test_add_data_func("/tcg/complete", all->str, test_complete);
    return g_test_run();
}
