/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the loader share. */
#pragma once
#include <elf.h>

#include "hw/loader.h"

typedef struct ElfFile {
    const char *path;
    int fd;
    uint64_t size;
    bool is64;
    Elf64_Ehdr eh; /* widened */
} ElfFile;

bool elf_open(ElfFile *e, const char *path, GError **err); /* to be closed: e->fd */
bool elf_read_header(ElfFile *e, GError **err);
/* False: the file ends before, or cannot be read. */
bool loader_read_at(int fd, uint64_t offset, void *buf, size_t len);
/* Program header i, widened; i is below e_phnum. */
bool elf_read_segment(const ElfFile *e, unsigned i, Elf64_Phdr *ph);
/* Is a loadable segment only of use to linkers: the file's headers, notes, symbols?  False
 * whenever the file does not prove it. */
bool elf_is_for_linkers(const ElfFile *e, const Elf64_Phdr *ph);
