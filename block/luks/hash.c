/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes by their names in headers. */
#include "block/luks/luks.h"

bool luks_hash_find(const char *name, LuksHash *h, GError **err)
{
    static const char *const names[] = { "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160", NULL };
    h->crypto = crypto_load(err);
    if (!h->crypto) {
        return false;
    }
    h->hash = g_strv_contains(names, name) ? crypto_hash(h->crypto, name) : NULL;
    if (!h->hash) {
        block_error(
            err, "hash '%s' is not supported: there are sha1, sha224, sha256, sha384, sha512 and ripemd160",
            name);
    }
    return h->hash;
}
