/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several machines in one process, one after the other and side by side: no hidden global joins them.
 *
 * Each lives in a thread of its own, with its own loop, clock, host ends and vCPU thread.  Its guest resets
 * itself, then prints its letter between sleeps that a timer ends, and powers off with its own status. */
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "tests/accel/rvcode.h"
#include "tests/made.h"
#include "util/keyval.h"

enum { UART = 0x10000000, MTIMECMP = 0x2004000, MTIME_END = 0x200c000, RAM_BYTES = 16 << 20 };
enum { FINISHER_FAIL = 0x3333, FINISHER_RESET = 0x7777, CSR_MIE = 0x304, CSR_MIP = 0x344, TIMER_BIT = 0x80 };
enum { WFI = 0x10500073, TICKS = 500, SPINS = 3000, DISK_BYTES = 64 << 10 };

typedef struct Life {
    const char *accel;
    char letter;
    int prints, status; /* what the guest does, and how it ends */
    uint64_t flushes;   /* afterwards: of all its TLBs */
} Life;

/* ---- the guest ------------------------------------------------------------- */

static uint32_t csr(uint32_t number, uint32_t funct3, int rd, int rs)
{
    return number << 20 | (uint32_t)rs << 15 | funct3 << 12 | (uint32_t)rd << 7 | 0x73;
}

static uint32_t sb(int base, int rs, int imm)
{
    return sw(base, rs, imm) & ~(7u << 12);
}

/* The first time round: leave a mark in the page behind the code, and reset the machine. */
static void put_reset(Code *c)
{
    put(c, 1u << 12 | T0 << 7 | 0x17); /* auipc t0, 1 */
    put(c, ld(T1, T0, 0));
    li(c, A1, FINISHER);
    put(c, bne(T1, ZERO, 28));
    put(c, addi(T1, ZERO, 1));
    put(c, sd(T0, T1, 0));
    li(c, T2, FINISHER_RESET);
    put(c, sw(A1, T2, 0));
    put(c, jal(ZERO, 0));
}

/* Sleep until the timer is due. */
static void put_sleep(Code *c)
{
    put(c, ld(T1, A2, -8)); /* mtime */
    put(c, addi(T1, T1, TICKS));
    put(c, sd(A3, T1, 0));
    put(c, WFI);
    put(c, csr(CSR_MIP, 2, T1, ZERO));
    put(c, (uint32_t)TIMER_BIT << 20 | T1 << 15 | 7 << 12 | T1 << 7 | 0x13); /* andi */
    put(c, bne(T1, ZERO, 8));
    put(c, jal(ZERO, -16));
}

static void put_program(Code *c, const Life *life)
{
    put_reset(c);
    li(c, S0, UART);
    li(c, A2, MTIME_END);
    li(c, A3, MTIMECMP);
    li(c, S1, life->prints);
    put(c, addi(A0, ZERO, life->letter));
    put(c, addi(T0, ZERO, TIMER_BIT));
    put(c, csr(CSR_MIE, 2, ZERO, T0));
    uint64_t again = c->at;
    put(c, sb(S0, A0, 0));
    put_sleep(c);
    li(c, T2, SPINS);
    put(c, addi(T2, T2, -1));
    put(c, bne(T2, ZERO, -4));
    put(c, addi(S1, S1, -1));
    put(c, bne(S1, ZERO, (int)(again - c->at)));
    li(c, T2, (uint32_t)life->status << 16 | FINISHER_FAIL);
    put(c, sw(A1, T2, 0));
    put(c, jal(ZERO, 0));
}

/* ---- the machine ------------------------------------------------------------- */

static const BoardClass *board_of_riscv(void)
{
    unsigned i = 0;
    while (strcmp(board_classes[i]->name, "virt") || strcmp(board_classes[i]->arch, "riscv64")) {
        i++;
    }
    return board_classes[i];
}

/* The same names in every machine. */
static void open_ends(Machine *m, MachineConfig *config, const char *disk)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *drive = g_strdup_printf("file=%s,format=raw,if=none,id=disk", disk);
    config->serial[0] = test_chardev(m->chardevs, "ringbuf,id=serial", &err);
    g_assert_no_error(err);
    BlockBackend *blk = test_drive(m->drives, drive, &err);
    g_assert_no_error(err);
    g_assert_nonnull(blk);
}

static void build(Machine *m, const MachineConfig *config, Accel *a)
{
    g_autoptr(GError) err = NULL;
    bool ok = machine_build(m, config, a, &err) &&
              test_add_device(m, "virtio-blk-device,drive=disk,id=blk", &err) &&
              test_add_device(m, "virtio-rng-device,id=rng", &err) && machine_finish(m, &err) &&
              a->class->start(a, &err);
    g_assert_no_error(err);
    g_assert_true(ok);
}

static void load(Machine *m, const Life *life)
{
    uint8_t page[4096] = { 0 };
    Code c = { page, 0 };
    put_program(&c, life);
    g_assert_cmpint(rom_write(m->memory, BARE_RAM, page, sizeof(page)), ==, BUS_OK);
}

static void check_output(Machine *m, const Life *life)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(GBytes) output = chardev_ringbuf_read(chardev_find(m->chardevs, "serial"), 1 << 16, &err);
    g_assert_no_error(err);
    gsize size;
    const char *text = g_bytes_get_data(output, &size);
    g_assert_cmpuint(size, ==, life->prints);
    for (gsize i = 0; i < size; i++) {
        g_assert_cmpint(text[i], ==, life->letter);
    }
}

/* Each machine's drive is its own. */
static void use_disk(Machine *m, const Life *life, bool write)
{
    g_autoptr(GError) err = NULL;
    BlockBackend *blk = block_find(m->drives, "disk");
    char sector[512];
    memset(sector, write ? life->letter : 0, sizeof(sector));
    bool ok = write ? block_write_sync(blk, 512, sector, sizeof(sector), &err)
                    : block_read_sync(blk, 512, sector, sizeof(sector), &err);
    g_assert_no_error(err);
    g_assert_true(ok && sector[0] == life->letter && sector[511] == life->letter);
}

static uint64_t flushes_of(const Machine *m)
{
    g_autoptr(GString) info = g_string_new(NULL);
    m->accel->class->info(m->accel, info);
    const char *line = strstr(info->str, "\nflushes ");
    g_assert_nonnull(line);
    return g_ascii_strtoull(line + strlen("\nflushes "), NULL, 10);
}

static void run(Machine *m, const Life *life)
{
    use_disk(m, life, true);
    load(m, life);
    machine_reset(m);
    runstate_start(m);
    g_assert_cmpint(event_loop_run(m->loop), ==, life->status);
    g_assert_cmpint(runstate_get(m), ==, RUN_SHUTDOWN);
    g_assert_false(clock_virtual_runs(m->clock));
    check_output(m, life);
    use_disk(m, life, false);
}

static char *make_disk(void)
{
    char *path = NULL;
    int fd = g_file_open_tmp("lyrebird-disk-XXXXXX", &path, NULL);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, DISK_BYTES), ==, 0);
    close(fd);
    return path;
}

static gpointer live(gpointer opaque)
{
    Life *life = opaque;
    g_autoptr(GError) err = NULL;
    g_autofree char *disk = make_disk();
    MachineConfig config = { .board = board_of_riscv(), .ram_size = RAM_BYTES, .bios = (char *)"none" };
    config.cpus = config.max_cpus = config.sockets = config.cores = config.threads = 1;
    EventLoop *loop = event_loop_new(NULL);
    Machine *m = machine_new(loop);
    open_ends(m, &config, disk);
    struct json_object *none = keyval_read("", NULL, NULL);
    Accel *a = accel_open(life->accel, NULL, loop, none, &err);
    keyval_free(none);
    g_assert_no_error(err);
    build(m, &config, a);
    run(m, life);
    life->flushes = flushes_of(m);
    runstate_finish(m);
    a->class->close(a);
    machine_free(m);
    event_loop_free(loop);
    unlink(disk);
    return NULL;
}

/* ---- tests --------------------------------------------------------------------- */

static void side_by_side(Life *lives, unsigned count)
{
    GThread *threads[8];
    for (unsigned i = 0; i < count; i++) {
        threads[i] = g_thread_new("machine", live, &lives[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        g_thread_join(threads[i]);
    }
}

static void test_in_turn(gconstpointer accel)
{
    for (int i = 0; i < 5; i++) {
        Life life = { accel, (char)('a' + i), 20, i + 1, 0 };
        live(&life); /* all in this thread */
    }
}

static void test_side_by_side(gconstpointer accel)
{
    Life lives[] = { { accel, 'a', 300, 3, 0 }, { accel, 'b', 200, 5, 0 }, { "interp", 'c', 100, 7, 0 } };
    side_by_side(lives, G_N_ELEMENTS(lives));
}

/* Others come and go while one runs, and does what it would do alone. */
static void test_coming_and_going(gconstpointer accel)
{
    Life alone = { .accel = accel, .letter = 's', .prints = 1500, .status = 9 }, steady = alone;
    live(&alone);
    GThread *thread = g_thread_new("machine", live, &steady);
    for (int i = 0; i < 6; i++) {
        Life lives[] = { { accel, (char)('a' + i), 5 + i, 1, 0 }, { accel, (char)('A' + i), 11 - i, 2, 0 } };
        side_by_side(lives, G_N_ELEMENTS(lives));
    }
    g_thread_join(thread);
    g_assert_cmpuint(steady.flushes, ==, alone.flushes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(argc, ==, 2); /* the accelerator */
    g_test_add_data_func("/two-machines/in-turn", argv[1], test_in_turn);
    g_test_add_data_func("/two-machines/side-by-side", argv[1], test_side_by_side);
    g_test_add_data_func("/two-machines/coming-and-going", argv[1], test_coming_and_going);
    return g_test_run();
}
