/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which file -bios means.
 *
 * The default is OpenSBI's dynamic firmware for the width of the harts, under QEMU's name for it or
 * as Debian's package and OpenSBI's own build call it.  A raw image does not tell its width; both
 * put the ELF file that it was made from beside it, which does.
 *
 * Not modelled: firmware descriptors (share/qemu/firmware). */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hw/riscv/virt.h"
#include "base/datadir.h"

/* Names of files, by their beginning, and who has them. */
static const struct Package {
    const char *prefix, *rv64, *rv32;
} packages[] = {
    { "opensbi-", "install the package opensbi", "install the package opensbi of Debian 13 or later" },
    { "fw_", "install the package opensbi", "install the package opensbi of Debian 13 or later" },
    { "u-boot", "install the package u-boot-qemu", NULL },
};

static bool is_elf_of_width(const char *path, bool rv32)
{
    unsigned char head[EI_NIDENT] = { 0 };
    FILE *f = fopen(path, "rbe");
    size_t len = f ? fread(head, 1, sizeof(head), f) : 0;
    if (f) {
        fclose(f);
    }
    return len == sizeof(head) && head[EI_CLASS] == (rv32 ? ELFCLASS32 : ELFCLASS64);
}

/* OpenSBI in one directory, under its own name. */
static char *opensbi_in(const char *dir, bool rv32)
{
    g_autofree char *elf = datadir_file(dir, "fw_dynamic.elf");
    return elf && !is_elf_of_width(elf, rv32) ? NULL : datadir_file(dir, "fw_dynamic.bin");
}

static char *default_in(const char *dir, const char *name, bool rv32)
{
    char *path = datadir_file(dir, name);
    path = path ? path : opensbi_in(dir, rv32);
    if (!path) { /* dir is the /usr/lib of a package that lies elsewhere */
        g_autofree char *below = g_strdup_printf("%s/riscv%d-linux-gnu/opensbi/generic", dir, rv32 ? 32 : 64);
        path = opensbi_in(below, rv32);
    }
    return path;
}

/* What to do about a file that is missing; free with g_free. */
static char *advice(const char *name, bool rv32)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(packages); i++) {
        const char *text = rv32 ? packages[i].rv32 : packages[i].rv64;
        if (text && g_str_has_prefix(name, packages[i].prefix)) {
            return g_strconcat(text, ", ", NULL);
        }
    }
    return g_strdup("");
}

static char *find_default(char **dirs, bool rv32, GError **err)
{
    g_autofree char *name = g_strdup_printf("opensbi-riscv%d-generic-fw_dynamic.bin", rv32 ? 32 : 64);
    char *path = datadir_file(NULL, name);
    for (unsigned i = 0; !path && dirs[i]; i++) {
        path = default_in(dirs[i], name, rv32);
    }
    if (!path) {
        g_autofree char *places = g_strjoinv(", ", dirs), *todo = advice(name, rv32);
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
            "-bios default: Unable to find the RISC-V firmware \"%s\" (or fw_dynamic.bin) in %s; "
            "%sname its directory with -L DIR or a file with -bios FILE, or start without with -bios none",
            name, places, todo);
    }
    return path;
}

static char *find_named(char **dirs, const char *bios, bool rv32, GError **err)
{
    bool whole = strchr(bios, '/') != NULL;
    char *path = datadir_file(NULL, bios);
    if (!path && !whole) {
        path = datadir_find(dirs, bios);
    }
    if (!path && whole) {
        const char *why = access(bios, R_OK) == 0 ? "it is a directory" : g_strerror(errno);
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
            "-bios %s: Unable to load the RISC-V firmware \"%s\": %s; name a file, or 'none', or 'default'",
            bios, bios, why);
    } else if (!path) {
        g_autofree char *places = g_strjoinv(", ", dirs), *todo = advice(bios, rv32);
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "-bios %s: Unable to load the RISC-V firmware \"%s\": it is neither here nor in %s; "
                    "%sname its directory with -L DIR or the whole path, or use 'none' or 'default'",
                    bios, bios, places, todo);
    }
    return path;
}

char *virt_find_firmware(const char *bios, bool rv32, GError **err)
{
    g_auto(GStrv) dirs = datadir_list(rv32 ? "riscv32" : "riscv64");
    return !bios || strcmp(bios, "default") == 0 ? find_default(dirs, rv32, err)
                                                 : find_named(dirs, bios, rv32, err);
}
