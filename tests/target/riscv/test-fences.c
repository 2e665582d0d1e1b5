/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fences of one address, for leaves of all sizes, against a model: what a leaf maps is changed,
 * one address in it is fenced, and every address of it must be translated anew.
 * Spec: privileged specification, supervisor.adoc, "Supervisor Memory-Management Fence
 * Instruction"; svnapot.adoc.
 *
 * Each page of RAM holds its own number.  What a leaf can map lies at two places: RAM, and an alias
 * of its second half at a distance that is a multiple of the leaf's size. */
#include "target/vcpu.h"
#include "target/riscv/cpu.h"
#include "tests/accel/bare.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
enum { V = 1, R = 2, W = 4, G = 32, A = 64, D = 128 };
enum { TABLES = 16, SPACES = 20, PAGE = 4096, HALF = BARE_RAM_SIZE / 2, MAX_SLOTS = 12 };

typedef struct Scheme {
    const char *name;
    unsigned mode, levels, index_bits, pte_bytes;
} Scheme;
static const Scheme schemes[] = {
    { "sv32", 1, 2, 10, 4 },
    { "sv39", 8, 3, 9, 8 },
    { "sv48", 9, 4, 9, 8 },
    { "sv57", 10, 5, 9, 8 },
};

/* One leaf of the tables. */
typedef struct Slot {
    uint64_t vaddr, pte_at; /* pte_at: offset in RAM */
    unsigned bits;          /* log2 of its size */
    uint64_t to[2];         /* what it maps, in turn */
    uint64_t offset;        /* where RAM lies in it, HALF bytes at most */
    bool global, now;
    uint32_t used; /* bit per address space that read through it */
} Slot;

typedef struct Fixture {
    const Scheme *s;
    Bare *bare;
    RiscvCPU *r;
    MemoryRegion alias[3];
    uint64_t next_table, root; /* offsets in RAM */
    Slot slots[MAX_SLOTS];
    unsigned slot_count;
} Fixture;

static uint64_t alias_at(unsigned n)
{
    static const uint64_t at[] = { 0xc0000000, (UINT64_C(1) << 39) + BARE_RAM,
                                   (UINT64_C(1) << 48) + BARE_RAM };
    return at[n];
}

static uint64_t leaf_pte(const Slot *slot)
{
    uint64_t flags = V | R | W | A | D | (slot->global ? G : 0);
    return slot->to[slot->now] >> 12 << 10 | flags;
}

static void put_pte(Fixture *f, uint64_t at, uint64_t pte)
{
    memcpy(bare_ram(f->bare) + at, &pte, f->s->pte_bytes);
}

static uint64_t new_table(Fixture *f)
{
    uint64_t at = f->next_table;
    f->next_table += PAGE;
    return at;
}

/* The entry for vaddr at `level` (0: 4 KiB), through tables that are made as needed. */
static uint64_t entry_at(Fixture *f, uint64_t vaddr, unsigned level)
{
    uint64_t table = f->root;
    for (unsigned l = f->s->levels - 1;; l--) {
        uint64_t index = vaddr >> (12 + l * f->s->index_bits) & ((1u << f->s->index_bits) - 1), pte = 0;
        uint64_t at = table + index * f->s->pte_bytes;
        if (l == level) {
            return at;
        }
        memcpy(&pte, bare_ram(f->bare) + at, f->s->pte_bytes);
        if (!pte) {
            pte = (BARE_RAM + new_table(f)) >> 12 << 10 | V;
            put_pte(f, at, pte);
        }
        table = (pte >> 10 << 12) - BARE_RAM;
    }
}

static void add_slot(Fixture *f, unsigned level, uint64_t vaddr, bool global)
{
    Slot *slot = &f->slots[f->slot_count++];
    unsigned bits = 12 + level * f->s->index_bits;
    uint64_t size = UINT64_C(1) << bits, first = BARE_RAM & -size;
    *slot = (Slot){ .vaddr = vaddr, .bits = bits, .global = global, .to = { first, first + size } };
    if (size < GIB) { /* away from the tables */
        slot->to[0] = BARE_RAM + HALF;
        slot->to[1] = slot->to[0] + size;
    }
    slot->offset = size > GIB ? BARE_RAM : 0;
    slot->pte_at = entry_at(f, vaddr, level);
    put_pte(f, slot->pte_at, leaf_pte(slot));
}

static void switch_space(Fixture *f, unsigned asid)
{
    uint64_t ppn = (BARE_RAM + f->root) >> 12;
    f->r->s.satp = f->s->levels == 2 ? (uint64_t)f->s->mode << 31 | (uint64_t)asid << 22 | ppn
                                     : (uint64_t)f->s->mode << 60 | (uint64_t)asid << 44 | ppn;
    cpu_mmu_changed(&f->r->cpu);
    tcg_context_sync(f->r->cpu.tcg);
}

static void setup(Fixture *f, const Scheme *s)
{
    *f = (Fixture){ .s = s };
    f->bare = bare_new(s->levels == 2 ? &riscv32_arch : &riscv64_arch, "max", "interp", NULL);
    f->r = riscv_cpu(bare_cpu(f->bare));
    MemoryRegion *system = &f->bare->machine.system, *ram = &f->bare->machine.ram;
    for (unsigned n = 0; n < G_N_ELEMENTS(f->alias); n++) {
        memory_region_init_alias(&f->alias[n], NULL, "alias", ram, HALF, HALF);
        memory_region_add(system, alias_at(n), &f->alias[n], 0);
    }
    for (uint64_t page = 0; page < BARE_RAM_SIZE / PAGE; page++) {
        memcpy(bare_ram(f->bare) + page * PAGE + 8, &page, 8);
    }
    memset(bare_ram(f->bare), 0, TABLES * PAGE);
    f->next_table = 0;
    f->root = new_table(f);
    riscv_pmpaddr_write(f->r, 0, UINT64_MAX);
    riscv_pmpcfg_write(f->r, 0, 0x1f);
    f->r->s.priv = PRIV_S;
    for (unsigned level = 0; level < s->levels && level < 4; level++) {
        uint64_t size = UINT64_C(1) << (12 + level * s->index_bits), zone = (level + 1) * 64 * MIB;
        if (s->levels == 2 && level == 0) {
            zone = 64 * MIB;
        } else if (level >= 2) {
            zone = level * 4 * size;
        }
        add_slot(f, level, zone, false);
        add_slot(f, level, zone + size, true);
    }
    if (s->levels == 5) { /* the upper half, so that addresses are negative */
        add_slot(f, 4, -(UINT64_C(1) << 48), false);
    }
    switch_space(f, 1);
}

static void teardown(Fixture *f)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(f->alias); n++) {
        memory_region_remove(&f->bare->machine.system, &f->alias[n]);
        memory_region_finish(&f->alias[n]);
    }
    bare_free(f->bare);
}

static uint64_t random_in(const Slot *slot)
{
    uint64_t span = MIN(UINT64_C(1) << slot->bits, HALF);
    uint64_t page = (uint64_t)g_test_rand_int_range(0, (gint32)(span / PAGE)) * PAGE;
    return slot->vaddr + slot->offset + page;
}

/* The number of the page that the tables say is at vaddr. */
static uint64_t number_at(const Slot *slot, uint64_t vaddr)
{
    uint64_t phys = slot->to[slot->now] + (vaddr - slot->vaddr);
    for (unsigned n = 0; n < 3; n++) {
        if (phys - alias_at(n) < HALF) {
            return (phys - alias_at(n) + HALF) / PAGE;
        }
    }
    return (phys - BARE_RAM) / PAGE;
}

static void check_load(Fixture *f, const Slot *slot, uint64_t vaddr)
{
    uint64_t want = number_at(slot, vaddr);
    if (want < TABLES) {
        return; /* a table, which holds no number */
    }
    uint64_t got = cpu_load(&f->r->cpu, vaddr + 8, MEM_64);
    if (got != want) {
        g_test_message("%s: 0x%" G_GINT64_MODIFIER "x, in a leaf of 2^%u bytes: page %" G_GUINT64_FORMAT
                       ", not %" G_GUINT64_FORMAT,
                       f->s->name, vaddr, slot->bits, got, want);
        g_test_fail();
    }
}

/* As helper_sfence_vma() does. */
static void fence(Fixture *f, const Slot *slot, bool one_address, bool one_space)
{
    CPU *cpu = &f->r->cpu;
    uint64_t at = slot->vaddr + ((UINT64_C(1) << slot->bits) - 1) / 8 * (uint64_t)g_test_rand_int_range(0, 8);
    for (unsigned asid = 1; one_space && asid < SPACES; asid++) {
        if (!(slot->used >> asid & 1)) {
            continue;
        } else if (one_address) {
            cpu_flush_page_asid(cpu, at, asid);
        } else {
            cpu_flush_asid(cpu, asid);
        }
    }
    if (!one_space && one_address) {
        cpu_flush_page(cpu, at);
    } else if (!one_space) {
        cpu_flush_all(cpu);
    }
}

static void use(Fixture *f, Slot *slot, unsigned asid)
{
    slot->used |= 1u << asid;
    switch_space(f, asid);
    for (unsigned i = 0; i < 100; i++) {
        Slot *any = &f->slots[g_test_rand_int_range(0, (gint32)f->slot_count)];
        any->used |= 1u << asid;
        check_load(f, slot, random_in(slot));
        check_load(f, any, random_in(any));
    }
}

static unsigned random_space(void)
{
    return (unsigned)g_test_rand_int_range(1, SPACES);
}

/* Fill what may get stale, change a leaf, fence, look again in every space. */
static void test_scheme(gconstpointer data)
{
    Fixture f;
    setup(&f, data);
    for (unsigned round = 0; round < 200 && !g_test_failed(); round++) {
        Slot *slot = &f.slots[g_test_rand_int_range(0, (gint32)f.slot_count)];
        bool one_address = g_test_rand_int_range(0, 8) > 0;
        bool one_space = !slot->global && g_test_rand_int_range(0, 3) > 0;
        for (unsigned n = 0; n < 4; n++) {
            use(&f, slot, random_space());
        }
        slot->now = !slot->now;
        put_pte(&f, slot->pte_at, leaf_pte(slot));
        fence(&f, slot, one_address, one_space);
        for (unsigned n = 0; n < 4; n++) {
            use(&f, slot, random_space());
        }
    }
    teardown(&f);
}

/* A fence of a page that no large leaf holds forgets that page alone. */
static void test_small(void)
{
    Fixture f;
    setup(&f, &schemes[1]);
    CPU *cpu = &f.r->cpu;
    uint64_t neighbour = 64 * MIB + 16 * PAGE;
    for (unsigned n = 0; n < 2; n++) {
        put_pte(&f, entry_at(&f, neighbour + n * PAGE, 0), (BARE_RAM + HALF) >> 12 << 10 | V | R | A | D);
    }
    cpu_load(cpu, neighbour, MEM_64);
    cpu_load(cpu, neighbour + PAGE, MEM_64);
    for (unsigned n = 2; n < f.slot_count; n++) {
        cpu_load(cpu, f.slots[n].vaddr + f.slots[n].offset, MEM_64);
    }
    uint64_t fills = bare_cpu(f.bare)->tcg->stats.tlb_fills;
    cpu_flush_page(cpu, neighbour);
    cpu_load(cpu, neighbour + PAGE, MEM_64);
    g_assert_cmpuint(bare_cpu(f.bare)->tcg->stats.tlb_fills, ==, fills);
    cpu_load(cpu, neighbour, MEM_64);
    g_assert_cmpuint(bare_cpu(f.bare)->tcg->stats.tlb_fills, ==, fills + 1);
    teardown(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned n = 0; n < G_N_ELEMENTS(schemes); n++) {
        g_autofree char *path = g_strdup_printf("/riscv/fences/%s", schemes[n].name);
        g_test_add_data_func(path, &schemes[n], test_scheme);
    }
    g_test_add_func("/riscv/fences/small-page", test_small);
    return g_test_run();
}
