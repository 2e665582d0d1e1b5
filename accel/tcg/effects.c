/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/effects.h"

#include <string.h>

void tcg_log_ram_write(TcgLog *log, void *host, unsigned bytes)
{
    if (log->replay) {
        return;
    }
    g_assert(bytes <= LOGGED_BYTES);
    RamWrite w = { .host = host, .bytes = bytes };
    memcpy(w.old, host, bytes);
    g_array_append_val(log->ram, w);
}

void tcg_log_bus(TcgLog *log)
{
    log->devices = true;
}
