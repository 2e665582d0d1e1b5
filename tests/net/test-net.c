/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user network, from a guest's side and from the host's. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "guest.h"
#include "base/fds.h"
#include "base/event_loop.h"
#include "tests/patience.h"
#include "tests/ends.h"
#include "tests/made.h"

enum { HOST = 0x0a000202, DNS = 0x0a000203 };

static NetClient *netdev(const char *text, GError **err)
{
    return test_netdev(test_nets(), text, err);
}

static NetClient *netdev_ok(const char *text)
{
    GError *err = NULL;
    NetClient *nc = netdev(text, &err);
    g_assert_no_error(err);
    g_assert_nonnull(nc);
    return nc;
}

static void assert_error(GError **err, const char *part)
{
    g_assert_nonnull(*err);
    if (!strstr((*err)->message, part)) {
        g_test_message("'%s' is not in: %s", part, (*err)->message);
        g_test_fail();
    }
    g_clear_error(err);
}

static void test_options(void)
{
    static const struct {
        const char *text, *part;
    } bad[] = {
        { "tap,id=n", "does not accept value 'tap'. It is not built" },
        { "zork,id=n", "does not accept value 'zork'" },
        { "usr,id=n", "did you mean 'user'" },
        { "user", "'id' is missing" },
        { "user,id=n,zork=1", "Parameter 'zork' is unexpected" },
        { "user,id=n,net=10.0.2.0/33", "4-32" },
        { "user,id=n,net=foo", "network address" },
        { "user,id=n,net=10.0.0.0/255.0.255.0", "netmask" },
        { "user,id=n,host=1.2.3.4", "not in the network" },
        { "user,id=n,dns=10.0.2.2", "different" },
        { "user,id=n,dhcpstart=10.0.2.1", "include" },
        { "user,id=n,restrict=x", "expects 'on' or 'off', not 'x'" },
        { "user,id=n,ipv4=off,ipv6=off", "no protocol" },
        { "user,id=n,smb=/tmp", "SMB" },
        { "user,id=n,tftp=/nonexist", "no such folder" },
        { "user,id=n,ipv6-net=x", "IPv6 prefix" },
        { "user,id=n,hostname=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "longer than" },
        { "user,id=n,hostfwd=tcp:foo", "Missing : separator" },
        { "user,id=n,hostfwd=tcp:127.0.0.1:99999-:22", "Bad host port" },
        { "user,id=n,hostfwd=tcp:x:1-:22", "Bad host address" },
        { "user,id=n,hostfwd=tcp:1.2.3.4 x:1-:22", "Bad host address" },
        { "user,id=n,net=10.0.2.0 x", "Failed to parse the network address" },
        { "user,id=n,hostfwd=tcp::1-:0", "Bad guest port" },
        { "user,id=n,hostfwd=sctp::1-:2", "Bad protocol name" },
        { "user,id=n,hostfwd=unix:/x-:2", "unix sockets" },
        { "user,id=n,guestfwd=tcp:10.0.2.100:1234-zork", "Could not open guest forwarding device" },
        { "user,id=n,guestfwd=tcp:10.0.2.100:1234-none", "name a chardev" },
        { "user,id=n,guestfwd=tcp:foo:1234-null", "Bad server address" },
        { "user,id=n,guestfwd=tcp:10.0.2.2:0-null", "Bad port" },
        { "user,id=n,guestfwd=tcp:10.0.3.1:80-cmd:cat", "Conflicting" },
    };
    GError *err = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(netdev(bad[i].text, &err));
        assert_error(&err, bad[i].part);
    }
    test_close_chardevs();
    NetClient *nc = netdev_ok("user,id=n,net=192.168.76.0/24,dhcpstart=192.168.76.9,restrict=on");
    g_autofree char *about = net_describe(nc);
    g_assert_cmpstr(about, ==, "n: index=0,type=user,net=192.168.76.0,restrict=on");
    g_assert_null(netdev("user,id=n", &err));
    assert_error(&err, "Duplicate ID 'n'");
    g_assert_true(net_find(test_nets(), "n") == nc);
    uint8_t a[6], b[6];
    net_default_mac(test_nets(), a);
    net_default_mac(test_nets(), b);
    g_assert_cmpint(a[5] + 1, ==, b[5]);
    test_close_nets();
}

typedef struct Card {
    NetNic nic;
    uint8_t mac[6];
    Lock lock;
    int changes;
    bool up;
} Card;

static void card_link_changed(void *opaque, bool up)
{
    Card *c = opaque;
    g_assert_false(lock_try(&c->lock));
    c->changes++;
    c->up = up;
}

static const NetFrontend card_frontend = { .link_changed = card_link_changed };

static void card_init(Card *c, const char *name, NetClient *nc)
{
    *c = (Card){ .lock = LOCK_INIT(LOCK_DEVICE),
                 .nic = { .name = name,
                          .model = "virtio-net-pci",
                          .mac = c->mac,
                          .netdev = nc,
                          .fe = &card_frontend,
                          .opaque = c,
                          .lock = &c->lock } };
    net_default_mac(test_nets(), c->mac);
    g_assert_true(net_nic_add(test_nets(), &c->nic, NULL));
}

/* Cards by name, the netdev under its card, one cable for both. */
static void test_cards(void)
{
    GError *err = NULL;
    NetClient *alone = netdev_ok("user,id=alone"), *nc = netdev_ok("user,id=n");
    Card a, b, c;
    card_init(&a, "virtio-net-pci.0", nc);
    card_init(&b, "virtio-net-pci.1", NULL);
    memcpy(a.mac, "\x52\x54\x00\x00\x00\x01", 6);
    c.nic = a.nic; /* a second card on the same netdev */
    g_assert_false(net_nic_add(test_nets(), &c.nic, &err));
    assert_error(&err, "already in use");
    g_assert_true(net_set_link_of(test_nets(), "virtio-net-pci.1", false));
    g_assert_true(net_set_link_of(test_nets(), "virtio-net-pci.1", false));
    g_assert_cmpint(b.changes, ==, 1);
    g_assert_false(net_nic_link_up(&b.nic));
    g_assert_true(net_set_link_of(test_nets(), "virtio-net-pci.0", false));
    g_assert_true(a.changes == 1 && !a.up && !net_link_up(nc));
    g_assert_true(net_set_link_of(test_nets(), "n", true));
    g_assert_true(a.changes == 2 && a.up && net_nic_link_up(&a.nic));
    g_assert_true(net_set_link_of(test_nets(), "alone", false));
    g_assert_false(net_link_up(alone));
    g_assert_false(net_set_link_of(test_nets(), "virtio-net-pci.2", false));
    g_autofree char *want = g_strdup_printf(
        "alone: index=0,type=user,net=10.0.2.0,restrict=off,link=down\n"
        "virtio-net-pci.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:00:00:01\n"
        " \\ n: index=0,type=user,net=10.0.2.0,restrict=off\n"
        "virtio-net-pci.1: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:%02x,link=down\n",
        b.mac[5]);
    g_autoptr(GString) out = g_string_new(NULL);
    net_describe_all(test_nets(), out);
    g_assert_cmpstr(out->str, ==, want);
    uint8_t next[6];
    b.mac[5]++;
    net_default_mac(test_nets(), next); /* that one is taken */
    g_assert_cmpint(next[5], ==, (b.mac[5] + 1) & 0xff);
    net_nic_remove(test_nets(), &a.nic);
    net_nic_remove(test_nets(), &b.nic);
    g_assert_false(net_set_link_of(test_nets(), "virtio-net-pci.0", true));
    test_close_nets();
}

static void test_hostfwd_taken(void)
{
    GError *err = NULL;
    uint16_t port;
    int fd = guest_bound_socket(SOCK_STREAM, &port);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    g_autofree char *rule = g_strdup_printf("tcp:127.0.0.1:%u-:22", port);
    g_autofree char *text = g_strdup_printf("user,id=n,hostfwd=%s", rule);
    g_autofree char *want = g_strdup_printf("Could not set up host forwarding rule '%s': Address "
                                            "already in use",
                                            rule);
    g_assert_null(netdev(text, &err));
    assert_error(&err, want);
    close(fd);
    NetClient *nc = netdev_ok(text);
    g_autofree char *info = net_user_info(nc);
    g_assert_nonnull(strstr(info, "TCP[HOST_FORWARD]"));
    g_autofree char *end = g_strdup_printf("tcp:127.0.0.1:%u", port);
    g_assert_true(net_user_hostfwd_remove(nc, end, &err));
    g_assert_false(net_user_hostfwd_remove(nc, end, &err));
    assert_error(&err, "to remove");
    g_assert_true(net_user_hostfwd_add(nc, rule, &err));
    test_close_nets();
}

static void test_dhcp(void)
{
    Guest g;
    uint8_t q[300] = { 1, 1, 6, 0, 1, 2, 3, 4 };
    uint32_t from;
    uint16_t port;
    guest_init(&g, netdev_ok("user,id=n,hostname=box,domainname=example.test,dnssearch=a.test,"
                             "dnssearch=b.test,tftp=/tmp,bootfile=kernel"));
    guest_send_arp(&g, HOST);
    g_assert_true(guest_wait_arp_reply(&g, HOST));
    g.ip = 0;
    memcpy(q + 28, "\x52\x54\0\x12\x34\x56", 6);
    memcpy(q + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8); /* discover */
    guest_send_udp(&g, UINT32_MAX, 68, 67, q, sizeof(q));
    g_autoptr(GBytes) b = guest_wait_udp(&g, 68, &from, &port);
    g_assert_nonnull(b);
    gsize n;
    const uint8_t *r = g_bytes_get_data(b, &n);
    g_assert_cmpuint(from, ==, HOST);
    g_assert_cmpmem(r + 16, 4, "\x0a\0\x02\x0f", 4);             /* the first guest address */
    g_assert_nonnull(memmem(r, n, "\x06\x04\x0a\0\x02\x03", 6)); /* DNS server */
    g_assert_nonnull(memmem(r, n, "box", 3));
    g_assert_nonnull(memmem(r, n, "example.test", 12));
    g_assert_nonnull(memmem(r, n,
                            "\x01"
                            "b",
                            2)); /* b.test: compressed against a.test */
    g_assert_nonnull(memmem(r, n, "kernel", 6));
    guest_clear(&g);
    test_close_nets();
}

static void test_udp(void)
{
    Guest g;
    uint16_t port, guest_port;
    uint32_t from;
    char buf[16];
    int fd = guest_bound_socket(SOCK_DGRAM, &port);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    guest_init(&g, netdev_ok("user,id=n"));
    guest_send_udp(&g, HOST, 5000, port, "ping", 4);
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    ssize_t n = -1;
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (n < 0 && g_get_monotonic_time() < end) {
        guest_turn(&g);
        n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &len);
    }
    g_assert_cmpmem(buf, n, "ping", 4);
    g_assert_cmpint(sendto(fd, "pong", 4, 0, (struct sockaddr *)&peer, len), ==, 4);
    g_autoptr(GBytes) b = guest_wait_udp(&g, 5000, &from, &guest_port);
    g_assert_nonnull(b);
    g_assert_cmpmem(g_bytes_get_data(b, NULL), g_bytes_get_size(b), "pong", 4);
    g_assert_cmpuint(from, ==, HOST);
    guest_clear(&g);
    test_close_nets();
    guest_init(&g, netdev_ok("user,id=r,restrict=on")); /* the same is not possible there */
    guest_send_udp(&g, HOST, 5001, port, "ping", 4);
    guest_send_arp(&g, HOST);
    g_assert_true(guest_wait_arp_reply(&g, HOST)); /* what came before is done with */
    g_assert_cmpint(recv(fd, buf, sizeof(buf), 0), <, 0);
    guest_clear(&g);
    test_close_nets();
    close(fd);
}

static void test_tftp(void)
{
    Guest g;
    uint32_t from;
    uint16_t port;
    g_autofree char *dir = g_dir_make_tmp("lyrebird-test-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(dir, "boot", NULL);
    g_assert_true(g_file_set_contents(file, "hello guest", -1, NULL));
    g_autofree char *text = g_strdup_printf("user,id=n,tftp=%s", dir);
    guest_init(&g, netdev_ok(text));
    guest_send_udp(&g, HOST, 6000, 69,
                   "\0\x01"
                   "boot\0octet",
                   13);
    g_autoptr(GBytes) b = guest_wait_udp(&g, 6000, &from, &port);
    g_assert_nonnull(b);
    g_assert_cmpmem(g_bytes_get_data(b, NULL), g_bytes_get_size(b), "\0\x03\0\x01hello guest", 15);
    guest_send_udp(&g, HOST, 6001, 69,
                   "\0\x01"
                   "../../etc/passwd\0octet",
                   25);
    g_autoptr(GBytes) e = guest_wait_udp(&g, 6001, &from, &port);
    g_assert_nonnull(e);
    g_assert_cmpint(((const uint8_t *)g_bytes_get_data(e, NULL))[1], ==, 5);
    guest_clear(&g);
    test_close_nets();
    g_unlink(file);
    g_rmdir(dir);
}

static GString *read_some(Guest *g, int fd, gsize want)
{
    GString *s = g_string_new(NULL);
    char buf[256];
    gint64 end = g_get_monotonic_time() + TEST_PATIENCE_US;
    while (s->len < want && g_get_monotonic_time() < end) {
        ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
        g_string_append_len(s, buf, MAX(n, 0));
        guest_turn(g);
    }
    return s;
}

/* The host connects; the guest answers by hand. */
static void test_hostfwd(void)
{
    Guest g;
    uint16_t port;
    close(guest_bound_socket(SOCK_STREAM, &port));
    g_autofree char *text = g_strdup_printf("user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:%u-:22,"
                                            "hostfwd=udp:127.0.0.1:%u-:53",
                                            port, port);
    guest_init(&g, netdev_ok(text));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    g_assert_cmpint(connect(fd, (struct sockaddr *)&in, sizeof(in)), ==, 0);
    Tcp t = { .local_port = 22, .seq = 1000 };
    g_bytes_unref(guest_wait_tcp(&g, &t, TCP_SYN));
    g_assert_cmpuint(t.peer, ==, HOST);
    guest_send_tcp(&g, &t, TCP_SYN | TCP_ACK, NULL, 0);
    g_assert_cmpint(send(fd, "GET", 3, 0), ==, 3);
    g_autoptr(GBytes) b = guest_wait_tcp(&g, &t, TCP_PSH);
    g_assert_nonnull(b);
    g_assert_cmpmem(g_bytes_get_data(b, NULL), g_bytes_get_size(b), "GET", 3);
    guest_send_tcp(&g, &t, TCP_ACK | TCP_PSH, "200 OK", 6);
    g_autoptr(GString) s = read_some(&g, fd, 6);
    g_assert_cmpstr(s->str, ==, "200 OK");
    close(fd);
    g_autoptr(GBytes) fin = guest_wait_tcp(&g, &t, TCP_FIN);
    g_assert_nonnull(fin);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    g_assert_cmpint(sendto(udp, "query", 5, 0, (struct sockaddr *)&in, sizeof(in)), ==, 5);
    uint32_t from;
    g_autoptr(GBytes) q = guest_wait_udp(&g, 53, &from, &port);
    g_assert_nonnull(q);
    close(udp);
    guest_clear(&g);
    test_close_nets();
}

static void tcp_open(Guest *g, Tcp *t)
{
    guest_send_tcp(g, t, TCP_SYN, NULL, 0);
    g_autoptr(GBytes) b = guest_wait_tcp(g, t, TCP_SYN | TCP_ACK);
    g_assert_nonnull(b);
    guest_send_tcp(g, t, TCP_ACK, NULL, 0);
}

static void test_guestfwd(void)
{
    Guest g;
    g_autofree char *dir = g_dir_make_tmp("lyrebird-test-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *text = g_strdup_printf("user,id=n,guestfwd=tcp:10.0.2.100:1234-unix:%s,,server,,"
                                            "nowait,guestfwd=tcp:10.0.2.101:80-cmd:cat",
                                            path);
    guest_init(&g, netdev_ok(text));
    struct {
        sa_family_t family;
        char path[108];
    } un = { .family = AF_UNIX };
    g_strlcpy(un.path, path, sizeof(un.path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    test_settle();
    Tcp t = { .peer = 0x0a000264, .peer_port = 1234, .local_port = 4000, .seq = 7 };
    tcp_open(&g, &t);
    guest_send_tcp(&g, &t, TCP_ACK | TCP_PSH, "up", 2);
    g_autoptr(GString) s = read_some(&g, fd, 2);
    g_assert_cmpstr(s->str, ==, "up");
    g_assert_cmpint(send(fd, "down", 4, 0), ==, 4);
    g_autoptr(GBytes) b = guest_wait_tcp(&g, &t, TCP_PSH);
    g_assert_nonnull(b);
    g_assert_cmpmem(g_bytes_get_data(b, NULL), g_bytes_get_size(b), "down", 4);
    Tcp c = { .peer = 0x0a000265, .peer_port = 80, .local_port = 4001, .seq = 70 };
    tcp_open(&g, &c);
    guest_send_tcp(&g, &c, TCP_ACK | TCP_PSH, "echo", 4);
    g_autoptr(GBytes) e = guest_wait_tcp(&g, &c, TCP_PSH);
    g_assert_nonnull(e);
    g_assert_cmpmem(g_bytes_get_data(e, NULL), g_bytes_get_size(e), "echo", 4);
    close(fd); /* the host side goes away while the connection is open */
    guest_send_tcp(&g, &t, TCP_ACK | TCP_PSH, "lost", 4);
    test_settle();
    guest_clear(&g);
    test_close_nets();
    test_close_chardevs();
    g_rmdir(dir);
}

/* A guest that opens connections until no descriptor is left gets no further, and nobody dies. */
static void test_no_descriptors(void)
{
    enum { MOST = 100, ROOM = 24 };
    Guest g;
    GError *err = NULL;
    uint16_t port;
    int listener = guest_bound_socket(SOCK_STREAM, &port);
    g_assert_cmpint(listen(listener, MOST), ==, 0);
    guest_init(&g, netdev_ok("user,id=n0"));
    struct rlimit old, low;
    getrlimit(RLIMIT_NOFILE, &old);
    int top = dup(listener);
    low = (struct rlimit){ (rlim_t)top + ROOM, old.rlim_max };
    close(top);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
    g_assert_true(fds_keep(2, &err));
    for (unsigned i = 0; i < MOST; i++) {
        Tcp t = { .peer = HOST, .seq = 1000 * i, .local_port = (uint16_t)(2000 + i), .peer_port = port };
        guest_send_tcp(&g, &t, TCP_SYN, NULL, 0);
        guest_turn(&g);
    }
    g_assert_false(fds_any_left());
    fds_reserve_begin();
    int kept = dup(listener);
    g_assert_cmpint(kept, >=, 0);
    fds_reserve_end();
    g_assert_false(fds_any_left());
    close(kept);
    fds_reserve_end(); /* holds it again */
    g_assert_false(fds_any_left());
    guest_send_arp(&g, HOST);
    g_assert_true(guest_wait_arp_reply(&g, HOST));
    setrlimit(RLIMIT_NOFILE, &old);
    fds_unkeep(2);
    guest_clear(&g);
    test_close_nets();
    close(listener);
}

/* A card that cannot receive: frames wait, in order, up to a bound. */
static void test_queue(void)
{
    Guest g;
    guest_init(&g, netdev_ok("user,id=n"));
    g.deaf = true;
    for (uint32_t i = 0; i < 3000; i++) {
        guest_send_arp(&g, i & 1 ? HOST : DNS);
    }
    test_settle();
    g_assert_cmpuint(g.frames->len, ==, 0);
    g.deaf = false;
    g.refusals = 1;
    net_accept_input(g.nc);
    test_settle();
    g_assert_cmpuint(g.frames->len, ==, 0);
    net_accept_input(g.nc);
    test_settle();
    g_assert_cmpuint(g.frames->len, ==, 1024);
    const uint8_t *first = g_bytes_get_data(g_ptr_array_index(g.frames, 0), NULL);
    g_assert_cmpint(first[31], ==, 3);
    net_set_link(g.nc, false);
    g_assert_cmpint(g.link_changes, ==, 1);
    g_ptr_array_set_size(g.frames, 0);
    guest_send_arp(&g, HOST);
    test_settle();
    g_assert_cmpuint(g.frames->len, ==, 0);
    guest_clear(&g);
    test_close_nets();
}

/* Nonsense from the guest: nothing happens. */
static void test_hostile(void)
{
    Guest g;
    uint8_t frame[2000], *huge = g_malloc0(70000);
    guest_init(&g, netdev_ok("user,id=n,restrict=on"));
    struct iovec iov[2] = { { huge, 70000 }, { huge, SIZE_MAX } };
    net_send(g.nc, iov, 1);
    net_send(g.nc, iov, 2);
    net_send(g.nc, iov, 0);
    for (int i = 0; i < 3000; i++) {
        size_t n = (size_t)g_test_rand_int_range(0, sizeof(frame));
        for (size_t k = 0; k < n; k++) {
            frame[k] = (uint8_t)g_test_rand_int();
        }
        if (n > 40) {
            static const uint16_t types[] = { 0x0800, 0x86dd, 0x0806 };
            uint16_t type = types[i % 3];
            frame[12] = (uint8_t)(type >> 8);
            frame[13] = (uint8_t)type;
            frame[14] = type == 0x0800 ? 0x45 : 0x60;
            frame[23] = i & 1 ? 17 : 6;
        }
        guest_send(&g, frame, n);
        if (i % 100 == 0) {
            test_settle();
        }
    }
    test_settle();
    g_ptr_array_set_size(g.frames, 0);
    guest_send_arp(&g, HOST);
    g_assert_true(guest_wait_arp_reply(&g, HOST));
    g_free(huge);
    guest_clear(&g);
    test_close_nets();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/net/options", test_options);
    g_test_add_func("/net/cards", test_cards);
    g_test_add_func("/net/hostfwd-taken", test_hostfwd_taken);
    g_test_add_func("/net/dhcp", test_dhcp);
    g_test_add_func("/net/udp", test_udp);
    g_test_add_func("/net/tftp", test_tftp);
    g_test_add_func("/net/hostfwd", test_hostfwd);
    g_test_add_func("/net/guestfwd", test_guestfwd);
    g_test_add_func("/net/no-descriptors", test_no_descriptors);
    g_test_add_func("/net/queue", test_queue);
    g_test_add_func("/net/hostile", test_hostile);
    return g_test_run();
}
