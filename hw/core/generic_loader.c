/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -device loader: a file, a value or a program counter given by the user.
 * Spec: QEMU documentation, "Generic Loader".
 *
 * Not modelled: Intel HEX and U-Boot legacy images (refused; force-raw=on loads
 * them as they are). */
#include "hw/core/generic_loader.h"

#include "hw/board.h"
#include "hw/loader.h"
#include "target/cpu.h"

enum { CPU_NONE = UINT32_MAX };

typedef struct GenericLoader {
    Device dev;
    uint64_t addr, data;
    uint8_t data_len;
    bool data_be, force_raw;
    uint32_t cpu_num;
    char *file;
    uint64_t pc; /* of cpu_num after reset */
} GenericLoader;

static bool refuse(const char *why, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "loader: %s; it takes file=,addr= or addr=,data=,data-len= or addr=,cpu-num=", why);
    return false;
}

static bool load_file(GenericLoader *l, GError **err)
{
    Machine *m = l->dev.machine;
    ImageKind kind;
    LoadedImage image;
    if (!loader_probe(l->file, &kind, err)) {
        return false;
    }
    if (kind == IMAGE_UIMAGE && !l->force_raw) {
        return refuse("a U-Boot legacy image cannot be unpacked (force-raw=on loads it as it is)", err);
    }
    const CPUArch *arch = m->board->cpu_arch(m->config);
    bool ok = kind == IMAGE_ELF && !l->force_raw
                  ? loader_add_elf(m, l->file, arch->elf_machine, 0, &image, err)
                  : loader_add_raw(m, l->file, l->addr, &image, err);
    l->pc = image.entry;
    return ok;
}

static bool load_data(GenericLoader *l, GError **err)
{
    uint8_t bytes[8];
    if (l->data_len > 8) {
        return refuse("data-len cannot be greater than 8 bytes", err);
    }
    for (unsigned i = 0; i < l->data_len; i++) {
        unsigned byte = l->data_be ? l->data_len - 1u - i : i;
        bytes[i] = l->data >> (8 * byte);
    }
    g_autoptr(GBytes) value = g_bytes_new(bytes, l->data_len);
    return loader_add_bytes(l->dev.machine, l->dev.path, l->addr, value, err);
}

static bool loader_realize(Device *dev, GError **err)
{
    GenericLoader *l = container_of(dev, GenericLoader, dev);
    if (l->cpu_num != CPU_NONE && l->cpu_num >= dev->machine->cpu_count) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "loader: Specified boot CPU#%u is nonexistent; the machine has %u, see -smp", l->cpu_num,
                    dev->machine->cpu_count);
        return false;
    }
    bool has_data = l->data || l->data_len || l->data_be;
    if (has_data && l->file) {
        return refuse("both file and data are given", err);
    }
    if (l->force_raw && !l->file) {
        return refuse("force-raw is for a file, and none is given", err);
    }
    if (l->file) {
        return load_file(l, err);
    }
    if (has_data) {
        return l->data_len ? load_data(l, err) : refuse("Both data and data-len must be specified", err);
    }
    l->pc = l->addr;
    return (l->addr && l->cpu_num != CPU_NONE) || refuse("please include valid arguments", err);
}

static void loader_device_reset(Device *dev)
{
    GenericLoader *l = container_of(dev, GenericLoader, dev);
    if (l->cpu_num != CPU_NONE && !l->data_len) {
        CPU *cpu = dev->machine->cpus[l->cpu_num];
        cpu_set_pc(cpu, l->pc);
    }
}

static const Prop loader_props[] = {
    { "file", PROP_STRING, offsetof(GenericLoader, file), "file to load" },
    { "addr", PROP_U64, offsetof(GenericLoader, addr), "where a raw file or the data go" },
    { "data", PROP_U64, offsetof(GenericLoader, data), "value to store" },
    { "data-len", PROP_U8, offsetof(GenericLoader, data_len), "bytes of data" },
    { "data-be", PROP_BOOL, offsetof(GenericLoader, data_be), "data in big endian" },
    { "force-raw", PROP_BOOL, offsetof(GenericLoader, force_raw), "do not look for an ELF header" },
    { "cpu-num", PROP_U32, offsetof(GenericLoader, cpu_num),
      "CPU that starts there (with data: that sees them there, as all do)", .def = CPU_NONE },
    { NULL },
};

const DeviceClass generic_loader_class = {
    .name = "loader",
    .desc = "Generic Loader",
    .category = "Misc",
    .user_creatable = true,
    .size = sizeof(GenericLoader),
    .props = loader_props,
    .realize = loader_realize,
    .reset = loader_device_reset,
};
