/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the tool for images.
 * Options and output: QEMU's manual, "qemu-img", and what that program prints, which scripts read. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "block/image.h"
#include "img/program.h"

typedef struct Shape Shape;

enum { IMG_OK, IMG_FAILED };

typedef struct Command {
    const char *name, *usage;
    int (*run)(int argc, char **argv); /* argv[0]: its name; the exit status */
} Command;

extern const Command img_commands[]; /* ends with a row of NULL */

int img_usage(const char *command); /* what its options are; IMG_FAILED */
/* ---- objects.c: options of all commands */
typedef struct ToolOptions {
    Secrets *secrets; /* of --object; NULL: none */
    bool image_opts, target_image_opts;
} ToolOptions;
/* They are taken out of the arguments; false after a message. */
bool tool_options_take(ToolOptions *o, int *argc, char **argv);
void tool_options_clear(ToolOptions *o); /* what is secret is wiped */
/* As image_open, or, with image_opts, by options of nodes. */
BlockNode *tool_open(const ToolOptions *o, const char *path, const char *format, const OpenFlags *flags,
                     const char **found, GError **err);

extern ToolOptions img_tool; /* main.c */
/* Or NULL, after a message.  *found: its format. */
BlockNode *img_open(const char *path, const char *format, const OpenFlags *flags, const char **found);
/* The same of one that another one names, or an option: a path, whatever --image-opts says. */
BlockNode *img_open_named(const char *path, const char *format, const OpenFlags *flags, const char **found);
/* The same of one that is written to: --target-image-opts says what its name is. */
BlockNode *img_open_target(const char *path, const char *format, const OpenFlags *flags, const char **found);
/* A new image of options such as "size=1G,cluster_size=4k"; false after a message. */
typedef struct ImgNew {
    const char *path, *format, *options, *backing, *backing_format;
    uint64_t size;                /* bytes */
    bool has_size, quiet, unsafe; /* unsafe: the backing is not opened */
    bool size_once;               /* options may not say it again */
    GPtrArray *made;              /* as in NewImage */
} ImgNew;
bool img_create(const ImgNew *n); /* false: after a message; image_files_undo() is the caller's */
/* Does -o ask which options there are ("help" or "?" among them; NULL: no)? */
bool img_asks_help(const char *options);
/* -o is given again: what follows counts where both say the same. */
void img_add_options(char **all, const char *more);
void img_print_options(const char *title, const Shape *shape);
int img_create_help(const char *format);                                /* of new images; the exit status */
bool img_read_size(const char *text, uint64_t *size);                   /* "64M"; false: it is none */
bool img_take_size(const char *what, const char *text, uint64_t *size); /* the same; false after a message */
/* "NAME", "ID", or "snapshot.id=ID,snapshot.name=NAME": the image, which is only read, is as it was then.  false after a message. */
bool img_show_snapshot(BlockNode *n, const char *format, const char *which);
/* NULL: of any id or name; none: NULL. */
struct Qcow2Snapshot;
const struct Qcow2Snapshot *img_find_snapshot(const GPtrArray *all, const char *id, const char *name);
void img_print_snapshots(const GPtrArray *list); /* of Qcow2Snapshot; none: nothing */

/* ---- chain.c: an image and those below it, each for itself */
typedef struct ImgLink {
    char *path;
    const char *format;
    BlockNode *node;
    Qcow2Info info;
    bool is_qcow2;
} ImgLink;
/* Of ImgLink, from the top down to `base` (a path; NULL: as far as they go), which is in it; none of them is written but
 * those that `writable` says: the last, the first, or the first with nothing below it.  NULL after a message. */
enum { CHAIN_TOP_WRITABLE = 1, CHAIN_BASE_WRITABLE = 2, CHAIN_TOP_EMPTIED = 4 };
typedef struct ImgHow {
    OpenFlags top, below; /* locking, direct and no_flush of them */
    bool named;           /* the first is a path, whatever --image-opts says */
} ImgHow;
extern const ImgHow img_how; /* as nothing is said */
GPtrArray *img_chain(const char *path, const char *format, const char *base, unsigned writable,
                     const ImgHow *how);
/* The top alone, writable. */
GPtrArray *img_chain_one(const char *path, const char *format, const ImgHow *how);
/* What [offset, offset + length) is of the links from the `first` on, up to and without the one at `end`: the extent of
 * the first that has it, EXTENT_BELOW if none has.  0 or -errno. */
int img_chain_map(const GPtrArray *chain, guint first, guint end, uint64_t offset, uint64_t length, Extent *e,
                  BlockNode **who);
int img_chain_read(const GPtrArray *chain, guint first, uint64_t offset, void *buf, uint64_t length);
/* A cache mode by its name; *sync: each write is to be durable at once.  false: there is none of this name. */
bool img_cache(const char *name, OpenFlags *flags, bool *sync);
/* The same of an option of `what` ("source cache"), and false after a message. */
bool img_take_cache(const char *what, const char *name, OpenFlags *flags, bool *sync);
/* --output: "human" or "json"; false after a message. */
bool img_take_output(const char *name, bool *json);
void img_progress(bool wanted, uint64_t done, uint64_t all);
/* Waits until so much may be done of work that began then (g_get_monotonic_time()).  rate: bytes a second; 0: any */
void img_hold_back(uint64_t rate, int64_t begun_us, uint64_t done);

/* ---- grow.c */
bool img_take_preallocation(const char *text, int *how /* Preallocation */); /* false after a message */
/* The image has grown from a size: what is behind it gets a place.  0; or -errno after a message, and it has its old size. */
int img_give_place(BlockNode *n, const char *format, int how, uint64_t from);

int cmd_amend(int argc, char **argv);
int cmd_bitmap(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_dd(int argc, char **argv);
int cmd_commit(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_measure(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_rebase(int argc, char **argv);
int cmd_resize(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);
