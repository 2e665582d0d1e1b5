/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where firmware and other data files are found: directories of -L first, in their
 * order, then share/ beside the program, then the places where Debian's packages
 * put firmware. */
#pragma once
#include <glib.h>

void datadir_add(const char *dir); /* -L */
/* Path of a file: NAME itself when it has a slash or exists as given, else the first
 * directory that holds it; NULL when none does.  Free with g_free. */
char *datadir_find(const char *name);
void datadir_print(void); /* -L help */
