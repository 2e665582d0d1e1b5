/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parsing of the command line: shapes, merging, JSON, messages. */
#include <json-c/json.h>
#include <string.h>

#include "system/cmdline.h"
#include "base/version.h"
#include "util/keyval.h"

static CmdLine *parse(GError **err, const char *line)
{
    g_auto(GStrv) argv = NULL;
    int argc;
    g_assert_true(g_shell_parse_argv(line, &argc, &argv, NULL));
    static GPtrArray *keep; /* items point into argv */
    keep = keep ? keep : g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    CmdLine *c = cmdline_parse(argc, argv, err);
    g_ptr_array_add(keep, g_steal_pointer(&argv));
    return c;
}

static CmdLine *parse_ok(const char *line)
{
    g_autoptr(GError) err = NULL;
    CmdLine *c = parse(&err, line);
    g_assert_no_error(err);
    return c;
}

static void expect_error(const char *line, const char *part)
{
    g_autoptr(GError) err = NULL;
    CmdLine *c = parse(&err, line);
    g_assert_null(c);
    if (!strstr(err->message, part)) {
        g_error("'%s': '%s' lacks '%s'", line, err->message, part);
    }
}

static const char *merged(const CmdLine *c, OptionKind kind, const char *key)
{
    json_object *values = cmdline_values(c, kind);
    const char *text = g_intern_string(keyval_text(values, key));
    json_object_put(values);
    return text;
}

static void test_shapes(void)
{
    CmdLine *c =
        parse_ok("lyrebird -M virt --nographic -m 1G -append 'a, b=c' -serial null -serial stdio disk.img");
    g_assert_cmpstr(c->arch, ==, "riscv64");
    g_assert_true(cmdline_has(c, OPT_NOGRAPHIC));
    g_assert_false(cmdline_has(c, OPT_PAUSED));
    g_assert_cmpstr(cmdline_text(c, OPT_APPEND), ==, "a, b=c");
    g_assert_cmpuint(cmdline_count(c, OPT_SERIAL), ==, 2);
    g_assert_cmpstr(cmdline_item(c, OPT_SERIAL, 0)->text, ==, "null");
    g_assert_cmpstr(cmdline_text(c, OPT_SERIAL), ==, "stdio");
    g_assert_cmpstr(cmdline_text(c, OPT_HDA), ==, "disk.img");
    g_assert_cmpstr(merged(c, OPT_MEMORY, "size"), ==, "1G");
    cmdline_free(c);
}

static void test_merge(void)
{
    CmdLine *c =
        parse_ok("x -machine accel=tcg -M virt,aclint=on -M aclint=off -m 1G -m size=2G -smp 2 -smp cores=2");
    g_assert_cmpstr(merged(c, OPT_MACHINE, "type"), ==, "virt");
    g_assert_cmpstr(merged(c, OPT_MACHINE, "accel"), ==, "tcg");
    g_assert_cmpstr(merged(c, OPT_MACHINE, "aclint"), ==, "off");
    g_assert_cmpstr(merged(c, OPT_MEMORY, "size"), ==, "2G");
    g_assert_cmpstr(merged(c, OPT_SMP, "cpus"), ==, "2");
    g_assert_cmpstr(merged(c, OPT_SMP, "cores"), ==, "2");
    cmdline_free(c);
}

static void test_json(void)
{
    CmdLine *c =
        parse_ok("x -device '{\"driver\":\"virtio-blk-pci\",\"drive\":\"d\",\"bootindex\":1,\"x\":true,"
                 "\"big\":18446744073709551615,\"o\":{\"a\":[1,2]}}'");
    const CmdItem *item = cmdline_last(c, OPT_DEVICE);
    g_assert_true(item->typed);
    g_assert_cmpstr(json_object_to_json_string_ext(item->values, JSON_C_TO_STRING_PLAIN), ==,
                    "{\"driver\":\"virtio-blk-pci\",\"drive\":\"d\",\"bootindex\":1,\"x\":true,"
                    "\"big\":18446744073709551615,\"o\":{\"a\":[1,2]}}");
    cmdline_free(c);
    expect_error("x -device '{\"driver\":'", "the end is missing");
    expect_error("x -device '{\"driver\":\"a\"} b'", "JSON");
    expect_error("x -device '{\"driver\":\"a\\u0000b\"}'", "NUL");
    expect_error("x -device '{\"driver\":1,\"driver\":2}'", "'driver'");
    g_autofree char *deep = g_strdup_printf("x -object '{\"a\":%0*d}'", 100, 0);
    for (char *p = deep; *p; p++) {
        *p = *p == '0' ? '[' : *p;
    }
    expect_error(deep, "nest");
}

static void test_messages(void)
{
    expect_error("x -nographc", "-nographc: invalid option; did you mean -nographic?");
    expect_error("x --zzzzzz", "--zzzzzz: invalid option; -help");
    expect_error("x -kernel", "-kernel: requires an argument: file");
    expect_error("x -fsdev x", "-fsdev: ");
    expect_error("x -spice x", "it is not built; use -display sdl");
    expect_error("x -icount shift=1", "not built");
    expect_error("x -M =1", "-M =1: ");
}

static void test_names(void)
{
    CmdLine *c = parse_ok("/usr/bin/qemu-system-riscv32 -S");
    g_assert_cmpstr(c->arch, ==, "riscv32");
    g_assert_cmpstr(c->program, ==, "qemu-system-riscv32");
    g_assert_true(version_is_qemu_name());
    g_assert_cmpstr(version_number(), ==, QEMU_COMPAT_VERSION);
    cmdline_free(c);
    c = parse_ok("lyrebird -arch riscv32");
    g_assert_cmpstr(c->arch, ==, "riscv32");
    g_assert_false(version_is_qemu_name());
    cmdline_free(c);
}

static void test_help(void)
{
    CmdLine *c = parse_ok("x -device help -M virt,help -cpu '?' -device virtio-blk-device,help -m 1G");
    g_assert_true(cmdline_wants_help(cmdline_item(c, OPT_DEVICE, 0)));
    g_assert_true(cmdline_wants_help(cmdline_item(c, OPT_DEVICE, 1)));
    g_assert_true(cmdline_wants_help(cmdline_last(c, OPT_MACHINE)));
    g_assert_true(cmdline_wants_help(cmdline_last(c, OPT_CPU)));
    g_assert_false(cmdline_wants_help(cmdline_last(c, OPT_MEMORY)));
    cmdline_free(c);
}

/* Each row is reachable and says what it must. */
static void test_table(void)
{
    for (const Option *o = cmdline_options; o->name; o++) {
        g_assert_cmpint(o->kind == OPT_NONE, ==, o->refused != NULL);
        g_assert_cmpint(o->arg != NULL, ==, o->help != NULL);
        g_assert_true((!o->json && !o->takes) || o->shape == SHAPE_KEYS);
        g_assert_true(!o->takes || !o->implied || props_find(o->takes->props, o->implied));
        for (const Option *p = cmdline_options; p != o; p++) {
            g_assert_cmpstr(p->name, !=, o->name);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/system/cmdline/shapes", test_shapes);
    g_test_add_func("/system/cmdline/merge", test_merge);
    g_test_add_func("/system/cmdline/json", test_json);
    g_test_add_func("/system/cmdline/messages", test_messages);
    g_test_add_func("/system/cmdline/names", test_names);
    g_test_add_func("/system/cmdline/help", test_help);
    g_test_add_func("/system/cmdline/table", test_table);
    return g_test_run();
}
