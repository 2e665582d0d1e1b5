/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fuzz target: what an NBD server says, from its greeting on (the first byte is even) or, with an export agreed on, to requests.
 * The client must end each of them, whatever that was.  Bit 1: without structured replies; bit 2: the client asks for a list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "block/image.h"
#include "block/nbd_client.h"
#include "fuzz.h"
#include "talk.h"
#include "util/bytes.h"

enum { DISK = 1 << 20, IO = 16 << 10 };

static char *folder, *path;
static int listener;

/* What the next connection says; those after it say nothing. */
static GMutex lock;
static const GByteArray *speech;

static gpointer serve(gpointer unused)
{
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 && errno == EINTR) {
            continue; /* libFuzzer's clock */
        }
        g_assert_cmpint(fd, >=, 0);
        g_mutex_lock(&lock);
        const GByteArray *say = speech;
        speech = NULL;
        g_mutex_unlock(&lock);
        fuzz_talk(fd, say ? say->data : NULL, say ? say->len : 0);
        close(fd);
    }
    return NULL;
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void start_server(void)
{
    g_autoptr(GError) err = NULL;
    folder = g_dir_make_tmp("fuzz-nbd-XXXXXX", &err);
    g_assert_no_error(err);
    path = g_build_filename(folder, "sock", NULL);
    listener = nbd_listen(&(NbdAddress){ .path = path }, &err);
    g_assert_no_error(err);
    atexit(remove_folder);
    g_thread_unref(g_thread_new("server", serve, NULL));
}

/* The server takes one connection behind the other: here it has done with all that came before. */
static void await_server(void)
{
    uint8_t byte;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_assert_cmpuint(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    ssize_t n;
    shutdown(fd, SHUT_WR);
    do {
        n = recv(fd, &byte, 1, 0);
    } while (n < 0 && errno == EINTR); /* libFuzzer's clock */
    g_assert_cmpint(n, ==, 0);
    close(fd);
}

static void list(void)
{
    g_autoptr(GError) err = NULL;
    Channel *c = nbd_connect(&(NbdAddress){ .path = path }, &err);
    g_assert_no_error(err);
    GPtrArray *all = nbd_list(c, &(NbdName){ .path = path }, NULL);
    g_clear_pointer(&all, g_ptr_array_unref);
    channel_free(c);
}

static void use(void)
{
    static uint8_t buf[IO];
    static const BlockOp ops[] = { BLOCK_DISCARD, BLOCK_WRITE_ZEROES, BLOCK_FLUSH };
    g_autofree char *name = g_strdup_printf("nbd:unix:%s", path);
    const char *found;
    BlockNode *n = image_open(name, "raw", &(OpenFlags){ 0 }, &found, NULL);
    if (!n) {
        return;
    }
    uint64_t bytes = MIN(node_size(n), IO);
    Extent e;
    if (bytes && !node_map(n, 0, bytes, true, &e)) {
        g_assert_cmpuint(e.length, >, 0);
        g_assert_cmpuint(e.length, <=, bytes);
    }
    bool broken = bytes && (node_read(n, 0, buf, bytes) || node_write(n, 0, buf, bytes));
    for (unsigned i = 0; i < G_N_ELEMENTS(ops) && !broken; i++) {
        broken = node_run(n, &(NodeIo){ ops[i], false, 0, ops[i] == BLOCK_FLUSH ? 0 : bytes, NULL, 0 }) != 0;
    }
    node_unref(n);
}

static void reply(GByteArray *a, uint32_t option, uint32_t type, const void *data, uint32_t length)
{
    append_be(a, 8, UINT64_C(0x3e889045565a9));
    append_be(a, 4, option);
    append_be(a, 4, type);
    append_be(a, 4, length);
    g_byte_array_append(a, data, length);
}

static void agree(GByteArray *a, bool structured)
{
    uint8_t export[12] = { 0 }, context[] = "\0\0\0\1base:allocation";
    g_byte_array_append(a, (const uint8_t *)"NBDMAGICIHAVEOPT\0\3", 18);
    reply(a, 8, structured ? 1 : 0x80000001u, NULL, 0);
    if (structured) {
        reply(a, 10, 4, context, sizeof(context) - 1);
        reply(a, 10, 1, NULL, 0);
    }
    store_be(export + 2, 8, DISK);
    store_be(export + 10, 2, 0x6d); /* flush, FUA, trim and zeroes */
    reply(a, 7, 3, export, sizeof(export));
    reply(a, 7, 1, NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FuzzInput in = { data, size };
    unsigned way = (unsigned)fuzz_take(&in, 1);
    GByteArray *all = g_byte_array_new();
    if (!path) {
        start_server();
    }
    if (way & 1 && !(way & 4)) {
        agree(all, !(way & 2));
    }
    g_byte_array_append(all, in.at, (guint)in.left);
    g_mutex_lock(&lock);
    speech = all;
    g_mutex_unlock(&lock);
    if (way & 4) {
        list();
    } else {
        use();
    }
    await_server();
    g_byte_array_unref(all);
    return 0;
}
