/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and versions that programs see. */
#pragma once
#include <stdbool.h>

/* The version of QEMU whose interface is followed under a qemu-system-* name. */
#define QEMU_COMPAT_VERSION "10.0.2"

/* Was the program started as qemu-system-*? */
void version_set_qemu_name(bool yes);
bool version_is_qemu_name(void);
const char *version_product(void); /* "QEMU" or "Lyrebird" */
const char *version_package(void); /* whose work it is: "Lyrebird 0.1.0" */
const char *version_number(void);  /* "10.0.2" or Lyrebird's own */
