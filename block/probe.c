/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Image formats: which are built, and how they are known by their first bytes.  Those that are not built are recognised so that
 * nobody boots a container file as if it were a disk.
 * Magic numbers: the formats' published specifications (qcow2: QEMU docs/interop/qcow2). */
#include <string.h>

#include "block_priv.h"
#include "util/nearest.h"

static const struct {
    const char *format;
    uint32_t offset, length;
    const char *magic;
} magics[] = {
    { "qcow", 0, 8, "QFI\xfb\0\0\0\1" },
    { "qcow2", 0, 4, "QFI\xfb" },
    { "qed", 0, 4, "QED\0" },
    { "vmdk", 0, 4, "KDMV" },
    { "vmdk", 0, 4, "COWD" },
    { "vmdk", 0, 21, "# Disk DescriptorFile" },
    { "vhdx", 0, 8, "vhdxfile" },
    { "vpc", 0, 8, "conectix" },
    { "vdi", 0x40, 4, "\x7f\x10\xda\xbe" },
    { "luks", 0, 6, "LUKS\xba\xbe" },
    { "parallels", 0, 16, "WithoutFreeSpace" },
    { "parallels", 0, 16, "WithouFreSpacExt" },
    { "bochs", 0, 32, "Bochs Virtual HD Image\0\0\0\0\0\0\0\0\0\0" },
};

static const char *const known[] = { "raw",  "qcow2",     "qcow",  "qed",   "vmdk", "vhdx",  "vpc", "vdi",
                                     "luks", "parallels", "bochs", "cloop", "dmg",  "vvfat", NULL };

const char *format_probe(const uint8_t *head, size_t n)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(magics); i++) {
        if (magics[i].offset + magics[i].length <= n &&
            memcmp(head + magics[i].offset, magics[i].magic, magics[i].length) == 0) {
            return magics[i].format;
        }
    }
    return "raw";
}

/* ---- what is built ------------------------------------------------------------ */

static const ImageFormat formats[] = {
    { "raw" },
    { "qcow2" }, /* opened by image.c */
    { "parallels", parallels_open },
    { "qcow", qcow_open },
    { "vdi", vdi_open },
    { "vpc", vpc_open },
    { "vhdx", vhdx_open },
    { "vmdk", vmdk_open },
    { "luks", luks_open },
};

const ImageFormat *format_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

static char *built(void)
{
    GString *text = g_string_new(formats[0].name);
    for (unsigned i = 1; i < G_N_ELEMENTS(formats); i++) {
        g_string_append_printf(text, "%s%s", i + 1 < G_N_ELEMENTS(formats) ? ", " : " and ", formats[i].name);
    }
    return g_string_free(text, false);
}

bool format_check(const char *format, GError **err)
{
    if (format_find(format)) {
        return true;
    }
    g_autofree char *all = built();
    if (g_strv_contains(known, format)) {
        block_error(err,
                    "the image format '%s' is not supported: this program has %s; convert "
                    "it with: qemu-img convert -O qcow2 FILE FILE.qcow2",
                    format, all);
    } else {
        g_autofree char *hint = names_hint(format, known);
        block_error(err, "Unknown driver '%s': this program has the formats %s%s", format, all,
                    *hint ? hint : "; write format=raw");
    }
    return false;
}
