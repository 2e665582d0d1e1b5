/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lyrebird-img, also as qemu-img: makes, shows, checks, compares and converts images.
 *
 * Not built, and refused by name: what stands in docs/status.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "img/img.h"
#include "util/text.h"

ToolOptions img_tool;

const Command img_commands[] = {
    { "amend", "[-f FORMAT] [-p] [-q] [-t CACHE] [--force] -o OPTIONS FILE", cmd_amend },
    { "bench",
      "[-c COUNT] [-d DEPTH] [-f FORMAT] [-i threads] [--flush-interval=COUNT [--no-drain]] [-o OFFSET] [--pattern=BYTE] [-q] "
      "[-s BYTES] [-S STEP] [-t CACHE] [-w] [-U] FILE",
      cmd_bench },
    { "bitmap",
      "(--add [-g GRANULARITY] | --remove | --clear | --enable | --disable | --merge BITMAP)... [-b FILE [-F FORMAT]] "
      "[-f FORMAT] FILE BITMAP",
      cmd_bitmap },
    { "check", "[-q] [-f FORMAT] [--output=human|json] [-r leaks|all] [-T CACHE] [-U] FILE", cmd_check },
    { "commit", "[-f FORMAT] [-t CACHE] [-b BASE] [-r RATE] [-d] [-p] [-q] FILE", cmd_commit },
    { "compare", "[-f FORMAT] [-F FORMAT] [-T CACHE] [-p] [-q] [-s] [-U] FILE1 FILE2", cmd_compare },
    { "convert",
      "[-f FORMAT] [-l SNAPSHOT] [-O FORMAT] [-o OPTIONS] [-B BACKING -F FORMAT] [-c] [-C] [-m THREADS] [-n [--target-is-zero]] [-p] [-q] "
      "[-r RATE] [-S BYTES] [--salvage] [--bitmaps [--skip-broken-bitmaps]] [-t CACHE] [-T CACHE] [-U] [-W] FILE... OUTPUT",
      cmd_convert },
    { "create", "[-q] [-f FORMAT] [-b BACKING -F FORMAT] [-u] [-o OPTIONS] FILE [SIZE]", cmd_create },
    { "dd", "[-f FORMAT] [-O FORMAT] [-U] [bs=BYTES] [count=BLOCKS] [skip=BLOCKS] if=FILE of=FILE", cmd_dd },
    { "info", "[-f FORMAT] [--output=human|json] [--backing-chain] FILE", cmd_info },
    { "map", "[-f FORMAT] [--output=human|json] [-s OFFSET] [-l LENGTH] [-U] FILE", cmd_map },
    { "measure",
      "[-O FORMAT] [-o OPTIONS] [--output=human|json] [-U] --size=SIZE | [-f FORMAT] [-l SNAPSHOT] FILE",
      cmd_measure },
    { "rebase", "[-f FORMAT] [-t CACHE] [-T CACHE] [-U] [-u] [-p] [-q] -b BACKING [-F FORMAT] FILE",
      cmd_rebase },
    { "resize", "[-f FORMAT] [-q] [--preallocation=MODE] [--shrink] FILE [+|-]SIZE", cmd_resize },
    { "snapshot", "[-f FORMAT] [-q] [-l | -c NAME | -a NAME | -d NAME] FILE", cmd_snapshot },
    { NULL },
};

static void print_usage(FILE *to, const char *command)
{
    for (const Command *c = img_commands; c->name; c++) {
        if (!command || strcmp(c->name, command) == 0) {
            fprintf(to, "usage: %s %s %s\n", img_program, c->name, c->usage);
        }
    }
}

int img_usage(const char *command)
{
    print_usage(stderr, command);
    return IMG_FAILED;
}

static bool is_help(const char *word)
{
    return g_strcmp0(word, "-h") == 0 || g_strcmp0(word, "--help") == 0;
}

static void print_version(void)
{
    printf("%s version %s (Lyrebird)\n", img_program, LYREBIRD_VERSION);
}

/* All of it; the line of formats is what scripts look for. */
static int help(void)
{
    print_version();
    print_usage(stdout, NULL);
    printf("\nSupported formats:");
    for (const char *const *driver = image_drivers(); *driver; driver++) {
        printf(" %s", *driver);
    }
    printf("\n");
    return IMG_OK;
}

static BlockNode *open_by(const ToolOptions *o, const char *path, const char *format, const OpenFlags *flags,
                          const char **found)
{
    g_autoptr(GError) err = NULL;
    BlockNode *n = tool_open(o, path, format, flags, found, &err);
    if (!n) {
        bool says_so = g_str_has_prefix(err->message, "Could not open");
        g_autofree char *shown = text_escaped(path);
        img_error("%s%s%s%s", says_so ? "" : "Could not open '", says_so ? "" : shown,
                  says_so ? "" : "': ", err->message);
    }
    return n;
}

BlockNode *img_open(const char *path, const char *format, const OpenFlags *flags, const char **found)
{
    return open_by(&img_tool, path, format, flags, found);
}

BlockNode *img_open_named(const char *path, const char *format, const OpenFlags *flags, const char **found)
{
    ToolOptions o = img_tool;
    o.image_opts = false;
    return open_by(&o, path, format, flags, found);
}

BlockNode *img_open_target(const char *path, const char *format, const OpenFlags *flags, const char **found)
{
    ToolOptions o = img_tool;
    o.image_opts = o.target_image_opts;
    return open_by(&o, path, o.image_opts ? NULL : format, flags, found);
}

int main(int argc, char **argv)
{
    img_program_begin("lyrebird-img", "qemu-img", argv[0]);
    if (!tool_options_take(&img_tool, &argc, argv)) {
        return IMG_FAILED;
    }
    if (argc < 2) {
        img_error("Not enough arguments");
        return img_usage(NULL);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        print_version();
        return IMG_OK;
    }
    if (is_help(argv[1])) {
        return help();
    }
    for (const Command *c = img_commands; c->name; c++) {
        if (strcmp(c->name, argv[1]) == 0 && is_help(argv[2])) {
            print_usage(stdout, c->name);
            return IMG_OK;
        }
        if (strcmp(c->name, argv[1]) == 0) {
            return c->run(argc - 1, argv + 1);
        }
    }
    img_error("Command not found: %s", argv[1]);
    return IMG_FAILED;
}
