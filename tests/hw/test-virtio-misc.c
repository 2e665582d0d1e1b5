/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio entropy, balloon and console devices, and the PCI host under them. */
#include <json-c/json.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "hw/virtio_balloon.h"
#include "monitor/monitor.h"
#include "base/clock.h"
#include "util/keyval.h"
#include "virtio-rig.h"
#include "tests/loop.h"
#include "tests/made.h"

/* ---- entropy ------------------------------------------------------------- */

static void test_rng(gconstpointer kind)
{
    Rig r;
    RigQueue q;
    rig_open(&r, GPOINTER_TO_INT(kind), "virtio-rng", "max-bytes=1000,period=10");
    rig_start(&r, UINT64_MAX);
    rig_queue(&r, &q, 0, 8);
    rig_driver_ok(&r);
    clock_virtual_start(r.m->clock);
    const RigBuf bufs[] = { { RIG_DATA, 600, true }, { RIG_DATA + 600, 100, true } };
    uint32_t got = 0;
    for (unsigned i = 0; i < 4; i++) { /* 2800 bytes at 1000 a period */
        rig_add_chain(&q, bufs, 2, 0);
        rig_kick(&q);
        got += rig_wait(&q, NULL);
    }
    g_assert_cmpuint(got, >, 1000);
    unsigned zeroes = 0;
    for (unsigned i = 0; i < 300; i++) {
        zeroes += !((uint8_t *)rig_ram(&r, RIG_DATA))[i];
    }
    g_assert_cmpuint(zeroes, <, 30);
    clock_virtual_stop(r.m->clock);
    rig_close(&r);
}

/* ---- balloon ------------------------------------------------------------- */

static bool resident(Rig *r, hwaddr addr)
{
    unsigned char in;
    g_assert_cmpint(mincore(rig_ram(r, addr), 4096, &in), ==, 0);
    return in & 1;
}

static const LiveProp *live(const Device *dev, const char *name)
{
    const LiveProp *p = dev->class->live;
    while (strcmp(p->name, name) != 0) {
        p++;
    }
    return p;
}

/* As qom-set does. */
static bool set_interval(Device *dev, int64_t seconds)
{
    json_object *value = json_object_new_int64(seconds);
    bool ok = live(dev, "guest-stats-polling-interval")->set(dev, value, NULL);
    json_object_put(value);
    return ok;
}

static void pass(Rig *r, int64_t ns)
{
    clock_virtual_set_ns(r->m->clock, clock_get_ns(r->m->clock, CLK_VIRTUAL) + ns);
    clock_run_timers(r->m->clock);
}

/* Asked again by itself, a while after each answer and not before; the time of the answer is told. */
static void poll_stats(Rig *r, RigQueue *stats, const RigBuf *values)
{
    const int64_t second = 1000000000;
    Device *dev = &r->v->dev;
    g_assert_false(set_interval(dev, -1));
    g_assert_true(set_interval(dev, 2));
    clock_virtual_stop(r->m->clock);
    for (int i = 0; i < 2; i++) {
        rig_add_chain(stats, values, 1, 0);
        rig_kick(stats);
        pass(r, 2 * second - 1);
        g_assert_false(rig_used(stats));
        pass(r, 1);
        g_assert_true(rig_used(stats));
        rig_wait(stats, NULL);
    }
    json_object *all = live(dev, "guest-stats")->get(dev), *updated;
    g_assert_true(json_object_object_get_ex(all, "last-update", &updated));
    int64_t age = clock_get_ns(NULL, CLK_HOST) / second - json_object_get_int64(updated);
    g_assert_true(age >= 0 && age < 600);
    json_object_put(all);
    g_assert_true(set_interval(dev, 0));
    rig_add_chain(stats, values, 1, 0);
    rig_kick(stats);
    pass(r, 10 * second);
    g_assert_false(rig_used(stats));
    clock_virtual_start(r->m->clock);
    virtio_balloon_poll_stats(dev);
    rig_wait(stats, NULL);
}

static void test_balloon(gconstpointer kind)
{
    Rig r;
    RigQueue inflate, deflate, stats;
    rig_open(&r, GPOINTER_TO_INT(kind), "virtio-balloon", NULL);
    rig_start(&r, UINT64_MAX);
    rig_queue(&r, &inflate, 0, 16);
    rig_queue(&r, &deflate, 1, 16);
    rig_queue(&r, &stats, 2, 16);
    rig_driver_ok(&r);
    virtio_balloon_set_target(&r.v->dev, RIG_RAM_SIZE / 2);
    g_assert_cmpint(rig_isr(&r), ==, VIRTIO_ISR_CONFIG);
    g_assert_cmpint(rig_config(&r, 0, 4), ==, RIG_RAM_SIZE / 2 / 4096);
    uint32_t pfns[] = { (RIG_RAM >> 12) + 1024, (RIG_RAM >> 12) + 1025, 5, UINT32_MAX,
                        (RIG_RAM >> 12) + 1027 };
    memcpy(rig_ram(&r, RIG_DATA), pfns, sizeof(pfns));
    for (unsigned i = 1024; i < 1028; i++) {
        memset(rig_ram(&r, RIG_RAM + 4096 * i), 0xaa, 4096);
    }
    const RigBuf list = { RIG_DATA, sizeof(pfns), false };
    rig_add_chain(&inflate, &list, 1, 0);
    rig_kick(&inflate);
    rig_wait(&inflate, NULL);
    g_assert_false(resident(&r, RIG_RAM + 4096 * 1024));
    g_assert_false(resident(&r, RIG_RAM + 4096 * 1027));
    g_assert_cmpint(*(uint8_t *)rig_ram(&r, RIG_RAM + 4096 * 1025), ==, 0);
    g_assert_cmpint(*(uint8_t *)rig_ram(&r, RIG_RAM + 4096 * 1026), ==, 0xaa);
    rig_add_chain(&deflate, &list, 1, 0);
    rig_kick(&deflate);
    rig_wait(&deflate, NULL);
    rig_config_write(&r, 4, 4, 100);
    g_assert_cmpuint(virtio_balloon_actual(&r.v->dev), ==, RIG_RAM_SIZE - 100 * 4096);
    struct __attribute__((packed)) {
        uint16_t tag;
        uint64_t value;
    } s[] = { { 4, 1234 }, { 99, 1 }, { 5, UINT64_C(77) << 20 }, { 2, 33 } };
    memcpy(rig_ram(&r, RIG_DATA), s, sizeof(s));
    const RigBuf values = { RIG_DATA, sizeof(s), false };
    rig_add_chain(&stats, &values, 1, 0);
    rig_kick(&stats);
    g_assert_false(rig_used(&stats)); /* held until asked for */
    g_assert_cmpuint(virtio_balloon_stat(&r.v->dev, 5), ==, UINT64_C(77) << 20);
    g_assert_cmpuint(virtio_balloon_stat(&r.v->dev, 6), ==, UINT64_MAX);
    g_autofree char *info = monitor_run_line(r.m, "info balloon"); /* and asks for newer ones */
    g_assert_cmpstr(strchr(info, ','), ==, ",major_page_faults=33,free_mem=0,total_mem=77\n");
    g_assert_true(rig_used(&stats));
    rig_wait(&stats, NULL);
    poll_stats(&r, &stats, &values);
    rig_add_chain(&stats, &values, 1, 0);
    rig_kick(&stats);
    rig_reset_device(&r); /* with a buffer held */
    rig_close(&r);
}

/* ---- console ------------------------------------------------------------- */

typedef struct Console {
    Rig r;
    RigQueue rx0, tx0, crx, ctx, rx1, tx1;
    int fd[2]; /* the host's ends of ports 0 and 1 */
    char *dir;
} Console;

static int host_end(Console *c, const char *id)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *path = g_strdup_printf("%s/%s", c->dir, id);
    g_autofree char *text = g_strdup_printf("backend=socket,path=%s,server=on,wait=off,id=%s", path, id);
    g_assert_nonnull(test_chardev(c->r.m->chardevs, text, &err));
    g_assert_no_error(err);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    return fd;
}

static void loops(unsigned n)
{
    while (n--) {
        rig_loop();
    }
}

static void console_open(Console *c, gconstpointer kind)
{
    memset(c, 0, sizeof(*c));
    c->dir = g_dir_make_tmp("lyrebird-XXXXXX", NULL);
    rig_open(&c->r, GPOINTER_TO_INT(kind), "virtio-serial", "max_ports=4,id=vs");
    g_assert_nonnull(machine_find_bus(c->r.m, "vs.0"));
    c->fd[0] = host_end(c, "c0");
    c->fd[1] = host_end(c, "c1");
    rig_add(&c->r, "virtserialport", "chardev=c1,name=org.test.0");
    rig_add(&c->r, "virtconsole", "chardev=c0");
}

static void console_close(Console *c)
{
    rig_close(&c->r);
    close(c->fd[0]);
    close(c->fd[1]);
    g_autofree char *rm = g_strdup_printf("rm -rf %s", c->dir);
    g_assert_cmpint(system(rm), ==, 0);
    g_free(c->dir);
}

static void console_start(Console *c, uint64_t features)
{
    rig_start(&c->r, features);
    RigQueue *const all[] = { &c->rx0, &c->tx0, &c->crx, &c->ctx, &c->rx1, &c->tx1 };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        rig_queue(&c->r, all[i], i, 16);
    }
    rig_driver_ok(&c->r);
    loops(10);
}

static void say(Console *c, uint32_t port, uint16_t event, uint16_t value)
{
    struct {
        uint32_t id;
        uint16_t event, value;
    } m = { port, event, value };
    memcpy(rig_ram(&c->r, RIG_DATA), &m, sizeof(m));
    const RigBuf b = { RIG_DATA, sizeof(m), false };
    rig_add_chain(&c->ctx, &b, 1, 0);
    rig_kick(&c->ctx);
    rig_wait(&c->ctx, NULL);
}

/* The next message of the device, as text. */
static char *hear(Console *c)
{
    const RigBuf b = { RIG_DATA + 4096, 256, true };
    rig_add_chain(&c->crx, &b, 1, 0);
    rig_kick(&c->crx);
    if (!rig_used(&c->crx)) {
        return g_strdup("nothing");
    }
    uint32_t len = rig_wait(&c->crx, NULL);
    struct {
        uint32_t id;
        uint16_t event, value;
    } m;
    memcpy(&m, rig_ram(&c->r, RIG_DATA + 4096), sizeof(m));
    return g_strdup_printf("%u %u %u %.*s", m.id, m.event, m.value, (int)(len - 8),
                           (char *)rig_ram(&c->r, RIG_DATA + 4096 + 8));
}

static void expect(Console *c, const char *want)
{
    g_autofree char *got = hear(c);
    g_assert_cmpstr(got, ==, want);
}

static void to_host(Console *c, RigQueue *q, int fd, const char *text)
{
    char buf[64] = { 0 };
    strcpy(rig_ram(&c->r, RIG_DATA), text);
    const RigBuf b = { RIG_DATA, (uint32_t)strlen(text), false };
    rig_add_chain(q, &b, 1, 0);
    rig_kick(q);
    rig_wait(q, NULL);
    loops(5);
    g_assert_cmpint(recv(fd, buf, sizeof(buf), 0), ==, strlen(text));
    g_assert_cmpstr(buf, ==, text);
}

static void to_guest(Console *c, RigQueue *q, int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), 0), ==, strlen(text));
    loops(10);
    g_assert_false(rig_used(q)); /* no buffer yet: it waits outside */
    const RigBuf b = { RIG_DATA + 8192, 4, true };
    size_t at = 0;
    while (at < strlen(text)) {
        rig_add_chain(q, &b, 1, 0);
        rig_kick(q);
        uint32_t n = rig_wait(q, NULL);
        g_assert_cmpmem(rig_ram(&c->r, RIG_DATA + 8192), n, text + at, n);
        at += n;
    }
}

static void test_console(gconstpointer kind)
{
    Console c;
    console_open(&c, kind);
    g_assert_cmpint(rig_config(&c.r, 4, 4), ==, 4);
    console_start(&c, 0); /* a driver of one port */
    to_host(&c, &c.tx0, c.fd[0], "hello");
    to_guest(&c, &c.rx0, c.fd[0], "keys and more keys");
    console_start(&c, UINT64_MAX);
    expect(&c, "nothing"); /* its buffer takes the first message */
    say(&c, UINT32_MAX, 0, 1);
    g_assert_cmpuint(rig_wait(&c.crx, NULL), ==, 8);
    expect(&c, "1 1 1 ");
    say(&c, 0, 3, 1);
    expect(&c, "0 4 1 ");
    expect(&c, "0 6 1 ");
    say(&c, 1, 3, 1);
    g_autofree char *name = hear(&c);
    g_assert_true(g_str_has_prefix(name, "1 7 1 org.test.0"));
    expect(&c, "1 6 1 ");
    say(&c, 1, 6, 1); /* open both */
    say(&c, 0, 6, 1);
    to_host(&c, &c.tx1, c.fd[1], "channel");
    to_guest(&c, &c.rx1, c.fd[1], "commands");
    to_guest(&c, &c.rx0, c.fd[0], "terminal");
    say(&c, 77, 6, 1); /* no such port */
    say(&c, 0, 99, 1);
    close(c.fd[1]);
    loops(20);
    expect(&c, "1 6 0 ");
    c.fd[1] = dup(c.fd[0]);
    rig_config_write(&c.r, 8, 4, 'E'); /* emergency write */
    loops(5);
    char byte;
    g_assert_cmpint(recv(c.fd[0], &byte, 1, 0), ==, 1);
    g_assert_cmpint(byte, ==, 'E');
    console_close(&c);
}

/* The host does not read: the guest's buffers wait; a reset takes them back. */
static void test_slow_host(gconstpointer kind)
{
    Console c;
    console_open(&c, kind);
    console_start(&c, 0);
    memset(rig_ram(&c.r, RIG_DATA), 'x', 0x100000);
    const RigBuf big = { RIG_DATA, 0x100000, false };
    for (unsigned i = 0; i < 4; i++) {
        rig_add_chain(&c.tx0, &big, 1, 0);
    }
    rig_kick(&c.tx0);
    loops(20);
    unsigned done = 0;
    while (rig_used(&c.tx0)) {
        rig_wait(&c.tx0, NULL);
        done++;
    }
    g_assert_cmpuint(done, <, 4);
    static char buf[0x10000];
    for (size_t got = 0; got < 4 * 0x100000;) {
        ssize_t n = recv(c.fd[0], buf, sizeof(buf), 0);
        got += n > 0 ? (size_t)n : 0;
        loops(1);
    }
    while (done < 4) {
        rig_wait(&c.tx0, NULL);
        done++;
    }
    for (unsigned i = 0; i < 4; i++) {
        rig_add_chain(&c.tx0, &big, 1, 0);
    }
    rig_kick(&c.tx0);
    rig_reset_device(&c.r);
    console_close(&c);
}

/* ---- PCI ----------------------------------------------------------------- */

static void test_pci_config(void)
{
    Rig r;
    rig_open(&r, RIG_PCI, "virtio-rng", NULL);
    g_assert_cmphex(rig_pci_config(&r, 0, 0, 4), ==, 0x00081b36);
    g_assert_cmphex(rig_pci_config(&r, 8, 0, 4), ==, 0x10441af4);
    g_assert_cmphex(rig_pci_config(&r, 16, 0, 4), ==, UINT32_MAX);
    g_assert_cmphex(rig_read(&r, RIG_ECAM + (1 << 20), 4), ==, UINT32_MAX); /* bus 1 */
    g_assert_cmphex(rig_pci_config(&r, 8, 0x100, 4), ==, UINT32_MAX);
    rig_pci_config_write(&r, 8, 0, 4, 0); /* read-only */
    g_assert_cmphex(rig_pci_config(&r, 8, 0, 2), ==, 0x1af4);
    rig_pci_config_write(&r, 8, PCI_BAR_0 + 16, 4, UINT32_MAX);
    rig_pci_config_write(&r, 8, PCI_BAR_0 + 20, 4, UINT32_MAX);
    g_assert_cmphex(rig_pci_config(&r, 8, PCI_BAR_0 + 16, 4), ==, 0xffffc00c);
    g_assert_cmphex(rig_pci_config(&r, 8, PCI_BAR_0 + 20, 4), ==, UINT32_MAX);
    rig_pci_config_write(&r, 8, PCI_BAR_0, 4, UINT32_MAX);
    g_assert_cmphex(rig_pci_config(&r, 8, PCI_BAR_0, 4), ==, 0);
    rig_pci_config_write(&r, 8, PCI_BAR_0 + 16, 4, RIG_BAR);
    rig_pci_config_write(&r, 8, PCI_BAR_0 + 20, 4, 0);
    unsigned types = 0, n = 0;
    for (unsigned at = rig_pci_config(&r, 8, PCI_CAPABILITIES, 1); at && n < 10; n++) {
        g_assert_cmphex(rig_pci_config(&r, 8, at, 1), ==, PCI_CAP_VENDOR);
        types |= 1u << rig_pci_config(&r, 8, at + 3, 1);
        if (rig_pci_config(&r, 8, at + 3, 1) == 5) { /* the window: read device_status through it */
            rig_set_status(&r, 3);
            rig_pci_config_write(&r, 8, at + 4, 1, 4);
            rig_pci_config_write(&r, 8, at + 8, 4, 20);
            rig_pci_config_write(&r, 8, at + 12, 4, 1);
            g_assert_cmphex(rig_pci_config(&r, 8, at + 16, 1), ==, 3);
            rig_pci_config_write(&r, 8, at + 16, 1, 0);
            g_assert_cmphex(rig_status(&r), ==, 0);
            rig_pci_config_write(&r, 8, at + 8, 4, UINT32_MAX);
            rig_pci_config_write(&r, 8, at + 12, 4, 4);
            g_assert_cmphex(rig_pci_config(&r, 8, at + 16, 4), ==, 0);
        }
        at = rig_pci_config(&r, 8, at + 1, 1);
    }
    g_assert_cmphex(types, ==, 0x3e);
    rig_close(&r);
}

/* Every size at every register, then random ones, with the BARs moving about. */
static void test_pci_random(void)
{
    Rig r;
    uint64_t v;
    rig_open(&r, RIG_PCI, "virtio-rng", NULL);
    rig_add(&r, "virtio-balloon-pci", NULL);
    g_autoptr(GRand) rnd = g_rand_new_with_seed(4);
    for (unsigned i = 0; i < 30000; i++) {
        unsigned size = 1u << g_rand_int_range(rnd, 0, 4), reg = g_rand_int(rnd) % 256 & ~(size - 1);
        hwaddr at = RIG_ECAM + ((g_rand_int(rnd) % 3) << 15) + reg;
        if (i % 4 == 0) {
            at = RIG_BAR + g_rand_int(rnd) % 0x8000;
            at &= ~(hwaddr)(size - 1);
        }
        uint32_t value = g_rand_int(rnd) >> (g_rand_int(rnd) & 31);
        if (g_rand_int(rnd) & 1) {
            memory_write(r.m->memory, at, size, g_rand_int(rnd) & 3 ? value : RIG_BAR | (value & 7));
        } else {
            memory_read(r.m->memory, at, size, &v);
        }
        memory_quiescent();
    }
    rig_close(&r);
}

static void refused(Rig *r, const char *driver, const char *props, const char *why)
{
    g_autoptr(GError) err = NULL;
    g_autofree char *line = g_strdup_printf("%s%s%s", driver, *props ? "," : "", props);
    g_assert_null(test_add_device(r->m, line, &err));
    g_test_message("%s", err->message);
    g_assert_nonnull(strstr(err->message, why));
}

static void test_pci_slots(void)
{
    Rig r;
    rig_open(&r, RIG_PCI, "virtio-rng", NULL);
    rig_add(&r, "virtio-rng", "addr=05.0,multifunction=on");
    rig_add(&r, "virtio-rng-pci-non-transitional", "addr=5.1,disable-legacy=on,max-bytes=77");
    g_assert_cmphex(rig_pci_config(&r, 41, 0, 4), ==, 0x10441af4);
    g_assert_cmphex(rig_pci_config(&r, 40, PCI_HEADER_TYPE, 1), ==, 0x80);
    refused(&r, "virtio-rng-pci", "addr=05.0", "in use");
    refused(&r, "virtio-rng-pci", "addr=01.1", "multifunction");
    refused(&r, "virtio-rng-pci", "disable-legacy=off", "modern");
    refused(&r, "virtio-rng-pci", "disable-modern=on", "modern");
    refused(&r, "virtio-rng-pci", "max-byte=7", "did you mean 'max-bytes'?");
    refused(&r, "virtio-blk-pci", "", "drive");
    for (unsigned i = 0; i < 29; i++) {
        rig_add(&r, "virtio-rng-pci", NULL);
    }
    refused(&r, "virtio-rng-pci", "", "no slot");
    uint32_t map[PCI_MAP_CELLS];
    pci_host_interrupt_map(5, 0x20, map);
    const uint32_t second[] = { 0x800, 0, 0, 4, 5, 0x20 };
    g_assert_cmpmem(map + 7 * 6, sizeof(second), second, sizeof(second));
    rig_close(&r);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(gconstpointer);
    } tests[] = {
        { "rng", test_rng },
        { "balloon", test_balloon },
        { "console", test_console },
        { "slow-host", test_slow_host },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        for (int kind = 0; kind < RIG_KINDS; kind++) {
            g_autofree char *path = g_strdup_printf("/virtio/%s/%s", rig_kind_names[kind], tests[i].name);
            g_test_add_data_func(path, GINT_TO_POINTER(kind), tests[i].fn);
        }
    }
    g_test_add_func("/pci/config", test_pci_config);
    g_test_add_func("/pci/random", test_pci_random);
    g_test_add_func("/pci/slots", test_pci_slots);
    return g_test_run();
}
