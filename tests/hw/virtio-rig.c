/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virtio-rig.h"

#include <string.h>

#include "hw/object.h"
#include "tests/loop.h"
#include "tests/patience.h"
#include "util/keyval.h"
#include "tests/ends.h"
#include "tests/made.h"

const char *const rig_kind_names[] = { "legacy", "modern", "pci", "old-modern", "old-pci" };

const char *rig_iothread;

enum {
    MMIO_VERSION = 4,
    MMIO_STATUS = 0x70,
    PCI_DEVFN = 8,
    DESC_NEXT = 1,
    DESC_WRITE = 2,
    DESC_INDIRECT = 4
};
enum { AT_ISR = RIG_BAR + 0x1000, AT_DEVICE = RIG_BAR + 0x2000, AT_NOTIFY = RIG_BAR + 0x3000 };

static bool rig_build(Machine *m, GError **err)
{
    if (!memory_region_init_ram(&m->ram, NULL, "ram", RIG_RAM_SIZE, err)) {
        return false;
    }
    memory_region_add(&m->system, RIG_RAM, &m->ram, 0);
    return true;
}

static const BoardClass rig_board = { .name = "rig", .arch = "none", .build = rig_build };

static void rig_line(void *opaque, int line, int level)
{
    Rig *r = opaque;
    r->level = level != 0;
    __atomic_add_fetch(&r->requests, level != 0, __ATOMIC_SEQ_CST); /* by an iothread, too */
}

/* ---- memory -------------------------------------------------------------- */

uint64_t rig_read(Rig *r, hwaddr addr, unsigned size)
{
    uint64_t v;
    g_assert_cmpint(memory_read(r->m->memory, addr, size, &v), ==, BUS_OK);
    memory_quiescent();
    return v;
}

void rig_write(Rig *r, hwaddr addr, unsigned size, uint64_t value)
{
    g_assert_cmpint(memory_write(r->m->memory, addr, size, value), ==, BUS_OK);
    memory_quiescent();
}

void *rig_ram(Rig *r, hwaddr addr)
{
    g_assert(addr >= RIG_RAM && addr < RIG_RAM + RIG_RAM_SIZE);
    return r->m->ram.ram->host + (addr - RIG_RAM);
}

uint32_t rig_pci_config(Rig *r, unsigned devfn, unsigned reg, unsigned size)
{
    return (uint32_t)rig_read(r, RIG_ECAM + (devfn << 12) + reg, size);
}

void rig_pci_config_write(Rig *r, unsigned devfn, unsigned reg, unsigned size, uint32_t value)
{
    rig_write(r, RIG_ECAM + (devfn << 12) + reg, size, value);
}

/* ---- life ---------------------------------------------------------------- */

static Device *add_transport(Rig *r)
{
    g_autoptr(GError) err = NULL;
    bool pci = r->kind == RIG_PCI;
    Device *t = device_new(pci ? &gpex_pcihost_class : &virtio_mmio_class, r->m, NULL);
    bool ok = pci || device_set_prop(t, "force-legacy", r->kind == RIG_LEGACY ? "on" : "off", &err);
    ok = ok && device_realize(t, NULL, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
    if (pci) {
        PCIHost *host = (PCIHost *)t;
        static const PCIWindows windows = {
            .ecam = RIG_ECAM, .ecam_size = 0x10000000, .mmio = RIG_BAR, .mmio_size = 0x40000000
        };
        pci_host_map(host, r->m, &windows);
        irq_connect(&host->irq[1], rig_line, r, 0);
    } else {
        VirtioMmio *slot = (VirtioMmio *)t;
        memory_region_add(&r->m->system, RIG_MMIO, &slot->regs.mr, 0);
        irq_connect(&slot->irq, rig_line, r, 0);
    }
    return t;
}

Device *rig_add(Rig *r, const char *driver, const char *props)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *line = g_strdup_printf("%s%s%s", driver, props && *props ? "," : "", props ? props : "");
    Device *dev = test_add_device(r->m, line, &err);
    g_assert_no_error(err);
    g_assert_nonnull(dev);
    return dev;
}

static void pci_enable(Rig *r)
{
    rig_pci_config_write(r, PCI_DEVFN, PCI_BAR_0 + 16, 4, RIG_BAR);
    rig_pci_config_write(r, PCI_DEVFN, PCI_BAR_0 + 20, 4, 0);
    rig_pci_config_write(r, PCI_DEVFN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void rig_open(Rig *r, RigKind kind, const char *device, const char *props)
{
    g_autoptr(GError) err = NULL;
    memset(r, 0, sizeof(*r));
    r->old = kind >= RIG_OLD_MODERN;
    r->kind = kind = r->old ? kind - RIG_OLD_MODERN + RIG_MODERN : kind;
    r->config.board = &rig_board;
    r->m = test_machine_new(&r->config, NULL, &err);
    g_assert_no_error(err);
    if (rig_iothread) {
        g_autofree char *text = g_strconcat("iothread,id=", rig_iothread, NULL);
        g_assert_true(test_object(r->m, text, &err));
        g_assert_no_error(err);
    }
    r->transport = add_transport(r);
    g_autofree char *driver = g_strconcat(device, kind == RIG_PCI ? "-pci" : "-device", NULL);
    Device *dev = rig_add(r, driver, props);
    r->v = virtio_device(kind == RIG_PCI ? dev->inner : dev);
    machine_reset(r->m);
    if (kind == RIG_PCI) {
        pci_enable(r);
    }
}

void rig_close(Rig *r)
{
    machine_free(r->m);
    for (unsigned i = 0; i < 5; i++) {
        rig_loop();
    }
}

/* ---- the driver ---------------------------------------------------------- */

uint8_t rig_status(Rig *r)
{
    return r->kind == RIG_PCI ? rig_read(r, RIG_BAR + 20, 1) : rig_read(r, RIG_MMIO + MMIO_STATUS, 4);
}

void rig_set_status(Rig *r, uint8_t status)
{
    if (r->kind == RIG_PCI) {
        rig_write(r, RIG_BAR + 20, 1, status);
    } else {
        rig_write(r, RIG_MMIO + MMIO_STATUS, 4, status);
    }
}

void rig_reset_device(Rig *r)
{
    rig_set_status(r, 0);
    g_assert_cmpint(rig_status(r), ==, 0);
    r->next_ring = RIG_RINGS;
}

static uint64_t features(Rig *r, bool write, uint64_t value)
{
    bool pci = r->kind == RIG_PCI;
    hwaddr select = pci ? RIG_BAR + (write ? 8 : 0) : (hwaddr)RIG_MMIO + (write ? 0x24 : 0x14);
    hwaddr bits = pci ? RIG_BAR + (write ? 12 : 4) : (hwaddr)RIG_MMIO + (write ? 0x20 : 0x10);
    uint64_t all = 0;
    for (unsigned half = 0; half < (r->old ? 1 : 2); half++) {
        if (!r->old) { /* after a reset word 0 is selected */
            rig_write(r, select, 4, half);
        }
        if (write) {
            rig_write(r, bits, 4, value >> (32 * half) & UINT32_MAX);
        } else {
            all |= rig_read(r, bits, 4) << (32 * half);
        }
    }
    return all;
}

uint64_t rig_offered(Rig *r)
{
    return features(r, false, 0);
}

void rig_start(Rig *r, uint64_t wanted)
{
    rig_reset_device(r);
    rig_set_status(r, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
    r->features = rig_offered(r) & (wanted | 1ull << VIRTIO_F_VERSION_1);
    features(r, true, r->features);
    if (r->kind == RIG_LEGACY) {
        rig_write(r, RIG_MMIO + 0x28, 4, 4096);
        return;
    }
    rig_set_status(r, 11);
    g_assert_cmpint(rig_status(r), ==, 11);
}

static void mmio_queue(Rig *r, RigQueue *q)
{
    rig_write(r, RIG_MMIO + 0x30, 4, q->index);
    g_assert_cmpint(rig_read(r, RIG_MMIO + 0x34, 4), >=, q->size);
    rig_write(r, RIG_MMIO + 0x38, 4, q->size);
    if (r->kind == RIG_LEGACY) {
        rig_write(r, RIG_MMIO + 0x3c, 4, 4096);
        rig_write(r, RIG_MMIO + 0x40, 4, q->desc >> 12);
        return;
    }
    const hwaddr rings[] = { q->desc, q->avail, q->used };
    for (unsigned i = 0; i < 3; i++) {
        rig_write(r, RIG_MMIO + 0x80 + 0x10 * i, 4, rings[i] & UINT32_MAX);
        rig_write(r, RIG_MMIO + 0x84 + 0x10 * i, 4, rings[i] >> 32);
    }
    rig_write(r, RIG_MMIO + 0x44, 4, 1);
    g_assert_cmpint(rig_read(r, RIG_MMIO + 0x44, 4), ==, 1);
}

void rig_stop_queue(RigQueue *q)
{
    hwaddr reg = q->rig->kind == RIG_LEGACY ? RIG_MMIO + 0x40 : RIG_MMIO + 0x44; /* its page, or "ready" */
    rig_write(q->rig, RIG_MMIO + 0x30, 4, q->index);
    rig_write(q->rig, reg, 4, 0);
    g_assert_cmpint(rig_read(q->rig, reg, 4), ==, 0);
}

static void pci_queue(Rig *r, RigQueue *q)
{
    rig_write(r, RIG_BAR + 22, 2, q->index);
    g_assert_cmpint(rig_read(r, RIG_BAR + 24, 2), >=, q->size);
    g_assert_cmpint(rig_read(r, RIG_BAR + 30, 2), ==, q->index);
    rig_write(r, RIG_BAR + 24, 2, q->size);
    const hwaddr rings[] = { q->desc, q->avail, q->used };
    for (unsigned i = 0; i < 3; i++) {
        rig_write(r, RIG_BAR + 32 + 8 * i, 8, rings[i]);
        g_assert_cmphex(rig_read(r, RIG_BAR + 32 + 8 * i, 8), ==, rings[i]);
    }
    rig_write(r, RIG_BAR + 28, 2, 1);
    g_assert_cmpint(rig_read(r, RIG_BAR + 28, 2), ==, 1);
}

void rig_queue(Rig *r, RigQueue *q, unsigned index, unsigned size)
{
    *q = (RigQueue){ .rig = r, .index = index, .size = size, .desc = r->next_ring };
    q->avail = q->desc + 16 * size;
    q->used = (q->avail + 6 + 2 * size + 4095) & ~(hwaddr)4095;
    hwaddr end = (q->used + 6 + 8 * size + 4095) & ~(hwaddr)4095;
    memset(rig_ram(r, q->desc), 0, end - q->desc);
    r->next_ring = end;
    r->kind == RIG_PCI ? pci_queue(r, q) : mmio_queue(r, q);
}

void rig_driver_ok(Rig *r)
{
    rig_set_status(r, rig_status(r) | VIRTIO_STATUS_DRIVER_OK);
}

uint64_t rig_config(Rig *r, unsigned offset, unsigned size)
{
    return rig_read(r, (r->kind == RIG_PCI ? AT_DEVICE : RIG_MMIO + 0x100) + offset, size);
}

void rig_config_write(Rig *r, unsigned offset, unsigned size, uint64_t value)
{
    rig_write(r, (r->kind == RIG_PCI ? AT_DEVICE : RIG_MMIO + 0x100) + offset, size, value);
}

uint8_t rig_isr(Rig *r)
{
    if (r->kind == RIG_PCI) {
        return rig_read(r, AT_ISR, 1);
    }
    uint8_t isr = rig_read(r, RIG_MMIO + 0x60, 4);
    rig_write(r, RIG_MMIO + 0x64, 4, isr);
    return isr;
}

/* ---- rings --------------------------------------------------------------- */

static void put_desc(Rig *r, hwaddr at, hwaddr addr, uint32_t len, uint16_t flags, uint16_t next)
{
    struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags, next;
    } d = { addr, len, flags, next };
    memcpy(rig_ram(r, at), &d, sizeof(d));
}

void rig_desc(RigQueue *q, unsigned i, hwaddr addr, uint32_t len, uint16_t flags, uint16_t next)
{
    put_desc(q->rig, q->desc + 16 * i, addr, len, flags, next);
}

void rig_publish(RigQueue *q, uint16_t head)
{
    memcpy(rig_ram(q->rig, q->avail + 4 + 2 * (q->avail_idx % q->size)), &head, 2);
    q->avail_idx++;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy(rig_ram(q->rig, q->avail + 2), &q->avail_idx, 2);
}

uint16_t rig_add_chain(RigQueue *q, const RigBuf *bufs, unsigned count, hwaddr table)
{
    uint16_t head = q->free % q->size;
    for (unsigned i = 0; i < count; i++) {
        uint16_t flags = (bufs[i].write ? DESC_WRITE : 0) | (i + 1 < count ? DESC_NEXT : 0);
        unsigned at = table ? i : (q->free + i) % q->size, next = table ? i + 1 : (q->free + i + 1) % q->size;
        put_desc(q->rig, (table ? table : q->desc) + 16 * at, bufs[i].addr, bufs[i].len, flags, next);
    }
    if (table) {
        rig_desc(q, head, table, 16 * count, DESC_INDIRECT, 0);
    }
    q->free += table ? 1 : count;
    rig_publish(q, head);
    return head;
}

void rig_kick(RigQueue *q)
{
    Rig *r = q->rig;
    if (r->kind == RIG_PCI) {
        rig_write(r, AT_NOTIFY + 4 * q->index, 2, q->index);
    } else {
        rig_write(r, RIG_MMIO + 0x50, 4, q->index);
    }
}

void rig_loop(void)
{
    g_main_context_iteration(event_loop_context(test_loop()), FALSE);
}

bool rig_used(RigQueue *q)
{
    uint16_t idx;
    memcpy(&idx, rig_ram(q->rig, q->used + 2), 2);
    return idx != q->used_idx;
}

uint32_t rig_wait(RigQueue *q, uint16_t *head)
{
    uint32_t entry[2];
    gint64 until = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (!rig_used(q)) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        rig_loop();
    }
    memcpy(entry, rig_ram(q->rig, q->used + 4 + 8 * (q->used_idx % q->size)), sizeof(entry));
    q->used_idx++;
    if (head) {
        *head = (uint16_t)entry[0];
    }
    return entry[1];
}
