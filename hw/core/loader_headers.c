/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments of an ELF file that nobody runs.
 * Spec: System V ABI, "Object Files" (sections, program header).
 *
 * A linker gives the file's own headers a loadable segment, with notes and what a dynamic
 * linker reads.  `gcc -nostdlib -static -Ttext=0x80000000` leaves it at 0x10000, where a
 * board has no memory.  It may be left out when
 *  1. each of its bytes, but for padding, lies in the file's headers, in a part that a program header calls a
 *     note, an interpreter's name or program headers, or in a section that linkers read;
 *  2. no other section that a program uses lies in it;
 *  3. it has no zeroed tail, and the entry point is elsewhere.
 * A file without (sound) section headers can only prove it by its program headers. */
#include "hw/core/loader_priv.h"

enum { PADDING = 16 }; /* bytes between two parts, or behind the last */

typedef struct Part {
    uint64_t start, end; /* offsets in the file */
} Part;

typedef struct Parts {
    const Elf64_Phdr *of;
    GArray *known; /* of Part */
    bool used;     /* a section that a program uses was seen */
} Parts;

static bool overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return a < b + blen && b < a + alen; /* all are below the file's size: no overflow */
}

static void parts_add(Parts *p, uint64_t offset, uint64_t size)
{
    if (overlaps(offset, size, p->of->p_offset, p->of->p_filesz)) {
        Part part = { offset, offset + size };
        g_array_append_val(p->known, part);
    }
}

static int part_compare(const void *a, const void *b)
{
    uint64_t x = ((const Part *)a)->start, y = ((const Part *)b)->start;
    return (x > y) - (x < y);
}

/* Are the parts the whole segment, but for padding? */
static bool parts_cover(Parts *p)
{
    uint64_t end = p->of->p_offset;
    g_array_sort(p->known, part_compare);
    for (guint i = 0; i < p->known->len; i++) {
        const Part *part = &g_array_index(p->known, Part, i);
        if (part->start > end && part->start - end >= PADDING) {
            return false;
        }
        end = MAX(end, part->end);
    }
    return end + PADDING > p->of->p_offset + p->of->p_filesz;
}

static bool in_file(const ElfFile *e, uint64_t offset, uint64_t size)
{
    return offset <= e->size && size <= e->size - offset;
}

static bool segment_is_for_linkers(const ElfFile *e, const Elf64_Phdr *ph)
{
    return (ph->p_type == PT_NOTE || ph->p_type == PT_INTERP || ph->p_type == PT_PHDR) &&
           in_file(e, ph->p_offset, ph->p_filesz);
}

static void parts_add_segments(Parts *p, const ElfFile *e)
{
    Elf64_Phdr ph;
    for (unsigned i = 0; i < e->eh.e_phnum; i++) {
        if (elf_read_segment(e, i, &ph) && segment_is_for_linkers(e, &ph)) {
            parts_add(p, ph.p_offset, ph.p_filesz);
        }
    }
}

static bool section_is_for_linkers(const ElfFile *e, const Elf64_Shdr *sh)
{
    Elf64_Phdr ph;
    switch (sh->sh_type) {
    case SHT_NOTE:
    case SHT_HASH:
    case SHT_GNU_HASH:
    case SHT_DYNSYM:
    case SHT_STRTAB:
    case SHT_RELA:
    case SHT_REL:
    case SHT_GNU_verdef:
    case SHT_GNU_verneed:
    case SHT_GNU_versym: return true;
    }
    for (unsigned i = 0; i < e->eh.e_phnum; i++) { /* .interp is as any data */
        if (elf_read_segment(e, i, &ph) && segment_is_for_linkers(e, &ph) && ph.p_offset <= sh->sh_offset &&
            sh->sh_offset + sh->sh_size <= ph.p_offset + ph.p_filesz) {
            return true;
        }
    }
    return false;
}

static void parts_add_section(Parts *p, const ElfFile *e, const Elf64_Shdr *sh)
{
    if (!(sh->sh_flags & SHF_ALLOC) || sh->sh_size == 0) {
        return;
    }
    if (sh->sh_type == SHT_NOBITS) { /* takes addresses, no bytes of the file */
        p->used |= sh->sh_addr >= p->of->p_vaddr && sh->sh_addr - p->of->p_vaddr < p->of->p_memsz;
    } else if (!in_file(e, sh->sh_offset, sh->sh_size)) {
        p->used = true; /* makes no sense: proves nothing */
    } else if (section_is_for_linkers(e, sh)) {
        parts_add(p, sh->sh_offset, sh->sh_size);
    } else {
        p->used |= overlaps(sh->sh_offset, sh->sh_size, p->of->p_offset, p->of->p_filesz);
    }
}

static bool read_section(const ElfFile *e, unsigned i, Elf64_Shdr *sh)
{
    if (e->is64) {
        return loader_read_at(e->fd, e->eh.e_shoff + i * sizeof(*sh), sh, sizeof(*sh));
    }
    Elf32_Shdr h;
    if (!loader_read_at(e->fd, e->eh.e_shoff + i * sizeof(h), &h, sizeof(h))) {
        return false;
    }
    *sh = (Elf64_Shdr){ .sh_type = h.sh_type,
                        .sh_flags = h.sh_flags,
                        .sh_addr = h.sh_addr,
                        .sh_offset = h.sh_offset,
                        .sh_size = h.sh_size };
    return true;
}

static void parts_add_sections(Parts *p, const ElfFile *e)
{
    size_t entry = e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    Elf64_Shdr sh;
    if (e->eh.e_shentsize != entry || !in_file(e, e->eh.e_shoff, entry * e->eh.e_shnum)) {
        return;
    }
    for (unsigned i = 0; i < e->eh.e_shnum && !p->used; i++) {
        if (read_section(e, i, &sh)) {
            parts_add_section(p, e, &sh);
        }
    }
}

bool elf_is_for_linkers(const ElfFile *e, const Elf64_Phdr *ph)
{
    bool entry_inside = e->eh.e_entry >= ph->p_vaddr && e->eh.e_entry - ph->p_vaddr < ph->p_memsz;
    if (entry_inside || ph->p_memsz != ph->p_filesz || !in_file(e, ph->p_offset, ph->p_filesz)) {
        return false;
    }
    g_autoptr(GArray) known = g_array_new(FALSE, FALSE, sizeof(Part));
    Parts p = { .of = ph, .known = known };
    parts_add(&p, 0, e->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
    parts_add(&p, e->eh.e_phoff, (uint64_t)e->eh.e_phnum * e->eh.e_phentsize);
    parts_add_segments(&p, e);
    parts_add_sections(&p, e);
    return !p.used && parts_cover(&p);
}
