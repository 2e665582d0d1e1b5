/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an ELF file says of itself beside its segments: for boot protocols.
 * Spec: System V ABI, "Note Section". */
#include "hw/core/loader_priv.h"

#include <string.h>
#include <unistd.h>

enum { NOTES_MAX = 1 << 20, NOTE_ALIGN = 4 };

typedef struct NoteWanted {
    const char *owner;
    uint32_t type;
    void *desc;
    unsigned bytes;
} NoteWanted;

static uint64_t align_up(uint64_t v)
{
    return (v + NOTE_ALIGN - 1) & ~(uint64_t)(NOTE_ALIGN - 1);
}

/* Headers and names are hostile: each is looked at only when all of it lies within the segment. */
static bool find_in(const uint8_t *notes, uint64_t size, const NoteWanted *w)
{
    size_t owner_size = strlen(w->owner) + 1;
    for (uint64_t at = 0; size - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr h;
        memcpy(&h, notes + at, sizeof(h));
        uint64_t name = at + sizeof(h), desc = name + align_up(h.n_namesz),
                 next = desc + align_up(h.n_descsz);
        if (desc > size || h.n_descsz > size - desc) {
            return false;
        }
        if (h.n_type == w->type && h.n_namesz == owner_size &&
            memcmp(notes + name, w->owner, owner_size) == 0 && h.n_descsz >= w->bytes) {
            memcpy(w->desc, notes + desc, w->bytes);
            return true;
        }
        if (next > size) {
            return false;
        }
        at = next;
    }
    return false;
}

static bool segment_has(const ElfFile *e, unsigned i, const NoteWanted *w)
{
    Elf64_Phdr ph;
    if (!elf_read_segment(e, i, &ph) || ph.p_type != PT_NOTE || ph.p_filesz > NOTES_MAX) {
        return false;
    }
    g_autofree uint8_t *notes = g_malloc(MAX(ph.p_filesz, 1));
    return loader_read_at(e->fd, ph.p_offset, notes, ph.p_filesz) && find_in(notes, ph.p_filesz, w);
}

bool loader_elf_note(const char *path, const char *owner, uint32_t type, void *desc, unsigned bytes,
                     bool *found, GError **err)
{
    NoteWanted w = { owner, type, desc, bytes };
    ElfFile e;
    *found = false;
    if (!elf_open(&e, path, err)) {
        return false;
    }
    bool ok = elf_read_header(&e, err);
    size_t entry = e.is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    for (unsigned i = 0; ok && e.eh.e_phentsize == entry && i < e.eh.e_phnum && !*found; i++) {
        *found = segment_has(&e, i, &w);
    }
    close(e.fd);
    return ok;
}

bool loader_elf_facts(const char *path, ElfFacts *out, GError **err)
{
    ElfFile e;
    if (!elf_open(&e, path, err)) {
        return false;
    }
    bool ok = elf_read_header(&e, err);
    *out = (ElfFacts){ .machine = e.eh.e_machine, .bits = e.is64 ? 64 : 32 };
    close(e.fd);
    return ok;
}
