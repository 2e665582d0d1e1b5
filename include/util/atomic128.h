/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What 16 bytes can do as one, whatever the host calls it. */
#pragma once

/* What stood there; `value` stands there now if that was `expected`.  p is aligned to 16 bytes. */
unsigned __int128 atomic_cas128(unsigned __int128 *p, unsigned __int128 expected, unsigned __int128 value);
