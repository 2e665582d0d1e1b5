/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of lyrebird-nbd. */
#pragma once
#include "block/nbd_client.h"

int nbd_tool_list(const NbdAddress *a, const NbdName *how); /* the exit status */
