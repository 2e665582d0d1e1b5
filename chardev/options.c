/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of chardev options, with errors that name the option and what it takes. */
#include "chardev_priv.h"
#include "util/keyval.h"

void chr_error(GError **err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    g_set_error_literal(err, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, text);
}

const char *opt_string(GHashTable *options, const char *key)
{
    return g_hash_table_lookup(options, key);
}

bool opt_bool(GHashTable *options, const char *key, bool preset, bool *out, GError **err)
{
    const char *value = opt_string(options, key);
    *out = preset;
    if (value && !keyval_bool(value, out)) {
        chr_error(err, "chardev option %s=%s: '%s' is neither on nor off; write %s=on or %s=off", key, value,
                  value, key, key);
        return false;
    }
    return true;
}

bool opt_uint(GHashTable *options, const char *key, uint64_t preset, uint64_t max, uint64_t *out,
              GError **err)
{
    const char *value = opt_string(options, key);
    *out = preset;
    if (value && !keyval_uint(value, max, out)) {
        chr_error(err, "chardev option %s=%s: not a number up to %" G_GUINT64_FORMAT "; write %s=NUMBER", key,
                  value, max, key);
        return false;
    }
    return true;
}
