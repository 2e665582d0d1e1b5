/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is an image sound, and can it be made so?  The image is not in use meanwhile. */
#pragma once
#include "block/node.h"

typedef enum ImageRepair { REPAIR_NOTHING, REPAIR_LEAKS, REPAIR_ALL } ImageRepair;

typedef struct ImageReport {
    uint64_t corruptions, leaks, check_errors; /* check_errors: what could not be looked at */
    uint64_t corruptions_fixed, leaks_fixed;
    uint64_t total, allocated, fragmented, compressed; /* guest clusters */
    uint64_t image_end;                                /* bytes of the file that are used */
    /* A line about each fault; NULL: nobody wants to know. */
    void (*say)(const char *line, void *opaque);
    void *opaque;
} ImageReport;

/* 0 or -errno (-ENOTSUP: the format has no check); what is wrong with the image is in the report, as it was before it was
 * mended. */
int image_check(BlockNode *n, ImageRepair repair, ImageReport *report);
