/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of a qcow2 image and its extensions: read with every value checked, written by sectors.
 * Specification: "Header", "Additional fields", "Header extensions". */
#include <string.h>

#include "block/block_priv.h"
#include "block/qcow2/qcow2.h"
#include "util/bytes.h"
#include "util/text.h"

enum { FEATURE_ROW = 48, FEATURE_NAME = 46 };

/* Where fields are, in order of the specification. */
enum {
    AT_VERSION = 4,
    AT_BACKING_OFFSET = 8,
    AT_BACKING_LENGTH = 16,
    AT_CLUSTER_BITS = 20,
    AT_SIZE = 24,
    AT_CRYPT = 32,
    AT_L1_SIZE = 36,
    AT_L1_OFFSET = 40,
    AT_REFTABLE_OFFSET = 48,
    AT_REFTABLE_CLUSTERS = 56,
    AT_SNAPSHOTS = 60,
    AT_SNAPSHOTS_OFFSET = 64,
    AT_INCOMPATIBLE = 72,
    AT_COMPATIBLE = 80,
    AT_AUTOCLEAR = 88,
    AT_REFCOUNT_ORDER = 96,
    AT_LENGTH = 100,
    AT_COMPRESSION = 104,
};

static void load_fields(Qcow2Header *h, const uint8_t *b)
{
    *h = (Qcow2Header){
        .version = load_be(b + AT_VERSION, 4),
        .cluster_bits = load_be(b + AT_CLUSTER_BITS, 4),
        .refcount_order = 4,
        .header_length = HEADER_V2,
        .size = load_be(b + AT_SIZE, 8),
        .l1_offset = load_be(b + AT_L1_OFFSET, 8),
        .l1_size = load_be(b + AT_L1_SIZE, 4),
        .reftable_offset = load_be(b + AT_REFTABLE_OFFSET, 8),
        .reftable_clusters = load_be(b + AT_REFTABLE_CLUSTERS, 4),
        .snapshots_offset = load_be(b + AT_SNAPSHOTS_OFFSET, 8),
        .snapshots = load_be(b + AT_SNAPSHOTS, 4),
        .backing_offset = load_be(b + AT_BACKING_OFFSET, 8),
        .backing_length = load_be(b + AT_BACKING_LENGTH, 4),
        .crypt_method = load_be(b + AT_CRYPT, 4),
    };
}

static void load_fields_v3(Qcow2Header *h, const uint8_t *b, size_t n)
{
    h->incompatible = load_be(b + AT_INCOMPATIBLE, 8);
    h->compatible = load_be(b + AT_COMPATIBLE, 8);
    h->autoclear = load_be(b + AT_AUTOCLEAR, 8);
    h->refcount_order = load_be(b + AT_REFCOUNT_ORDER, 4);
    h->header_length = load_be(b + AT_LENGTH, 4);
    h->compression = h->header_length > AT_COMPRESSION && n > AT_COMPRESSION ? b[AT_COMPRESSION] : 0;
}

/* ---- checks -------------------------------------------------------------- */

static bool table_fits(const Qcow2Header *h, uint64_t offset, uint64_t bytes)
{
    uint64_t mask = (UINT64_C(1) << h->cluster_bits) - 1;
    return !(offset & mask) && offset <= (UINT64_C(1) << 56) && bytes <= (UINT64_C(1) << 56);
}

/* What the numbers say of themselves.  NULL: they are well. */
static const char *fault_of_layout(const Qcow2Header *h)
{
    uint64_t cluster = UINT64_C(1) << h->cluster_bits;
    uint64_t entry = h->incompatible & INCOMPAT_EXTENDED_L2 ? 16 : 8, per_l2 = cluster / entry;
    uint64_t needed = h->size / cluster / per_l2 + (h->size % (cluster * per_l2) != 0);
    if (h->size > (UINT64_C(1) << 61)) {
        return "its size is out of range";
    }
    if (h->l1_size > L1_MAX / 8) {
        return "Active L1 table too large";
    }
    if (h->l1_size < needed) {
        return "L1 table is too small";
    }
    if (!table_fits(h, h->l1_offset, (uint64_t)h->l1_size * 8)) {
        return "Invalid L1 table offset";
    }
    if ((uint64_t)h->reftable_clusters << h->cluster_bits > REFTABLE_MAX) {
        return "Image does not contain a reference count table, or one that is too large";
    }
    if (!h->reftable_clusters || !h->reftable_offset || !table_fits(h, h->reftable_offset, 0)) {
        return "Invalid refcount table offset";
    }
    if (h->snapshots > SNAPSHOTS_MAX || (h->snapshots && !table_fits(h, h->snapshots_offset, 0))) {
        return "Too many snapshots, or an invalid offset of their table";
    }
    return NULL;
}

static const char *fault_of_features(const Qcow2Header *h)
{
    if (h->cluster_bits < CLUSTER_BITS_MIN || h->cluster_bits > CLUSTER_BITS_MAX) {
        return "Unsupported cluster size: it must be a power of two between 512 and 2048k";
    }
    if (h->refcount_order > REFCOUNT_ORDER_MAX) {
        return "Reference count entry width too large; may not exceed 64 bits";
    }
    if (h->header_length < (h->version < 3 ? HEADER_V2 : HEADER_V3_LEAST) || h->header_length % 8 ||
        h->header_length > 1u << h->cluster_bits) {
        return "qcow2 header has a wrong length";
    }
    if (h->crypt_method == CRYPT_AES) {
        return "it is encrypted by the old AES method, which is not supported; convert it to "
               "encrypt.format=luks with: qemu-img convert";
    }
    if (h->crypt_method > CRYPT_LUKS) {
        return "Unsupported encryption method";
    }
    if (h->crypt_method && h->incompatible & INCOMPAT_DATA_FILE) {
        return "encryption with an external data file is not supported";
    }
    if (h->compression > COMPRESSION_ZSTD) {
        return "unknown compression type";
    }
    if (!!(h->incompatible & INCOMPAT_COMPRESSION) != (h->compression != 0)) {
        return "Compression type incompatible feature bit must be set if and only if the type is not zlib";
    }
    if (h->incompatible & INCOMPAT_EXTENDED_L2 && h->cluster_bits < SUBCLUSTER_BITS_MIN) {
        return "extended L2 entries need clusters of 16 KiB or more";
    }
    return NULL;
}

/* The name that the image has for a feature, or its number. */
static char *feature_name(const uint8_t *buf, size_t n, const Qcow2Header *h, unsigned bit)
{
    uint64_t at = h->header_length;
    while (at + 8 <= n) {
        uint64_t type = load_be(buf + at, 4), length = load_be(buf + at + 4, 4);
        if (type == EXTENSION_END || length > n - at - 8) {
            break;
        }
        for (uint64_t row = 0; type == EXTENSION_FEATURES && row + FEATURE_ROW <= length;
             row += FEATURE_ROW) {
            const uint8_t *p = buf + at + 8 + row;
            if (p[0] == 0 && p[1] == bit) {
                g_autofree char *raw = g_strndup((const char *)p + 2, FEATURE_NAME);
                return text_escaped(raw);
            }
        }
        at += 8 + ((length + 7) & ~UINT64_C(7));
    }
    return g_strdup_printf("Unknown incompatible feature: %x", bit);
}

static bool features_are_known(const Qcow2Header *h, const uint8_t *buf, size_t n, const char *name,
                               GError **err)
{
    uint64_t unknown = h->incompatible & ~(uint64_t)INCOMPAT_KNOWN;
    if (unknown) {
        g_autofree char *feature = feature_name(buf, n, h, __builtin_ctzll(unknown));
        block_error(err, "'%s': Unsupported qcow2 feature(s): %s; open it with the program that made it",
                    name, feature);
    }
    return !unknown;
}

bool header_parse(Qcow2Header *h, const uint8_t *buf, size_t n, const char *name, GError **err)
{
    if (n < HEADER_V3_LEAST || memcmp(buf, "QFI\xfb", 4) != 0) {
        block_error(err, "'%s': Image is not in qcow2 format", name);
        return false;
    }
    load_fields(h, buf);
    if (h->version != 2 && h->version != 3) {
        block_error(err, "'%s': Unsupported qcow2 version %u; this program has 2 and 3", name, h->version);
        return false;
    }
    if (h->version == 3) {
        load_fields_v3(h, buf, n);
    }
    const char *fault = fault_of_features(h);
    if (!fault && !features_are_known(h, buf, n, name, err)) {
        return false;
    }
    fault = fault ? fault : fault_of_layout(h);
    if (fault) {
        block_error(err, "'%s': %s", name, fault);
    }
    return fault == NULL;
}

/* ---- names --------------------------------------------------------------- */

static bool read_extension(Qcow2 *s, uint32_t type, const uint8_t *p, uint64_t length)
{
    char **text = type == (uint32_t)EXTENSION_BACKING_FORMAT ? &s->backing_format
                  : type == EXTENSION_DATA_FILE              ? &s->data_name
                                                             : NULL;
    if (text) {
        if (length > NAME_MAX_BYTES || *text) {
            return false;
        }
        *text = g_strndup((const char *)p, length);
    }
    if (type == EXTENSION_ENCRYPTION) {
        if (length < 16) {
            return false;
        }
        s->crypt_offset = load_be(p, 8);
        s->crypt_size = load_be(p + 8, 8);
    }
    if (type == EXTENSION_BITMAPS && length >= 24) {
        s->bitmaps = load_be(p, 4);
        s->bitmaps_size = load_be(p + 8, 8);
        s->bitmaps_offset = load_be(p + 16, 8);
    }
    return true;
}

static bool read_extensions(Qcow2 *s, const uint8_t *buf, uint64_t end)
{
    uint64_t at = s->h.header_length;
    while (at + 8 <= end) {
        uint32_t type = load_be(buf + at, 4);
        uint64_t length = load_be(buf + at + 4, 4);
        if (type == EXTENSION_END) {
            break;
        }
        if (length > end - at - 8 || !read_extension(s, type, buf + at + 8, length)) {
            return false;
        }
        at += 8 + ((length + 7) & ~UINT64_C(7));
    }
    return true;
}

bool header_read_names(Qcow2 *s, const uint8_t *buf, size_t n, GError **err)
{
    const Qcow2Header *h = &s->h;
    uint64_t offset = h->backing_offset, length = h->backing_length;
    bool ok = !offset || (length <= NAME_MAX_BYTES && offset < n && length <= n - offset);
    if (ok && offset && length) {
        s->backing_name = g_strndup((const char *)buf + offset, length);
    }
    ok = ok && read_extensions(s, buf, offset ? offset : n);
    if (!ok) {
        block_error(err,
                    "'%s': Header extension too large, or the name of the backing file is not where it says",
                    s->node.filename);
    }
    return ok;
}

/* ---- writing ------------------------------------------------------------- */

void header_store(const Qcow2Header *h, uint8_t head[512])
{
    store_be(head + AT_SIZE, 8, h->size);
    store_be(head + AT_L1_SIZE, 4, h->l1_size);
    store_be(head + AT_L1_OFFSET, 8, h->l1_offset);
    store_be(head + AT_REFTABLE_OFFSET, 8, h->reftable_offset);
    store_be(head + AT_REFTABLE_CLUSTERS, 4, h->reftable_clusters);
    store_be(head + AT_SNAPSHOTS, 4, h->snapshots);
    store_be(head + AT_SNAPSHOTS_OFFSET, 8, h->snapshots_offset);
    if (h->version >= 3) {
        store_be(head + AT_INCOMPATIBLE, 8, h->incompatible);
        store_be(head + AT_COMPATIBLE, 8, h->compatible);
        store_be(head + AT_AUTOCLEAR, 8, h->autoclear);
    }
}

void header_store_version(uint8_t head[HEADER_V3_LEAST], unsigned version)
{
    store_be(head + AT_VERSION, 4, version);
    if (version < 3) {
        return;
    }
    memset(head + HEADER_V2, 0, HEADER_V3_LEAST - HEADER_V2);
    store_be(head + AT_REFCOUNT_ORDER, 4, 4);
    store_be(head + AT_LENGTH, 4, HEADER_V3_LEAST);
}

int header_write(Qcow2 *s)
{
    uint8_t head[512];
    memcpy(head, s->head, sizeof(head));
    header_store(&s->h, head);
    int e = node_write(s->node.children[NODE_FILE], 0, head, sizeof(head));
    if (!e) {
        memcpy(s->head, head, sizeof(head));
    }
    return e;
}
