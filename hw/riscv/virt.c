/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `virt` board, RV64 and RV32: the machine that QEMU calls so.
 * Spec: QEMU documentation, "'virt' Generic Virtual Platform"; memory map, interrupt
 * numbers and device tree as QEMU 10 shows them.
 *
 * Not modelled (refused): ACPI tables, the AIA interrupt controllers, the IOMMU.
 * The platform bus is an empty window. */
#include "hw/riscv/virt.h"

#include <string.h>

#include "hw/block/pflash_cfi01.h"
#include "hw/char/serial16550.h"
#include "hw/misc/sifive_test.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/timer/goldfish_rtc.h"
#include "target/riscv.h"

static bool refuse_option(const char *option, const char *why, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "-machine virt: %s is not available: %s; leave it out", option, why);
    return false;
}

static bool check_options(const VirtBoard *v, GError **err)
{
    if (v->aia) {
        return refuse_option("aia=", "this build models the PLIC only", err);
    }
    if (v->aia_guests) {
        return refuse_option("aia-guests=", "this build models the PLIC only", err);
    }
    if (v->iommu_sys == 1) {
        return refuse_option("iommu-sys=on", "this build has no RISC-V IOMMU", err);
    }
    if (v->acpi == 1) {
        return refuse_option("acpi=on", "this build makes no ACPI tables, guests use the device tree", err);
    }
    return true;
}

bool virt_is_rv32(const Machine *m)
{
    return strcmp(m->board->arch, "riscv32") == 0;
}

static BlockBackend *flash_image(const Machine *m, unsigned bank)
{
    return m->config->pflash[bank];
}

bool virt_has_flash_firmware(const Machine *m)
{
    return flash_image(m, 0) != NULL;
}

/* ---- harts, memory ------------------------------------------------------- */

static bool create_memory(Machine *m, GError **err)
{
    VirtBoard *v = virt_board(m);
    uint64_t size = m->config->ram_size ? m->config->ram_size : m->board->default_ram;
    uint64_t most = virt_is_rv32(m) ? UINT64_C(10) << 30 : UINT64_C(1) << 46;
    if (size > most) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-m: machine '%s' (%s) takes at most %" G_GUINT64_FORMAT " GiB of memory", m->board->name,
                    m->board->arch, most >> 30);
        return false;
    }
    if (!machine_init_ram(m, size, err) ||
        !memory_region_init_rom(&v->mrom, NULL, "riscv_virt_board.mrom", VIRT_MROM_SIZE, err)) {
        return false;
    }
    memory_region_add(&m->system, VIRT_DRAM, &m->ram, 0);
    memory_region_add(&m->system, VIRT_MROM, &v->mrom, 0);
    /* The high PCIe window lies above RAM, aligned to its size. */
    v->pcie_high_size = virt_is_rv32(m) ? UINT64_C(4) << 30 : UINT64_C(16) << 30;
    v->pcie_high = virt_is_rv32(m)
                       ? UINT64_C(12) << 30
                       : (VIRT_DRAM + size + v->pcie_high_size - 1) / v->pcie_high_size * v->pcie_high_size;
    return true;
}

/* ---- devices ------------------------------------------------------------- */

static void connect_hart(Irq *irq, Machine *m, unsigned hart, int line)
{
    irq_connect(irq, m->cpus[hart]->arch->set_irq, m->cpus[hart], line);
}

static void time_changed(void *opaque)
{
    Machine *m = opaque;
    for (unsigned i = 0; i < m->cpu_count; i++) {
        riscv_hart_time_set(m->cpus[i]);
    }
}

static AclintSwi *create_swi(Machine *m, bool supervisor, hwaddr addr, GError **err)
{
    g_autofree char *harts = g_strdup_printf("%u", m->cpu_count);
    const char *const props[] = { "num-harts", harts, "sswi", supervisor ? "on" : "off", NULL };
    AclintSwi *w = container_of(device_create(m, &riscv_aclint_swi_class, NULL, props, err), AclintSwi, dev);
    if (!w) {
        return NULL;
    }
    memory_region_add(&m->system, addr, &w->regs.mr, 0);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        connect_hart(&w->irq[i], m, i, supervisor ? IRQ_S_SOFT : IRQ_M_SOFT);
    }
    return w;
}

static bool create_clint(Machine *m, GError **err)
{
    VirtBoard *v = virt_board(m);
    g_autofree char *harts = g_strdup_printf("%u", m->cpu_count);
    const char *const props[] = { "num-harts", harts, NULL };
    v->mswi = create_swi(m, false, VIRT_CLINT, err);
    v->mtimer = v->mswi ? container_of(device_create(m, &riscv_aclint_mtimer_class, NULL, props, err),
                                       AclintMtimer, dev)
                        : NULL;
    if (!v->mtimer) {
        return false;
    }
    memory_region_add(&m->system, VIRT_MTIMER, &v->mtimer->regs.mr, 0);
    v->mtimer->time_changed = time_changed;
    v->mtimer->time_opaque = m;
    for (unsigned i = 0; i < m->cpu_count; i++) {
        connect_hart(&v->mtimer->hart[i].irq, m, i, IRQ_M_TIMER);
        riscv_hart_set_clock(m->cpus[i], aclint_read_time, v->mtimer);
    }
    if (v->aclint) {
        v->sswi = create_swi(m, true, VIRT_SSWI, err);
        return v->sswi != NULL;
    }
    return true;
}

static bool create_plic(Machine *m, GError **err)
{
    VirtBoard *v = virt_board(m);
    g_autoptr(GString) config = g_string_new(NULL);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        bool s = riscv_hart_has(m->cpus[i], EXT_S);
        g_string_append_printf(config, "%s%s", i ? "," : "", s ? "MS" : "M");
    }
    const char *const props[] = { "hart-config", config->str, NULL };
    v->plic = container_of(device_create(m, &riscv_plic_class, NULL, props, err), Plic, dev);
    if (!v->plic) {
        return false;
    }
    memory_region_add(&m->system, VIRT_PLIC, &v->plic->regs.mr, 0);
    unsigned hart = 0;
    for (unsigned c = 0; c < v->plic->context_count; c++) {
        bool machine_level = v->plic->context_mode[c] == 'M';
        hart += c > 0 && machine_level; /* each hart's contexts begin with M */
        connect_hart(&v->plic->out[c], m, hart, machine_level ? IRQ_M_EXT : IRQ_S_EXT);
    }
    return true;
}

static bool create_uart_rtc_test(Machine *m, GError **err)
{
    VirtBoard *v = virt_board(m);
    Serial16550 *uart = container_of(device_new(&serial16550_class, m, NULL), Serial16550, dev);
    uart->chr = m->config->serial[0];
    if (!device_realize(&uart->dev, NULL, err)) {
        return false; /* machine_free frees what is in m->devices */
    }
    memory_region_add(&m->system, VIRT_UART0, &uart->regs.mr, 0);
    irq_connect(&uart->irq, plic_set_irq, v->plic, VIRT_UART0_IRQ);
    GoldfishRtc *rtc = container_of(device_create(m, &goldfish_rtc_class, NULL, NULL, err), GoldfishRtc, dev);
    SifiveTest *test =
        rtc ? container_of(device_create(m, &sifive_test_class, NULL, NULL, err), SifiveTest, dev) : NULL;
    if (!test) {
        return false;
    }
    memory_region_add(&m->system, VIRT_RTC, &rtc->regs.mr, 0);
    irq_connect(&rtc->irq, plic_set_irq, v->plic, VIRT_RTC_IRQ);
    memory_region_add(&m->system, VIRT_TEST, &test->regs.mr, 0);
    return true;
}

static bool create_fw_cfg(Machine *m, GError **err)
{
    FwCfg *f = container_of(device_create(m, &fw_cfg_class, NULL, NULL, err), FwCfg, dev);
    if (!f) {
        return false;
    }
    memory_region_add(&m->system, VIRT_FW_CFG, &f->data.mr, 0);
    memory_region_add(&m->system, VIRT_FW_CFG + 8, &f->select.mr, 0);
    memory_region_add(&m->system, VIRT_FW_CFG + 16, &f->dma.mr, 0);
    fw_cfg_add_machine(f, m);
    m->fw_cfg = f;
    return true;
}

static bool create_flash(Machine *m, GError **err)
{
    static const char *const names[] = { "virt.flash0", "virt.flash1" };
    for (unsigned i = 0; i < VIRT_FLASH_BANKS; i++) {
        Pflash *f = container_of(device_new(&pflash_cfi01_class, m, NULL), Pflash, dev);
        f->blk = flash_image(m, i);
        if (!device_set_prop(&f->dev, "name", names[i], err) || !device_realize(&f->dev, NULL, err)) {
            return false;
        }
        memory_region_add(&m->system, VIRT_FLASH + i * VIRT_FLASH_SIZE, &f->mem, 0);
    }
    return true;
}

/* Bus 7 first: QEMU gives the first -device the highest slot, and the device tree
 * lists that one first. */
static bool create_virtio(Machine *m, GError **err)
{
    VirtBoard *v = virt_board(m);
    for (unsigned i = VIRT_VIRTIO_COUNT; i-- > 0;) {
        g_autofree char *index = g_strdup_printf("%u", i);
        const char *const props[] = { "index", index, NULL };
        VirtioMmio *t = container_of(device_create(m, &virtio_mmio_class, NULL, props, err), VirtioMmio, dev);
        if (!t) {
            return false;
        }
        v->virtio[i] = t;
        memory_region_add(&m->system, VIRT_VIRTIO + i * VIRT_VIRTIO_STEP, &t->regs.mr, 0);
        irq_connect(&t->irq, plic_set_irq, v->plic, VIRT_VIRTIO_IRQ + i);
    }
    return true;
}

static bool create_pcie(Machine *m, GError **err)
{
    VirtBoard *v = virt_board(m);
    const PCIWindows windows = {
        .ecam = VIRT_ECAM,
        .ecam_size = VIRT_ECAM_SIZE,
        .pio = VIRT_PCIE_PIO,
        .pio_size = VIRT_PCIE_PIO_SIZE,
        .mmio = VIRT_PCIE_MMIO,
        .mmio_size = VIRT_PCIE_MMIO_SIZE,
        .mmio_high = v->pcie_high,
        .mmio_high_size = v->pcie_high_size,
    };
    v->pcie = container_of(device_create(m, &gpex_pcihost_class, NULL, NULL, err), PCIHost, dev);
    if (!v->pcie) {
        return false;
    }
    pci_host_map(v->pcie, m, &windows);
    for (int pin = 0; pin < PCI_PINS; pin++) {
        irq_connect(&v->pcie->irq[pin], plic_set_irq, v->plic, VIRT_PCIE_IRQ + pin);
    }
    return true;
}

static bool virt_build(Machine *m, GError **err)
{
    return check_options(virt_board(m), err) && create_memory(m, err) && machine_add_cpus(m, err) &&
           create_clint(m, err) && create_plic(m, err) && create_fw_cfg(m, err) &&
           create_uart_rtc_test(m, err) && create_virtio(m, err) && create_pcie(m, err) &&
           create_flash(m, err);
}

static void virt_destroy(Machine *m)
{
    VirtBoard *v = virt_board(m);
    if (v->mrom.name) {
        if (v->mrom.parent) {
            memory_region_remove(v->mrom.parent, &v->mrom);
        }
        memory_region_finish(&v->mrom);
    }
}

/* ---- board classes ------------------------------------------------------- */

static const char *const aia_modes[] = { "none", "aplic", "aplic-imsic", NULL };

static const Prop virt_options[] = {
    { "aclint", PROP_BOOL, offsetof(VirtBoard, aclint), "ACLINT devices instead of the SiFive CLINT" },
    { "acpi", PROP_ON_OFF_AUTO, offsetof(VirtBoard, acpi), "ACPI tables (off is all there is)" },
    { "aia", PROP_ENUM, offsetof(VirtBoard, aia), "interrupt controllers (none is all there is)",
      .names = aia_modes },
    { "aia-guests", PROP_U32, offsetof(VirtBoard, aia_guests), "guest pages of IMSICs (0 is all there is)" },
    { "iommu-sys", PROP_ON_OFF_AUTO, offsetof(VirtBoard, iommu_sys), "IOMMU device (off is all there is)" },
    { NULL },
};

static const CPUArch *virt64_arch(const MachineConfig *config)
{
    return &riscv64_arch;
}

static const CPUArch *virt32_arch(const MachineConfig *config)
{
    return &riscv32_arch;
}

#define VIRT_COMMON                                                                                          \
    .name = "virt", .desc = "RISC-V VirtIO board", .ram_id = "riscv_virt_board.ram",                         \
    .default_ram = UINT64_C(128) << 20, .max_cpus = 8, .default_nic = "virtio-net-device",                   \
    .block_device = "virtio-blk-pci", .options = virt_options, .board_size = sizeof(VirtBoard),              \
    .build = virt_build, .finish = virt_boot, .destroy = virt_destroy, .is_default = true

const BoardClass riscv64_virt_board = {
    VIRT_COMMON,
    .arch = "riscv64",
    .default_cpu = "rv64",
    .cpu_arch = virt64_arch,
};

const BoardClass riscv32_virt_board = {
    VIRT_COMMON,
    .arch = "riscv32",
    .default_cpu = "rv32",
    .cpu_arch = virt32_arch,
};
