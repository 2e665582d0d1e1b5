/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device core by a small device: properties, reset, state, buses. */
#include "hw/device.h"

#include <string.h>

#include "hw/board.h"

typedef struct Toy {
    Device dev;
    uint32_t speed;
    uint64_t room;
    char *title;
    int color;
    uint8_t mac[6];
    int32_t addr;
    Irq irq;
    struct ToyState {
        uint32_t ctrl, status, kept;
        uint16_t table[4];
        bool on;
        Fifo8 rx;
    } s;
    unsigned refreshed;
} Toy;

static const char *const colors[] = { "red", "green", NULL };
static const Prop toy_props[] = {
    { "speed", PROP_U32, offsetof(Toy, speed), "ticks", .def = 9600, .min = 1, .max = 100000 },
    { "room", PROP_SIZE, offsetof(Toy, room), "bytes", .def = 4096 },
    { "title", PROP_STRING, offsetof(Toy, title), "text", .def_string = "toy" },
    { "color", PROP_ENUM, offsetof(Toy, color), "color", .names = colors },
    { "mac", PROP_MAC, offsetof(Toy, mac), "address" },
    { "addr", PROP_PCI_ADDR, offsetof(Toy, addr), "place" },
    { NULL },
};
static const Field toy_state[] = {
    STATE_U32(Toy, ctrl, .reset = 5),
    STATE_U32(Toy, status, .max = 0xff),
    STATE_U32(Toy, kept, .keep = true),
    STATE_U16(Toy, table, .reset = 7),
    STATE_BOOL(Toy, on, .since = 2, .reset = 1),
    STATE_FIFO8(Toy, rx),
    { NULL },
};
static void toy_refresh(Device *dev)
{
    Toy *t = (Toy *)dev;
    t->refreshed++;
    irq_set(&t->irq, t->s.rx.used != 0);
}
static const DeviceClass toy_class = {
    .name = "toy",
    .bus = "Shelf",
    .size = sizeof(Toy),
    .props = toy_props,
    .state = toy_state,
    .state_offset = offsetof(Toy, s),
    .state_size = sizeof(struct ToyState),
    .version = 2,
    .refresh = toy_refresh,
};

static Toy *toy_new(void)
{
    Toy *t = (Toy *)device_new(&toy_class, NULL, "toy0");
    g_assert_true(device_realize(&t->dev, NULL, NULL));
    device_reset(&t->dev);
    return t;
}

static void assert_refused(Device *dev, const char *name, const char *value, const char *why)
{
    g_autoptr(GError) err = NULL;
    g_assert_false(device_set_prop(dev, name, value, &err));
    g_test_message("%s", err->message);
    g_assert_nonnull(strstr(err->message, why));
}

static void test_props(void)
{
    Toy *t = (Toy *)device_new(&toy_class, NULL, NULL);
    Device *dev = &t->dev;
    g_assert_cmpuint(t->speed, ==, 9600);
    g_assert_cmpint(t->addr, ==, -1);
    g_assert_true(device_set_prop(dev, "speed", "0x10", NULL));
    g_assert_true(device_set_prop(dev, "room", "2M", NULL));
    g_assert_true(device_set_prop(dev, "title", "x", NULL));
    g_assert_true(device_set_prop(dev, "color", "GREEN", NULL));
    g_assert_true(device_set_prop(dev, "mac", "52:54:00:12:34:ff", NULL));
    g_assert_true(device_set_prop(dev, "addr", "1f.7", NULL));
    static const char *const texts[] = {
        "16 (0x10)", "2097152 (2 MiB)", "\"x\"", "\"green\"", "\"52:54:00:12:34:ff\"", "1f.7",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *text = device_get_prop(dev, &toy_props[i]);
        g_assert_cmpstr(text, ==, texts[i]);
    }
    assert_refused(dev, "speed", "0", "from 1 to 100000");
    assert_refused(dev, "speed", "fast", "'fast'");
    assert_refused(dev, "color", "grene", "did you mean 'green'?");
    assert_refused(dev, "colour", "red", "did you mean 'color'?");
    assert_refused(dev, "mac", "52:54:00:12:34", "six bytes");
    assert_refused(dev, "addr", "20", "slot");
    g_assert_true(device_realize(dev, NULL, NULL));
    assert_refused(dev, "speed", "1", "in use");
    device_free(dev);
}

static void test_reset(void)
{
    Toy *t = toy_new();
    t->s.kept = 42;
    t->s.table[3] = 1;
    t->s.on = false;
    fifo8_push(&t->s.rx, 1, 16);
    device_reset(&t->dev);
    g_assert_cmpuint(t->s.kept, ==, 42);
    g_assert_cmpuint(t->s.table[3], ==, 7);
    g_assert_true(t->s.on);
    g_assert_cmpuint(fifo8_used(&t->s.rx), ==, 0);
    device_free(&t->dev);
}

static void test_stream(void)
{
    Toy *t = toy_new(), *u = toy_new();
    t->s.ctrl = 0x1234;
    t->s.table[1] = 9;
    for (unsigned i = 0; i < 70; i++) { /* so that the ring has wrapped */
        fifo8_push(&t->s.rx, (uint8_t)i, 3);
        if (i > 60) {
            fifo8_pop(&t->s.rx);
        }
    }
    g_autoptr(GByteArray) a = device_save(&t->dev);
    g_assert_true(device_load(&u->dev, a->data, a->len, NULL));
    g_autoptr(GByteArray) b = device_save(&u->dev);
    g_assert_cmpmem(a->data, a->len, b->data, b->len);
    g_assert_cmpuint(u->s.table[1], ==, 9);
    g_assert_cmpint(u->irq.level, ==, t->s.rx.used != 0);
    device_free(&t->dev);
    device_free(&u->dev);
}

/* A refused stream changes nothing, and one that loads brings what is derived up to date. */
static void test_refused_stream(void)
{
    Toy *t = toy_new();
    g_autoptr(GError) err = NULL;
    fifo8_push(&t->s.rx, 1, 16);
    g_autoptr(GByteArray) s = device_save(&t->dev);
    unsigned refreshed = t->refreshed;
    s->data[s->len / 2] ^= 1;
    g_assert_false(device_load(&t->dev, s->data, s->len, &err));
    g_assert_nonnull(strstr(err->message, "'toy0'"));
    g_assert_cmpuint(fifo8_used(&t->s.rx), ==, 1);
    s->data[s->len / 2] ^= 1;
    g_assert_true(device_load(&t->dev, s->data, s->len, NULL));
    g_assert_cmpuint(t->refreshed, >, refreshed);
    g_assert_cmpint(t->irq.level, ==, 1);
    device_free(&t->dev);
}

static bool refuse(Bus *bus, Device *dev, GError **err)
{
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "no");
    return false;
}

static void test_buses(void)
{
    g_autoptr(GError) err = NULL;
    Bus *bus = bus_new(NULL, NULL, "Shelf", "shelf.0");
    bus->capacity = 1;
    Toy *a = (Toy *)device_new(&toy_class, NULL, "a"), *b = (Toy *)device_new(&toy_class, NULL, "b");
    g_assert_true(device_realize(&a->dev, bus, NULL));
    g_assert_false(device_realize(&b->dev, bus, &err));
    g_assert_nonnull(strstr(err->message, "full"));
    device_free(&a->dev);
    g_assert_cmpuint(bus->devices->len, ==, 0);
    bus->attach = refuse;
    g_assert_false(device_realize(&b->dev, bus, NULL));
    g_assert_null(b->dev.bus);
    bus->attach = NULL;
    g_assert_true(device_realize(&b->dev, bus, NULL));
    bus_free(bus); /* with b */
}

/* A device reads and writes what its bus sees as memory, or the nearest bus above that says so. */
static void test_dma(void)
{
    MemoryRegion all, other;
    memory_region_init_container(&all, NULL, "all", UINT64_MAX);
    memory_region_init_container(&other, NULL, "other", UINT64_MAX);
    Machine m = { .memory = address_space_new(&all, "memory"),
                  .devices = g_ptr_array_new(),
                  .buses = g_ptr_array_new(),
                  .globals = g_ptr_array_new() };
    AddressSpace *translated = address_space_new(&other, "translated");
    Bus *plain = bus_new(&m, NULL, "Shelf", "shelf.0"), *behind = bus_new(&m, NULL, "Shelf", "shelf.1");
    behind->dma = translated;
    Device *a = device_new(&toy_class, &m, "a"), *b = device_new(&toy_class, &m, "b");
    Device *inside = device_new(&toy_class, &m, "c");
    Bus *inner = bus_new(&m, b, "Shelf", "shelf.2");
    g_assert_true(device_realize(a, plain, NULL) && device_realize(b, behind, NULL));
    g_assert_true(device_realize(inside, inner, NULL));
    g_assert_true(a->dma == m.memory && b->dma == translated && inside->dma == translated);
    bus_free(plain);
    bus_free(behind);
    address_space_free(translated);
    address_space_free(m.memory);
    g_ptr_array_free(m.devices, TRUE);
    g_ptr_array_free(m.buses, TRUE);
    g_ptr_array_free(m.globals, TRUE);
    memory_region_finish(&all);
    memory_region_finish(&other);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/props", test_props);
    g_test_add_func("/device/reset", test_reset);
    g_test_add_func("/device/stream", test_stream);
    g_test_add_func("/device/refused-stream", test_refused_stream);
    g_test_add_func("/device/buses", test_buses);
    g_test_add_func("/device/dma", test_dma);
    return g_test_run();
}
