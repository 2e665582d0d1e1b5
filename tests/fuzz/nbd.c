/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: what an NBD client sends, from its options on (the first byte is even) or, with an export agreed on, its requests.
 * The server must end the connection, whatever that was; the next input comes by another one. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "block/block_priv.h"
#include "block/nbd_server.h"
#include "fuzz.h"
#include "talk.h"

enum { SIZE = 1 << 20 };

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;

/* A name that is in no file system: chosen by the kernel. */
static int listen_somewhere(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(address);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address.sun_family)), ==, 0);
    g_assert_cmpint(listen(fd, 8), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
    address_len = len;
    return fd;
}

/* One server for all inputs: an export without a name, and one with a text and a bitmap. */
static void start_server(void)
{
    g_autoptr(GError) err = NULL;
    NbdServer *s = nbd_server_new(&(NbdServerOptions){ .fd = listen_somewhere() }, &err);
    g_assert_no_error(err);
    BlockNode *n = null_node_open(SIZE, true);
    DirtyBitmap *b = node_bitmap_add(n, &(NewBitmap){ .name = "b" }, &err);
    g_assert_no_error(err);
    NbdExport plain = { .name = "", .node = n, .writable = true };
    NbdExport other = {
        .name = "x", .description = "a text", .node = n, .offset = 512, .bitmaps = &b, .bitmap_count = 1
    };
    g_assert_true(nbd_server_add(s, &plain, &err) && nbd_server_add(s, &other, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char flags[] = "\0\0\0\3";
    /* structured replies; both contexts of "x"; GO "x" or GO "" */
    static const char structured[] = "IHAVEOPT\0\0\0\10\0\0\0\0";
    static const char contexts[] =
        "IHAVEOPT\0\0\0\12\0\0\0\63\0\0\0\1x\0\0\0\2\0\0\0\17base:allocation\0\0\0\23qemu:dirty-bitmap:b";
    static const char go_x[] = "IHAVEOPT\0\0\0\7\0\0\0\7\0\0\0\1x\0\0";
    static const char go[] = "IHAVEOPT\0\0\0\7\0\0\0\6\0\0\0\0\0\0";
    static bool started;
    if (!started) {
        started = true;
        start_server();
    }
    FuzzInput in = { data, size };
    unsigned way = (unsigned)fuzz_take(&in, 1);
    g_autoptr(GByteArray) all = g_byte_array_new();
#define SAY(text) g_byte_array_append(all, (const guint8 *)(text), sizeof(text) - 1)
    SAY(flags);
    if (way & 2) {
        SAY(structured);
    }
    if (way & 1 && way & 4) {
        SAY(contexts);
        SAY(go_x);
    } else if (way & 1) {
        SAY(go);
    }
#undef SAY
    g_byte_array_append(all, in.at, (guint)in.left);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, address_len), ==, 0);
    fuzz_talk(fd, all->data, all->len);
    close(fd);
    return 0;
}
