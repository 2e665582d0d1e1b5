/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fuzz target as a test, without libFuzzer: the inputs that are kept in the corpus (argv[1], if the folder
 * exists), changed copies of them, and random ones.  The same inputs in every run. */
#include "fuzz.h"

#include <glib.h>

enum { RANDOM = 150, CHANGES = 20, LONGEST = 600 };

static GPtrArray *corpus; /* of GBytes */

static void run(const GByteArray *input)
{
    LLVMFuzzerTestOneInput(input->data, input->len);
}

static void test_corpus(void)
{
    for (guint i = 0; i < corpus->len; i++) {
        gsize len;
        const guint8 *data = g_bytes_get_data(corpus->pdata[i], &len);
        LLVMFuzzerTestOneInput(data, len);
    }
}

static void test_changed(void)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(1);
    for (guint i = 0; i < corpus->len * CHANGES; i++) {
        gsize len;
        const guint8 *data = g_bytes_get_data(corpus->pdata[i / CHANGES], &len);
        g_autoptr(GByteArray) input = g_byte_array_new();
        g_byte_array_append(input, data, len);
        for (int n = g_rand_int_range(rnd, 1, 5); len && n; n--) {
            input->data[g_rand_int(rnd) % len] = g_rand_int(rnd);
        }
        run(input);
    }
}

static void test_random(void)
{
    g_autoptr(GRand) rnd = g_rand_new_with_seed(2);
    for (unsigned i = 0; i < RANDOM; i++) {
        g_autoptr(GByteArray) input = g_byte_array_new();
        g_byte_array_set_size(input, g_rand_int(rnd) % LONGEST);
        for (guint k = 0; k < input->len; k++) { /* many zeros and small numbers */
            input->data[k] = g_rand_int(rnd) >> (24 + g_rand_int(rnd) % 8);
        }
        run(input);
    }
}

static GPtrArray *read_corpus(const char *folder)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        char *text;
        gsize len;
        g_assert_true(g_file_get_contents(path, &text, &len, NULL));
        g_ptr_array_add(all, g_bytes_new_take(text, len));
    }
    return all;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK); /* a warning to the user is no fault */
    corpus = read_corpus(argv[1]);
    g_test_add_func("/fuzz/corpus", test_corpus);
    g_test_add_func("/fuzz/changed", test_changed);
    g_test_add_func("/fuzz/random", test_random);
    int status = g_test_run();
    g_ptr_array_free(corpus, TRUE);
    return status;
}
