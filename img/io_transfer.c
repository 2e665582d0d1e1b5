/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-io: commands that move data, and what they say of it. */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "img/io.h"

enum { LENGTH_MAX = 0x7fffffff - 511, PATTERN_UNSET = 0xcd };

typedef struct Transfer {
    BlockNode *node;
    const char *what;   /* "read", "aio_write" */
    const char *source; /* file of what is written; NULL: the pattern */
    uint64_t offset, length, check_from, check_length;
    uint8_t pattern;
    bool write, zero, unmap, fast, pack, fua, has_pattern, has_check_from, has_check_length;
    bool quiet, report, show;
    uint8_t *buf;
} Transfer;

/* ---- texts ------------------------------------------------------------------- */

char *io_size(double bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned u = 0;
    if (bytes < 1024) {
        bool whole = bytes == (uint64_t)bytes;
        return whole ? g_strdup_printf("%.0f bytes", bytes) : g_strdup_printf("%f bytes", bytes);
    }
    for (bytes /= 1024; bytes >= 1024 && u + 1 < G_N_ELEMENTS(units); u++) {
        bytes /= 1024;
    }
    g_autofree char *number = g_strdup_printf("%.3f", bytes);
    if (g_str_has_suffix(number, ".000")) {
        number[strlen(number) - 4] = 0;
    }
    return g_strdup_printf("%s %s", number, units[u]);
}

static void print_report(const Transfer *t, const char *did, int64_t took_us)
{
    double seconds = MAX(took_us, 1) / 1e6;
    unsigned whole = (unsigned)seconds, hundredths = (unsigned)((seconds - whole) * 100);
    if (t->report) {
        printf("%" PRIu64 ",1,%u:%02u:%02u.%02u,%.3f,%.3f\n", t->length, whole / 3600, whole / 60 % 60,
               whole % 60, hundredths, t->length / seconds, 1 / seconds);
        return;
    }
    g_autofree char *size = io_size(t->length), *speed = io_size(t->length / seconds);
    g_autofree char *time = whole >= 60 ? g_strdup_printf("%u:%02u:%02u.%02u", whole / 3600, whole / 60 % 60,
                                                          whole % 60, hundredths)
                                        : g_strdup_printf("%02u.%02u sec", whole, hundredths);
    printf("%s %" PRIu64 "/%" PRIu64 " bytes at offset %" PRIu64
           "\n%s, 1 ops; %s (%s/sec and %.4f ops/sec)\n",
           did, t->length, t->length, t->offset, size, time, speed, 1 / seconds);
}

static void dump(const Transfer *t)
{
    for (uint64_t i = 0; i < t->length; i += 16) {
        printf("%08" PRIx64 ":  ", t->offset + i);
        for (uint64_t k = i; k < MIN(i + 16, t->length); k++) {
            printf("%02x ", t->buf[k]);
        }
        printf(" ");
        for (uint64_t k = i; k < MIN(i + 16, t->length); k++) {
            printf("%c", isalnum(t->buf[k]) ? t->buf[k] : '.');
        }
        printf("\n");
    }
}

/* ---- doing it ---------------------------------------------------------------- */

static int pack_clusters(const Transfer *t)
{
    ImageInfo info;
    image_info(t->node, &info);
    uint64_t size = node_size(t->node);
    if (!info.can_pack) {
        return -ENOTSUP;
    }
    bool to_end = t->offset + t->length == size;
    if (t->offset % info.cluster_size || (t->length % info.cluster_size && !to_end)) {
        return -EINVAL;
    }
    g_autofree uint8_t *cluster = g_malloc(info.cluster_size);
    int e = 0;
    for (uint64_t i = 0; i < t->length && !e; i += info.cluster_size) {
        uint64_t n = MIN(info.cluster_size, t->length - i);
        memcpy(cluster, t->buf + i, n);
        memset(cluster + n, 0, info.cluster_size - n);
        e = node_write_packed(t->node, t->offset + i, cluster);
    }
    return e;
}

static int move(const Transfer *t)
{
    if (t->offset > node_size(t->node) || t->length > node_size(t->node) - t->offset) {
        return -EIO;
    }
    if (!t->write) {
        return node_read_bytes(t->node, t->offset, t->buf, t->length);
    }
    int e = t->zero   ? node_zero_bytes(t->node, t->offset, t->length,
                                        (t->unmap ? ZERO_UNMAP : 0) | (t->fast ? ZERO_FAST : 0))
            : t->pack ? pack_clusters(t)
                      : node_write_bytes(t->node, t->offset, t->buf, t->length);
    return !e && t->fua ? node_flush(t->node) : e;
}

static bool verify(const Transfer *t)
{
    uint64_t length = t->has_check_length ? t->check_length : t->length - t->check_from;
    for (uint64_t i = t->check_from; t->has_pattern && i < t->check_from + length; i++) {
        if (t->buf[i] != t->pattern) {
            printf("Pattern verification failed at offset %" PRIu64 ", %" PRIu64 " bytes\n",
                   t->offset + t->check_from, length);
            return false;
        }
    }
    return true;
}

static GMutex output; /* whole results of what runs beside each other */

static int transfer(const Transfer *t)
{
    int64_t begun = g_get_monotonic_time();
    int e = move(t);
    int64_t took = g_get_monotonic_time() - begun;
    g_mutex_lock(&output);
    if (e) {
        printf("%s failed: %s\n", t->what, g_strerror(-e));
    } else {
        e = !t->write && !verify(t) ? -EINVAL : 0;
        if (t->show) {
            dump(t);
        }
        if (!t->quiet) {
            print_report(t, t->write ? "wrote" : "read", took);
        }
    }
    fflush(stdout);
    g_mutex_unlock(&output);
    return e;
}

static void transfer_free(Transfer *t)
{
    node_unref(t->node);
    g_free(t->buf);
    g_free(t);
}

static gpointer transfer_main(gpointer opaque)
{
    Transfer *t = opaque;
    transfer(t);
    transfer_free(t);
    return NULL;
}

void io_wait(Io *io)
{
    for (guint i = 0; i < io->running->len; i++) {
        g_thread_join(g_ptr_array_index(io->running, i));
    }
    g_ptr_array_set_size(io->running, 0);
}

/* Takes t.  What runs beside others tells of its failure, and is not waited for: its status is 0. */
static int start(Io *io, Transfer *t)
{
    if (g_str_has_prefix(t->what, "aio_")) {
        g_ptr_array_add(io->running, g_thread_new("io", transfer_main, t));
        return 0;
    }
    int e = transfer(t);
    transfer_free(t);
    return e;
}

/* ---- arguments ----------------------------------------------------------------- */

bool io_number(const char *text, uint64_t *value)
{
    bool ok = g_str_has_prefix(text, "0x")
                  ? g_ascii_string_to_unsigned(text + 2, 16, 0, INT64_MAX, value, NULL)
                  : img_read_size(text, value) && *value <= INT64_MAX;
    if (!ok) {
        printf("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- %s\n", text);
    }
    return ok;
}

static bool take_pattern(Transfer *t, const char *text)
{
    uint64_t value;
    bool hex = g_str_has_prefix(text, "0x");
    t->has_pattern = g_ascii_string_to_unsigned(text + (hex ? 2 : 0), hex ? 16 : 10, 0, 255, &value, NULL);
    t->pattern = t->has_pattern ? (uint8_t)value : 0;
    if (!t->has_pattern) {
        printf("%s is not a valid pattern byte\n", text);
    }
    return t->has_pattern;
}

/* Offset, and a length or several. */
static int take_range(Transfer *t, int argc, char **argv)
{
    if (!io_number(argv[0], &t->offset)) {
        return -EINVAL;
    }
    for (int i = 1; i < argc; i++) {
        uint64_t n;
        if (!io_number(argv[i], &n)) {
            return -EINVAL;
        }
        t->length += MIN(n, (uint64_t)LENGTH_MAX + 1);
        if (t->length > LENGTH_MAX && !t->zero) {
            printf("length cannot exceed %u, given %s\n", (unsigned)LENGTH_MAX, argv[i]);
            return -EINVAL;
        }
    }
    return 0;
}

/* The file again and again, as often as it takes. */
static bool fill_from(Transfer *t)
{
    g_autofree char *data = NULL;
    g_autoptr(GError) err = NULL;
    gsize n;
    if (!g_file_get_contents(t->source, &data, &n, &err)) {
        fprintf(stderr, "%s: %s\n", t->source, err->message);
        return false;
    }
    if (!n) {
        fprintf(stderr, "%s: file is empty\n", t->source);
        return false;
    }
    for (uint64_t i = 0; i < t->length; i += n) {
        memcpy(t->buf + i, data, MIN(n, t->length - i));
    }
    return true;
}

static int prepare(Transfer *t)
{
    if (t->zero) {
        return 0;
    }
    t->buf = g_try_malloc(t->length + 1);
    if (!t->buf) {
        printf("%s failed: %s\n", t->what, g_strerror(ENOMEM));
        return -ENOMEM;
    }
    memset(t->buf, t->has_pattern ? t->pattern : PATTERN_UNSET, t->length);
    return t->source && !fill_from(t) ? -EINVAL : 0;
}

static Transfer *transfer_new(Io *io, const char *what, bool write)
{
    Transfer *t = g_new0(Transfer, 1);
    t->node = node_ref(io->node);
    t->what = what;
    t->write = write;
    t->fua = write && io->sync;
    return t;
}

static int run(Io *io, Transfer *t, int e)
{
    e = e ? e : prepare(t);
    if (e) {
        transfer_free(t);
        return e;
    }
    return start(io, t);
}

/* ---- commands -------------------------------------------------------------------- */

static const char *read_fault(const Transfer *t)
{
    return !t->has_pattern && (t->has_check_from || t->has_check_length) ? "-s and -l are only valid with -P"
                                                                         : NULL;
}

int io_read(Io *io, const IoCommand *self, int argc, char **argv)
{
    Transfer *t = transfer_new(io, self->name, false);
    bool ok = true;
    for (int c; ok && (c = getopt(argc, argv, "CqvpP:s:l:")) != -1;) {
        switch (c) {
        case 'C': t->report = true; break;
        case 'q': t->quiet = true; break;
        case 'v': t->show = true; break;
        case 'p': break;
        case 'P': ok = take_pattern(t, optarg); break;
        case 's': t->has_check_from = ok = io_number(optarg, &t->check_from); break;
        case 'l': t->has_check_length = ok = io_number(optarg, &t->check_length); break;
        default: io_usage(self); ok = false;
        }
    }
    int count = argc - optind, e = ok ? 0 : -EINVAL;
    if (ok && (count < 2 || (self->most >= 0 && count > 2))) {
        e = io_usage(self);
    }
    if (!e && read_fault(t)) {
        printf("%s\n", read_fault(t));
        e = -EINVAL;
    }
    e = e ? e : take_range(t, count, argv + optind);
    if (!e &&
        (t->check_from > t->length || (t->has_check_length && t->check_length > t->length - t->check_from))) {
        printf("pattern verification range exceeds end of read data\n");
        e = -EINVAL;
    }
    return run(io, t, e);
}

static const char *write_fault(const Transfer *t)
{
    return t->zero + t->has_pattern + (t->source != NULL) > 1
               ? "Only one of -z, -P, and -s can be specified at the same time"
           : t->pack && t->zero   ? "-c and -z cannot be specified at the same time"
           : t->fast && !t->zero  ? "-n requires -z to be specified"
           : t->unmap && !t->zero ? "-u requires -z to be specified"
                                  : NULL;
}

int io_write(Io *io, const IoCommand *self, int argc, char **argv)
{
    Transfer *t = transfer_new(io, self->name, true);
    bool ok = true;
    for (int c; ok && (c = getopt(argc, argv, self->takes_fast ? "cCfnpquzP:s:" : "cCfpquzP:s:")) != -1;) {
        switch (c) {
        case 'c': t->pack = true; break;
        case 'C': t->report = true; break;
        case 'f': t->fua = true; break;
        case 'n': t->fast = true; break;
        case 'p': break;
        case 'q': t->quiet = true; break;
        case 'u': t->unmap = true; break;
        case 'z': t->zero = true; break;
        case 'P': ok = take_pattern(t, optarg); break;
        case 's': t->source = optarg; break;
        default: io_usage(self); ok = false;
        }
    }
    int count = argc - optind, e = ok ? 0 : -EINVAL;
    if (ok && (count < 2 || (self->most >= 0 && count > 2))) {
        e = io_usage(self);
    }
    if (!e && write_fault(t)) {
        printf("%s\n", write_fault(t));
        e = -EINVAL;
    }
    e = e ? e : take_range(t, count, argv + optind);
    return run(io, t, e);
}

int io_discard(Io *io, const IoCommand *self, int argc, char **argv)
{
    Transfer t = { .node = io->node, .what = self->name };
    for (int c; (c = getopt(argc, argv, "Cq")) != -1;) {
        switch (c) {
        case 'C': t.report = true; break;
        case 'q': t.quiet = true; break;
        default: return io_usage(self);
        }
    }
    if (argc - optind != 2) {
        return io_usage(self);
    }
    if (!io_number(argv[optind], &t.offset) || !io_number(argv[optind + 1], &t.length)) {
        return -EINVAL;
    }
    int64_t begun = g_get_monotonic_time();
    uint64_t size = node_size(io->node), first = (t.offset + 511) / 512 * 512;
    int e = t.offset > size || t.length > size - t.offset ? -EIO : 0;
    uint64_t end = e ? first : (t.offset + t.length) / 512 * 512;
    if (!e && end > first) {
        e = node_run(io->node, &(NodeIo){ BLOCK_DISCARD, false, first, end - first, NULL, 0 });
    }
    if (e) {
        printf("discard failed: %s\n", g_strerror(-e));
    } else if (!t.quiet) {
        print_report(&t, "discard", g_get_monotonic_time() - begun);
    }
    return e;
}
