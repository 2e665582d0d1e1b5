/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ACPI says of `microvm`: a hardware-reduced machine, whose power button, sleep and reset are the event device's.
 * Spec: ACPI 6.3, 5.2.9 (FADT), 5.2.12 (MADT), 5.6.9 (generic event devices); PCI Firmware 3.3 (MCFG, host bridges); ids LNRO0005
 * (virtio-mmio), QEMU0002 (fw_cfg) as Linux knows them. */
#include "hw/i386/microvm.h"

#include <string.h>

#include "hw/acpi/aml.h"
#include "hw/acpi/ged.h"
#include "hw/acpi/pm_timer.h"
#include "hw/acpi/tables.h"
#include "target/x86_apic.h"
#include "util/bytes.h"

enum { SERIAL_LINE = 4, RTC_LINE = 8, TIMER_PIN = 2, PCI_SLOTS = 32 };

/* ---- MADT ------------------------------------------------------------------------- */

static GByteArray *madt(const Machine *m)
{
    enum { LOCAL_APIC, IO_APIC, OVERRIDE, LOCAL_NMI = 4, ENABLED = 1, HAS_PIC = 1 };
    const MicrovmBoard *b = microvm_board(m);
    GByteArray *t = g_byte_array_new();
    uint8_t head[8] = { 0, 0, 0xe0, 0xfe, b->parts.irqs->pic ? HAS_PIC : 0 };
    g_byte_array_append(t, head, sizeof(head));
    for (unsigned i = 0; i < m->cpu_count; i++) {
        const uint8_t cpu[] = { LOCAL_APIC, 8, i, x86_apic_id(m->cpus[i]), ENABLED, 0, 0, 0 };
        g_byte_array_append(t, cpu, sizeof(cpu));
    }
    for (unsigned i = 0; i < PC_IOAPICS && b->parts.irqs->ioapic[i]; i++) {
        uint8_t io[12] = { IO_APIC, sizeof(io), i };
        store_le(io + 4, 4, PC_IOAPIC_BASE + i * PC_IOAPIC_STEP);
        store_le(io + 8, 4, i * IOAPIC_PINS);
        g_byte_array_append(t, io, sizeof(io));
    }
    const uint8_t timer[10] = { OVERRIDE, sizeof(timer), 0, 0, TIMER_PIN },
                  nmi[6] = { LOCAL_NMI, sizeof(nmi), 0xff, 0, 0, 1 };
    g_byte_array_append(t, timer, sizeof(timer));
    g_byte_array_append(t, nmi, sizeof(nmi));
    return t;
}

/* ---- FADT ----------------------------------------------------------------------------- */

/* A generic address. */
static void put_register(uint8_t *p, bool port, unsigned bits, hwaddr at)
{
    enum { BYTE_ACCESS = 1, DWORD_ACCESS = 3 };
    p[0] = port;
    p[1] = bits;
    p[3] = bits == 8 ? BYTE_ACCESS : DWORD_ACCESS;
    store_le(p + 4, 8, at);
}

/* A hardware-reduced machine need not have this timer, but Linux reads it, and has nothing else to compare the TSC with where
 * CPUID does not tell its rate. */
static void put_pm_timer(uint8_t *f)
{
    store_le(f + 76, 4, MICROVM_PM_TIMER);
    f[91] = PM_TIMER_BYTES;
    put_register(f + 208, true, 32, MICROVM_PM_TIMER);
}

static GByteArray *fadt(const Machine *m, uint32_t dsdt)
{
    enum {
        BYTES = 276,
        WBINVD = 1,
        BUTTON_IS_DEVICE = 1 << 4,
        RESET_SUPPORTED = 1 << 10,
        HARDWARE_REDUCED = 1 << 20,
        HAS_LEGACY = 1,
        NO_VGA = 4,
        NO_RTC = 32
    };
    const MicrovmBoard *b = microvm_board(m);
    uint8_t f[BYTES] = { 0 };
    store_le(f + 40, 4, dsdt);
    f[108] = b->parts.rtc ? 0x32 : 0; /* the century */
    store_le(f + 109, 2,
             (b->isa_serial || b->parts.rtc ? HAS_LEGACY : 0) | NO_VGA | (b->parts.rtc ? 0 : NO_RTC));
    store_le(f + 112, 4, WBINVD | BUTTON_IS_DEVICE | RESET_SUPPORTED | HARDWARE_REDUCED);
    put_register(f + 116, false, 8, MICROVM_GED_REGS + GED_RESET);
    f[128] = GED_RESET_VALUE;
    f[131] = 3; /* ACPI 6.3 */
    store_le(f + 140, 8, dsdt);
    put_pm_timer(f);
    put_register(f + 244, false, 8, MICROVM_GED_REGS + GED_SLEEP_CONTROL);
    put_register(f + 256, false, 8, MICROVM_GED_REGS + GED_SLEEP_STATUS);
    GByteArray *t = g_byte_array_new();
    return g_byte_array_append(t, f + ACPI_HEADER_BYTES, sizeof(f) - ACPI_HEADER_BYTES);
}

/* ---- DSDT: devices ------------------------------------------------------------------------- */

static Aml *device_of(const char *hid, unsigned uid)
{
    Aml *d = aml_new();
    aml_name(d, "_HID");
    if (strlen(hid) == 7) {
        aml_eisa_id(d, hid);
    } else {
        aml_string(d, hid);
    }
    aml_name(d, "_UID");
    aml_int(d, uid);
    return d;
}

static void add_isa_device(Aml *scope, const char *name, const char *hid, uint16_t port, uint8_t count,
                           unsigned line)
{
    Aml *d = device_of(hid, 0), *r = aml_new();
    aml_resource_io(r, port, count);
    if (line) {
        aml_resource_irq(r, line);
    }
    aml_resources(d, r);
    aml_device(scope, name, d);
}

static void add_virtio(Aml *scope, const Machine *m)
{
    for (unsigned i = 0; i < microvm_board(m)->slots; i++) {
        g_autofree char *name = g_strdup_printf("VR%02u", i);
        Aml *d = device_of("LNRO0005", i), *r = aml_new();
        aml_name(d, "_CCA");
        aml_int(d, 1);
        aml_resource_memory(r, MICROVM_VIRTIO + i * VIRTIO_MMIO_SIZE, VIRTIO_MMIO_SIZE);
        aml_resource_interrupt(r, microvm_slot_line(m, i));
        aml_resources(d, r);
        aml_device(scope, name, d);
    }
}

static void add_events(Aml *scope)
{
    Aml *ged = device_of("ACPI0013", 0), *r = aml_new(), *handler = aml_new(), *press = aml_new();
    aml_resource_interrupt(r, MICROVM_GED_LINE);
    aml_resources(ged, r);
    aml_memory_field(ged, "EREG", MICROVM_GED, 4, "ESEL", 32);
    aml_store_to_local0(handler, "ESEL");
    aml_notify(press, "\\_SB.PWRB", 0x80);
    aml_if_local0_has(handler, GED_POWER_BUTTON, press);
    aml_method(ged, "_EVT", 1, true, handler);
    aml_device(scope, "GED", ged);
    aml_device(scope, "PWRB", device_of("PNP0C0C", 0));
}

/* ---- DSDT: PCI --------------------------------------------------------------------------------- */

/* As pci_host_function_intx. */
static void put_routes(Aml *d)
{
    Aml *routes = aml_new();
    for (unsigned n = 0; n < PCI_SLOTS * PCI_PINS; n++) {
        unsigned slot = n / PCI_PINS, pin = n % PCI_PINS;
        Aml *route = aml_new();
        aml_int(route, slot << 16 | 0xffff);
        aml_int(route, pin);
        aml_int(route, 0);
        aml_int(route, MICROVM_PCIE_LINE + (slot + pin) % PCI_PINS);
        aml_package(routes, 4, route);
    }
    aml_name(d, "_PRT");
    aml_package(d, PCI_SLOTS * PCI_PINS, routes);
}

static void add_pci(Aml *scope, const Machine *m)
{
    PCIWindows w = microvm_pci_windows(m);
    Aml *d = device_of("PNP0A08", 0), *r = aml_new(), *ecam = device_of("PNP0C02", 0), *er = aml_new();
    aml_name(d, "_CID");
    aml_eisa_id(d, "PNP0A03");
    aml_name(d, "_SEG");
    aml_int(d, 0);
    aml_name(d, "_BBN");
    aml_int(d, 0);
    aml_name(d, "_CCA");
    aml_int(d, 1);
    aml_resource_buses(r, 0, 0xff);
    aml_resource_ports(r, 0x1000, 0xffff);
    aml_resource_window(r, w.mmio, w.mmio + w.mmio_size - 1);
    aml_resource_window(r, w.mmio_high, w.mmio_high + w.mmio_high_size - 1);
    aml_resources(d, r);
    put_routes(d);
    aml_device(scope, "PCI0", d);
    aml_resource_memory(er, w.ecam, w.ecam_size);
    aml_resources(ecam, er);
    aml_device(scope, "DRAC", ecam);
}

static GByteArray *mcfg(const Machine *m)
{
    PCIWindows w = microvm_pci_windows(m);
    uint8_t t[8 + 16] = { 0 };
    store_le(t + 8, 8, w.ecam);
    t[8 + 11] = 0xff; /* last bus */
    return g_byte_array_append(g_byte_array_new(), t, sizeof(t));
}

static Aml *dsdt(const Machine *m)
{
    const MicrovmBoard *b = microvm_board(m);
    Aml *t = aml_new(), *sb = aml_new(), *off = aml_new();
    if (b->isa_serial) {
        add_isa_device(sb, "COM1", "PNP0501", PC_COM1, 8, SERIAL_LINE);
    }
    if (b->parts.rtc) {
        add_isa_device(sb, "RTC", "PNP0B00", 0x70, 2, RTC_LINE);
    }
    add_isa_device(sb, "FWCF", "QEMU0002", PC_FW_CFG, 12, 0);
    add_events(sb);
    add_virtio(sb, m);
    if (b->pci) {
        add_pci(sb, m);
    }
    aml_scope(t, "\\_SB", sb);
    aml_int(off, GED_SLEEP_TYPE_OFF);
    for (unsigned i = 0; i < 3; i++) {
        aml_int(off, 0);
    }
    aml_name(t, "\\_S5");
    aml_package(t, 4, off);
    return t;
}

/* ---- all -------------------------------------------------------------------------------------------- */

GBytes *microvm_acpi_tables(const Machine *m, uint32_t at, hwaddr *rsdp)
{
    AcpiTables t = { .bytes = g_byte_array_new(), .at = at };
    uint32_t d = acpi_add_table(&t, "DSDT", 2, dsdt(m), false);
    acpi_add_table(&t, "FACP", 6, fadt(m, d), true);
    acpi_add_table(&t, "APIC", 3, madt(m), true);
    if (microvm_board(m)->pci) {
        acpi_add_table(&t, "MCFG", 1, mcfg(m), true);
    }
    *rsdp = acpi_finish(&t);
    return g_byte_array_free_to_bytes(t.bytes);
}
