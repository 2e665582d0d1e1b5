/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device tree of the `virt` board, written front to back through libfdt.
 * Spec: Devicetree Specification 0.4; bindings of the Linux kernel; order and
 * contents of the nodes as QEMU 10 has them.
 *
 * Left out of QEMU's tree: the pmu node (the harts have no event counters). */
#include <libfdt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "hw/riscv/virt.h"
#include "target/riscv.h"

enum { FDT_ROOM = 256 << 10 };

/* A tree being written; the first error sticks. */
typedef struct Fdt {
    void *buf;
    int error;
} Fdt;

static void note(Fdt *f, int r)
{
    if (!f->error) {
        f->error = r;
    }
}

G_GNUC_PRINTF(2, 3)
static void node(Fdt *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *name = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    note(f, fdt_begin_node(f->buf, name));
}

/* "rtc@101000" */
static void node_at(Fdt *f, const char *name, hwaddr addr)
{
    node(f, "%s@%" PRIx64, name, addr);
}

static void end(Fdt *f)
{
    note(f, fdt_end_node(f->buf));
}

static void bytes(Fdt *f, const char *name, const void *data, size_t len)
{
    note(f, fdt_property(f->buf, name, data, len));
}

static void flag(Fdt *f, const char *name)
{
    bytes(f, name, NULL, 0);
}

static void string(Fdt *f, const char *name, const char *value)
{
    note(f, fdt_property_string(f->buf, name, value));
}

static void cell(Fdt *f, const char *name, uint32_t value)
{
    note(f, fdt_property_u32(f->buf, name, value));
}

static void cells(Fdt *f, const char *name, const uint32_t *values, unsigned count)
{
    g_autofree uint32_t *be = g_new(uint32_t, MAX(count, 1));
    for (unsigned i = 0; i < count; i++) {
        be[i] = GUINT32_TO_BE(values[i]);
    }
    bytes(f, name, be, count * sizeof(*be));
}

/* reg = <hi lo hi lo> pairs of address and size. */
static void reg(Fdt *f, const uint64_t *pairs, unsigned count)
{
    uint32_t v[8];
    for (unsigned i = 0; i < count; i++) {
        v[2 * i] = (pairs[i] >> 32);
        v[2 * i + 1] = pairs[i];
    }
    cells(f, "reg", v, 2 * count);
}

static void reg1(Fdt *f, uint64_t addr, uint64_t size)
{
    const uint64_t pair[] = { addr, size };
    reg(f, pair, 2);
}

/* ---- phandles ------------------------------------------------------------ */

/* As QEMU numbers them: the last hart's first. */
static uint32_t cpu_handle(const Machine *m, unsigned hart)
{
    return 1 + 2 * (m->cpu_count - 1 - hart);
}

static uint32_t intc_handle(const Machine *m, unsigned hart)
{
    return cpu_handle(m, hart) + 1;
}

static uint32_t plic_handle(const Machine *m)
{
    return 2 * m->cpu_count + 1;
}

static uint32_t test_handle(const Machine *m)
{
    return 2 * m->cpu_count + 2;
}

/* interrupts-extended: the given local interrupts of every hart. */
static void local_interrupts(Fdt *f, const Machine *m, const uint32_t *lines, unsigned count)
{
    uint32_t v[MACHINE_MAX_CPUS * 4];
    unsigned n = 0;
    for (unsigned hart = 0; hart < m->cpu_count; hart++) {
        for (unsigned i = 0; i < count; i++) {
            v[n++] = intc_handle(m, hart);
            v[n++] = lines[i];
        }
    }
    cells(f, "interrupts-extended", v, n);
}

static void plic_interrupt(Fdt *f, const Machine *m, uint32_t source)
{
    cell(f, "interrupts", source);
    cell(f, "interrupt-parent", plic_handle(m));
}

/* ---- nodes --------------------------------------------------------------- */

static void write_syscon(Fdt *f, const Machine *m, const char *name, uint32_t value, const char *compatible)
{
    node(f, "%s", name);
    cell(f, "value", value);
    cell(f, "offset", 0);
    cell(f, "regmap", test_handle(m));
    string(f, "compatible", compatible);
    end(f);
}

static void write_platform_bus(Fdt *f, const Machine *m)
{
    static const char compatible[] = "qemu,platform\0simple-bus";
    const uint32_t ranges[] = { 0, 0, VIRT_PLATFORM_BUS, VIRT_PLATFORM_BUS_SIZE };
    node_at(f, "platform-bus", VIRT_PLATFORM_BUS);
    cell(f, "interrupt-parent", plic_handle(m));
    cells(f, "ranges", ranges, G_N_ELEMENTS(ranges));
    cell(f, "#address-cells", 1);
    cell(f, "#size-cells", 1);
    bytes(f, "compatible", compatible, sizeof(compatible));
    end(f);
}

static void write_memory(Fdt *f, const Machine *m)
{
    node(f, "memory@%" G_GINT64_MODIFIER "x", VIRT_DRAM);
    string(f, "device_type", "memory");
    reg1(f, VIRT_DRAM, m->ram.size);
    end(f);
}

static void write_cpu_isa(Fdt *f, CPU *cpu)
{
    g_autofree char *isa = riscv_isa_string(cpu);
    g_autoptr(GByteArray) list = riscv_isa_list(cpu);
    const char *mmu = riscv_mmu_type(cpu);
    if (riscv_hart_has(cpu, EXT_ZICBOP)) {
        cell(f, "riscv,cbop-block-size", 64);
    }
    if (riscv_hart_has(cpu, EXT_ZICBOZ)) {
        cell(f, "riscv,cboz-block-size", 64);
    }
    if (riscv_hart_has(cpu, EXT_ZICBOM)) {
        cell(f, "riscv,cbom-block-size", 64);
    }
    bytes(f, "riscv,isa-extensions", list->data, list->len);
    string(f, "riscv,isa-base", riscv_hart_xlen(cpu) == 64 ? "rv64i" : "rv32i");
    string(f, "riscv,isa", isa);
    if (mmu) {
        string(f, "mmu-type", mmu);
    }
}

static void write_cpu(Fdt *f, const Machine *m, unsigned hart)
{
    node(f, "cpu@%u", hart);
    cell(f, "phandle", cpu_handle(m, hart));
    string(f, "device_type", "cpu");
    cell(f, "reg", hart);
    string(f, "status", "okay");
    string(f, "compatible", "riscv");
    write_cpu_isa(f, m->cpus[hart]);
    node(f, "interrupt-controller");
    cell(f, "#interrupt-cells", 1);
    flag(f, "interrupt-controller");
    string(f, "compatible", "riscv,cpu-intc");
    cell(f, "phandle", intc_handle(m, hart));
    end(f);
    end(f);
}

static void write_cpus(Fdt *f, const Machine *m)
{
    node(f, "cpus");
    cell(f, "#address-cells", 1);
    cell(f, "#size-cells", 0);
    cell(f, "timebase-frequency", RISCV_TIMEBASE_HZ);
    for (unsigned i = 0; i < m->cpu_count; i++) {
        write_cpu(f, m, i);
    }
    node(f, "cpu-map");
    node(f, "cluster0");
    for (unsigned i = 0; i < m->cpu_count; i++) {
        node(f, "core%u", i);
        cell(f, "cpu", cpu_handle(m, i));
        end(f);
    }
    end(f);
    end(f);
    end(f);
}

static void write_fw_cfg_flash(Fdt *f)
{
    const uint64_t banks[] = { VIRT_FLASH, VIRT_FLASH_SIZE, VIRT_FLASH + VIRT_FLASH_SIZE, VIRT_FLASH_SIZE };
    node_at(f, "fw-cfg", VIRT_FW_CFG);
    flag(f, "dma-coherent");
    reg1(f, VIRT_FW_CFG, VIRT_FW_CFG_SIZE);
    string(f, "compatible", "qemu,fw-cfg-mmio");
    end(f);
    node_at(f, "flash", VIRT_FLASH);
    cell(f, "bank-width", 4);
    reg(f, banks, G_N_ELEMENTS(banks));
    string(f, "compatible", "cfi-flash");
    end(f);
}

static void write_aliases_chosen(Fdt *f)
{
    g_autofree char *uart = g_strdup_printf("/soc/serial@%x", (unsigned)VIRT_UART0);
    uint8_t seed[32];
    node(f, "aliases");
    string(f, "serial0", uart);
    end(f);
    node(f, "chosen");
    string(f, "stdout-path", uart);
    if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed)) {
        bytes(f, "rng-seed", seed, sizeof(seed));
    }
    end(f);
}

static void write_rtc_uart_test(Fdt *f, const Machine *m)
{
    static const char test[] = "sifive,test1\0sifive,test0\0syscon";
    node_at(f, "rtc", VIRT_RTC);
    plic_interrupt(f, m, VIRT_RTC_IRQ);
    reg1(f, VIRT_RTC, VIRT_RTC_SIZE);
    string(f, "compatible", "google,goldfish-rtc");
    end(f);
    node_at(f, "serial", VIRT_UART0);
    plic_interrupt(f, m, VIRT_UART0_IRQ);
    cell(f, "clock-frequency", 3686400);
    reg1(f, VIRT_UART0, VIRT_UART0_SIZE);
    string(f, "compatible", "ns16550a");
    end(f);
    node_at(f, "test", VIRT_TEST);
    cell(f, "phandle", test_handle(m));
    reg1(f, VIRT_TEST, VIRT_TEST_SIZE);
    bytes(f, "compatible", test, sizeof(test));
    end(f);
}

static void write_virtio(Fdt *f, const Machine *m)
{
    for (unsigned i = VIRT_VIRTIO_COUNT; i-- > 0;) {
        uint64_t addr = VIRT_VIRTIO + i * VIRT_VIRTIO_STEP;
        node_at(f, "virtio_mmio", addr);
        plic_interrupt(f, m, VIRT_VIRTIO_IRQ + i);
        reg1(f, addr, VIRT_VIRTIO_STEP);
        string(f, "compatible", "virtio,mmio");
        end(f);
    }
}

static void write_plic(Fdt *f, const Machine *m)
{
    static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
    const Plic *p = virt_board(m)->plic;
    uint32_t v[2 * PLIC_MAX_CONTEXTS];
    unsigned hart = 0;
    for (unsigned c = 0; c < p->context_count; c++) {
        bool machine_level = p->context_mode[c] == 'M';
        hart += c > 0 && machine_level;
        v[2 * c] = intc_handle(m, hart);
        v[2 * c + 1] = machine_level ? IRQ_M_EXT : IRQ_S_EXT;
    }
    node_at(f, "plic", VIRT_PLIC);
    cell(f, "phandle", plic_handle(m));
    cell(f, "riscv,ndev", VIRT_PLIC_SOURCES - 1);
    reg1(f, VIRT_PLIC, VIRT_PLIC_SIZE);
    cells(f, "interrupts-extended", v, 2 * p->context_count);
    flag(f, "interrupt-controller");
    bytes(f, "compatible", compatible, sizeof(compatible));
    cell(f, "#address-cells", 0);
    cell(f, "#interrupt-cells", 1);
    end(f);
}

static void write_clint(Fdt *f, const Machine *m)
{
    static const char compatible[] = "sifive,clint0\0riscv,clint0";
    const uint32_t lines[] = { IRQ_M_SOFT, IRQ_M_TIMER };
    node_at(f, "clint", VIRT_CLINT);
    local_interrupts(f, m, lines, G_N_ELEMENTS(lines));
    reg1(f, VIRT_CLINT, VIRT_CLINT_SIZE);
    bytes(f, "compatible", compatible, sizeof(compatible));
    end(f);
}

static void write_swi(Fdt *f, const Machine *m, const char *name, uint64_t addr, uint64_t size, uint32_t line)
{
    g_autofree char *compatible = g_strdup_printf("riscv,aclint-%s", name);
    node_at(f, name, addr);
    cell(f, "#interrupt-cells", 0);
    flag(f, "interrupt-controller");
    local_interrupts(f, m, &line, 1);
    reg1(f, addr, size);
    string(f, "compatible", compatible);
    end(f);
}

static void write_aclint(Fdt *f, const Machine *m)
{
    const uint32_t line = IRQ_M_TIMER;
    const uint64_t windows[] = {
        /* mtime, then mtimecmp */
        VIRT_MTIMER + 0x7ff8,
        0x4008,
        VIRT_MTIMER,
        0x7ff8,
    };
    write_swi(f, m, "sswi", VIRT_SSWI, VIRT_SSWI_SIZE, IRQ_S_SOFT);
    node_at(f, "mtimer", VIRT_MTIMER);
    local_interrupts(f, m, &line, 1);
    reg(f, windows, G_N_ELEMENTS(windows));
    string(f, "compatible", "riscv,aclint-mtimer");
    end(f);
    write_swi(f, m, "mswi", VIRT_CLINT, VIRT_MSWI_SIZE, IRQ_M_SOFT);
}

static void write_pci(Fdt *f, const Machine *m)
{
    const VirtBoard *v = virt_board(m);
    uint32_t high = (v->pcie_high >> 32), high_size = (v->pcie_high_size >> 32);
    const uint32_t mask[] = { 0x1800, 0, 0, 7 }, buses[] = { 0, 0xff };
    uint32_t map[PCI_MAP_CELLS];
    pci_host_interrupt_map(plic_handle(m), VIRT_PCIE_IRQ, map);
    const uint32_t ranges[] = {
        0x1000000,
        0,
        0,
        0,
        VIRT_PCIE_PIO,
        0,
        VIRT_PCIE_PIO_SIZE,
        0x2000000,
        0,
        VIRT_PCIE_MMIO,
        0,
        VIRT_PCIE_MMIO,
        0,
        VIRT_PCIE_MMIO_SIZE,
        0x3000000,
        high,
        v->pcie_high,
        high,
        v->pcie_high,
        high_size,
        0,
    };
    node_at(f, "pci", VIRT_ECAM);
    cells(f, "interrupt-map-mask", mask, G_N_ELEMENTS(mask));
    cells(f, "interrupt-map", map, G_N_ELEMENTS(map));
    cells(f, "ranges", ranges, G_N_ELEMENTS(ranges));
    reg1(f, VIRT_ECAM, VIRT_ECAM_SIZE);
    flag(f, "dma-coherent");
    cells(f, "bus-range", buses, G_N_ELEMENTS(buses));
    cell(f, "linux,pci-domain", 0);
    string(f, "device_type", "pci");
    string(f, "compatible", "pci-host-ecam-generic");
    cell(f, "#size-cells", 2);
    cell(f, "#interrupt-cells", 1);
    cell(f, "#address-cells", 3);
    end(f);
}

static void write_soc(Fdt *f, const Machine *m)
{
    const VirtBoard *v = virt_board(m);
    node(f, "soc");
    cell(f, "#address-cells", 2);
    cell(f, "#size-cells", 2);
    string(f, "compatible", "simple-bus");
    flag(f, "ranges");
    write_rtc_uart_test(f, m);
    write_virtio(f, m);
    write_plic(f, m);
    if (v->aclint) {
        write_aclint(f, m);
    } else {
        write_clint(f, m);
    }
    write_pci(f, m);
    end(f);
}

GBytes *virt_fdt_build(Machine *m)
{
    Fdt f = { .buf = g_malloc0(FDT_ROOM) };
    note(&f, fdt_create(f.buf, FDT_ROOM));
    note(&f, fdt_finish_reservemap(f.buf));
    node(&f, "%s", "");
    cell(&f, "#address-cells", 2);
    cell(&f, "#size-cells", 2);
    string(&f, "compatible", "riscv-virtio");
    string(&f, "model", "riscv-virtio,qemu");
    write_syscon(&f, m, "poweroff", 0x5555, "syscon-poweroff");
    write_syscon(&f, m, "reboot", 0x7777, "syscon-reboot");
    write_platform_bus(&f, m);
    write_memory(&f, m);
    write_cpus(&f, m);
    write_fw_cfg_flash(&f);
    write_aliases_chosen(&f);
    write_soc(&f, m);
    end(&f);
    note(&f, fdt_finish(f.buf));
    g_assert(f.error == 0); /* the room is a constant, 64 harts fit */
    return g_bytes_new_take(f.buf, fdt_totalsize(f.buf));
}
