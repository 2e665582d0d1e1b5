/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-io: commands that move no data. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "block/image_create.h"
#include "img/io.h"

static int close_image(Io *io, const IoCommand *self, int argc, char **argv)
{
    io_close(io);
    return 0;
}

static int quit(Io *io, const IoCommand *self, int argc, char **argv)
{
    io->quit = true;
    return 0;
}

static int flush(Io *io, const IoCommand *self, int argc, char **argv)
{
    int e = node_flush(io->node);
    if (e) {
        printf("flush failed: %s\n", g_strerror(-e));
    }
    return e;
}

static int wait_for_all(Io *io, const IoCommand *self, int argc, char **argv)
{
    io_wait(io);
    return 0;
}

static int length(Io *io, const IoCommand *self, int argc, char **argv)
{
    g_autofree char *size = io_size(node_size(io->node));
    printf("%s\n", size);
    return 0;
}

static int truncate_image(Io *io, const IoCommand *self, int argc, char **argv)
{
    uint64_t size, from = node_size(io->node);
    int how = PREALLOCATE_OFF;
    for (int c; (c = getopt(argc, argv, "m:")) != -1;) {
        if (c != 'm') {
            return io_usage(self);
        }
        if (!img_take_preallocation(optarg, &how)) {
            return -EINVAL;
        }
    }
    if (argc - optind != 1) {
        return io_usage(self);
    }
    if (!io_number(argv[optind], &size)) {
        return -EINVAL;
    }
    if (how != PREALLOCATE_OFF && size < from) {
        img_error("Preallocation can't be used for shrinking an image");
        return -EINVAL;
    }
    int e = node_resize(io->node, size);
    if (e) {
        img_error("truncate failed: %s", g_strerror(-e));
        return e;
    }
    return how != PREALLOCATE_OFF ? img_give_place(io->node, io->format, how, from) : 0;
}

static int info(Io *io, const IoCommand *self, int argc, char **argv)
{
    ImageInfo i;
    image_info(io->node, &i);
    printf("format name: %s\n", io->format);
    if (i.cluster_size) {
        g_autofree char *size = io_size(i.cluster_size);
        printf("cluster size: %s\n", size);
    }
    return 0;
}

/* How far [at, end) is alike: in this image, or below it. */
static int alike(BlockNode *n, uint64_t at, uint64_t end, bool *here, uint64_t *bytes)
{
    Extent x;
    *bytes = 0;
    for (bool first = true, same = true; at + *bytes < end && same; first = false) {
        int e = node_map(n, at + *bytes, end - at - *bytes, true, &x);
        if (e) {
            return e;
        }
        bool in = x.kind != EXTENT_BELOW;
        *here = first ? in : *here;
        same = in == *here;
        *bytes += same ? x.length : 0;
    }
    return 0;
}

static int alloc(Io *io, const IoCommand *self, int argc, char **argv)
{
    uint64_t at, n = 1, found = 0, size = node_size(io->node);
    if (!io_number(argv[1], &at) || (argc > 2 && !io_number(argv[2], &n))) {
        return -EINVAL;
    }
    if (at > size || n > size - at) {
        printf("is_allocated failed: %s\n", g_strerror(EIO));
        return -EIO;
    }
    uint64_t first = at / 512 * 512, end = at + n;
    for (uint64_t i = first, bytes; i < end; i += bytes) {
        bool here = false;
        int e = alike(io->node, i, (end + 511) / 512 * 512, &here, &bytes);
        if (e) {
            printf("is_allocated failed: %s\n", g_strerror(-e));
            return e;
        }
        found += here ? MIN(i + bytes, end) - MAX(i, at) : 0;
    }
    g_autofree char *where = io_size(at);
    printf("%" PRIu64 "/%" PRIu64 " bytes allocated at offset %s\n", found, n, where);
    return 0;
}

static int map(Io *io, const IoCommand *self, int argc, char **argv)
{
    uint64_t size = node_size(io->node), bytes;
    for (uint64_t at = 0; at < size; at += bytes) {
        bool here = false;
        int e = alike(io->node, at, size, &here, &bytes);
        if (e) {
            img_error("Failed to get allocation status: %s", g_strerror(-e));
            return e;
        }
        g_autofree char *length_text = io_size(bytes), *where = io_size(at);
        printf("%s (0x%" PRIx64 ") bytes %s allocated at offset %s (0x%" PRIx64 ")\n", length_text, bytes,
               here ? "   " : "not", where, at);
    }
    return 0;
}

static int sleep_some(Io *io, const IoCommand *self, int argc, char **argv)
{
    uint64_t ms;
    if (!g_ascii_string_to_unsigned(argv[1], 10, 0, 3600 * 1000, &ms, NULL)) {
        printf("%s is not a number of milliseconds\n", argv[1]);
        return -EINVAL;
    }
    g_usleep(ms * 1000);
    return 0;
}

static int help(Io *io, const IoCommand *self, int argc, char **argv)
{
    for (const IoCommand *c = io_commands; c->name; c++) {
        if (argc < 2 || strcmp(argv[1], c->name) == 0) {
            printf("%s %s\n", c->name, c->usage);
        }
    }
    return 0;
}

const IoCommand io_commands[] = {
    { "aio_flush", NULL, "-- completes all outstanding aio requests", true, 0, 0, wait_for_all },
    { "aio_read", NULL, "[-Cqv] [-P pattern] off len [len..] -- asynchronously reads a number of bytes", true,
      2, -1, io_read },
    { "aio_write", NULL, "[-Cfquz] [-P pattern] off len [len..] -- asynchronously writes a number of bytes",
      true, 2, -1, io_write, .writes = true },
    { "alloc", NULL, "offset [count] -- checks if offset is allocated in the file", true, 1, 2, alloc },
    { "close", "c", "-- close the current open file", true, 0, 0, close_image },
    { "discard", "d", "[-Cq] off len -- discards a number of bytes at a specified offset", true, 2, -1,
      io_discard, .writes = true },
    { "flush", "f", "-- flush all in-core file state to disk", true, 0, 0, flush },
    { "help", "?", "[command] -- help for one or all commands", false, 0, 1, help },
    { "info", "i", "-- prints information about the current file", true, 0, 0, info },
    { "length", "l", "-- gets the length of the current file", true, 0, 0, length },
    { "map", NULL, "-- prints the allocated areas of a file", true, 0, 1, map },
    { "open", "o",
      "[-rnU] [-f format] [-t cache] [-d discard] [-o options] [path] -- open the file specified by path",
      false, 1, -1, io_open_image },
    { "quit", "q", "-- exit the program", false, 0, 0, quit },
    { "read", "r",
      "[-Cqv] [-P pattern [-s off] [-l len]] off len -- reads a number of bytes at a specified offset", true,
      2, 100, io_read },
    { "readv", "rv", "[-Cqv] [-P pattern] off len [len..] -- reads a number of bytes at a specified offset",
      true, 2, -1, io_read },
    { "reopen", NULL, "[(-r|-w)] [-c cache] [-o options] -- reopens an image with new options", true, 0, -1,
      io_reopen },
    { "sleep", NULL, "-- waits for the given value in milliseconds", false, 1, 1, sleep_some },
    { "truncate", "t", "[-m prealloc_mode] off -- truncates the current file at the given offset", true, 1, 3,
      truncate_image, .writes = true },
    { "write", "w",
      "[-cCfnquz] [-P pattern | -s source_file] off len -- writes a number of bytes at a specified offset",
      true, 2, 100, io_write, .writes = true, .takes_fast = true },
    { "writev", "wv", "[-Cfq] [-P pattern] off len [len..] -- writes a number of bytes at a specified offset",
      true, 2, -1, io_write, .writes = true },
    { NULL },
};
