/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes that come late: what the kernel is told of them, and what becomes of its ring.  No KVM is needed: the kernel's part, which is a
 * table of zones and a page, is played here (ioctl is wrapped). */
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm.h"
#include "hw/board.h"
#include "tests/loop.h"

enum { VM_FD = -77, RING_AT = KVM_COALESCED_MMIO_PAGE_OFFSET * RAM_PAGE };
enum { ENTRIES = (RAM_PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / sizeof(struct kvm_coalesced_mmio) };
#define MMIO_AT UINT64_C(0xd0000000)

/* ---- the kernel ----------------------------------------------------------------------- */

static struct kvm_coalesced_mmio_zone zones[8];
static unsigned zone_count;

static int zone_change(unsigned long request, const struct kvm_coalesced_mmio_zone *z)
{
    for (unsigned i = 0; i < zone_count; i++) {
        if (memcmp(&zones[i], z, sizeof(*z)) == 0) {
            g_assert_cmpuint(request, ==, KVM_UNREGISTER_COALESCED_MMIO);
            zones[i] = zones[--zone_count];
            return 0;
        }
    }
    g_assert_cmpuint(request, ==, KVM_REGISTER_COALESCED_MMIO);
    zones[zone_count++] = *z;
    return 0;
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *p = va_arg(args, void *);
    va_end(args);
    if (fd != VM_FD) {
        return __real_ioctl(fd, request, p);
    }
    bool about_zones = request == KVM_REGISTER_COALESCED_MMIO || request == KVM_UNREGISTER_COALESCED_MMIO;
    return about_zones ? zone_change(request, p) : 0;
}

static bool has_zone(uint64_t addr, unsigned size, bool pio)
{
    for (unsigned i = 0; i < zone_count; i++) {
        if (zones[i].addr == addr && zones[i].size == size && zones[i].pio == pio) {
            return true;
        }
    }
    return false;
}

/* ---- a machine of one device ------------------------------------------------------------ */

typedef struct Rig Rig;
struct Rig {
    Kvm k;
    KvmVcpu v;
    CPU cpu;
    MemoryRegion memory, ports, regs, piece, port;
    GString *seen; /* what the device was told */
    struct kvm_coalesced_mmio_ring *ring;
    Rig *again; /* its ring fills while it is emptied */
};

static void kernel_adds(Rig *r, uint64_t addr, unsigned len, uint64_t value, bool pio)
{
    struct kvm_coalesced_mmio *e = &r->ring->coalesced_mmio[r->ring->last];
    *e = (struct kvm_coalesced_mmio){ .phys_addr = addr, .len = len, .pio = pio };
    memcpy(e->data, &value, sizeof(value));
    r->ring->last = (r->ring->last + 1) % ENTRIES;
}

static BusResult regs_write(void *opaque, hwaddr offset, unsigned size, uint64_t value)
{
    Rig *r = opaque;
    g_string_append_printf(r->seen, "%x.%u=%x ", (unsigned)offset, size, (unsigned)value);
    if (r->again) {
        kernel_adds(r, MMIO_AT, 1, 0, false);
    }
    return BUS_OK;
}

static const IoOps regs_ops = { .write = regs_write, .min = 1, .max = 4 };

static Rig *rig_new(bool mmio, bool pio)
{
    Rig *r = g_new0(Rig, 1);
    r->seen = g_string_new(NULL);
    memory_thread_register();
    memory_region_init_container(&r->memory, NULL, "memory", UINT64_MAX);
    memory_region_init_container(&r->ports, NULL, "ports", MACHINE_PORTS);
    memory_region_init_io(&r->regs, NULL, &regs_ops, r, "regs", 0x100);
    memory_region_allow_late_writes(&r->regs, 0x20, 0x40);
    memory_region_add(&r->memory, MMIO_AT, &r->regs, 0);
    memory_region_init_io(&r->port, NULL, &regs_ops, r, "port", 2);
    memory_region_allow_late_writes(&r->port, 0, 1);
    memory_region_add(&r->ports, 0x70, &r->port, 0);
    memory_region_init_alias(&r->piece, NULL, "piece", &r->regs, 0x50, 0x20);
    memory_region_add(&r->ports, 0x3c0, &r->piece, 0);
    r->cpu.as = address_space_new(&r->memory, "memory");
    r->cpu.io = address_space_new_ports(&r->ports, "I/O");
    r->k.vm = VM_FD;
    r->k.caps = (KvmCaps){ .slots = 8, .coalesced_mmio = mmio, .coalesced_pio = pio };
    r->k.vcpus = g_ptr_array_new();
    r->v = (KvmVcpu){ .kvm = &r->k, .cpu = &r->cpu, .run = g_malloc0(RING_AT + RAM_PAGE) };
    r->ring = (void *)((uint8_t *)r->v.run + RING_AT);
    g_ptr_array_add(r->k.vcpus, &r->v);
    kvm_slots_init(&r->k);
    kvm_slots_listen(&r->k, r->cpu.as, r->cpu.io);
    return r;
}

static void rig_free(Rig *r)
{
    kvm_slots_finish(&r->k);
    zone_count = 0; /* they go with the VM */
    address_space_free(r->cpu.as);
    address_space_free(r->cpu.io);
    memory_region_remove(&r->ports, &r->piece);
    memory_region_remove(&r->ports, &r->port);
    memory_region_remove(&r->memory, &r->regs);
    MemoryRegion *const all[] = { &r->piece, &r->port, &r->regs, &r->ports, &r->memory };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        memory_region_finish(all[i]);
    }
    memory_quiescent();
    memory_thread_unregister();
    g_ptr_array_free(r->k.vcpus, TRUE);
    g_free(r->v.run);
    g_string_free(r->seen, TRUE);
    g_free(r);
}

/* ---- zones -------------------------------------------------------------------------------- */

/* Of a region the bytes that it allows, of an alias those that it shows; they go with the region. */
static void test_zones(void)
{
    Rig *r = rig_new(true, true);
    g_assert_cmpuint(zone_count, ==, 3);
    g_assert_true(has_zone(MMIO_AT + 0x20, 0x40, false));
    g_assert_true(has_zone(0x70, 1, true));
    g_assert_true(has_zone(0x3c0, 0x10, true));
    memory_region_set_enabled(&r->piece, false);
    g_assert_cmpuint(zone_count, ==, 2);
    g_assert_false(has_zone(0x3c0, 0x10, true));
    memory_region_set_enabled(&r->piece, true);
    memory_region_set_address(&r->port, 0x72);
    g_assert_true(has_zone(0x72, 1, true));
    g_assert_cmpuint(zone_count, ==, 3);
    rig_free(r);
}

/* A kernel that has one of both, or none, is asked for no more. */
static void test_older_kernels(void)
{
    Rig *r = rig_new(true, false);
    g_assert_cmpuint(zone_count, ==, 1);
    g_assert_true(has_zone(MMIO_AT + 0x20, 0x40, false));
    rig_free(r);
    r = rig_new(false, false);
    g_assert_cmpuint(zone_count, ==, 0);
    kernel_adds(r, MMIO_AT + 0x20, 1, 1, false); /* this page is something else */
    kvm_catch_up(&r->k.accel);
    g_assert_cmpstr(r->seen->str, ==, "");
    rig_free(r);
}

/* ---- the ring ------------------------------------------------------------------------------- */

static void test_order(void)
{
    Rig *r = rig_new(true, true);
    r->ring->first = r->ring->last = ENTRIES - 2; /* it begins anew in the middle */
    kernel_adds(r, MMIO_AT + 0x20, 4, 0x11223344, false);
    kernel_adds(r, 0x70, 1, 0xffffffffffffff0a, true);
    kernel_adds(r, 0x3c2, 2, 0x5678, true);
    kernel_adds(r, MMIO_AT + 0x24, 1, 9, false);
    kvm_catch_up(&r->k.accel);
    g_assert_cmpstr(r->seen->str, ==, "20.4=11223344 0.1=a 52.2=5678 24.1=9 ");
    g_assert_cmpuint(r->ring->first, ==, r->ring->last);
    kvm_catch_up(&r->k.accel);
    g_assert_cmpstr(r->seen->str, ==, "20.4=11223344 0.1=a 52.2=5678 24.1=9 ");
    rig_free(r);
}

/* Who writes all the time does not hold up the one who empties the ring. */
static void test_a_turn(void)
{
    Rig *r = rig_new(true, true);
    r->again = r;
    kernel_adds(r, MMIO_AT, 1, 0, false);
    kvm_catch_up(&r->k.accel);
    g_assert_cmpuint(r->seen->len, ==, ENTRIES * strlen("0.1=0 "));
    rig_free(r);
}

/* What no kernel writes is left out. */
static void test_odd_sizes(void)
{
    Rig *r = rig_new(true, true);
    kernel_adds(r, MMIO_AT + 0x20, 3, 7, false);
    kernel_adds(r, MMIO_AT + 0x20, 255, 7, false);
    kernel_adds(r, MMIO_AT + 0x20, 2, 7, false);
    kvm_catch_up(&r->k.accel);
    g_assert_cmpstr(r->seen->str, ==, "20.2=7 ");
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm/late/zones", test_zones);
    g_test_add_func("/kvm/late/older-kernels", test_older_kernels);
    g_test_add_func("/kvm/late/order", test_order);
    g_test_add_func("/kvm/late/a-turn", test_a_turn);
    g_test_add_func("/kvm/late/odd-sizes", test_odd_sizes);
    return g_test_run();
}
