/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New, empty images of any format, from options as other programs spell them. */
#pragma once
#include "base/props.h"
#include "block/node.h"

/* What a new image has a place for: nothing, what says where data is, data (space for it, or zeroes). */
typedef enum Preallocation {
    PREALLOCATE_OFF,
    PREALLOCATE_METADATA,
    PREALLOCATE_FALLOC,
    PREALLOCATE_FULL,
} Preallocation;
extern const char *const preallocation_names[]; /* as options have them; NULL at the end */

/* How large an image's file is that has nothing, or all of its disk; data takes whole units. */
typedef struct ImageMeasure {
    uint64_t empty, full, unit; /* bytes */
} ImageMeasure;

/* The struct of every format's options begins so.  Strings are owned, NULL: not given. */
typedef struct NewImage {
    const struct Secrets *secrets; /* that have passwords: the caller's; NULL: none */
    GPtrArray *made; /* where files that are brought into being are noted: the caller's; or NULL */
    uint64_t size;   /* bytes */
    bool has_size;
    char *backing, *backing_format; /* as the image names them */
    int preallocation;              /* Preallocation; of formats that have it */
    bool has_preallocation;
} NewImage;

typedef struct ImageMaker {
    const char *format;
    const Shape *shape; /* of the options */
    bool has_backing;   /* it may have one */
    /* What will be made, as other programs print it: "size=65536 static=off". */
    void (*print)(const NewImage *o, GString *text);
    bool (*check)(NewImage *o, GError **err); /* can it be made?  Before anything is written.  NULL: always */
    /* The file is empty, and nobody else's; its name is the image's. */
    bool (*make)(BlockNode *file, const NewImage *o, GError **err);
    void (*measure)(const NewImage *o,
                    ImageMeasure *m); /* of what was checked; NULL: not known of this format */
} ImageMaker;

const ImageMaker *image_maker(const char *format); /* NULL: nothing makes such */
/* A file of so many zeroes, in place of what was there, which nobody else has open.  If nothing was, its path goes into
 * `made` (or NULL). */
BlockNode *image_new_file(const char *path, uint64_t size, GPtrArray *made, GError **err);
/* What is behind `from` of an image that grew gets a place.  -ENOTSUP: not in this format (raw, or qcow2 without encryption). */
int image_preallocate(BlockNode *n, const char *format, Preallocation how, uint64_t from);
/* Paths (char *) of files that were not there before. */
GPtrArray *image_files_new(void);
/* They did not become an image: they go, and nothing else does. */
void image_files_undo(const GPtrArray *made);
