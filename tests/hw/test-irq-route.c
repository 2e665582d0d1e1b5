/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts go to the accelerator's controllers when it has some, else to the board's. */
#include <glib.h>

#include "accel/accel.h"
#include "hw/board.h"

/* Who was told last, and what. */
static struct {
    const char *who;
    unsigned line;
    int level;
    uint64_t addr;
    uint32_t data;
} heard;

static void chip_line(Accel *a, unsigned gsi, int level)
{
    heard.who = "kernel";
    heard.line = gsi;
    heard.level = level;
}

static int chip_msi(Accel *a, uint64_t addr, uint32_t data)
{
    heard.who = "kernel";
    heard.addr = addr;
    heard.data = data;
    return addr == 0xfee00000 ? 1 : -1;
}

static void board_line(void *opaque, int line, int level)
{
    heard.who = opaque;
    heard.line = line;
    heard.level = level;
}

static bool board_msi(Machine *m, uint64_t addr, uint32_t data)
{
    heard.who = "board";
    heard.addr = addr;
    heard.data = data;
    return true;
}

static const AccelClass with_chip = { .name = "chip", .irq_set = chip_line, .msi_send = chip_msi };
static const AccelClass without = { .name = "plain" };

static void check_line(Accel *a, const char *who, unsigned line)
{
    Machine m = { .accel = a };
    Irq irq = { 0 };
    machine_connect_irq(&m, &irq, 33, board_line, "board", 4);
    irq_raise(&irq);
    g_assert_cmpstr(heard.who, ==, who);
    g_assert_cmpuint(heard.line, ==, line);
    g_assert_cmpint(heard.level, ==, 1);
    irq_lower(&irq);
    g_assert_cmpint(heard.level, ==, 0);
}

static void test_lines(void)
{
    Accel chip = { .class = &with_chip, .irqchip = ACCEL_IRQCHIP_ALL }, plain = { .class = &without };
    check_line(&chip, "kernel", 33);
    check_line(&plain, "board", 4);
    check_line(NULL, "board", 4);
}

static void test_messages(void)
{
    Accel chip = { .class = &with_chip, .irqchip = ACCEL_IRQCHIP_ALL }, plain = { .class = &without };
    Machine m = { .accel = &chip, .msi_send = board_msi };
    g_assert_true(machine_send_msi(&m, 0xfee00000, 0x41));
    g_assert_cmpstr(heard.who, ==, "kernel");
    g_assert_cmphex(heard.data, ==, 0x41);
    g_assert_false(machine_send_msi(&m, 0x1000, 0x41)); /* no controller's address */
    m.accel = &plain;
    g_assert_true(machine_send_msi(&m, 0x28000000, 0x42));
    g_assert_cmpstr(heard.who, ==, "board");
    g_assert_cmphex(heard.addr, ==, 0x28000000);
    m.msi_send = NULL;
    g_assert_false(machine_send_msi(&m, 0x28000000, 0x42));
}

/* ---- limits ------------------------------------------------------------------ */

static bool vcpu_init(Accel *a, CPU *cpu, GError **err)
{
    return true;
}

static void test_limits(void)
{
    static const AccelClass class = { .name = "small", .vcpu_init = vcpu_init, .vcpu_ops = &vcpu_ops_none };
    Accel small = { .class = &class, .limits.max_vcpus = 2 };
    CPU second = { .index = 1 }, third = { .index = 2 };
    g_autoptr(GError) err = NULL;
    g_assert_true(accel_add_vcpu(&small, &second, &err));
    g_assert_true(second.accel == &small);
    g_assert_false(accel_add_vcpu(&small, &third, &err));
    g_assert_cmpstr(err->message, ==,
                    "-accel small runs 2 vCPUs at most, and this is number 3\n  do:  -smp 2");
    g_assert_null(third.accel);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/irq-route/lines", test_lines);
    g_test_add_func("/irq-route/messages", test_messages);
    g_test_add_func("/irq-route/limits", test_limits);
    return g_test_run();
}
