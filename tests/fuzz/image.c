/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: a file as the loader gets it (-kernel, -bios, -device loader): looked at, unpacked, loaded as an ELF
 * and as it is.  What is taken is put into memory. */
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "hw/loader.h"
#include "tests/hw/bench.h"

static void load(Bench *b, const char *path)
{
    LoadedImage image;
    ImageKind kind;
    if (loader_probe(path, &kind, NULL) && kind == IMAGE_GZIP) {
        GBytes *bytes = loader_gunzip(path, 1 << 20, NULL);
        g_clear_pointer(&bytes, g_bytes_unref);
    }
    if (loader_add_elf(&b->m, path, EM_RISCV, 64, &image, NULL) ||
        loader_add_raw(&b->m, path, RAM_BASE, &image, NULL)) {
        g_assert_cmpuint(image.low, <=, image.high);
        loader_reset(&b->m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Bench b;
    int fd = memfd_create("image", MFD_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    bench_open(&b);
    load(&b, path);
    loader_free(&b.m);
    bench_close(&b);
    close(fd);
    return 0;
}
