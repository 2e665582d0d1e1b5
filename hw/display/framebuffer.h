/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture in guest memory, which the guest changes without a word: shown by what dirty tracking finds.
 *
 * It follows the memory only while somebody watches.  All under the device's lock. */
#pragma once
#include "base/ram.h"
#include "ui/console.h"

typedef struct FramebufferMode {
    RamBlock *ram;   /* NULL: nothing is shown */
    uint64_t offset; /* of the first pixel in it */
    uint64_t stride; /* bytes from row to row */
    unsigned width, height;
    const PixelFormat *format;
} FramebufferMode;

typedef struct Framebuffer {
    Console *console;
    FramebufferMode mode; /* its RAM is held (ram_block_use) */
    bool watched, follows, all_is_new;
    unsigned long *dirty; /* bits of the pages that it is in */
} Framebuffer;

/* Does all of it lie in RAM, and is it a size that a console takes? */
bool framebuffer_mode_fits(const FramebufferMode *m);
uint64_t framebuffer_mode_bytes(const FramebufferMode *m); /* from its first pixel to its last */
/* Show this from now on, which fits, or nothing (NULL).  The same as before: no matter. */
void framebuffer_show(Framebuffer *f, const FramebufferMode *m);
/* For ConsoleOps. */
void framebuffer_refresh(Framebuffer *f);
void framebuffer_watched(Framebuffer *f, bool watched);
