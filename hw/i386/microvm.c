/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board `microvm`: a PC for guests that need no firmware, with virtio devices on MMIO.
 * Spec: QEMU documentation, "'microvm' virtual platform"; memory map and options as QEMU 10 has them.
 *
 * A kernel is started directly (boot.h) and finds ACPI tables, and an MP table for systems that read no others.
 *
 * Firmware of -bios finds the tables, and a bzImage, in fw_cfg (boot_firmware.c, acpi_loader.h). */
#include "hw/i386/microvm.h"

#include "accel/accel.h"
#include "hw/acpi/pm_timer.h"
#include "hw/i386/acpi_loader.h"
#include "hw/i386/mptable.h"
#include "target/i386.h"

enum { IOAPIC_SLOT_LINE = 16 }; /* the first slot's, with ACPI; with a second I/O APIC its first pin */

/* Without ACPI: lines that an MP table can tell of, and nobody else has. */
static const uint8_t isa_slot_lines[MICROVM_SLOTS_FEW] = { 5, 6, 7, 9, 10, 11, 12, 13 };

static bool refuse(GError **err, const char *option, const char *why)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-machine microvm: %s: %s", option, why);
    return false;
}

static bool has_second_ioapic(const Machine *m)
{
    return microvm_has_acpi(m) && microvm_board(m)->ioapic2 != ON_OFF_OFF && !pc_irqs_in_kernel(m);
}

static bool check_options(const Machine *m, GError **err)
{
    const MicrovmBoard *b = microvm_board(m);
    if (b->ioapic2 == ON_OFF_ON && pc_irqs_in_kernel(m)) {
        return refuse(err, "ioapic2=on", "the host's kernel has one I/O APIC; add kernel-irqchip=split");
    }
    if (b->acpi == ON_OFF_OFF && b->pcie == ON_OFF_ON) {
        return refuse(err, "pcie=on", "without ACPI no guest finds the bus; leave acpi=off out");
    }
    if (b->option_roms && !(m->config->bios && m->config->kernel)) {
        return refuse(err, "x-option-roms=on",
                      "a ROM is run by firmware, and starts a kernel; give -bios and -kernel");
    }
    return b->acpi != ON_OFF_OFF || b->ioapic2 != ON_OFF_ON ||
           refuse(err, "ioapic2=on", "the MP table tells of one; leave acpi=off out");
}

/* ---- devices -------------------------------------------------------------------- */

int microvm_slot_line(const Machine *m, unsigned slot)
{
    return !microvm_has_acpi(m) ? isa_slot_lines[slot]
                                : (has_second_ioapic(m) ? IOAPIC_PINS : IOAPIC_SLOT_LINE) + (int)slot;
}

static bool make_acpi_devices(Machine *m, GError **err)
{
    MicrovmBoard *b = microvm_board(m);
    Device *dev = device_create(m, &ged_class, NULL, NULL, err);
    if (!dev) {
        return false;
    }
    b->ged = container_of(dev, Ged, dev);
    memory_region_add(&m->system, MICROVM_GED, &b->ged->events.mr, 0);
    memory_region_add(&m->system, MICROVM_GED_REGS, &b->ged->regs.mr, 0);
    pc_connect(&b->parts, &b->ged->irq, MICROVM_GED_LINE);
    irq_connect(&m->powerdown, ged_event, b->ged, GED_POWER_BUTTON);
    Device *timer = device_create(m, &pm_timer_class, NULL, NULL, err);
    if (timer) {
        memory_region_add(&m->ports, MICROVM_PM_TIMER, &container_of(timer, PmTimer, dev)->regs.mr, 0);
    }
    return timer;
}

PCIWindows microvm_pci_windows(const Machine *m)
{
    const uint64_t high_size = UINT64_C(16) << 30, four_gib = UINT64_C(4) << 30;
    return (PCIWindows){ .ecam = MICROVM_ECAM,
                         .ecam_size = MICROVM_ECAM_SIZE,
                         .mmio = MICROVM_PCIE_MMIO,
                         .mmio_size = MICROVM_PCIE_MMIO_SIZE,
                         .mmio_high = (four_gib + m->ram.size + high_size - 1) / high_size * high_size,
                         .mmio_high_size = high_size };
}

static bool make_pcie(Machine *m, GError **err)
{
    MicrovmBoard *b = microvm_board(m);
    PCIWindows windows = microvm_pci_windows(m);
    Device *dev = device_create(m, &gpex_pcihost_class, NULL, NULL, err);
    if (!dev) {
        return false;
    }
    b->pci = container_of(dev, PCIHost, dev);
    pci_host_map(b->pci, m, &windows);
    for (int pin = 0; pin < PCI_PINS; pin++) {
        pc_connect(&b->parts, &b->pci->irq[pin], MICROVM_PCIE_LINE + pin);
    }
    return true;
}

/* The last bus first: QEMU gives the first -device the highest slot. */
static bool make_virtio(Machine *m, GError **err)
{
    MicrovmBoard *b = microvm_board(m);
    for (unsigned i = b->slots; i-- > 0;) {
        g_autofree char *index = g_strdup_printf("%u", i);
        const char *const props[] = { "index", index, NULL };
        Device *dev = device_create(m, &virtio_mmio_class, NULL, props, err);
        if (!dev) {
            return false;
        }
        b->virtio[i] = container_of(dev, VirtioMmio, dev);
        memory_region_add(&m->system, MICROVM_VIRTIO + i * VIRTIO_MMIO_SIZE, &b->virtio[i]->regs.mr, 0);
        pc_connect(&b->parts, &b->virtio[i]->irq, microvm_slot_line(m, i));
    }
    return true;
}

static bool microvm_build(Machine *m, GError **err)
{
    MicrovmBoard *b = microvm_board(m);
    const PcWanted wanted = {
        .pic = b->pic != ON_OFF_OFF,
        .pit = b->pit != ON_OFF_OFF,
        .rtc = b->rtc != ON_OFF_OFF,
        .serials = b->isa_serial ? 1 : 0,
        .ioapics = has_second_ioapic(m) ? 2 : 1,
    };
    b->slots = has_second_ioapic(m) ? MICROVM_SLOTS_MAX : MICROVM_SLOTS_FEW;
    b->memory.rom_is_ram = true;
    return check_options(m, err) && pc_check_boot_options(m, true, err) &&
           pc_make_memory(m, &b->memory, err) && pc_make_cpus(m, err) && pc_make_fw_cfg(m, err) &&
           pc_make_parts(m, &b->parts, &wanted, err) && (!microvm_has_acpi(m) || make_acpi_devices(m, err)) &&
           make_virtio(m, err) && (b->pcie != ON_OFF_ON || make_pcie(m, err));
}

/* ---- what the kernel is told ------------------------------------------------------ */

/* Without ACPI Linux finds the slots that are in use by its command line. */
static const char *command_line(Machine *m)
{
    MicrovmBoard *b = microvm_board(m);
    GString *line = g_string_new(m->config->append);
    for (unsigned i = 0; i < b->slots && b->auto_cmdline && !microvm_has_acpi(m); i++) {
        if (b->virtio[i]->bus->devices->len) {
            g_string_append_printf(line, " virtio_mmio.device=%d@0x%" G_GINT64_MODIFIER "x:%d",
                                   VIRTIO_MMIO_SIZE, MICROVM_VIRTIO + i * VIRTIO_MMIO_SIZE,
                                   microvm_slot_line(m, i));
        }
    }
    b->append = g_string_free(line, FALSE);
    return b->append;
}

static bool add_mptable(Machine *m, GError **err)
{
    MpMachine mp = { .m = m, .ioapic = PC_IOAPIC_BASE };
    for (unsigned i = 0; i < microvm_board(m)->slots && !microvm_has_acpi(m); i++) {
        mp.level |= 1u << microvm_slot_line(m, i);
    }
    g_autoptr(GBytes) table = mptable_make(&mp, MICROVM_TABLES);
    return loader_add_bytes(m, "MP table", MICROVM_TABLES, table, err);
}

static bool add_acpi(Machine *m, hwaddr *rsdp, GError **err)
{
    g_autoptr(GBytes) tables = microvm_acpi_tables(m, MICROVM_ACPI_TABLES, rsdp);
    g_assert(g_bytes_get_size(tables) <= MICROVM_TABLES + MICROVM_TABLES_SIZE - MICROVM_ACPI_TABLES);
    return loader_add_bytes(m, "ACPI tables", MICROVM_ACPI_TABLES, tables, err);
}

/* Firmware of -bios finds them, and a ROM that starts the kernel where it does not by itself, in fw_cfg. */
static bool give_to_firmware(Machine *m, GError **err)
{
    hwaddr rsdp;
    g_autoptr(GBytes) tables =
        microvm_has_acpi(m) ? microvm_acpi_tables(m, MICROVM_ACPI_TABLES, &rsdp) : NULL;
    return (!tables || acpi_give_to_firmware(m->fw_cfg, tables, MICROVM_ACPI_TABLES, rsdp, err)) &&
           (!microvm_board(m)->option_roms || boot_give_linux_rom(m, err));
}

static bool microvm_boot(Machine *m, GError **err)
{
    BootPlan plan = { .m = m };
    if (m->config->kernel) {
        plan.append = command_line(m);
        if (microvm_board(m)
                ->pci) { /* else Linux does without configuration space until it has read the DSDT */
            plan.reserved = (BootRam){ MICROVM_ECAM, MICROVM_ECAM_SIZE };
        }
        bool tables = !m->config->bios; /* firmware has them from fw_cfg, or makes its own */
        if (tables && (!add_mptable(m, err) || (microvm_has_acpi(m) && !add_acpi(m, &plan.rsdp, err)))) {
            return false;
        }
    }
    return (!m->config->bios || give_to_firmware(m, err)) && pc_boot(m, &plan, err);
}

static void microvm_destroy(Machine *m)
{
    MicrovmBoard *b = microvm_board(m);
    pc_finish_memory(&b->memory);
    g_free(b->append);
}

/* ---- board classes ------------------------------------------------------------------- */

#define B(field) offsetof(MicrovmBoard, field)
static const Prop microvm_options[] = {
    { "acpi", PROP_ON_OFF_AUTO, B(acpi), "ACPI tables; else an MP table alone, and 8 virtio slots" },
    { "auto-kernel-cmdline", PROP_BOOL, B(auto_cmdline),
      "virtio devices are named on the kernel's command line", .def = 1 },
    { "ioapic2", PROP_ON_OFF_AUTO, B(ioapic2), "a second I/O APIC, and 24 virtio slots; with ACPI" },
    { "isa-serial", PROP_BOOL, B(isa_serial), "a serial line at 3f8h", .def = 1 },
    { "pcie", PROP_ON_OFF_AUTO, B(pcie), "PCI Express; with ACPI" },
    { "pic", PROP_ON_OFF_AUTO, B(pic), "8259A interrupt controllers" },
    { "pit", PROP_ON_OFF_AUTO, B(pit), "8254 timer" },
    { "rtc", PROP_ON_OFF_AUTO, B(rtc), "MC146818 real-time clock" },
    { "x-option-roms", PROP_BOOL, B(option_roms),
      "firmware gets a ROM that starts -kernel (SeaBIOS needs it)" },
    { NULL },
};
#undef B

static const CPUArch *arch64(const MachineConfig *config)
{
    return &x86_64_arch;
}

static const CPUArch *arch32(const MachineConfig *config)
{
    return &i386_arch;
}

#define MICROVM_COMMON                                                                                       \
    .name = "microvm", .desc = "microvm (i386)", .ram_id = "microvm.ram", .has_dies = true,                  \
    .default_ram = UINT64_C(128) << 20, .max_cpus = MACHINE_MAX_CPUS, .default_nic = "virtio-net-device",    \
    .block_device = "virtio-blk-device", .options = microvm_options, .board_size = sizeof(MicrovmBoard),     \
    .irqchips = 1 << ACCEL_IRQCHIP_ALL | 1 << ACCEL_IRQCHIP_LOCAL, .build = microvm_build,                   \
    .finish = microvm_boot, .destroy = microvm_destroy

const BoardClass x86_64_microvm_board = { MICROVM_COMMON, .arch = "x86_64", .default_cpu = "qemu64",
                                          .cpu_arch = arch64 };
const BoardClass i386_microvm_board = { MICROVM_COMMON, .arch = "i386", .default_cpu = "qemu32",
                                        .cpu_arch = arch32 };
