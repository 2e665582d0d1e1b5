/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of `convert`: what is asked for (convert.c), and the copying (convert_copy.c). */
#pragma once
#include "img/img.h"

enum { CONVERT_THREADS_MAX = 16 };

/* One of the images that are read, one behind the other. */
typedef struct ConvertSource {
    const char *path;
    BlockNode *node;
    uint64_t start, size; /* bytes of the output */
} ConvertSource;

typedef struct Conversion {
    ConvertSource *sources;
    unsigned source_count;
    BlockNode *to;
    uint64_t size, cluster,
        buffer; /* cluster: of the output, 0: none; buffer: bytes that are moved at a time */
    unsigned threads;
    bool has_grain; /* -S */
    uint64_t grain; /* so many zeroes are not written; 0: all are */
    uint64_t rate;  /* bytes a second; 0: any */
    bool pack;      /* compressed */
    bool dirty;     /* the output does not read as zeroes: they are written */
    bool compare;   /* the output shows a backing: what is as it is there is not written */
    bool salvage;   /* what cannot be read is zeroes */
    bool offload;   /* the host copies where it can; what is zero in the source is not looked for */
    bool sync;      /* each write is durable before the next */
    bool progress, quiet;

    int64_t begun_us;
    uint64_t next; /* atomic: of the output, not yet taken */
    uint64_t done; /* atomic: bytes */
    int error;     /* atomic: of the first that failed, or 0 */
    uint64_t failed_at;
    bool reading;
} Conversion;

int convert_copy(Conversion *c); /* the exit status */
