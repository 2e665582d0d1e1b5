/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A virtio disk on a slot of the board microvm,ioapic2=off (virtio-mmio.force-legacy=off), in 64-bit mode: it halts until the interrupt of each
 * request has come.  Then it writes on until somebody sends a byte.
 * expect: the disk has 2048 sectors
 * expect: 200 blocks written and read back, each with its interrupt
 * expect: goes on
 * expect: as it was written
 * expect: done */
#include "print.h"
#include "virtq.h"

enum { SLOTS = 8, SLOT_BYTES = 0x200, FIRST_PIN = 16, BLOCK = 4096, BLOCKS = 200, SECTOR = 512 };
enum { READ = 0, WRITE = 1, VECTOR = 0x20 };
enum { COM1 = 0x3f8, LSR = 5, RECEIVED = 1 };
#define SLOT_BASE UINT64_C(0xfeb00000)
#define APIC UINT64_C(0xfee00000)
#define IOAPIC UINT64_C(0xfec00000)

extern uint64_t recover, tables[];
extern const char stub_table[], disk_interrupt[];
static uint64_t idt[VECTOR + 1][2] __attribute__((aligned(16))),
    top_directory[512] __attribute__((aligned(4096)));
volatile uint32_t taken;
static uint64_t slot;
static uint32_t wanted;

static VirtQueueRings ring;
static struct {
    uint32_t type, reserved;
    uint64_t sector;
} head;
static uint8_t data[BLOCK] __attribute__((aligned(4096))), status;

static uint32_t get(uint64_t at)
{
    return *(volatile uint32_t *)at;
}
static void set(uint64_t at, uint32_t v)
{
    *(volatile uint32_t *)at = v;
}

long trap_taken(const uint64_t *frame);
long trap_taken(const uint64_t *frame)
{
    print("unexpected: vector %u at %X\n", (uint32_t)frame[1], frame[3]);
    halt();
}

static void set_gate(unsigned vector, uint64_t at)
{
    idt[vector][0] = (at & 0xffff) | 8 << 16 | (uint64_t)0x8e << 40 | (at >> 16 & 0xffff) << 48;
    idt[vector][1] = at >> 32;
}

/* It takes the reason away, and says so to the controller. */
asm(".balign 16\ndisk_interrupt:\n\tpush %rax\n\tpush %rdx\n\tmov slot_of_interrupt(%rip), %rdx\n\tmov 0x60(%rdx), %eax\n\t"
    "mov %eax, 0x64(%rdx)\n\tincl taken(%rip)\n\tmov $0xfee000b0, %eax\n\tmovl $0, (%rax)\n\tpop %rdx\n\tpop %rax\n\tiretq");
uint64_t slot_of_interrupt;

static void set_up(void)
{
    for (unsigned i = 0; i < VECTOR; i++) {
        set_gate(i, (uint64_t)stub_table + 16 * i);
    }
    set_gate(VECTOR, (uint64_t)disk_interrupt);
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } idtr = { sizeof(idt) - 1, (uint64_t)idt };
    asm volatile("lidt %0" : : "m"(idtr));
    for (unsigned i = 0; i < 512; i++) {
        top_directory[i] = (UINT64_C(3) << 30 | (uint64_t)i << 21) | 0x93; /* not cached */
    }
    tables[512 + 3] = (uint64_t)top_directory | 3;
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    set(APIC + 0xf0, 0x1ff);
}

static void find_slot(void)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        uint64_t at = SLOT_BASE + i * SLOT_BYTES;
        if (get(at) == 0x74726976 && get(at + 4) == 2 && get(at + 8) == 2) {
            slot = slot_of_interrupt = at;
            set(IOAPIC, 0x10 + 2 * (FIRST_PIN + i));
            set(IOAPIC + 0x10, VECTOR); /* an edge, to processor 0 */
        }
    }
    if (!slot) {
        print("there is no disk\n");
        halt();
    }
}

static void start_disk(void)
{
    static const uint8_t steps[] = { 0, 1, 3 };
    for (unsigned i = 0; i < sizeof(steps); i++) {
        set(slot + 0x70, steps[i]);
    }
    set(slot + 0x24, 1);
    set(slot + 0x20, 1); /* VERSION_1 */
    set(slot + 0x70, 11);
    set(slot + 0x30, 0);
    set(slot + 0x38, QUEUE);
    const uint64_t parts[] = { (uint64_t)ring.desc, (uint64_t)&ring.avail_flags, (uint64_t)&ring.used_index };
    for (unsigned i = 0; i < 3; i++) {
        set(slot + 0x80 + 0x10 * i, parts[i]);
        set(slot + 0x84 + 0x10 * i, 0);
    }
    set(slot + 0x44, 1);
    set(slot + 0x70, 15);
    print("the disk has %u sectors\n", get(slot + 0x100));
}

static void put(unsigned i, void *at, uint32_t bytes, uint16_t flags)
{
    ring.desc[i].addr = (uint64_t)at;
    ring.desc[i].bytes = bytes;
    ring.desc[i].flags = flags;
    ring.desc[i].next = i + 1;
}

/* One block, and the interrupt that tells of it. */
static void transfer(uint32_t type, uint32_t block)
{
    head.type = type;
    head.sector = block * (BLOCK / SECTOR);
    status = 0xee;
    put(0, &head, sizeof(head), VIRTQ_NEXT);
    put(1, data, sizeof(data), VIRTQ_NEXT | (type == READ ? VIRTQ_WRITE : 0));
    put(2, &status, 1, 2);
    ring.avail[ring.avail_index % QUEUE] = 0;
    asm volatile("" : : : "memory");
    ring.avail_index++;
    wanted++;
    asm volatile("" : : : "memory");
    set(slot + 0x50, 0);
    while (taken < wanted) {
        asm volatile("sti\n\thlt\n\tcli" : : : "memory");
    }
    if (*(volatile uint8_t *)&status || (uint16_t)(ring.used_index >> 16) != ring.avail_index) {
        print("block %u: status %x, index %u of %u\n", block, status, ring.used_index >> 16,
              ring.avail_index);
        halt();
    }
}

static uint32_t mark(uint32_t block)
{
    return block * 0x01000193 + 0x811c9dc5;
}

static void write_block(uint32_t block)
{
    uint32_t *words = (uint32_t *)data;
    words[0] = words[BLOCK / 4 - 1] = mark(block);
    transfer(WRITE, block);
}

static bool check_block(uint32_t block)
{
    uint32_t *words = (uint32_t *)data;
    words[0] = words[BLOCK / 4 - 1] = 0;
    transfer(READ, block);
    return words[0] == mark(block) && words[BLOCK / 4 - 1] == mark(block);
}

static bool check_all(void)
{
    for (uint32_t i = 0; i < BLOCKS; i++) {
        if (!check_block(i)) {
            print("block %u is another one\n", i);
            return false;
        }
    }
    return true;
}

void main(void)
{
    set_up();
    find_slot();
    start_disk();
    for (uint32_t i = 0; i < BLOCKS; i++) {
        write_block(i);
    }
    if (!check_all()) {
        halt();
    }
    print("%u blocks written and read back, each with its interrupt\n", BLOCKS);
    print("goes on\n");
    for (uint32_t i = 0; !(inb(COM1 + LSR) & RECEIVED); i++) {
        write_block(i % BLOCKS);
    }
    inb(COM1);
    if (check_all()) {
        print("as it was written\n");
    }
    print("done\n");
    halt();
}
