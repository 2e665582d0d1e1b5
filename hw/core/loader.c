/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files into guest memory: see hw/loader.h.
 * Spec: System V ABI, "Object Files" (ELF header, program header).
 *
 * Contents stay in their files, open, and are read into their places at
 * each reset: the host's memory holds them once.
 *
 * Not modelled: Intel HEX and U-Boot's legacy images (refused by name). */
#include "hw/core/loader_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"

enum { COPY_CHUNK = 256 << 10, ELF_MAX_SEGMENTS = 1024 };

static const char more_files[] = "raise the limit of open files, e.g. with ulimit -n 1024";

/* One piece of an image: `file_size` bytes, then zeroes up to `size`. */
typedef struct Blob {
    char *name;
    hwaddr addr;
    uint64_t size, file_size;
    GBytes *bytes; /* or: */
    int fd;
    uint64_t offset;         /* in fd */
    struct timespec written; /* when fd's contents were, as it was added */
} Blob;

static void blob_free(gpointer p)
{
    Blob *b = p;
    g_clear_pointer(&b->bytes, g_bytes_unref);
    if (b->fd >= 0) {
        close(b->fd);
    }
    g_free(b->name);
    g_free(b);
}

G_GNUC_PRINTF(4, 5)
static bool loader_fail(GError **err, const char *path, const char *advice, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED, "cannot load '%s': %s; %s", path, why, advice);
    return false;
}

/* ---- placing ------------------------------------------------------------- */

/* Is all of [addr, addr + size) backed by memory of the machine? */
static bool range_is_memory(Machine *m, hwaddr addr, uint64_t size)
{
    while (size) {
        const FlatRange *r = address_space_lookup(m->memory, addr);
        if (!r || !r->mr->ram) {
            return false;
        }
        uint64_t n = MIN(size, r->size - (addr - r->start));
        size -= n;
        if (size && addr + n < addr) {
            return false;
        }
        addr += n;
    }
    return true;
}

static const Blob *find_overlap(Machine *m, hwaddr addr, uint64_t size)
{
    for (unsigned i = 0; m->blobs && i < m->blobs->len; i++) {
        const Blob *b = g_ptr_array_index(m->blobs, i);
        if (addr < b->addr + b->size && b->addr < addr + size) {
            return b;
        }
    }
    return NULL;
}

static bool blob_place(Machine *m, Blob *b, GError **err)
{
    if (b->size > UINT64_MAX - b->addr || !range_is_memory(m, b->addr, b->size)) {
        return loader_fail(err, b->name, "give the machine more with -m, or the image another address",
                           "its %" PRIu64 " bytes at 0x%" PRIx64 " do not fit in guest memory", b->size,
                           b->addr);
    }
    const Blob *other = find_overlap(m, b->addr, b->size);
    if (other) {
        return loader_fail(err, b->name, "give the machine more memory with -m, or the image another address",
                           "[0x%" PRIx64 ", 0x%" PRIx64 ") overlaps '%s' at [0x%" PRIx64 ", 0x%" PRIx64 ")",
                           b->addr, b->addr + b->size, other->name, other->addr, other->addr + other->size);
    }
    if (!m->blobs) {
        m->blobs = g_ptr_array_new_with_free_func(blob_free);
    }
    g_ptr_array_add(m->blobs, b);
    return true;
}

/* Takes b in any case. */
/* When the file was written last. */
static struct timespec last_written(const Blob *b)
{
    struct stat st = { 0 };
    return b->fd >= 0 && fstat(b->fd, &st) == 0 ? st.st_mtim : (struct timespec){ 0 };
}

static bool blob_add(Machine *m, Blob *b, GError **err)
{
    b->written = last_written(b);
    if (b->size == 0 || blob_place(m, b, err)) {
        if (b->size == 0) {
            blob_free(b);
        }
        return true;
    }
    blob_free(b);
    return false;
}

static void blob_write_zeroes(Machine *m, hwaddr addr, uint64_t size)
{
    static const uint8_t zeroes[4096];
    while (size) {
        uint64_t n = MIN(size, sizeof(zeroes));
        rom_write(m->memory, addr, zeroes, n);
        addr += n;
        size -= n;
    }
}

/* Straight into RAM and ROM.  How many bytes came over. */
static uint64_t blob_read_in_place(Machine *m, const Blob *b)
{
    const FlatRange *r = address_space_lookup(m->memory, b->addr);
    RamBlock *ram = r ? r->mr->ram : NULL;
    uint64_t done = 0, room = r ? r->size - (b->addr - r->start) : 0;
    uint64_t to = r ? r->mr_offset + (b->addr - r->start) : 0;
    if (!ram || room < b->file_size) {
        return 0;
    }
    while (done < b->file_size) {
        ssize_t n = pread(b->fd, ram->host + to + done, b->file_size - done, b->offset + done);
        if (n <= 0) {
            break; /* who copies the rest sees why */
        }
        done += n;
    }
    ram_mark_written(ram, to, done);
    return done;
}

static void blob_copy_file(Machine *m, const Blob *b)
{
    struct timespec written = last_written(b);
    if (written.tv_sec != b->written.tv_sec || written.tv_nsec != b->written.tv_nsec) {
        log_report(
            "'%s' has been written since the machine was made, which fits the old contents only: end it, and start it again",
            b->name);
    }
    uint64_t done = blob_read_in_place(m, b);
    g_autofree uint8_t *buf = done < b->file_size ? g_malloc(COPY_CHUNK) : NULL;
    while (done < b->file_size) {
        ssize_t n = pread(b->fd, buf, MIN(b->file_size - done, COPY_CHUNK), (b->offset + done));
        if (n <= 0) {
            log_report(
                "'%s' cannot be read any more: %s; the guest sees zeroes: start it again when the file "
                "is back",
                b->name, n ? g_strerror(errno) : "it has become shorter");
            blob_write_zeroes(m, b->addr + done, b->file_size - done);
            return;
        }
        rom_write(m->memory, b->addr + done, buf, n);
        done += n;
    }
}

void loader_reset(Machine *m)
{
    for (unsigned i = 0; m->blobs && i < m->blobs->len; i++) {
        const Blob *b = g_ptr_array_index(m->blobs, i);
        if (b->bytes) {
            rom_write(m->memory, b->addr, g_bytes_get_data(b->bytes, NULL), b->file_size);
        } else {
            blob_copy_file(m, b);
        }
        blob_write_zeroes(m, b->addr + b->file_size, b->size - b->file_size);
    }
}

void loader_free(Machine *m)
{
    g_clear_pointer(&m->blobs, g_ptr_array_unref);
}

/* ---- files --------------------------------------------------------------- */

static int file_open(const char *path, uint64_t *size, GError **err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang us */
    if (fd < 0 || fstat(fd, &st) != 0) {
        loader_fail(err, path, errno == EMFILE ? more_files : "check the path and its permissions", "%s",
                    g_strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        loader_fail(err, path, "give a file", "it is not a regular file");
    } else {
        *size = st.st_size;
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

bool loader_read_at(int fd, uint64_t offset, void *buf, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = pread(fd, (char *)buf + done, len - done, (offset + done));
        if (n <= 0) {
            return false;
        }
        done += n;
    }
    return true;
}

bool loader_add_bytes(Machine *m, const char *name, hwaddr addr, GBytes *bytes, GError **err)
{
    Blob *b = g_new0(Blob, 1);
    gsize size = g_bytes_get_size(bytes);
    *b = (Blob){ .name = g_strdup(name),
                 .addr = addr,
                 .size = size,
                 .file_size = size,
                 .bytes = g_bytes_ref(bytes),
                 .fd = -1 };
    return blob_add(m, b, err);
}

static bool add_part(Machine *m, const char *path, int fd, const LoaderPart *p, LoadedImage *out,
                     GError **err)
{
    Blob *b = g_new0(Blob, 1);
    *b = (Blob){ .name = g_strdup(path),
                 .addr = p->addr,
                 .size = p->memory_size,
                 .file_size = p->file_size,
                 .fd = fd,
                 .offset = p->offset };
    *out = (LoadedImage){ .low = p->addr, .high = p->addr + p->memory_size, .entry = p->addr };
    return blob_add(m, b, err);
}

bool loader_add_raw(Machine *m, const char *path, hwaddr addr, LoadedImage *out, GError **err)
{
    uint64_t size;
    int fd = file_open(path, &size, err);
    LoaderPart all = { .file_size = size, .memory_size = size, .addr = addr };
    return fd >= 0 && add_part(m, path, fd, &all, out, err);
}

bool loader_add_part(Machine *m, const char *path, const LoaderPart *part, LoadedImage *out, GError **err)
{
    uint64_t size;
    int fd = file_open(path, &size, err);
    if (fd < 0) {
        return false;
    }
    if (part->offset > size || size - part->offset < part->file_size || part->memory_size < part->file_size) {
        close(fd);
        return loader_fail(err, path, "check the file", "it ends before what its header says of it");
    }
    return add_part(m, path, fd, part, out, err);
}

bool loader_probe(const char *path, ImageKind *kind, GError **err)
{
    uint64_t size;
    uint8_t head[4] = { 0 };
    int fd = file_open(path, &size, err);
    if (fd < 0) {
        return false;
    }
    bool ok = loader_read_at(fd, 0, head, MIN(size, sizeof(head)));
    close(fd);
    if (!ok || size == 0) {
        return loader_fail(err, path, "check the file", size ? "it cannot be read" : "it is empty");
    }
    static const uint8_t gzip[] = { 0x1f, 0x8b }, uimage[] = { 0x27, 0x05, 0x19, 0x56 };
    *kind = memcmp(head, ELFMAG, SELFMAG) == 0          ? IMAGE_ELF
            : memcmp(head, gzip, sizeof(gzip)) == 0     ? IMAGE_GZIP
            : memcmp(head, uimage, sizeof(uimage)) == 0 ? IMAGE_UIMAGE
                                                        : IMAGE_RAW;
    return true;
}

/* Closes the file. */
static GBytes *file_read(const char *path, int fd, uint64_t bytes, GError **err)
{
    uint8_t *data = g_malloc(MAX(bytes, 1));
    bool ok = loader_read_at(fd, 0, data, bytes);
    close(fd);
    if (!ok) {
        g_free(data);
        loader_fail(err, path, "check the file", "it cannot be read");
        return NULL;
    }
    return g_bytes_new_take(data, bytes);
}

GBytes *loader_read_head(const char *path, uint64_t most, uint64_t *size, GError **err)
{
    int fd = file_open(path, size, err);
    return fd < 0 ? NULL : file_read(path, fd, MIN(*size, most), err);
}

bool loader_size(const char *path, uint64_t *size, GError **err)
{
    int fd = file_open(path, size, err);
    return fd >= 0 && close(fd) == 0;
}

GBytes *loader_read(const char *path, uint64_t max, GError **err)
{
    uint64_t size;
    int fd = file_open(path, &size, err);
    if (fd < 0) {
        return NULL;
    }
    if (size > max) {
        loader_fail(err, path, "check that it is the right file",
                    "it has %" PRIu64 " bytes, more than %" PRIu64, size, max);
        close(fd);
        return NULL;
    }
    return file_read(path, fd, size, err);
}

/* ---- gzip ---------------------------------------------------------------- */

static GBytes *inflate_all(const uint8_t *in, size_t len, uint64_t max, const char **why)
{
    z_stream z = { .next_in = (Bytef *)in, .avail_in = len };
    GByteArray *out = g_byte_array_new();
    g_autofree uint8_t *buf = g_malloc(COPY_CHUNK);
    int r = len > UINT32_MAX ? Z_DATA_ERROR : inflateInit2(&z, 15 + 16);
    *why = r == Z_OK ? NULL : "it is too large";
    while (!*why && r != Z_STREAM_END) {
        z.next_out = buf;
        z.avail_out = COPY_CHUNK;
        r = inflate(&z, Z_NO_FLUSH);
        if ((r != Z_OK && r != Z_STREAM_END) || (r == Z_OK && z.avail_out && !z.avail_in)) {
            *why = r == Z_OK || r == Z_BUF_ERROR ? "its compressed data are cut off"
                                                 : "its compressed data are damaged";
        } else if (out->len + (uint64_t)(COPY_CHUNK - z.avail_out) > MIN(max, INT32_MAX)) {
            *why = "unpacked it is larger than guest memory";
        } else {
            g_byte_array_append(out, buf, COPY_CHUNK - z.avail_out);
        }
    }
    inflateEnd(&z);
    if (*why) {
        g_byte_array_unref(out);
        return NULL;
    }
    return g_byte_array_free_to_bytes(out);
}

GBytes *loader_gunzip(const char *path, uint64_t max, GError **err)
{
    g_autoptr(GBytes) packed = loader_read(path, max, err);
    if (!packed) {
        return NULL;
    }
    gsize len;
    const char *why;
    const uint8_t *in = g_bytes_get_data(packed, &len);
    GBytes *bytes = inflate_all(in, len, max, &why);
    if (!bytes) {
        loader_fail(err, path, "check the file, or give the machine more memory with -m", "%s", why);
    }
    return bytes;
}

/* ---- ELF ----------------------------------------------------------------- */

static bool elf_bad(const ElfFile *e, const char *why, GError **err)
{
    return loader_fail(err, e->path, "check that it is an executable for this machine", "%s", why);
}

bool elf_read_header(ElfFile *e, GError **err)
{
    Elf32_Ehdr h;
    if (!loader_read_at(e->fd, 0, e->eh.e_ident, EI_NIDENT) || memcmp(e->eh.e_ident, ELFMAG, SELFMAG) != 0) {
        return elf_bad(e, "it is no ELF file", err);
    }
    e->is64 = e->eh.e_ident[EI_CLASS] == ELFCLASS64;
    if ((!e->is64 && e->eh.e_ident[EI_CLASS] != ELFCLASS32) || e->eh.e_ident[EI_DATA] != ELFDATA2LSB) {
        return elf_bad(e, "it is no little-endian ELF file of 32 or 64 bits", err);
    }
    bool ok =
        e->is64 ? loader_read_at(e->fd, 0, &e->eh, sizeof(e->eh)) : loader_read_at(e->fd, 0, &h, sizeof(h));
    if (!ok) {
        return elf_bad(e, "its header is cut off", err);
    }
    if (!e->is64) {
        e->eh.e_type = h.e_type;
        e->eh.e_machine = h.e_machine;
        e->eh.e_entry = h.e_entry;
        e->eh.e_phoff = h.e_phoff;
        e->eh.e_phentsize = h.e_phentsize;
        e->eh.e_phnum = h.e_phnum;
        e->eh.e_shoff = h.e_shoff;
        e->eh.e_shentsize = h.e_shentsize;
        e->eh.e_shnum = h.e_shnum;
    }
    return true;
}

static bool elf_check_header(const ElfFile *e, unsigned em, GError **err)
{
    size_t entry = e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (e->eh.e_machine != em) {
        return elf_bad(e, "it is for another architecture", err);
    }
    if (e->eh.e_type != ET_EXEC && e->eh.e_type != ET_DYN) {
        return elf_bad(e, "it is no executable", err);
    }
    if (e->eh.e_phnum == 0 || e->eh.e_phnum > ELF_MAX_SEGMENTS || e->eh.e_phentsize != entry ||
        e->eh.e_phoff > e->size || e->size - e->eh.e_phoff < entry * e->eh.e_phnum) {
        return elf_bad(e, "its program headers make no sense", err);
    }
    return true;
}

bool elf_read_segment(const ElfFile *e, unsigned i, Elf64_Phdr *ph)
{
    if (e->is64) {
        return loader_read_at(e->fd, e->eh.e_phoff + i * sizeof(*ph), ph, sizeof(*ph));
    }
    Elf32_Phdr h;
    if (!loader_read_at(e->fd, e->eh.e_phoff + i * sizeof(h), &h, sizeof(h))) {
        return false;
    }
    *ph = (Elf64_Phdr){ .p_type = h.p_type,
                        .p_offset = h.p_offset,
                        .p_paddr = h.p_paddr,
                        .p_vaddr = h.p_vaddr,
                        .p_filesz = h.p_filesz,
                        .p_memsz = h.p_memsz };
    return true;
}

/* A linker puts the file's own headers into the page before the code, which may lie
 * below memory (-Ttext=0x80000000).  Nobody runs them: that page is left out. */
static uint64_t elf_skip_headers(Machine *m, const ElfFile *e, const Elf64_Phdr *ph)
{
    uint64_t page = RAM_PAGE - ph->p_paddr % RAM_PAGE;
    uint64_t headers = e->eh.e_phoff + (uint64_t)e->eh.e_phnum * e->eh.e_phentsize;
    bool all_headers = ph->p_offset == 0 && headers <= page && page < ph->p_filesz;
    return all_headers && !range_is_memory(m, ph->p_paddr, 1) ? page : 0;
}

static bool elf_add_segment(Machine *m, const ElfFile *e, unsigned i, LoadedImage *out, GError **err)
{
    Elf64_Phdr ph;
    if (!elf_read_segment(e, i, &ph)) {
        return elf_bad(e, "its program headers are cut off", err);
    }
    if (ph.p_type != PT_LOAD || ph.p_memsz == 0) {
        return true;
    }
    if (ph.p_filesz > ph.p_memsz || ph.p_offset > e->size || e->size - ph.p_offset < ph.p_filesz ||
        ph.p_memsz > UINT64_MAX - ph.p_paddr) {
        return elf_bad(e, "a segment is cut off or has impossible sizes", err);
    }
    if (!range_is_memory(m, ph.p_paddr, 1) && elf_is_for_linkers(e, &ph)) {
        return true;
    }
    uint64_t skip = elf_skip_headers(m, e, &ph);
    ph.p_paddr += skip;
    ph.p_offset += skip;
    ph.p_memsz -= skip;
    ph.p_filesz -= skip;
    int fd = fcntl(e->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return loader_fail(err, e->path, more_files, "%s", g_strerror(errno));
    }
    Blob *b = g_new0(Blob, 1);
    *b = (Blob){ .name = g_strdup(e->path),
                 .addr = ph.p_paddr,
                 .size = ph.p_memsz,
                 .file_size = ph.p_filesz,
                 .fd = fd,
                 .offset = ph.p_offset };
    out->low = MIN(out->low, ph.p_paddr);
    out->high = MAX(out->high, ph.p_paddr + ph.p_memsz);
    return blob_add(m, b, err);
}

static bool elf_add(Machine *m, ElfFile *e, unsigned em, unsigned bits, LoadedImage *out, GError **err)
{
    if (!elf_read_header(e, err) || !elf_check_header(e, em, err)) {
        return false;
    }
    *out = (LoadedImage){ .low = UINT64_MAX, .is_elf = true };
    for (unsigned i = 0; i < e->eh.e_phnum; i++) {
        if (!elf_add_segment(m, e, i, out, err)) {
            return false;
        }
    }
    if (out->high == 0) {
        return elf_bad(e, "it has nothing to load", err);
    }
    if (bits && (bits == 64) != e->is64) { /* a program of common instructions runs, as in QEMU */
        log_report(
            "warning: '%s' is a %d-bit executable, the CPU is a %u-bit one; check that it is for this machine",
            e->path, e->is64 ? 64 : 32, bits);
    }
    /* A kernel's entry point may be a virtual address: then it starts at its front. */
    bool inside = e->eh.e_entry >= out->low && e->eh.e_entry < out->high;
    out->entry = inside ? e->eh.e_entry : out->low;
    return true;
}

bool elf_open(ElfFile *e, const char *path, GError **err)
{
    *e = (ElfFile){ .path = path };
    e->fd = file_open(path, &e->size, err);
    return e->fd >= 0;
}

bool loader_add_elf(Machine *m, const char *path, unsigned em, unsigned bits, LoadedImage *out, GError **err)
{
    ElfFile e;
    if (!elf_open(&e, path, err)) {
        return false;
    }
    bool ok = elf_add(m, &e, em, bits, out, err);
    close(e.fd);
    return ok;
}
