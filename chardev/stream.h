/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part that all backends over file descriptors share: reading as the
 * frontend has room, writing without blocking, and waiting for either. */
#pragma once
#include "chardev_priv.h"

typedef struct ChrStream {
    Chardev *chr;
    int rfd, wfd;                     /* -1: closed; may be the same */
    bool rsocket, wsocket, may_block; /* may_block: ask poll before each write */
    bool hang_up_ends;                /* a hang-up is the end although nobody reads */
    bool broken;                      /* atomic: writing failed for good */
    FdWatch *reader, *writer;
    void (*ended)(Chardev *chr); /* main loop: end of file, or broken; may close the stream */
} ChrStream;

/* Takes both descriptors.  Under no lock; main loop. */
void stream_open(ChrStream *s, Chardev *chr, int rfd, int wfd, void (*ended)(Chardev *chr));
void stream_close(ChrStream *s);
void stream_close_input(ChrStream *s); /* no more to read; writing goes on */
int stream_take(ChrStream *s);         /* of a socket: its descriptor is the caller's, the stream closed */
int stream_write(ChrStream *s, const uint8_t *buf, int len);
void stream_refresh(ChrStream *s, bool want_write);

/* A device that is a stream and no more. */
typedef struct ChrStreamDev {
    Chardev chr;
    ChrStream stream;
} ChrStreamDev;

void stream_dev_close(Chardev *chr);
int stream_dev_write(Chardev *chr, const uint8_t *buf, int len);
void stream_dev_refresh(Chardev *chr, bool want_write);
int stream_dev_write_fd(Chardev *chr);
void stream_dev_end_input(Chardev *chr);  /* an `ended`: the output goes on */
ChrStream *stream_dev_init(Chardev *chr); /* both ends closed */

/* A private description of what fd stands for, so that O_NONBLOCK does not
 * reach other processes; else a duplicate of fd. */
int stream_private_fd(int fd, int flags);
