/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The name of a tool, and its messages. */
#pragma once
#include <glib.h>

extern const char *img_program; /* "qemu-img": as whom it speaks */

/* As whom this process speaks: the `other` program if it is called by a name of that family (argv0), or its own. */
void img_program_begin(const char *own, const char *other, const char *argv0);
void img_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2); /* "qemu-img: ...", to standard error */
