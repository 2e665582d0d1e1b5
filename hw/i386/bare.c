/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board `bare`: a PC of the fewest parts, for payloads and tests.
 *
 *   0               RAM, up to 3 GiB; what is more lies above 4 GiB
 *   4 GiB - size    -bios: a flat image; its last 128 KiB also below 1 MiB
 *   4 GiB - 64 KiB  without it: ROM with the few instructions that start -kernel (boot.h)
 *   ISA bus         serial lines, the 8259 pair, the 8254, port 92h; others by -device
 *
 * Not modelled: all else of a PC.  Interrupts come to the first processor. */
#include <inttypes.h>
#include <string.h>

#include "hw/char/isa_serial.h"
#include "hw/i386/boot.h"
#include "hw/intc/i8259.h"
#include "hw/isa/isa.h"
#include "hw/isa/port92.h"
#include "hw/runstate.h"
#include "hw/timer/i8254.h"
#include "target/i386.h"

enum { ROM_SIZE = 64 << 10, SHADOW_SIZE = 128 << 10, LOW_RAM_END = 0xa0000, MIB = 1 << 20 };
static const hwaddr LOW_MAX = UINT64_C(3) << 30, FOUR_GIB = UINT64_C(4) << 30;
static const uint64_t BIOS_MAX = 16 << 20, RAM_MAX = UINT64_C(1) << 40;

typedef struct BareBoard {
    MemoryRegion low, high; /* views of RAM */
    MemoryRegion rom, shadow;
    IsaBridge *isa;
    Pic *pic;
    Pit *pit;
} BareBoard;

static BareBoard *bare_board(const Machine *m)
{
    return m->board_data;
}

static bool refuse(GError **err, const char *text)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-machine bare: %s", text);
    return false;
}

static bool check_options(const MachineConfig *c, GError **err)
{
    if (!c->bios && !c->kernel) {
        return refuse(
            err, "there is nothing to run; give a kernel with -kernel FILE or a flat image with -bios FILE");
    }
    if (c->bios && c->kernel) {
        return refuse(err, "firmware here has no way to ask for a kernel; give -bios or -kernel, not both");
    }
    if (!c->kernel && (c->initrd || (c->append && *c->append))) {
        return refuse(err, "-initrd and -append are for a kernel; name it with -kernel FILE");
    }
    return !c->dtb || refuse(err, "-dtb: PCs have no device tree; leave it out");
}

/* ---- memory ------------------------------------------------------------------ */

static bool create_ram(Machine *m, GError **err)
{
    BareBoard *b = bare_board(m);
    uint64_t size = m->config->ram_size ? m->config->ram_size : m->board->default_ram;
    uint64_t low = MIN(size, LOW_MAX);
    if (size > RAM_MAX || size < 2 * MIB) {
        return refuse(err, "-m: it takes from 2 MiB to 1 TiB of memory");
    }
    if (!machine_init_ram(m, size, err)) {
        return false;
    }
    memory_region_init_alias(&b->low, NULL, "ram-below-4g", &m->ram, 0, low);
    memory_region_add(&m->system, 0, &b->low, 0);
    if (size > low) {
        memory_region_init_alias(&b->high, NULL, "ram-above-4g", &m->ram, low, size - low);
        memory_region_add(&m->system, FOUR_GIB, &b->high, 0);
    }
    return true;
}

static bool create_rom(Machine *m, GError **err)
{
    BareBoard *b = bare_board(m);
    uint64_t size = ROM_SIZE;
    if (m->config->bios) {
        g_autoptr(GBytes) image = loader_read(m->config->bios, BIOS_MAX, err);
        if (!image) {
            g_prefix_error(err, "-bios: ");
            return false;
        }
        size = g_bytes_get_size(image);
        if (size == 0 || size % RAM_PAGE) {
            return refuse(err, "-bios: the size of a flat image is a multiple of 4 KiB; pad it in front");
        }
    }
    if (!memory_region_init_rom(&b->rom, NULL, "bare.rom", size, err)) {
        return false;
    }
    memory_region_add(&m->system, FOUR_GIB - size, &b->rom, 0);
    if (m->config->bios) {
        uint64_t shadow = MIN(size, SHADOW_SIZE);
        memory_region_init_alias(&b->shadow, NULL, "bare.rom-below-1m", &b->rom, size - shadow, shadow);
        memory_region_add(&m->system, MIB - shadow, &b->shadow, 1);
    }
    return true;
}

/* ---- devices ------------------------------------------------------------------ */

static void shut_down(void *opaque)
{
    runstate_request_reset(opaque, SHUTDOWN_GUEST_RESET); /* as chipsets do */
}

static bool create_cpus(Machine *m, GError **err)
{
    if (!machine_add_cpus(m, err)) {
        return false;
    }
    for (unsigned i = 0; i < m->cpu_count; i++) {
        x86_set_shutdown(m->cpus[i], shut_down, m);
    }
    return true;
}

static bool create_serials(Machine *m, GError **err)
{
    for (unsigned i = 0; i < MACHINE_MAX_SERIALS; i++) {
        if (!m->config->serial[i] && i > 0) {
            continue;
        }
        IsaSerial *s = container_of(device_new(&isa_serial_class, m, NULL), IsaSerial, uart.dev);
        s->index = i;
        s->uart.chr = m->config->serial[i];
        if (!device_realize(&s->uart.dev, bare_board(m)->isa->bus, err)) {
            return false; /* machine_free frees what is in m->devices */
        }
    }
    return true;
}

/* The processor asks the source itself; it has only to look. */
static void intr(void *opaque, int line, int level)
{
    if (level) {
        cpu_request_exit(opaque);
    }
}

/* The timer and the controllers share a lock. */
static void timer_driven(void *opaque, int line, int level)
{
    pic_pair_drive(opaque, line, level);
}

static bool timer_heard(void *opaque)
{
    return pic_hears(opaque, 0);
}

static bool create_timer(Machine *m, GError **err)
{
    BareBoard *b = bare_board(m);
    Device *pit = device_create(m, &i8254_class, b->isa->bus, NULL, err);
    b->pic = pit ? pic_pair_new(m, b->isa->bus, pit, err) : NULL;
    if (!b->pic) {
        return false;
    }
    b->pit = container_of(pit, Pit, dev);
    irq_connect(&b->pit->out, timer_driven, b->pic, 0);
    b->pit->heard = timer_heard;
    b->pit->heard_opaque = b->pic;
    b->pic->look = pit_look;
    b->pic->look_opaque = b->pit;
    for (unsigned i = 1; i < ISA_LINES; i++) {
        irq_connect(&b->isa->out[i], pic_pair_set_irq, b->pic, (int)i);
    }
    irq_connect(&b->pic->out, intr, m->cpus[0], 0);
    m->cpus[0]->int_source = &b->pic->source;
    return true;
}

static void a20_changed(void *opaque, int line, int level)
{
    Machine *m = opaque;
    for (unsigned i = 0; i < m->cpu_count; i++) {
        x86_set_a20(m->cpus[i], level);
    }
}

static bool create_isa(Machine *m, GError **err)
{
    BareBoard *b = bare_board(m);
    Device *isa = device_create(m, &isabus_bridge_class, NULL, NULL, err);
    if (!isa) {
        return false;
    }
    b->isa = container_of(isa, IsaBridge, dev);
    Device *port92 = device_create(m, &port92_class, b->isa->bus, NULL, err);
    if (!port92 || !create_timer(m, err)) {
        return false;
    }
    irq_connect(&container_of(port92, Port92, dev)->a20, a20_changed, m, 0);
    return create_serials(m, err);
}

static bool bare_build(Machine *m, GError **err)
{
    return check_options(m->config, err) && create_ram(m, err) && create_rom(m, err) && create_cpus(m, err) &&
           create_isa(m, err);
}

/* ---- what runs ------------------------------------------------------------------- */

static bool load_bios(Machine *m, GError **err)
{
    LoadedImage image;
    bool ok = loader_add_raw(m, m->config->bios, FOUR_GIB - bare_board(m)->rom.size, &image, err);
    if (!ok) {
        g_prefix_error(err, "-bios: ");
    }
    return ok;
}

static bool bare_boot(Machine *m, GError **err)
{
    if (m->config->bios) {
        return load_bios(m, err);
    }
    uint64_t size = m->ram.size, low = MIN(size, LOW_MAX);
    BootPlan plan = { .m = m, .ram = { { 0, LOW_RAM_END }, { MIB, low - MIB }, { FOUR_GIB, size - low } } };
    plan.ram_count = size > low ? 3 : 2;
    bool ok = boot_kernel(&plan, err);
    boot_plan_clear(&plan);
    return ok;
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

static void bare_destroy(Machine *m)
{
    BareBoard *b = bare_board(m);
    finish_region(&b->shadow);
    finish_region(&b->rom);
    finish_region(&b->high);
    finish_region(&b->low);
}

/* ---- board classes ----------------------------------------------------------------- */

static const CPUArch *arch64(const MachineConfig *config)
{
    return &x86_64_arch;
}

static const CPUArch *arch32(const MachineConfig *config)
{
    return &i386_arch;
}

#define BARE_COMMON                                                                                          \
    .name = "bare", .desc = "Bare PC for payloads and tests", .ram_id = "pc.ram",                            \
    .default_ram = UINT64_C(128) << 20, .max_cpus = 8, .board_size = sizeof(BareBoard), .build = bare_build, \
    .finish = bare_boot, .destroy = bare_destroy, .is_default = true

const BoardClass x86_64_bare_board = { BARE_COMMON, .arch = "x86_64", .default_cpu = "qemu64",
                                       .cpu_arch = arch64 };
const BoardClass i386_bare_board = { BARE_COMMON, .arch = "i386", .default_cpu = "qemu32",
                                     .cpu_arch = arch32 };
