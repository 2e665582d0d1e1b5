/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -accel: the list of fall-backs, and each option accepted or refused with a reason. */
#include <string.h>

#include "accel/accel.h"
#include "tcg/backend.h"
#include "tests/loop.h"
#include "util/keyval.h"

/* NULL when it opened, else the message. */
static char *try_open(const char *list, const char *name, const char *value, const char **opened)
{
    g_autofree char *text = name ? g_strdup_printf("%s=%s", name, value) : g_strdup("");
    g_autoptr(GError) err = NULL;
    struct json_object *options = keyval_read(text, NULL, &err);
    Accel *a = accel_open(list, "riscv64", test_loop(), options, &err);
    keyval_free(options);
    if (!a) {
        g_assert_nonnull(err);
        return g_strdup(err->message);
    }
    *opened = a->class->name;
    a->class->close(a);
    return NULL;
}

static void test_lists(void)
{
    const char *no_jit = jit_backend ? NULL : "built without a back end";
    const struct {
        const char *list, *opens, *says;
    } rows[] = {
        { "tcg", jit_backend ? "tcg" : NULL, no_jit },
        { accel_default(), jit_backend ? "tcg" : "interp", NULL },
        { "interp", "interp", NULL },
        { "tcg:interp", accel_default(), NULL },
        { "kvm:interp", "interp", NULL },
#ifdef CONFIG_KVM
        { "kvm", NULL, "it runs guests of x86_64, i386, and this is riscv64" },
#else
        { "kvm", NULL, "invalid accelerator kvm" },
#endif
        { "inetrp", NULL, "did you mean 'interp'?" },
        { "kvm:hvf", NULL, "invalid accelerator hvf" },
        { "", NULL, "do:" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *opened = NULL;
        g_autofree char *message = try_open(rows[i].list, NULL, NULL, &opened);
        g_assert_cmpstr(opened, ==, rows[i].opens);
        g_assert_true(!rows[i].says || strstr(message, rows[i].says));
    }
}

static void test_options(void)
{
    static const struct {
        const char *list, *name, *value, *says;
    } rows[] = {
        { "tcg", "thread", "single", NULL },
        { "tcg", "thread", "multi", NULL },
        { "tcg", "thread", "many", "does not accept value 'many'" },
        { "tcg", "split-wx", "on", NULL },
        { "tcg", "split-wx", "off", "never both writable" },
        { "tcg", "tb-size", "32", NULL },
        { "tcg", "tb-size", "0", NULL },
        { "tcg", "tb-size", "-1", "expects a size" },
        { "tcg", "tb-size", "99999999", "to 4294967296" },
        { "tcg", "tb-size", "12x", "expects a size" },
        { "tcg", "one-insn-per-tb", "on", NULL },
        { "tcg", "one-insn-per-tb", "maybe", "'on' or 'off'" },
        { "tcg", "lockstep", "on", NULL },
        { "tcg", "perfmap", "on", NULL },
        { "interp", "lockstep", "on", "'lockstep' is not built: the interpreter makes no host code" },
        { "interp", "tb-size", "32", "makes no host code" },
        { "interp", "perfmap", "on", "makes no host code" },
        { "interp", "split-wx", "on", "makes no host code" },
        { "interp", "one-insn-per-tb", "on", NULL },
        { "interp", "thread", "single", NULL },
        { "interp", "thraed", "single", "did you mean 'thread'?" },
        { "tcg", "tbsize", "1", "did you mean 'tb-size'?" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *opened = NULL;
        g_autofree char *message = try_open(rows[i].list, rows[i].name, rows[i].value, &opened);
        if (!opened != !!rows[i].says || (message && !strstr(message, rows[i].says))) {
            g_error("%s=%s: %s", rows[i].name, rows[i].value, message ? message : "accepted");
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/accel/open/lists", test_lists);
    if (jit_backend) {
        g_test_add_func("/accel/open/options", test_options);
    }
    return g_test_run();
}
