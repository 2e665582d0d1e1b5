/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pc_memory.h. */
#include "hw/i386/pc_memory.h"

#include <string.h>

#include "base/datadir.h"
#include "base/ram.h"
#include "target/i386.h"

enum { SHADOW_SIZE = 128 << 10, LOW_RAM_END = 0xa0000, MIB = 1 << 20 };
static const hwaddr FOUR_GIB = UINT64_C(4) << 30;
static const uint64_t BIOS_MAX = 16 << 20, RAM_MAX = UINT64_C(1) << 40;

static bool refuse(const Machine *m, GError **err, const char *text)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-machine %s: %s", m->board->name, text);
    return false;
}

bool pc_check_boot_options(const Machine *m, bool firmware_asks, GError **err)
{
    const MachineConfig *c = m->config;
    if (!c->bios && !c->kernel) {
        return refuse(
            m, err,
            "there is nothing to run; give a kernel with -kernel FILE or a flat image with -bios FILE");
    }
    if (c->bios && c->kernel && !firmware_asks) {
        return refuse(m, err,
                      "firmware here has no way to ask for a kernel; give -bios or -kernel, not both");
    }
    if (!c->kernel && (c->initrd || (c->append && *c->append))) {
        return refuse(m, err, "-initrd and -append are for a kernel; name it with -kernel FILE");
    }
    return !c->dtb || refuse(m, err, "-dtb: PCs have no device tree; leave it out");
}

/* ---- RAM and ROM -------------------------------------------------------------- */

static bool make_ram(Machine *m, PcMemory *mem, GError **err)
{
    uint64_t size = m->config->ram_size ? m->config->ram_size : m->board->default_ram;
    uint64_t low = MIN(size, PC_LOW_RAM_MAX);
    if (size > RAM_MAX || size < 2 * MIB) {
        return refuse(m, err, "-m: it takes from 2 MiB to 1 TiB of memory");
    }
    if (!machine_init_ram(m, size, err)) {
        return false;
    }
    memory_region_init_alias(&mem->low, NULL, "ram-below-4g", &m->ram, 0, low);
    memory_region_add(&m->system, 0, &mem->low, 0);
    if (size > low) {
        memory_region_init_alias(&mem->high, NULL, "ram-above-4g", &m->ram, low, size - low);
        memory_region_add(&m->system, FOUR_GIB, &mem->high, 0);
    }
    return true;
}

/* A bare name is looked for in the directories of -L, too.  What is nowhere is the name itself, for the message. */
static char *bios_path(const Machine *m)
{
    const char *name = m->config->bios;
    g_auto(GStrv) dirs = datadir_list(m->board->arch);
    char *path = datadir_file(NULL, name);
    path = path || strchr(name, '/') ? path : datadir_find(dirs, name);
    return path ? path : g_strdup(name);
}

/* Of -bios; 0: it cannot be. */
static uint64_t bios_size(const Machine *m, GError **err)
{
    g_autofree char *path = bios_path(m);
    g_autoptr(GBytes) image = loader_read(path, BIOS_MAX, err);
    if (!image) {
        g_prefix_error(err, "-bios: ");
        return 0;
    }
    uint64_t size = g_bytes_get_size(image);
    if (size == 0 || size % RAM_PAGE) {
        refuse(m, err, "-bios: the size of a flat image is a multiple of 4 KiB; pad it in front");
        return 0;
    }
    return size;
}

static bool make_rom(Machine *m, PcMemory *mem, GError **err)
{
    uint64_t size = bios_size(m, err);
    bool ok = size && (mem->rom_is_ram ? memory_region_init_ram(&mem->rom, NULL, "pc.bios", size, err)
                                       : memory_region_init_rom(&mem->rom, NULL, "pc.bios", size, err));
    if (!ok) {
        return false;
    }
    uint64_t shadow = MIN(size, SHADOW_SIZE);
    memory_region_add(&m->system, FOUR_GIB - size, &mem->rom, 0);
    memory_region_init_alias(&mem->shadow, NULL, "isa-bios", &mem->rom, size - shadow, shadow);
    memory_region_add(&m->system, MIB - shadow, &mem->shadow, 1);
    return true;
}

bool pc_make_memory(Machine *m, PcMemory *mem, GError **err)
{
    return make_ram(m, mem, err) && (!m->config->bios || make_rom(m, mem, err));
}

static void finish_region(MemoryRegion *mr)
{
    if (mr->name) {
        if (mr->parent) {
            memory_region_remove(mr->parent, mr);
        }
        memory_region_finish(mr);
    }
}

/* ---- SMRAM ----------------------------------------------------------------------- */

static BusResult closed_read(void *opaque, hwaddr offset, unsigned size, uint64_t *value)
{
    return BUS_DECODE_ERROR;
}

static BusResult closed_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    return BUS_DECODE_ERROR;
}

static const IoOps closed_ops = { .read = closed_read, .write = closed_write, .unaligned = true };

void pc_make_smram(Machine *m, PcMemory *mem)
{
    enum { SIZE = 128 << 10 };
    memory_region_init_io(&mem->closed, NULL, &closed_ops, NULL, "smram-closed", SIZE);
    memory_region_add(&m->system, LOW_RAM_END, &mem->closed, 1);
    memory_region_init_container(&mem->smm, NULL, "smm", UINT64_MAX);
    memory_region_init_alias(&mem->outside, NULL, "smm-outside", &m->system, 0, UINT64_MAX);
    memory_region_add(&mem->smm, 0, &mem->outside, 0);
    memory_region_init_alias(&mem->smram, NULL, "smram", &m->ram, LOW_RAM_END, SIZE);
    memory_region_add(&mem->smm, LOW_RAM_END, &mem->smram, 1);
    mem->smm_space = address_space_new(&mem->smm, "smm");
    for (unsigned i = 0; i < m->cpu_count; i++) {
        x86_set_smm_memory(m->cpus[i], mem->smm_space);
    }
}

static void finish_smram(PcMemory *mem)
{
    if (mem->smm_space) {
        address_space_free(mem->smm_space);
        finish_region(&mem->smram);
        finish_region(&mem->outside);
        finish_region(&mem->smm);
        finish_region(&mem->closed);
    }
}

void pc_finish_memory(PcMemory *mem)
{
    finish_smram(mem);
    finish_region(&mem->shadow);
    finish_region(&mem->rom);
    finish_region(&mem->high);
    finish_region(&mem->low);
}

/* ---- what runs ------------------------------------------------------------------- */

static bool load_bios(Machine *m, GError **err)
{
    uint64_t size = bios_size(m, err);
    g_autofree char *path = bios_path(m);
    LoadedImage image;
    bool ok = size && loader_add_raw(m, path, FOUR_GIB - size, &image, err);
    if (size && !ok) {
        g_prefix_error(err, "-bios: ");
    }
    return ok;
}

bool pc_boot(Machine *m, BootPlan *plan, GError **err)
{
    uint64_t size = m->ram.size, low = MIN(size, PC_LOW_RAM_MAX);
    plan->m = m;
    plan->ram[0] = (BootRam){ 0, LOW_RAM_END };
    plan->ram[1] = (BootRam){ MIB, low - MIB };
    plan->ram[2] = (BootRam){ FOUR_GIB, size - low };
    plan->ram_count = size > low ? 3 : 2;
    if (m->config->bios) {
        return load_bios(m, err) && (!m->fw_cfg || boot_by_firmware(plan, err));
    }
    bool ok = boot_kernel(plan, err);
    boot_plan_clear(plan);
    return ok;
}
