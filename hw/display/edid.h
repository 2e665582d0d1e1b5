/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a monitor says of itself (EDID 1.4 and a CTA-861 extension). */
#pragma once
#include <stdint.h>

enum { EDID_BYTES = 256, EDID_MAX_SIZE = 4095 /* of a preferred mode: 12 bits */ };

/* A monitor of 100 dots an inch that prefers this size (at most EDID_MAX_SIZE each way) at 60 Hz. */
void edid_make(uint8_t edid[EDID_BYTES], unsigned width, unsigned height);
