/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks: 4 KiB at random places of two disks that have the same content, a raw image and a qcow2 one, past the guest's page
 * cache, one at a time and 32 at a time.  A disk is known by its serial number; there is one in boots of this group alone. */
#define _GNU_SOURCE /* O_DIRECT */
#include "bench.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { REQUESTS = 6000, BLOCK = 4096, DEPTH_MAX = 32 };

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static int open_disk(const char *serial, uint64_t *blocks)
{
    for (char name = 'a'; name <= 'd'; name++) {
        char path[64], found[32] = "";
        snprintf(path, sizeof(path), "/sys/block/vd%c/serial", name);
        FILE *f = fopen(path, "r");
        if (!f) {
            continue;
        }
        int known = fscanf(f, "%31s", found) == 1 && strcmp(found, serial) == 0;
        fclose(f);
        if (known) {
            uint64_t bytes;
            snprintf(path, sizeof(path), "/dev/vd%c", name);
            int fd = open(path, O_RDWR | O_DIRECT);
            must(fd >= 0 && ioctl(fd, BLKGETSIZE64, &bytes) == 0, path);
            *blocks = bytes / BLOCK;
            return fd;
        }
    }
    must(0, serial);
    return -1;
}

typedef struct Work {
    int fd, write, depth;
    uint64_t blocks, random, sum;
    char *memory; /* of DEPTH_MAX blocks */
} Work;

static uint64_t first_word(const Work *w, unsigned slot)
{
    uint64_t word;
    memcpy(&word, w->memory + (size_t)slot * BLOCK, sizeof(word));
    return word;
}

static void fill(struct iocb *io, Work *w, unsigned slot)
{
    char *at = w->memory + (size_t)slot * BLOCK;
    uint64_t half = w->write ? w->blocks / 2 : 0; /* what is read is never written: sums agree */
    if (w->write) {
        memset(at, (int)w->random, BLOCK);
    }
    *io =
        (struct iocb){ .aio_data = slot,
                       .aio_lio_opcode = w->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
                       .aio_fildes = (uint32_t)w->fd,
                       .aio_buf = (uintptr_t)at,
                       .aio_nbytes = BLOCK,
                       .aio_offset = (int64_t)((half + next_random(&w->random) % (w->blocks / 2)) * BLOCK) };
}

/* Never fewer than `depth` under way, until the end. */
static void run_deep(Work *w)
{
    aio_context_t context = 0;
    struct iocb ios[DEPTH_MAX], *list[DEPTH_MAX];
    struct io_event events[DEPTH_MAX];
    int begun = w->depth, done = 0, n = w->depth;
    must(syscall(SYS_io_setup, DEPTH_MAX, &context) == 0, "io_setup");
    for (int i = 0; i < n; i++) {
        fill(&ios[i], w, i);
        list[i] = &ios[i];
    }
    while (done < REQUESTS) {
        must(syscall(SYS_io_submit, context, n, list) == n, "io_submit");
        int ended = (int)syscall(SYS_io_getevents, context, 1, DEPTH_MAX, events, NULL);
        must(ended > 0, "io_getevents");
        n = 0;
        for (int i = 0; i < ended; i++, done++) {
            must(events[i].res == BLOCK, "a request");
            w->sum += w->write ? 1 : first_word(w, events[i].data);
            if (begun < REQUESTS) {
                begun++;
                fill(&ios[events[i].data], w, events[i].data);
                list[n++] = &ios[events[i].data];
            }
        }
    }
    syscall(SYS_io_destroy, context);
}

static void run_single(Work *w)
{
    struct iocb io;
    for (int i = 0; i < REQUESTS; i++) {
        fill(&io, w, 0);
        ssize_t n = w->write ? pwrite(w->fd, w->memory, BLOCK, io.aio_offset)
                             : pread(w->fd, w->memory, BLOCK, io.aio_offset);
        must(n == BLOCK, "a request");
        w->sum += w->write ? 1 : first_word(w, 0);
    }
}

static uint64_t work(const char *serial, int write, int depth)
{
    Work w = { .write = write, .depth = depth, .random = 42 };
    w.fd = open_disk(serial, &w.blocks);
    must(posix_memalign((void **)&w.memory, BLOCK, DEPTH_MAX * BLOCK) == 0, "memory");
    if (depth > 1) {
        run_deep(&w);
    } else {
        run_single(&w);
    }
    free(w.memory);
    close(w.fd);
    return w.sum;
}

static uint64_t raw_read(void)
{
    return work("raw", 0, 1);
}
static uint64_t raw_read_32(void)
{
    return work("raw", 0, 32);
}
static uint64_t raw_write(void)
{
    return work("raw", 1, 1);
}
static uint64_t raw_write_32(void)
{
    return work("raw", 1, 32);
}
static uint64_t qcow2_read(void)
{
    return work("qcow2", 0, 1);
}
static uint64_t qcow2_read_32(void)
{
    return work("qcow2", 0, 32);
}
static uint64_t qcow2_write(void)
{
    return work("qcow2", 1, 1);
}
static uint64_t qcow2_write_32(void)
{
    return work("qcow2", 1, 32);
}

const Program disk_programs[] = {
    { "disk", "raw-read", raw_read },
    { "disk", "raw-read-32", raw_read_32 },
    { "disk", "qcow2-read", qcow2_read },
    { "disk", "qcow2-read-32", qcow2_read_32 },
    { "disk", "raw-write", raw_write },
    { "disk", "raw-write-32", raw_write_32 },
    { "disk", "qcow2-write", qcow2_write },
    { "disk", "qcow2-write-32", qcow2_write_32 },
    { NULL, NULL, NULL },
};
