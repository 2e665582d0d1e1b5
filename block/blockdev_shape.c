/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What -blockdev and blockdev-add take.
 * Spelling: QEMU's manual, "QMP reference", BlockdevOptions.
 *
 * Not built, and refused by name: every other driver. */
#include "block/blockdev.h"

const char *const blockdev_driver_names[] = {
    [DRIVER_FILE] = "file",
    [DRIVER_HOST_DEVICE] = "host_device",
    [DRIVER_NULL] = "null-co",
    [DRIVER_NBD] = "nbd",
    [DRIVER_VVFAT] = "vvfat",
    [DRIVER_HTTP] = "http",
    [DRIVER_HTTPS] = "https",
    [DRIVER_RAW] = "raw",
    [DRIVER_THROTTLE] = "throttle",
    [DRIVER_BLKDEBUG] = "blkdebug",
    [DRIVER_BLKVERIFY] = "blkverify",
    [DRIVER_COPY_ON_READ] = "copy-on-read",
    [DRIVER_QCOW2] = "qcow2",
    [DRIVER_PARALLELS] = "parallels",
    [DRIVER_QCOW] = "qcow",
    [DRIVER_VDI] = "vdi",
    [DRIVER_VHDX] = "vhdx",
    [DRIVER_VMDK] = "vmdk",
    [DRIVER_VPC] = "vpc",
    [DRIVER_LUKS] = "luks",
    NULL,
};
/* clang-format off */
static const char *const unbuilt_drivers[] = {
    "blklogwrites", "blkreplay", "bochs", "cloop", "compress", "dmg", "ftp", "ftps",
    "io_uring", "iscsi", "nfs", "null-aio", "nvme", "preallocate", "qed", "quorum", "rbd", "ssh",
    "host_cdrom", "copy-before-write", "replication", "snapshot-access", NULL,
};
/* clang-format on */
const char *const blockdev_discard_names[] = { [DISCARD_IGNORE] = "ignore", [DISCARD_UNMAP] = "unmap", NULL };
const char *const blockdev_aio_names[] = { "threads", "native", "io_uring", NULL };

#define AT(field) offsetof(BlockdevCache, field)
static const Prop cache_props[] = {
    { "direct", PROP_BOOL, AT(direct), "go round the host's page cache", .has = AT(has_direct) },
    { "no-flush", PROP_BOOL, AT(no_flush), "take flushes for done", .has = AT(has_no_flush) },
    { NULL },
};
#undef AT
static const Shape cache_shape = { "BlockdevCacheOptions", sizeof(BlockdevCache), cache_props };

#define AT(field) offsetof(BlockdevOptions, field)
static const Prop file_props[] = {
    { "filename", PROP_STRING, AT(filename), "a file or block device of the host", .required = true },
    { "locking", PROP_ON_OFF_AUTO, AT(locking), "keep other programs from it", .has = AT(has_locking) },
    { "aio", PROP_ENUM, AT(aio), "how requests are made", .names = blockdev_aio_names, .has = AT(has_aio) },
    { NULL },
};
/* What a node is on: another, in place or by its name. */
#define BELOW(name)                                                                                          \
    {                                                                                                        \
        name, PROP_STRUCT, AT(file), "node below, or its name", .of = &blockdev_shape,                       \
                                                                .or_text = AT(file_name), .required = true   \
    }
static const Prop raw_props[] = {
    BELOW("file"),
    { "offset", PROP_SIZE, AT(offset), "where in it the image begins", .has = AT(has_offset) },
    { "size", PROP_SIZE, AT(size), "of the image; not given: to the end", .has = AT(has_size) },
    { NULL },
};
static const Prop format_props[] = {
    BELOW("file"),
    { NULL },
};
#undef AT
#define AT(field) offsetof(BlockdevEncryption, field)
static const Prop encrypt_props[] = {
    { "format", PROP_ENUM, AT(format), "of its encryption", .names = block_encryption_names,
      .unbuilt = block_unbuilt_encryptions, .required = true },
    { "key-secret", PROP_STRING, AT(key_secret), "the -object secret that has the password",
      .required = true },
    { NULL },
};
#undef AT
#define AT(field) offsetof(BlockdevOptions, field)
static const Shape encrypt_shape = { "BlockdevQcow2Encryption", sizeof(BlockdevEncryption), encrypt_props };
static const Prop qcow2_props[] = {
    BELOW("file"),
    { "backing", PROP_ANY, AT(backing), "name of the node of its backing; null: none",
      .has = AT(has_backing) },
    { "encrypt", PROP_STRUCT, AT(encrypt), "how its data is encrypted", .of = &encrypt_shape },
    { NULL },
};
static const Prop null_props[] = {
    { "size", PROP_SIZE, AT(size), "of the disk; not given: 1 GiB", .has = AT(has_size) },
    { "read-zeroes", PROP_BOOL, AT(read_zeroes), "reads are of zeroes, not of what is in memory" },
    { NULL },
};
static const Prop throttle_props[] = {
    { "throttle-group", PROP_STRING, AT(throttle_group), "the -object throttle-group whose limits hold",
      .required = true },
    BELOW("file"),
    { NULL },
};
static const Shape throttle_shape = { "BlockdevOptionsThrottle", sizeof(BlockdevOptions), throttle_props };
static const Prop blkdebug_props[] = {
    BELOW("image"),
    BLKDEBUG_ROWS(AT(blkdebug)),
    { NULL },
};
static const Prop blkverify_props[] = {
    BELOW("test"),
    { "raw", PROP_STRUCT, AT(beside), "what it is compared with", .of = &blockdev_shape,
      .or_text = AT(beside_name), .required = true },
    { NULL },
};
static const Prop cor_props[] = {
    BELOW("file"),
    { "bottom", PROP_STRING, .refused = "what is read is copied from the whole chain; leave it out" },
    { NULL },
};
static const Prop nbd_props[] = {
    { "server", PROP_STRUCT, AT(server), "where it is", .of = &nbd_place_shape, .required = true },
    { "export", PROP_STRING, AT(export), "its name there" },
    { "tls-creds", PROP_STRING, AT(tls_creds),
      "the -object tls-creds-... of the connection; not given: plain" },
    { "tls-hostname", PROP_STRING, AT(tls_hostname),
      "whose certificate the server is to show; not given: the host's" },
    { "x-dirty-bitmap", PROP_STRING, .refused = "other contexts than base:allocation are not built" },
    { "reconnect-delay", PROP_U32, AT(nbd_patience.reconnect_delay),
      "seconds that requests wait for a server that was lost; 0: they fail" },
    { "open-timeout", PROP_U32, AT(nbd_patience.open_timeout),
      "seconds that the server is tried for; 0: once" },
    { NULL },
};
static const Prop vvfat_props[] = {
    { "dir", PROP_STRING, AT(fat.dir), "folder that is shown as a disk", .required = true },
    { "fat-type", PROP_U8, AT(fat.type), "12, 16 or 32; 0: what suits" },
    { "floppy", PROP_BOOL, AT(fat.floppy), "without a partition" },
    { "label", PROP_STRING, AT(fat.label), "of the volume, at most 11 bytes" },
    { "rw", PROP_BOOL, AT(fat.rw), .refused = "writing to the folder is not built" },
    { NULL },
};
static const Shape vvfat_shape = { "BlockdevOptionsVVFAT", sizeof(BlockdevOptions), vvfat_props };
static const Prop http_props[] = {
    { "url", PROP_STRING, AT(http.url), "of the image", .required = true },
    HTTP_ROWS(AT(http), ""),
    { NULL },
};
static const Prop luks_props[] = {
    BELOW("file"),
    { "key-secret", PROP_STRING, AT(key_secret), "the -object secret that has the password",
      .required = true },
    { "header", PROP_STRING, .refused = "a header in another file is not built" },
    { NULL },
};
static const Shape luks_shape = { "BlockdevOptionsLUKS", sizeof(BlockdevOptions), luks_props };
static const Shape blkdebug_shape = { "BlockdevOptionsBlkdebug", sizeof(BlockdevOptions), blkdebug_props };
static const Shape blkverify_shape = { "BlockdevOptionsBlkverify", sizeof(BlockdevOptions), blkverify_props };
static const Shape cor_shape = { "BlockdevOptionsCor", sizeof(BlockdevOptions), cor_props };
static const Shape nbd_shape = { "BlockdevOptionsNbd", sizeof(BlockdevOptions), nbd_props };
static const Shape http_arm = { "BlockdevOptionsCurlHttps", sizeof(BlockdevOptions), http_props };
static const Shape file_shape = { "BlockdevOptionsFile", sizeof(BlockdevOptions), file_props };
static const Shape raw_shape = { "BlockdevOptionsRaw", sizeof(BlockdevOptions), raw_props };
static const Shape format_shape = { "BlockdevOptionsGenericFormat", sizeof(BlockdevOptions), format_props };
static const Shape qcow2_shape = { "BlockdevOptionsQcow2", sizeof(BlockdevOptions), qcow2_props };
static const Shape null_shape = { "BlockdevOptionsNull", sizeof(BlockdevOptions), null_props };
static const Shape *const arms[] = {
    [DRIVER_FILE] = &file_shape,         [DRIVER_HOST_DEVICE] = &file_shape,
    [DRIVER_RAW] = &raw_shape,           [DRIVER_NULL] = &null_shape,
    [DRIVER_QCOW2] = &qcow2_shape,       [DRIVER_PARALLELS] = &format_shape,
    [DRIVER_QCOW] = &format_shape,       [DRIVER_VDI] = &format_shape,
    [DRIVER_VHDX] = &format_shape,       [DRIVER_VMDK] = &format_shape,
    [DRIVER_VPC] = &format_shape,        [DRIVER_THROTTLE] = &throttle_shape,
    [DRIVER_BLKDEBUG] = &blkdebug_shape, [DRIVER_BLKVERIFY] = &blkverify_shape,
    [DRIVER_COPY_ON_READ] = &cor_shape,  [DRIVER_NBD] = &nbd_shape,
    [DRIVER_LUKS] = &luks_shape,         [DRIVER_VVFAT] = &vvfat_shape,
    [DRIVER_HTTP] = &http_arm,           [DRIVER_HTTPS] = &http_arm,
};

static const Prop blockdev_props[] = {
    { "driver", PROP_ENUM, AT(driver), "what it is", .names = blockdev_driver_names,
      .unbuilt = unbuilt_drivers, .required = true },
    { "node-name", PROP_STRING, AT(node_name), "name by which devices and other nodes choose it" },
    { "discard", PROP_ENUM, AT(discard), "what becomes of discards", .names = blockdev_discard_names,
      .has = AT(has_discard) },
    { "detect-zeroes", PROP_ENUM, AT(zeroes), "zeroes are written as such", .names = block_zeroes_names,
      .has = AT(has_zeroes) },
    { "cache", PROP_STRUCT, AT(cache), "use of the host's page cache", .of = &cache_shape },
    { "read-only", PROP_BOOL, AT(readonly), "the guest cannot write", .has = AT(has_readonly) },
    { "auto-read-only", PROP_BOOL, AT(auto_readonly), "read-only if it cannot be written",
      .has = AT(has_auto_readonly) },
    PROP_ONLY_ON("active", "a node is used by this program alone"),
    PROP_ONLY_OFF("force-share",
                  "an image that others write is not opened so; use read-only and locking=off"),
    { NULL },
};
const Shape blockdev_shape = {
    "BlockdevOptions", sizeof(BlockdevOptions), blockdev_props, .tag = &blockdev_props[0],
    .arms = arms,      .implied = "driver",
};
