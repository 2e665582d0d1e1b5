/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tools share of being programs: a name, and messages that begin with it. */
#include "img/program.h"

#include <stdio.h>
#include <string.h>

const char *img_program = "lyrebird";

void img_program_begin(const char *own, const char *other, const char *argv0)
{
    g_autofree char *name = g_path_get_basename(argv0);
    img_program = g_str_has_prefix(name, "qemu-") ? other : own;
}

void img_error(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout); /* what was said before stands before */
    fprintf(stderr, "%s: %s\n", img_program, text);
}
