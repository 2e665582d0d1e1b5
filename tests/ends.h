/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host ends of a test, each kind made when it is first asked for: for tests that have no machine,
 * or open them before it. */
#pragma once
#include <string.h>

#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "hw/object.h"
#include "net/net.h"
#include "tests/loop.h"

/* Weak: the same in all files of a test. */
__attribute__((weak)) struct {
    Drives *drives;
    Chardevs *chardevs;
    Nets *nets;
} test_ends;

static inline Drives *test_drives(void)
{
    test_ends.drives = test_ends.drives ? test_ends.drives : drives_new(test_loop(), test_clock());
    return test_ends.drives;
}

static inline Chardevs *test_chardevs(void)
{
    test_ends.chardevs = test_ends.chardevs ? test_ends.chardevs : chardevs_new(test_loop());
    return test_ends.chardevs;
}

static inline Nets *test_nets(void)
{
    test_ends.nets = test_ends.nets ? test_ends.nets : nets_new(test_loop(), test_clock(), test_chardevs());
    return test_ends.nets;
}

static inline void test_close_drives(void)
{
    g_clear_pointer(&test_ends.drives, drives_free);
}

static inline void test_close_nets(void)
{
    g_clear_pointer(&test_ends.nets, nets_free);
}

static inline void test_close_chardevs(void)
{
    test_close_nets();
    g_clear_pointer(&test_ends.chardevs, chardevs_free);
}

/* A machine that takes over the host ends made so far, which machine_free closes; NULL and the error:
 * its board could not be built. */
static inline Machine *test_machine_new(const MachineConfig *config, Accel *accel, GError **err)
{
    Machine *m = machine_new(test_loop());
    drives_free(m->drives);
    nets_free(m->nets);
    chardevs_free(m->chardevs);
    m->drives = test_drives();
    m->nets = test_nets();
    m->chardevs = test_chardevs();
    objects_free(m->objects);
    m->objects = objects_new(m->drives);
    memset(&test_ends, 0, sizeof(test_ends));
    if (!machine_build(m, config, accel, err)) {
        g_clear_pointer(&m, machine_free);
    }
    return m;
}
