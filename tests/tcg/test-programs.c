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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    const char *folder = argc > 1 ? argv[1] : "tests/tcg/programs";
    GDir *dir = g_dir_open(folder, 0, NULL);
    g_assert(dir);
    unsigned found = 0;
    for (const char *name; (name = g_dir_read_name(dir));) {
        if (!g_str_has_suffix(name, ".ir")) {
            continue;
        }
        found++;
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
    g_assert(found);
    return g_test_run();
}
