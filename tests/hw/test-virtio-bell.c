/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doorbells that are events: served by the loop, gone with the queue, kept while the machine is stopped, rung again after a load. */
#include "virtio-rig.h"

#include "base/clock.h"

static void start(Rig *r, RigQueue *q, RigKind kind)
{
    rig_open(r, kind, "virtio-rng", "ioeventfd=on");
    rig_start(r, 0);
    rig_queue(r, q, 0, 8);
    g_assert_cmphex(r->v->bell.queues, ==, 0);
    rig_driver_ok(r);
    g_assert_cmphex(r->v->bell.queues, ==, 1);
    rig_loop();
}

static void ask(RigQueue *q)
{
    const RigBuf buf = { RIG_DATA, 16, true };
    rig_add_chain(q, &buf, 1, 0);
    rig_kick(q);
}

static RigKind kind_of(gconstpointer data)
{
    return GPOINTER_TO_INT(data);
}

static void test_served(gconstpointer data)
{
    Rig r;
    RigQueue q;
    start(&r, &q, kind_of(data));
    for (unsigned i = 0; i < 20; i++) {
        ask(&q);
        g_assert_false(rig_used(&q)); /* nobody has called the device */
        g_assert_cmpuint(rig_wait(&q, NULL), ==, 16);
    }
    g_assert_true(q.used_idx == 20);
    rig_reset_device(&r);
    g_assert_cmphex(r.v->bell.queues, ==, 0);
    rig_close(&r);
}

/* Rung, and gone before the loop came to it. */
static void test_removed(gconstpointer data)
{
    Rig r;
    RigQueue q;
    start(&r, &q, kind_of(data));
    ask(&q);
    if (kind_of(data) == RIG_PCI) {
        rig_pci_config_write(&r, 8, PCI_COMMAND, 2, PCI_COMMAND_MASTER); /* its registers are nowhere */
        rig_pci_config_write(&r, 8, PCI_COMMAND, 2, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY);
    }
    rig_close(&r);
}

static void test_reset(gconstpointer data)
{
    Rig r;
    RigQueue q;
    start(&r, &q, kind_of(data));
    ask(&q);
    rig_reset_device(&r); /* the driver has its buffers again */
    memset(rig_ram(&r, RIG_DATA), 0x55, 16);
    for (unsigned i = 0; i < 5; i++) {
        rig_loop();
    }
    g_assert_cmphex(*(uint64_t *)rig_ram(&r, RIG_DATA), ==, UINT64_C(0x5555555555555555));
    rig_close(&r);
}

static void test_stopped(gconstpointer data)
{
    Rig r;
    RigQueue q;
    start(&r, &q, kind_of(data));
    ask(&q);
    clock_virtual_stop(r.m->clock);
    for (unsigned i = 0; i < 5; i++) {
        rig_loop();
    }
    g_assert_false(rig_used(&q));
    clock_virtual_start(r.m->clock);
    g_assert_cmpuint(rig_wait(&q, NULL), ==, 16);
    rig_close(&r);
}

/* A state in which the driver has rung, and nobody has come to it. */
static void test_loaded(gconstpointer data)
{
    Rig r;
    RigQueue q;
    g_autoptr(GError) err = NULL;
    start(&r, &q, kind_of(data));
    const RigBuf buf = { RIG_DATA, 16, true };
    rig_add_chain(&q, &buf, 1, 0);
    g_autoptr(GByteArray) saved = device_save(&r.v->dev);
    g_assert_true(device_load(&r.v->dev, saved->data, saved->len, &err));
    g_assert_no_error(err);
    g_assert_cmphex(r.v->bell.queues, ==, 1);
    g_assert_cmpuint(rig_wait(&q, NULL), ==, 16);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer data);
    } cases[] = { { "served", test_served },
                  { "removed", test_removed },
                  { "reset", test_reset },
                  { "stopped", test_stopped },
                  { "loaded", test_loaded } };
    g_test_init(&argc, &argv, NULL);
    for (int kind = RIG_LEGACY; kind <= RIG_PCI; kind++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
            g_autofree char *name = g_strdup_printf("/bell/%s/%s", rig_kind_names[kind], cases[i].name);
            g_test_add_data_func(name, GINT_TO_POINTER(kind), cases[i].fn);
        }
    }
    return g_test_run();
}
