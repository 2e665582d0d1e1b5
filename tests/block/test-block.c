/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drives: options, transfers on both engines, faults, locks. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tests/loop.h"
#include "tests/ends.h"

static const char *const engines[] = { "aio=threads", "aio=io_uring" };

/* Where the kernel has no io_uring its half of a test is left out. */
static bool engine_is_there(const char *engine)
{
    g_autofree char *path = rig_image(512);
    GError *err = NULL;
    BlockBackend *blk = rig_drive(&err, "file=%s,if=none,format=raw,%s", path, engine);
    g_clear_error(&err);
    test_close_drives();
    g_unlink(path);
    return blk != NULL;
}

static void test_options(void)
{
    static const struct {
        const char *options, *part;
    } bad[] = {
        { "bogus=1", "does not support the option 'bogus'" },
        { "format=zork", "Unknown driver 'zork'" },
        { "format=qcow2", "not in qcow2 format" },
        { "format=qed", "qemu-img convert" },
        { "if=virtoi", "did you mean 'virtio'" },
        { "cache=zork", "'cache' does not accept value 'zork'. There are writeback" },
        { "aio=native", "It is not built. There are threads, io_uring" },
        { "bps=x", "'bps' expects a number" },
        { "readonly=maybe", "Parameter 'readonly' expects 'on' or 'off', not 'maybe'" },
        { "werror=stopp", "did you mean 'stop'" },
        { "rerror=enospc", "choose report, ignore or stop" },
        { "detect-zeroes=unmap", "discard" },
        { "copy-on-read=on,readonly=on", "read-only" },
        { "index=x", "a number from 0 to 65535, not 'x'" },
        { "bus=2", "bus=2" },
        { "media=tape", "cdrom" },
        { "file.driver=nbd", "host_device" },
        { "id=", "id=" },
        { "file.locking=zork", "auto" },
    };
    GError *err = NULL;
    g_autofree char *path = rig_image(4096);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(rig_drive(&err, "file=%s,%s", path, bad[i].options));
        rig_assert_error(&err, bad[i].part);
    }
    g_assert_null(rig_drive(&err, "if=none"));
    rig_assert_error(&err, "drive is empty");
    g_assert_null(rig_drive(&err, "file=http:localhost:1"));
    rig_assert_error(&err, "Unknown protocol 'http'");
    g_assert_null(rig_drive(&err, "file=/nonexist"));
    rig_assert_error(&err, "No such file");
    g_assert_null(rig_drive(&err, "file=/tmp,readonly=on"));
    rig_assert_error(&err, "regular file");
    g_assert_null(rig_drive(&err, "file=/dev/null"));
    rig_assert_error(&err, "regular file");
    BlockBackend *a = rig_drive_ok("file=%s,if=virtio,format=raw,file.locking=off,serial=S1", path);
    BlockBackend *b = rig_drive_ok("file.filename=%s,if=pflash,unit=1,readonly,format=raw,"
                                   "file.locking=off,cache=writethrough,id=fw",
                                   path);
    g_assert_cmpstr(block_id(a), ==, "virtio0");
    g_assert_cmpstr(block_serial(a), ==, "S1");
    g_assert_cmpint(block_index(a), ==, -1);
    g_assert_true(block_find(test_drives(), "fw") == b && block_is_readonly(b) && block_index(b) == 1);
    g_assert_cmpint(block_interface(b), ==, DRIVE_PFLASH);
    g_autofree char *about = block_describe(b);
    g_assert_nonnull(strstr(about, "(raw, read-only)\n    Cache mode:       writethrough"));
    g_assert_null(rig_drive(&err, "file=%s,id=fw", path));
    rig_assert_error(&err, "Duplicate ID 'fw'");
    int user, other;
    g_assert_true(block_backend_attach(a, &user, NULL, &err));
    g_assert_false(block_backend_attach(a, &other, NULL, &err));
    rig_assert_error(&err, "already in use");
    block_backend_detach(a, &user);
    g_assert_true(block_backend_attach(a, &other, NULL, &err));
    block_backend_detach(a, &other);
    test_close_drives();
    g_unlink(path);
}

static void fill(uint8_t *buf, size_t n, uint8_t seed)
{
    for (size_t i = 0; i < n; i++) {
        buf[i] = (uint8_t)(seed + i * 7 + i / 256);
    }
}

static void test_transfer(void)
{
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        if (!engine_is_there(engines[e])) {
            continue;
        }
        g_autofree char *path = rig_image(1 << 20);
        BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,%s", path, engines[e]);
        uint8_t out[8192], in[8192];
        Lock lock;
        int user;
        lock_init(&lock, LOCK_DEVICE);
        g_assert_true(block_backend_attach(blk, &user, &lock, NULL));
        fill(out, sizeof(out), 3);
        Io io = { .lock = &lock };
        io.r.fua = true;
        rig_submit(blk, &io, BLOCK_WRITE, 4096, out, sizeof(out));
        g_assert_cmpint(rig_wait(&io), ==, 0);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 4096, in, sizeof(in)), ==, 0);
        g_assert_cmpmem(out, sizeof(out), in, sizeof(in));
        g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 100, in, 512), ==, -EINVAL);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, in, 100), ==, -EINVAL);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 1 << 20, in, 512), ==, -EIO);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, UINT64_MAX - 511, in, 1024), ==, -EIO);
        g_assert_cmpint(rig_io(blk, BLOCK_DISCARD, 0, NULL, UINT64_MAX - 511), ==, -EIO);
        g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, in, 0), ==, 0);
        block_backend_detach(blk, &user);
        lock_finish(&lock);
        test_close_drives();
        g_unlink(path);
    }
}

/* What is counted of each kind; a failure of the host is told from a request that makes no sense. */
static void test_stats(void)
{
    g_autofree char *path = rig_image(1 << 20);
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,discard=unmap,id=d", path);
    BlockStats s = block_stats(blk);
    const BlockCount *of = s.of;
    uint8_t buf[4096] = { 1 };
    g_assert_cmpint(s.last_ns, ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 8192, buf, 4096), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE_ZEROES, 0, NULL, 512), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, buf, 512), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_DISCARD, 65536, NULL, 65536), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 1 << 20, buf, 512), ==, -EIO);
    s = block_stats(blk);
    g_assert_cmpuint(of[BLOCK_COUNTED_WRITES].operations, ==, 2);
    g_assert_cmpuint(of[BLOCK_COUNTED_WRITES].bytes, ==, 4608);
    g_assert_cmpuint(s.highest_written, ==, 12288);
    g_assert_cmpuint(of[BLOCK_COUNTED_READS].operations, ==, 1);
    g_assert_cmpuint(of[BLOCK_COUNTED_READS].bytes, ==, 512);
    g_assert_cmpuint(of[BLOCK_COUNTED_READS].invalid, ==, 1);
    g_assert_cmpuint(of[BLOCK_COUNTED_READS].failed, ==, 0);
    g_assert_cmpuint(of[BLOCK_COUNTED_FLUSHES].operations, ==, 1);
    g_assert_cmpuint(of[BLOCK_COUNTED_FLUSHES].bytes, ==, 0);
    g_assert_cmpuint(of[BLOCK_COUNTED_DISCARDS].bytes, ==, 65536);
    for (unsigned kind = 0; kind < BLOCK_COUNTED_KINDS; kind++) {
        g_assert_cmpuint(of[kind].time_ns, >, 0);
    }
    g_assert_cmpint(s.last_ns, >, 0);
    g_assert_cmpint(truncate(path, 0), ==, 0);
    struct rlimit none = { 0, RLIM_INFINITY }, before;
    getrlimit(RLIMIT_FSIZE, &before);
    none.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &none), ==, 0);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, 512), ==, -EFBIG);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &before), ==, 0);
    s = block_stats(blk);
    g_assert_cmpuint(of[BLOCK_COUNTED_WRITES].failed, ==, 1);
    g_assert_cmpuint(of[BLOCK_COUNTED_WRITES].operations, ==, 2);
    test_close_drives();
    g_unlink(path);
}

static void test_readonly(void)
{
    g_autofree char *path = rig_image(4096);
    uint8_t buf[512] = { 0 };
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,readonly=on", path);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, 512), ==, -EROFS);
    g_assert_cmpint(rig_io(blk, BLOCK_DISCARD, 0, NULL, 512), ==, -EROFS);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE_ZEROES, 0, NULL, 512), ==, -EROFS);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, buf, 512), ==, 0);
    test_close_drives();
    blk = rig_drive_ok("file=%s,media=cdrom,if=none,format=raw", path);
    g_assert_true(block_is_readonly(blk));
    test_close_drives();
    g_unlink(path);
}

/* Sizes that are no multiple of a sector, and files that shrink under us. */
static void test_tail(void)
{
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        if (!engine_is_there(engines[e])) {
            continue;
        }
        for (int direct = 0; direct < 2; direct++) {
            g_autofree char *path = rig_image(0);
            uint8_t data[1300], in[1536], zero[4096] = { 0 };
            fill(data, sizeof(data), 9);
            g_assert_true(g_file_set_contents(path, (char *)data, sizeof(data), NULL));
            GError *err = NULL;
            BlockBackend *blk = rig_drive(&err, "file=%s,if=none,format=raw,%s,cache=%s", path, engines[e],
                                          direct ? "none" : "writeback");
            if (!blk) { /* no O_DIRECT here */
                g_clear_error(&err);
                g_unlink(path);
                continue;
            }
            g_assert_cmpuint(block_size(blk), ==, 1536);
            memset(in, 0xff, sizeof(in));
            g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, in, 1536), ==, 0);
            g_assert_cmpmem(in, 1300, data, 1300);
            g_assert_cmpmem(in + 1300, 236, zero, 236);
            fill(in, 512, 77);
            g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 1024, in, 512), ==, 0);
            GStatBuf st;
            g_assert_cmpint(g_stat(path, &st), ==, 0);
            g_assert_cmpint(st.st_size, ==, 1536);
            g_assert_cmpint(truncate(path, 100), ==, 0);
            memset(in, 0xff, sizeof(in));
            g_assert_cmpint(rig_io(blk, BLOCK_READ, 0, in, 1536), ==, 0);
            g_assert_cmpmem(in, 100, data, 100);
            g_assert_cmpmem(in + 100, 1436, zero, 1436);
            test_close_drives();
            g_unlink(path);
        }
    }
}

static void test_full(void)
{
    signal(SIGXFSZ, SIG_IGN);
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        if (!engine_is_there(engines[e])) {
            continue;
        }
        struct rlimit old, small;
        g_autofree char *path = rig_image(1 << 20);
        static uint8_t buf[65536];
        BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,%s", path, engines[e]);
        getrlimit(RLIMIT_FSIZE, &old);
        small = old;
        small.rlim_cur = 300 * 1024;
        setrlimit(RLIMIT_FSIZE, &small);
        int over = rig_io(blk, BLOCK_WRITE, 512 * 1024, buf, sizeof(buf));
        int across = rig_io(blk, BLOCK_WRITE, 300 * 1024 - 4096, buf, sizeof(buf));
        int below = rig_io(blk, BLOCK_WRITE, 0, buf, sizeof(buf));
        setrlimit(RLIMIT_FSIZE, &old);
        g_assert_cmpint(over, ==, -EFBIG);
        g_assert_cmpint(across, ==, -EFBIG);
        g_assert_cmpint(below, ==, 0);
        test_close_drives();
        blk = rig_drive_ok("file=%s,if=none,format=raw,werror=ignore,%s", path, engines[e]);
        setrlimit(RLIMIT_FSIZE, &small);
        over = rig_io(blk, BLOCK_WRITE, 512 * 1024, buf, sizeof(buf));
        setrlimit(RLIMIT_FSIZE, &old);
        g_assert_cmpint(over, ==, 0);
        test_close_drives();
        g_unlink(path);
    }
}

static void test_probe(void)
{
    GError *err = NULL;
    g_autofree char *path = rig_image(4096);
    uint8_t head[512] = "QFI\xfb";
    BlockBackend *blk = rig_drive_ok("file=%s,if=none", path);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, head, 512), ==, -EPERM);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 512, head, 512), ==, 0);
    test_close_drives();
    blk = rig_drive_ok("file=%s,if=none,format=raw", path);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, head, 512), ==, 0);
    test_close_drives();
    g_assert_null(rig_drive(&err, "file=%s,if=none", path));
    rig_assert_error(&err, "qcow2");
    g_unlink(path);
}

static uint64_t blocks_of(const char *path)
{
    GStatBuf st;
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    return (uint64_t)st.st_blocks;
}

static bool is_zero(BlockBackend *blk, uint64_t offset, uint64_t length)
{
    g_autofree uint8_t *buf = g_malloc(length);
    g_assert_cmpint(rig_io(blk, BLOCK_READ, offset, buf, length), ==, 0);
    for (uint64_t i = 0; i < length; i++) {
        if (buf[i]) {
            return false;
        }
    }
    return true;
}

static void test_discard(void)
{
    enum { SIZE = 1 << 20 };
    g_autofree char *path = rig_image(SIZE);
    g_autofree uint8_t *buf = g_malloc(SIZE), *zero = g_malloc0(SIZE);
    memset(buf, 0x5a, SIZE);
    BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw", path);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, buf, SIZE), ==, 0);
    uint64_t full = blocks_of(path);
    g_assert_cmpint(rig_io(blk, BLOCK_DISCARD, 0, NULL, SIZE), ==, 0);
    g_assert_false(is_zero(blk, 0, SIZE)); /* discard=ignore */
    Io io = { .r.unmap = true };
    rig_submit(blk, &io, BLOCK_WRITE_ZEROES, 0, NULL, SIZE / 2);
    g_assert_cmpint(rig_wait(&io), ==, 0);
    g_assert_true(is_zero(blk, 0, SIZE / 2));
    g_assert_false(is_zero(blk, SIZE / 2, SIZE / 2));
    g_assert_cmpuint(blocks_of(path), ==, full);
    test_close_drives();
    blk = rig_drive_ok("file=%s,if=none,format=raw,discard=unmap,detect-zeroes=unmap", path);
    g_assert_cmpint(rig_io(blk, BLOCK_WRITE, 0, zero, SIZE / 2), ==, 0);
    g_assert_cmpuint(blocks_of(path), <=, full / 2 + 16);
    g_assert_cmpint(rig_io(blk, BLOCK_DISCARD, SIZE / 2, NULL, SIZE / 2), ==, 0);
    g_assert_cmpuint(blocks_of(path), <=, 16);
    g_assert_true(is_zero(blk, 0, SIZE));
    test_close_drives();
    g_unlink(path);
}

/* ---- locks --------------------------------------------------------------- */

static pid_t hold(const char *path, const char *options)
{
    int ready[2];
    char c;
    g_assert_cmpint(pipe(ready), ==, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        rig_drive_ok("file=%s,format=raw,if=none,aio=threads,%s", path, options);
        c = (char)write(ready[1], "r", 1);
        pause();
        _exit(0);
    }
    g_assert_cmpint(read(ready[0], &c, 1), ==, 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_locks(void)
{
    GError *err = NULL;
    g_autofree char *path = rig_image(4096);
    pid_t pid = hold(path, "readonly=off");
    g_autofree char *who = g_strdup_printf("process %d (", pid);
    g_autofree char *question = g_strdup_printf("Is another process using the image [%s]?", path);
    g_assert_null(rig_drive(&err, "file=%s,format=raw", path));
    g_assert_nonnull(strstr(err->message, "Failed to get \"write\" lock"));
    g_assert_nonnull(strstr(err->message, question));
    rig_assert_error(&err, who);
    g_assert_null(rig_drive(&err, "file=%s,format=raw,readonly=on", path));
    rig_assert_error(&err, "Failed to get shared \"write\" lock");
    g_assert_null(rig_drive(&err, "file=%s,format=raw,snapshot=on", path));
    rig_assert_error(&err, "Failed to get shared \"write\" lock");
    rig_drive_ok("file=%s,format=raw,file.locking=off", path);
    test_close_drives();
    end(pid);
    pid = hold(path, "readonly=on");
    rig_drive_ok("file=%s,format=raw,readonly=on", path);
    g_assert_null(rig_drive(&err, "file=%s,format=raw", path));
    rig_assert_error(&err, "Failed to get \"write\" lock");
    end(pid);
    test_close_drives();
    rig_drive_ok("file=%s,format=raw", path); /* nothing is left behind */
    g_assert_null(rig_drive(&err, "file=%s,format=raw", path));
    rig_assert_error(&err, "of this process");
    test_close_drives();
    g_unlink(path);
}

/* A lock that no process has, as of a killed one's ring: in a message on the way. */
typedef struct LostLock {
    const char *path;
    int sockets[2];
} LostLock;

static void lose_lock(LostLock *l)
{
    struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 201, .l_len = 1 };
    int fd = open(l->path, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(fcntl(fd, F_OFD_SETLK, &lock), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, l->sockets), ==, 0);
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    struct iovec byte = { "", 1 };
    struct msghdr m = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    g_assert_cmpint(sendmsg(l->sockets[0], &m, 0), ==, 1);
    close(fd);
}

static void end_lock(LostLock *l)
{
    close(l->sockets[0]);
    close(l->sockets[1]);
}

static bool is_open_here(const char *path)
{
    bool found = false;
    DIR *d = opendir("/proc/self/fd");
    for (struct dirent *e; !found && (e = readdir(d));) {
        g_autofree char *link = g_strdup_printf("/proc/self/fd/%s", e->d_name);
        g_autofree char *to = g_file_read_link(link, NULL);
        found = g_strcmp0(to, path) == 0;
    }
    closedir(d);
    return found;
}

static void *end_when_asked(void *opaque)
{
    LostLock *l = opaque;
    while (!is_open_here(l->path)) {
        g_thread_yield();
    }
    end_lock(l);
    return NULL;
}

static void test_lock_of_killed(void)
{
    GError *err = NULL;
    g_autofree char *path = rig_image(4096);
    LostLock l = { .path = path };
    lose_lock(&l);
    g_assert_null(rig_drive(&err, "file=%s,format=raw", path));
    rig_assert_error(&err, "a process of another user has it");
    GThread *thread = g_thread_new("end", end_when_asked, &l);
    rig_drive_ok("file=%s,format=raw", path);
    g_thread_join(thread);
    test_close_drives();
    g_unlink(path);
}

/* ---- many at once -------------------------------------------------------- */

static void test_plug(void)
{
    enum { MANY = 1500 };
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        if (!engine_is_there(engines[e])) {
            continue;
        }
        g_autofree char *path = rig_image(MANY * 512);
        g_autofree Io *ios = g_new0(Io, MANY);
        g_autofree uint8_t *out = g_malloc(MANY * 512), *in = g_malloc0(MANY * 512);
        fill(out, MANY * 512, 1);
        BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,%s", path, engines[e]);
        block_plug();
        for (int i = 0; i < MANY; i++) {
            rig_submit(blk, &ios[i], BLOCK_WRITE, (uint64_t)i * 512, out + i * 512, 512);
        }
        block_unplug();
        block_drain(blk);
        for (int i = 0; i < MANY; i++) {
            g_assert_true(ios[i].done && ios[i].result == 0);
            rig_submit(blk, &ios[i], BLOCK_READ, (uint64_t)i * 512, in + i * 512, 512);
        }
        for (int i = 0; i < MANY; i++) {
            g_assert_cmpint(rig_wait(&ios[i]), ==, 0);
        }
        g_assert_cmpmem(out, MANY * 512, in, MANY * 512);
        test_close_drives();
        g_unlink(path);
    }
}

typedef struct Reader {
    BlockBackend *blk;
    int first, errors;
    bool ended;
} Reader;

static gpointer read_thread(gpointer opaque)
{
    Reader *rd = opaque;
    for (int i = 0; i < 500; i++) {
        Io io = { 0 };
        uint8_t buf[512];
        rig_submit(rd->blk, &io, BLOCK_READ, (uint64_t)(rd->first + i) * 512, buf, 512);
        while (!__atomic_load_n(&io.done, __ATOMIC_ACQUIRE)) {
            g_usleep(20);
        }
        rd->errors += io.result != 0 || buf[0] != (uint8_t)(rd->first + i);
    }
    __atomic_store_n(&rd->ended, true, __ATOMIC_RELEASE);
    return NULL;
}

static void test_threads(void)
{
    for (unsigned e = 0; e < G_N_ELEMENTS(engines); e++) {
        if (!engine_is_there(engines[e])) {
            continue;
        }
        g_autofree char *path = rig_image(1000 * 512);
        BlockBackend *blk = rig_drive_ok("file=%s,if=none,format=raw,%s", path, engines[e]);
        uint8_t buf[512] = { 0 };
        for (int i = 0; i < 1000; i++) {
            buf[0] = (uint8_t)i;
            g_assert_true(block_write_sync(blk, (uint64_t)i * 512, buf, 512, NULL));
        }
        Reader rd[2] = { { .blk = blk }, { .blk = blk, .first = 500 } };
        GThread *t[2];
        for (int i = 0; i < 2; i++) {
            t[i] = g_thread_new("reader", read_thread, &rd[i]);
        }
        while (!__atomic_load_n(&rd[0].ended, __ATOMIC_ACQUIRE) ||
               !__atomic_load_n(&rd[1].ended, __ATOMIC_ACQUIRE)) {
            g_main_context_iteration(event_loop_context(test_loop()), FALSE);
        }
        g_thread_join(t[0]);
        g_thread_join(t[1]);
        g_assert_cmpint(rd[0].errors + rd[1].errors, ==, 0);
        test_close_drives();
        g_unlink(path);
    }
}

static void test_sync(void)
{
    GError *err = NULL;
    g_autofree char *path = rig_image(4096);
    BlockBackend *blk = rig_drive_ok("file=%s,id=d,format=raw", path);
    uint8_t buf[1024];
    g_assert_false(block_read_sync(blk, 4096, buf, 512, &err));
    rig_assert_error(&err, "the image has 4096 bytes");
    g_assert_true(block_read_sync(blk, 3072, buf, 1024, &err));
    test_close_drives();
    g_unlink(path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/locks", test_locks);
    g_test_add_func("/block/lock-of-killed", test_lock_of_killed);
    g_test_add_func("/block/options", test_options);
    g_test_add_func("/block/transfer", test_transfer);
    g_test_add_func("/block/stats", test_stats);
    g_test_add_func("/block/readonly", test_readonly);
    g_test_add_func("/block/tail", test_tail);
    g_test_add_func("/block/full", test_full);
    g_test_add_func("/block/probe", test_probe);
    g_test_add_func("/block/discard", test_discard);
    g_test_add_func("/block/plug", test_plug);
    g_test_add_func("/block/threads", test_threads);
    g_test_add_func("/block/sync", test_sync);
    return g_test_run();
}
