/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files into guest memory: firmware, kernels, ramdisks.
 *
 * What is added here is put in place at each machine reset.  Files are hostile: every
 * size is checked, an image that leaves memory or overlaps another is refused. */
#pragma once
#include "hw/board.h"

/* Where an image went: [low, high), zeroed tail included. */
typedef struct LoadedImage {
    hwaddr low, high;
    hwaddr entry; /* low, but for an ELF whose entry point lies within */
    bool is_elf;
} LoadedImage;

/* Bytes at an address.  name: in messages and overlaps. */
bool loader_add_bytes(Machine *m, const char *name, hwaddr addr, GBytes *bytes,
                      GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* A file as it is. */
bool loader_add_raw(Machine *m, const char *path, hwaddr addr, LoadedImage *out,
                    GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* An ELF executable of the machine type em (EM_RISCV) at its physical addresses; bits: the
 * CPU's 32 or 64, to warn of an executable of another width (0: do not). */
bool loader_add_elf(Machine *m, const char *path, unsigned em, unsigned bits, LoadedImage *out,
                    GError **err) G_GNUC_WARN_UNUSED_RESULT;

typedef enum ImageKind { IMAGE_RAW, IMAGE_ELF, IMAGE_GZIP, IMAGE_UIMAGE } ImageKind;
/* What the first bytes of a file look like. */
bool loader_probe(const char *path, ImageKind *kind, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The unpacked contents of a gzip file, refused when larger than max bytes. */
GBytes *loader_gunzip(const char *path, uint64_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* A file's contents, refused when larger than max bytes. */
GBytes *loader_read(const char *path, uint64_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;

void loader_reset(Machine *m); /* put everything in place; machine_reset does it */
void loader_free(Machine *m);
