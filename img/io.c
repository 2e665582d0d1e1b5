/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-io, also as qemu-io: reads and writes an image by commands, for tests.
 * Options, commands and texts: what that program prints, which scripts read.
 *
 * Not built, and refused by name: what stands in docs/status.md. */
#include "img/io.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- commands ---------------------------------------------------------------- */

int io_usage(const IoCommand *c)
{
    printf("%s %s\n", c->name, c->usage);
    return -EINVAL;
}

static bool check_count(const IoCommand *c, int count)
{
    if (count >= c->least && (c->most < 0 || count <= c->most)) {
        return true;
    }
    fflush(stdout);
    if (c->most < 0 || c->most >= 100) {
        fprintf(stderr, "bad argument count %d to %s, expected at least %d arguments\n", count, c->name,
                c->least);
    } else if (c->least == c->most) {
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n", count, c->name, c->least);
    } else {
        fprintf(stderr, "bad argument count %d to %s, expected between %d and %d arguments\n", count, c->name,
                c->least, c->most);
    }
    return false;
}

static int run_words(Io *io, int argc, char **argv)
{
    const IoCommand *c = io_commands;
    while (c->name && strcmp(c->name, argv[0]) != 0 && g_strcmp0(c->other_name, argv[0]) != 0) {
        c++;
    }
    if (!c->name) {
        fflush(stdout);
        fprintf(stderr, "command \"%s\" not found\n", argv[0]);
        return -EINVAL;
    }
    if (c->needs_image && !io->node) {
        fflush(stdout);
        fprintf(stderr, "no file open, try 'help open'\n");
        return -EINVAL;
    }
    optind = 0; /* another command line */
    if (!check_count(c, argc - 1)) {
        return -EINVAL;
    }
    if (c->writes && io->flags.readonly) {
        fflush(stdout);
        img_error("Block node is read-only");
        return -EROFS;
    }
    return c->run(io, c, argc, argv);
}

int io_run_line(Io *io, const char *line)
{
    g_auto(GStrv) raw = g_strsplit_set(line, " \t\r\n", -1);
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (char **w = raw; *w; w++) {
        if (**w) {
            g_ptr_array_add(words, *w);
        }
    }
    int count = (int)words->len;
    g_ptr_array_add(words, NULL);
    return count ? run_words(io, count, (char **)words->pdata) : 0;
}

static int run_input(Io *io)
{
    int status = EXIT_SUCCESS;
    char line[4096];
    while (!io->quit) {
        printf("qemu-io> ");
        fflush(stdout);
        if (!fgets(line, sizeof(line), stdin)) {
            break;
        }
        status = io_run_line(io, line) ? EXIT_FAILURE : status;
    }
    return status;
}

/* ---- options ------------------------------------------------------------------- */

static const char usage[] =
    "Usage: %s [-f FORMAT] [-r] [-n] [-t CACHE] [-d DISCARD] [-U] [-c COMMAND]... [FILE]\n"
    "See '-c help' for the commands.\n";

static const struct option long_options[] = {
    { "help", no_argument, NULL, 'h' },        { "version", no_argument, NULL, 'V' },
    { "cmd", required_argument, NULL, 'c' },   { "format", required_argument, NULL, 'f' },
    { "read-only", no_argument, NULL, 'r' },   { "nocache", no_argument, NULL, 'n' },
    { "cache", required_argument, NULL, 't' }, { "discard", required_argument, NULL, 'd' },
    { "force-share", no_argument, NULL, 'U' }, { NULL },
};

static bool take_option(Io *io, GPtrArray *commands, int c)
{
    switch (c) {
    case 'c': g_ptr_array_add(commands, optarg); break;
    case 'f': io->wanted_format = optarg; break;
    case 'r': io->flags.readonly = true; break;
    case 'n': io->flags.direct = true; break;
    case 'U': io->flags.locking = false; break;
    case 't': return img_take_cache("cache", optarg, &io->flags, &io->sync);
    case 'd': return io_take_discard(optarg, &io->flags);
    default: fprintf(stderr, usage, img_program); return false;
    }
    return true;
}

static int run(Io *io, const char *path, const GPtrArray *commands)
{
    int status = EXIT_SUCCESS;
    if (path && !io_open(io, path, io->tool->image_opts)) {
        return EXIT_FAILURE;
    }
    for (guint i = 0; i < commands->len && !io->quit; i++) {
        status = io_run_line(io, g_ptr_array_index(commands, i)) ? EXIT_FAILURE : status;
    }
    if (!commands->len) {
        status = run_input(io);
    }
    io_close(io);
    g_free(io->name);
    return status;
}

static int start(ToolOptions *tool, int argc, char **argv)
{
    img_program_begin("lyrebird-io", "qemu-io", argv[0]);
    g_autoptr(GPtrArray) commands = g_ptr_array_new(), running = g_ptr_array_new();
    Io io = { .tool = tool, .flags = { .locking = true }, .running = running };
    if (!tool_options_take(tool, &argc, argv)) {
        return EXIT_FAILURE;
    }
    for (int c; (c = getopt_long(argc, argv, "hVc:f:rnt:d:U", long_options, NULL)) != -1;) {
        if (c == 'h' || c == 'V') {
            printf(c == 'h' ? usage : "%s " LYREBIRD_VERSION " (Lyrebird)\n", img_program);
            return EXIT_SUCCESS;
        }
        if (!take_option(&io, commands, c)) {
            return EXIT_FAILURE;
        }
    }
    if (argc - optind > 1) {
        fprintf(stderr, usage, img_program);
        return EXIT_FAILURE;
    }
    return run(&io, argv[optind], commands);
}

int main(int argc, char **argv)
{
    ToolOptions tool = { 0 };
    int status = start(&tool, argc, argv);
    tool_options_clear(&tool);
    return status;
}
