/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that somebody else chose, for a message; sizes as people read them. */
#pragma once
#include <stdint.h>

/* Control characters and what is no UTF-8 become \xNN.  The caller frees it. */
char *text_escaped(const char *text);
char *text_size(uint64_t bytes); /* "196 KiB": three digits; the caller frees it */
