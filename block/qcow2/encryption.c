/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Encrypted images: data goes through a node on the file that encrypts it; tables do not.
 * Specification: "Full disk encryption header pointer", "Data encryption": sectors are numbered by their places in the file.
 *
 * Not modelled: AES (method 1), external data files; preallocation. */
#include "block/block_priv.h"
#include "block/luks/area.h"
#include "block/qcow2/qcow2.h"

static const char *fault_of_pointer(const Qcow2 *s)
{
    bool luks = s->h.crypt_method == CRYPT_LUKS;
    if (luks != (s->crypt_offset != 0)) {
        return luks ? "Missing encryption header"
                    : "it has an encryption header, and says that it is not encrypted";
    }
    if (s->crypt_offset & (s->cluster_size - 1) || s->crypt_offset > INT64_MAX) {
        return "Encryption header offset is not a multiple of the cluster size";
    }
    return s->crypt_size > CRYPT_HEADER_MAX ? "its encryption header is too large" : NULL;
}

bool encryption_open(Qcow2 *s, const OpenFlags *flags, GError **err)
{
    static const OpenFlags locked = { .locked = true };
    const char *fault = fault_of_pointer(s);
    if (!fault && !s->crypt_offset && flags && flags->must_encrypt) {
        fault = "No encryption in image header, but options specified format 'luks'";
    }
    if (fault) {
        block_error(err, "'%s': %s", s->node.filename, fault);
        return false;
    }
    if (!s->crypt_offset) {
        return true;
    }
    s->crypt = luks_area_open(s->node.children[NODE_FILE], s->crypt_offset, s->crypt_size,
                              flags ? flags : &locked, err);
    metadata_add(s, s->crypt_offset, s->crypt_size, "the encryption header");
    return s->crypt != NULL;
}

BlockNode *qcow2_encryption(BlockNode *n)
{
    return n->driver == &qcow2_driver ? qcow2_of(n)->crypt : NULL;
}
