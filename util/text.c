/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/text.h"

#include <glib.h>
#include <stdbool.h>

char *text_escaped(const char *text)
{
    GString *out = g_string_new(NULL);
    for (const char *p = text; *p;) {
        gunichar c = g_utf8_get_char_validated(p, -1);
        const char *next = c < 0x80000000u ? g_utf8_next_char(p) : p + 1;
        if (c < 0x80000000u && g_unichar_isprint(c)) {
            g_string_append_len(out, p, next - p);
        } else {
            for (; p < next; p++) {
                g_string_append_printf(out, "\\x%02x", (unsigned char)*p);
            }
        }
        p = next;
    }
    return g_string_free(out, false);
}

char *text_size(uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned u = 0;
    double v = bytes;
    for (; v >= 999.5 && u + 1 < G_N_ELEMENTS(units); u++) { /* three digits are shown */
        v /= 1024;
    }
    return g_strdup_printf("%0.3g %s", v, units[u]);
}
