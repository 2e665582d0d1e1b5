/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: what a VNC viewer sends, once it is let in.  The server must end the connection, whatever that was; the next
 * input comes by another one. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "talk.h"
#include "tests/loop.h"
#include "ui/vnc.h"

enum { WIDTH = 64, HEIGHT = 48 };

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;

/* libvncserver keeps 24 bytes of each connection that has an extension, whatever its user does. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:rfbEnableExtension";
}

/* A name that is in no file system: chosen by the kernel. */
static int listen_somewhere(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(address);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)), ==, 0);
    g_assert_cmpint(listen(fd, 8), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
    address_len = len;
    return fd;
}

static void no_power(void *opaque, VncPower what)
{
}

static void no_wish(void *opaque, unsigned width, unsigned height)
{
}

/* One server for all inputs, as one serves many viewers. */
static void start_server(void)
{
    static const ConsoleOps ops = { .wish = no_wish };
    static Lock lock;
    g_autoptr(GError) err = NULL;
    Consoles *all = consoles_new(test_loop(), test_clock());
    VncOptions options = { .connections = VNC_MOST_VIEWERS, .lossy = true, .power_control = true };
    lock_init(&lock, LOCK_DEVICE);
    VncConfig config = { .options = &options,
                         .listen_fd = listen_somewhere(),
                         .console = console_new(all, "screen", 0, &lock, &ops, NULL),
                         .power = no_power,
                         .inputs = inputs_new(test_loop(), test_clock()) };
    console_set_size(config.console, WIDTH, HEIGHT);
    VncServer *v = vnc_open(&config, &err);
    g_assert_no_error(err);
    g_assert_nonnull(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char greeting[] = "RFB 003.008\n\1\1"; /* no password; others may stay */
    static bool started;
    if (!started) {
        started = true;
        start_server();
    }
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_byte_array_append(all, (const guint8 *)greeting, sizeof(greeting) - 1);
    g_byte_array_append(all, data, (guint)size);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, address_len), ==, 0);
    fuzz_talk(fd, all->data, all->len);
    close(fd);
    while (g_main_context_iteration(event_loop_context(test_loop()), FALSE)) {
    }
    return 0;
}
