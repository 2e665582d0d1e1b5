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
/* A part of a file, followed by zeroes up to memory_size. */
typedef struct LoaderPart {
    uint64_t offset, file_size, memory_size;
    hwaddr addr;
} LoaderPart;
bool loader_add_part(Machine *m, const char *path, const LoaderPart *part, LoadedImage *out,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* An ELF executable of the machine type em (EM_RISCV) at its physical addresses; bits: the
 * CPU's 32 or 64, to warn of an executable of another width (0: do not). */
bool loader_add_elf(Machine *m, const char *path, unsigned em, unsigned bits, LoadedImage *out,
                    GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* What a loader must know of an ELF file before it places it. */
typedef struct ElfFacts {
    unsigned machine; /* EM_* */
    unsigned bits;    /* 32, 64 */
} ElfFacts;
bool loader_elf_facts(const char *path, ElfFacts *out, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The first `bytes` bytes of the note of this owner and type; *found tells whether there is one. */
bool loader_elf_note(const char *path, const char *owner, uint32_t type, void *desc, unsigned bytes,
                     bool *found, GError **err) G_GNUC_WARN_UNUSED_RESULT;

typedef enum ImageKind { IMAGE_RAW, IMAGE_ELF, IMAGE_GZIP, IMAGE_UIMAGE } ImageKind;
/* What the first bytes of a file look like. */
bool loader_probe(const char *path, ImageKind *kind, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The unpacked contents of a gzip file, refused when larger than max bytes. */
GBytes *loader_gunzip(const char *path, uint64_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The first bytes of a file, at most this many, and how many it has. */
GBytes *loader_read_head(const char *path, uint64_t most, uint64_t *size,
                         GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* How many bytes a file has. */
bool loader_size(const char *path, uint64_t *size, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* A file's contents, refused when larger than max bytes. */
GBytes *loader_read(const char *path, uint64_t max, GError **err) G_GNUC_WARN_UNUSED_RESULT;

void loader_reset(Machine *m); /* put everything in place; machine_reset does it */
void loader_free(Machine *m);
