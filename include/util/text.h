/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that somebody else chose, for a message. */
#pragma once

/* Control characters and what is no UTF-8 become \xNN.  The caller frees it. */
char *text_escaped(const char *text);
