/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a disk and a flash bank and says on the UART what the devices have acknowledged.
 *
 * Block n of the disk (BLOCK bytes, at slot n % SLOTS) is filled with the number n; the requests of a batch are in
 * flight together.  Lines: "w N" written, "f N" flushed up to N, "p N" word N of the flash programmed,
 * "e KIND N STATUS" for an error.  COUNT blocks, then exit status 0; 0: without end. */
#ifndef COUNT
#define COUNT 0
#endif
#ifndef FLASH
#define FLASH 0
#endif
enum { BATCH = 4, BLOCK = 16384, SLOTS = 256, QUEUE = 16, SECTOR = 512 };
enum {
    UART = 0x10000000,
    FINISHER = 0x100000,
    FLASH_BANK = 0x22000000,
    FLASH_STEP = 4096,
    FLASH_WORDS = 8192
};
enum { MMIO_FIRST = 0x10001000, MMIO_LAST = 0x10008000, MMIO_STEP = 0x1000, MAGIC = 0x74726976, BLK = 2 };
enum { OUT = 1, FLUSH = 4, NEXT = 1, WRITE = 2 };

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

static struct {
    u64 addr;
    u32 len;
    u16 flags, next;
} desc[QUEUE] __attribute__((aligned(4096)));
static struct {
    u16 flags, idx, ring[QUEUE];
} avail __attribute__((aligned(4096)));
static volatile struct {
    u16 flags, idx;
    struct {
        u32 id, len;
    } ring[QUEUE];
} used __attribute__((aligned(4096)));
static struct {
    u32 type, reserved;
    u64 sector;
} head[BATCH];
static volatile u8 status[BATCH];
static u64 data[BATCH][BLOCK / 8] __attribute__((aligned(4096)));
static u64 device;

#define FENCE() __asm__ volatile("fence" ::: "memory")

static u32 reg(u64 at)
{
    return *(volatile u32 *)at;
}
static void set(u64 at, u32 v)
{
    *(volatile u32 *)at = v;
}

static void put(char c)
{
    while (!(*(volatile u8 *)(UART + 5UL) & 0x20)) {
    }
    *(volatile u8 *)UART = (u8)c;
}

static void say(const char *what, u64 n)
{
    char digits[24];
    int i = 0;
    for (; *what; what++) {
        put(*what);
    }
    put(' ');
    do {
        digits[i++] = (char)('0' + n % 10);
    } while (n /= 10);
    while (i) {
        put(digits[--i]);
    }
}

static void finish(u32 code)
{
    set(FINISHER, code ? code << 16 | 0x3333 : 0x5555);
    for (;;) {
    }
}

/* A modern device: its first queue at the three structures above. */
static void find_disk(void)
{
    for (device = MMIO_FIRST; reg(device) != MAGIC || reg(device + 8) != BLK; device += MMIO_STEP) {
        if (device == MMIO_LAST) {
            say("e disk", 0);
            finish(1);
        }
    }
    set(device + 0x70, 0);
    set(device + 0x70, 3);
    set(device + 0x24, 0);
    set(device + 0x20, 1u << 9); /* FLUSH */
    set(device + 0x24, 1);
    set(device + 0x20, 1); /* VERSION_1 */
    set(device + 0x70, 11);
    set(device + 0x38, QUEUE);
    const u64 rings[] = { (u64)desc, (u64)&avail, (u64)&used };
    for (int i = 0; i < 3; i++) {
        set(device + 0x80 + 0x10UL * i, (u32)rings[i]);
        set(device + 0x84 + 0x10UL * i, (u32)(rings[i] >> 32));
    }
    set(device + 0x44, 1);
    set(device + 0x70, 15);
}

static void add(int k, u32 type, u64 sector)
{
    int d = 3 * k, last = type == OUT ? d + 2 : d + 1;
    head[k].type = type;
    head[k].sector = sector;
    status[k] = 0xff;
    desc[d].addr = (u64)&head[k];
    desc[d].len = 16;
    desc[d].flags = NEXT;
    desc[d].next = (u16)(d + 1);
    desc[d + 1].addr = (u64)data[k];
    desc[d + 1].len = BLOCK;
    desc[d + 1].flags = NEXT;
    desc[d + 1].next = (u16)(d + 2);
    desc[last].addr = (u64)&status[k];
    desc[last].len = 1;
    desc[last].flags = WRITE;
    avail.ring[avail.idx % QUEUE] = (u16)d;
    FENCE();
    avail.idx++;
}

static void wait_all(void)
{
    FENCE();
    set(device + 0x50, 0);
    while (used.idx != avail.idx) {
        FENCE();
    }
}

static void tell(const char *ok, const char *bad, u64 n, u8 result)
{
    say(result ? bad : ok, n);
    if (result) {
        say("", result);
    }
    put('\n');
}

static void program(u64 n)
{
    u64 at = FLASH_BANK + n % FLASH_WORDS * FLASH_STEP;
    set(at, 0x00400040);
    set(at, (u32)n);
    while (!(reg(at) & 0x80)) {
    }
    u32 result = reg(at);
    set(at, 0x00500050);
    set(at, 0x00ff00ff);
    tell("p", "e p", n, result & 0x7f);
}

void run(void)
{
    find_disk();
    for (u64 n = 1; !COUNT || n <= COUNT; n += BATCH) {
        for (int k = 0; k < BATCH; k++) {
            for (int i = 0; i < BLOCK / 8; i++) {
                data[k][i] = n + (u64)k;
            }
            add(k, OUT, (n + (u64)k) % SLOTS * (BLOCK / SECTOR));
        }
        wait_all();
        for (int k = 0; k < BATCH; k++) {
            tell("w", "e w", n + (u64)k, status[k]);
        }
        if (FLASH) {
            program(n);
        }
        add(0, FLUSH, 0);
        wait_all();
        tell("f", "e f", n + BATCH - 1, status[0]);
    }
    finish(0);
}

__asm__(".section .text.first,\"ax\"\n.globl _start\n_start: csrr t0, mhartid\n1: bnez t0, 1b\n"
        " lla sp, stack_top\n call run\n.bss\n.balign 16\n.space 4096\nstack_top:\n.text\n");
