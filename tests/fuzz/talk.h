/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For targets that are servers: one connection's input. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Send all of it, read what comes, until the server hangs up. */
void fuzz_talk(int fd, const uint8_t *data, size_t size);
