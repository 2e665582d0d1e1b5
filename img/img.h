/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the tool for images.
 * Options and output: QEMU's manual, "qemu-img", and what that program prints, which scripts read. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "block/image.h"

enum { IMG_OK, IMG_FAILED };

typedef struct Command {
    const char *name, *usage;
    int (*run)(int argc, char **argv); /* argv[0]: its name; the exit status */
} Command;

extern const Command img_commands[]; /* ends with a row of NULL */

void img_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2); /* "qemu-img: ...", to standard error */
int img_usage(const char *command);                       /* what its options are; IMG_FAILED */
/* Or NULL, after a message.  *found: its format. */
BlockNode *img_open(const char *path, const char *format, const OpenFlags *flags, const char **found);
/* A new image of options such as "size=1G,cluster_size=4k"; false after a message. */
typedef struct ImgNew {
    const char *path, *format, *options, *backing, *backing_format;
    uint64_t size;                /* bytes */
    bool has_size, quiet, unsafe; /* unsafe: the backing is not opened */
} ImgNew;
bool img_create(const ImgNew *n);
char *img_size(uint64_t bytes);                       /* "196 KiB" */
bool img_read_size(const char *text, uint64_t *size); /* "64M"; false: it is none */
void img_print_snapshots(const GPtrArray *list);      /* of Qcow2Snapshot; none: nothing */

int cmd_create(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_resize(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
