/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of lyrebird-nbd. */
#pragma once
#include "block/nbd_client.h"

void nbd_tool_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2); /* "qemu-nbd: ...", to standard error */
int nbd_tool_list(const NbdAddress *a);                        /* the exit status */
