/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hashes by their names in headers. */
#include <string.h>

#include "block/luks/luks.h"

const struct nettle_hash *luks_hash_find(const char *name, GError **err)
{
    static const struct nettle_hash *const hashes[] = { &nettle_sha1,   &nettle_sha224, &nettle_sha256,
                                                        &nettle_sha384, &nettle_sha512, &nettle_ripemd160 };
    for (unsigned i = 0; i < G_N_ELEMENTS(hashes); i++) {
        if (strcmp(hashes[i]->name, name) == 0) {
            return hashes[i];
        }
    }
    block_error(err,
                "hash '%s' is not supported: there are sha1, sha224, sha256, sha384, sha512 and ripemd160",
                name);
    return NULL;
}
