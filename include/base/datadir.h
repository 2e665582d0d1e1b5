/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where firmware and other data files are found: directories of -L first, in their
 * order, then share/ beside the program, then the places where Debian's packages
 * put firmware for a guest architecture ("riscv64"). */
#pragma once
#include <glib.h>
#include <stdbool.h>

void datadir_add(const char *dir); /* -L */
/* Every place in order, none twice; free with g_strfreev. */
char **datadir_list(const char *guest);
/* DIR/NAME (dir NULL: NAME itself) if it is there, can be read and is no directory, else
 * NULL.  Free with g_free. */
char *datadir_file(const char *dir, const char *name);
/* In the first of these directories that has it, likewise. */
char *datadir_find(char **dirs, const char *name);
