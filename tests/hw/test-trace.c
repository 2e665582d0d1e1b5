/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -trace: which names an access has, what its line says, for every class of device. */
#include "base/trace.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "tests/ends.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/regs.h"

static char *log_path; /* the process's log */

/* What was logged since the last call. */
static char *log_taken(void)
{
    static size_t done;
    char *text;
    size_t len;
    g_assert_true(g_file_get_contents(log_path, &text, &len, NULL));
    char *news = g_strdup(text + done);
    done = len;
    g_free(text);
    return news;
}

/* ---- patterns ------------------------------------------------------------ */

static bool wants(const char *first, const char *second)
{
    const char *const names[] = { first, second, NULL };
    return trace_wants(names);
}

static void test_patterns(void)
{
    g_assert_false(trace_on());
    g_assert_false(wants("uart.0", "uart"));
    trace_choose("uart*");
    g_assert_true(trace_on());
    g_assert_true(wants("uart.0", "x"));
    g_assert_true(wants("x", "uart"));
    g_assert_false(wants("x", "y"));
    trace_choose("-uart.1");
    g_assert_false(wants("uart.1", "uart")); /* the last one decides */
    g_assert_true(wants("uart.2", "uart"));
    trace_choose("uart.?");
    g_assert_true(wants("uart.1", "uart"));
}

static void test_file(void)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = g_strconcat(log_path, ".events", NULL);
    g_assert_true(g_file_set_contents(path, "# all disks\ndisk*\n\n  -disk.7\t\n", -1, NULL));
    g_assert_true(trace_choose_from(path, NULL));
    g_assert_true(wants("disk.1", "x"));
    g_assert_false(wants("disk.7", "x"));
    g_assert_false(wants("# all disks", ""));
    unlink(path);
    g_assert_false(trace_choose_from(path, &err));
    g_assert_nonnull(strstr(err->message, path));
}

static void test_check(void)
{
    g_autofree char *before = log_taken();
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_ptr_array_add(names, (void *)"uart.1");
    g_ptr_array_add(names, (void *)"disk.7");
    trace_check(names);
    g_autofree char *none = log_taken();
    g_assert_cmpstr(none, ==, "");
    g_ptr_array_add(names, (void *)"plic/enable[*]");
    trace_choose("plic/enable[3]");
    trace_check(names);
    g_autofree char *indexed = log_taken();
    g_assert_cmpstr(indexed, ==, "");
    trace_choose("dsik.7");
    trace_check(names);
    g_autofree char *told = log_taken();
    g_assert_nonnull(strstr(told, "-trace dsik.7: "));
    g_assert_nonnull(strstr(told, "'disk.7'"));
}

/* ---- lines --------------------------------------------------------------- */

/* The line of an access names the device and the region; nothing else is logged. */
static void check_access(Bench *b, const FlatRange *w, const Device *dev, bool write)
{
    static const unsigned sizes[] = { 4, 2, 1, 8 };
    g_autofree char *where = g_strdup_printf(" (%s+0x0/", w->mr->name);
    bool functions = !strcmp(w->mr->name, "pcie-ecam"); /* it names the function that is meant */
    g_autofree char *who =
        g_strdup_printf("%s: %s ", functions ? "gpex-root.0" : dev->path, write ? "write" : "read");
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        uint64_t v = 0;
        BusResult r = write ? memory_write(b->m.memory, w->start, sizes[i], 0)
                            : memory_read(b->m.memory, w->start, sizes[i], &v);
        g_autofree char *text = log_taken();
        if (r != BUS_OK) {
            continue; /* no access of that size */
        }
        g_assert_nonnull(strstr(text, who));
        g_assert_nonnull(strstr(text, where));
        return;
    }
    g_assert_not_reached();
}

/* Does an access at the window's start come to the device?  (bench.c may have tried a bus and
 * freed it again.) */
static bool mapped(Bench *b, const FlatRange *w)
{
    const FlatRange *now = address_space_lookup(b->m.memory, w->start);
    return now && now->mr == w->mr && w->mr->ops && !w->mr->romd;
}

/* One access of each register that is always there says its name. */
static void check_names(Bench *b, const FlatRange *w, const RegFile *f)
{
    for (const Reg *r = f->table->rows; r->name; r++) {
        bool write = r->use == REG_WO;
        unsigned size = r->bytes ? 1 : r->part ? r->part : r->size;
        hwaddr at = w->start + ((hwaddr)r->offset << f->shift);
        g_autofree char *where = g_strdup_printf(" %s %s", write ? "write" : "read", r->name);
        uint64_t v;
        bool hidden = r > f->table->rows && r[-1].offset == r->offset && r[-1].use == r->use;
        if (r->banks || hidden) {
            continue;
        }
        BusResult result = write ? memory_write(b->m.memory, at, MAX(size, f->table->min), 0)
                                 : memory_read(b->m.memory, at, MAX(size, f->table->min), &v);
        g_autofree char *text = log_taken();
        if (result != BUS_OK || !strstr(text, device_user_path(f->dev)) || !strstr(text, where)) {
            g_error("%s: the trace of register '%s' says: %s", f->dev->path, r->name, text);
        }
    }
}

static void test_class(gconstpointer data)
{
    Bench b;
    bench_open(&b);
    Device *dev = bench_device(&b, data);
    trace_choose("-*");
    trace_choose(TRACE_READ);
    trace_choose(TRACE_WRITE);
    g_autofree char *before = log_taken();
    for (unsigned i = 0; i < b.windows->len; i++) {
        FlatRange w = g_array_index(b.windows, FlatRange, i);
        if (mapped(&b, &w) && w.mr->owner == &dev->regions) {
            check_access(&b, &w, dev, true);
        }
        if (mapped(&b, &w) && w.mr->owner == &dev->regions) { /* the write may have changed the map */
            check_access(&b, &w, dev, false);
        }
        if (mapped(&b, &w) && reg_file_of(w.mr)) {
            check_names(&b, &w, reg_file_of(w.mr));
        }
    }
    bench_close(&b);
}

/* Flash has commands, configuration space has bytes: they are named all the same. */
static void test_commands(void)
{
    Bench b;
    bench_open(&b);
    Device *flash = bench_device(&b, device_class_find("cfi.pflash01"));
    trace_choose("-*");
    trace_choose(flash->path);
    hwaddr at = bench_window(&b, 0);
    g_free(log_taken());
    bench_write(&b, at, 4, 0x98);
    bench_read(&b, at + 0x40, 4);
    bench_write(&b, at, 4, 0x40);
    bench_write(&b, at, 4, 0x1234);
    g_autofree char *text = log_taken();
    g_autofree char *want = g_strdup_printf("%s: write command 0x98 query (pflash+0x0/4)\n"
                                            "%s: read query 0x510051 (pflash+0x40/4)\n"
                                            "%s: write command 0x40 program (pflash+0x0/4)\n"
                                            "%s: write program 0x1234 (pflash+0x0/4)\n",
                                            flash->path, flash->path, flash->path, flash->path);
    g_assert_cmpstr(text, ==, want);
    bench_close(&b);
}

static void test_configuration(void)
{
    Bench b;
    bench_open(&b);
    bench_device(&b, device_class_find("gpex-pcihost"));
    trace_choose("gpex-root.0/command");
    g_free(log_taken());
    bench_read(&b, bench_window(&b, 0), 4);
    bench_write(&b, bench_window(&b, 0) + 4, 2, 7);
    g_autofree char *text = log_taken();
    g_assert_cmpstr(text, ==, "gpex-root.0: write command 0x7 (pcie-ecam+0x4/2)\n");
    bench_close(&b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *dir = g_dir_make_tmp("trace-XXXXXX", NULL);
    log_path = g_build_filename(dir, "log", NULL);
    g_assert_true(log_set_file(log_path, NULL));
    g_test_add_func("/trace/patterns", test_patterns);
    g_test_add_func("/trace/file", test_file);
    g_test_add_func("/trace/check", test_check);
    g_test_add_func("/trace/commands", test_commands);
    g_test_add_func("/trace/configuration", test_configuration);
    for (const DeviceClass *const *c = device_classes; *c; c++) {
        g_autofree char *path = g_strdup_printf("/trace/class/%s", (*c)->name);
        g_test_add_data_func(path, *c, test_class);
    }
    int r = g_test_run();
    test_close_drives();
    test_close_chardevs();
    unlink(log_path);
    rmdir(dir);
    g_free(log_path);
    return r;
}
