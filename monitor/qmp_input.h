/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both monitors do with keys. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Machine Machine;

enum { KEY_HOLD_MS = 100, KEY_HOLD_MAX = 60 * 1000 };

bool monitor_press_keys(Machine *m, const uint16_t *codes, unsigned count, int64_t ms, GError **err);
