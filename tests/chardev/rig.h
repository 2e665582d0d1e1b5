/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frontend that remembers, and waiting on the main loop. */
#pragma once
#include <glib.h>
#include <stdbool.h>

#include "chardev/chardev.h"

typedef struct Rig {
    GString *got;
    int room;     /* bytes it takes now; -1: any */
    int per_turn; /* room after accept */
    int opened, closed, breaks, focus_in, focus_out;
    Chardev *chr;
    Lock lock;
    const char *out; /* being sent with flow control */
    int out_len, out_done, blocked;
} Rig;

extern const ChardevFrontend rig_frontend, rig_background;

void rig_init(Rig *r, Chardev *chr, const ChardevFrontend *fe);
void rig_clear(Rig *r);
void rig_send(Rig *r, const char *data, int len);     /* in the background, all of it */
Chardev *rig_chardev(const char *text, GError **err); /* "backend,key=..." */
Chardev *rig_chardev_ok(const char *text);
bool rig_wait(bool (*ready)(void *opaque), void *opaque); /* runs the loop; false: it never was */
bool rig_wait_text(Rig *r, const char *text);             /* got contains it */
bool rig_wait_bytes(Rig *r, gsize n);
char *rig_dir(void); /* a new folder */
int rig_unix_connect(const char *path);
int rig_unix_try(const char *path); /* -1: nobody listens */
void rig_assert_error(GError **err, const char *part);
