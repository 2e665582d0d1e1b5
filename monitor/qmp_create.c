/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blockdev-create: a new file, or an empty image in the file of a node, as a job; x-blockdev-amend: passwords of one that is in use.
 * Names: QEMU's QMP reference, BlockdevCreateOptions, BlockdevAmendOptions. */
#include <string.h>

#include "block/image_create.h"
#include "block/job.h"
#include "block/live.h"
#include "hw/board.h"
#include "monitor/command.h"

enum { CREATE_FILE, CREATE_QCOW2 };
static const char *const drivers[] = { [CREATE_FILE] = "file", [CREATE_QCOW2] = "qcow2", NULL };
/* clang-format off */
static const char *const other_drivers[] = {
    "gluster", "luks", "nfs", "parallels", "qcow", "qed", "rbd", "sheepdog", "ssh", "vdi", "vhdx", "vmdk", "vpc", NULL,
};
/* clang-format on */
static const char *const versions[] = { "v2", "v3", NULL };

typedef struct CreateOptions {
    int driver;
    char *filename; /* of a file */
    char *file, *backing, *backing_format;
    int64_t size, cluster;
    int version;
    bool lazy, has_cluster, has_version, has_lazy;
} CreateOptions;
typedef struct Create {
    char *job;
    CreateOptions *options;
} Create;

#define T CreateOptions
static const Prop options_props[] = {
    { "driver", PROP_ENUM, ALWAYS(driver), .names = drivers, .unbuilt = other_drivers },
    { NULL },
};
static const Prop file_props[] = {
    { "filename", PROP_STRING, ALWAYS(filename) },
    { "size", PROP_I64, ALWAYS(size), .help = "bytes" },
    { NULL },
};
static const Prop qcow2_props[] = {
    { "file", PROP_STRING, ALWAYS(file), .help = "node of the file" },
    { "size", PROP_I64, ALWAYS(size), .help = "of the disk, bytes" },
    { "version", PROP_ENUM, MAYBE_HAS(version), .names = versions, .def = 1 },
    { "backing-file", PROP_STRING, MAYBE(backing), .help = "as the image names it" },
    { "backing-fmt", PROP_STRING, MAYBE(backing_format), .help = "its format" },
    { "cluster-size", PROP_I64, MAYBE_HAS(cluster), .help = "bytes" },
    { "lazy-refcounts", PROP_BOOL, MAYBE_HAS(lazy) },
    { NULL },
};
#undef T
static const Shape file_shape = { "BlockdevCreateOptionsFile", sizeof(CreateOptions), file_props };
static const Shape qcow2_shape = { "BlockdevCreateOptionsQcow2", sizeof(CreateOptions), qcow2_props };
static const Shape *const arms[] = { [CREATE_FILE] = &file_shape, [CREATE_QCOW2] = &qcow2_shape };
static const Shape options_shape = { "BlockdevCreateOptions", sizeof(CreateOptions), options_props,
                                     .tag = &options_props[0], .arms = arms };
#define T Create
static const Prop create_props[] = {
    { "job-id", PROP_STRING, ALWAYS(job) },
    { "options", PROP_STRUCT, ALWAYS(options), .of = &options_shape },
    { NULL },
};
#undef T
static const Shape create_shape = { "BlockdevCreate", sizeof(Create), create_props };

/* What a job needs of it when the command is over. */
typedef struct Creation {
    Drives *drives;
    char *path, *file, *text;
    char *backing, *backing_format;
    uint64_t size;
} Creation;

static void creation_free(void *opaque)
{
    Creation *c = opaque;
    g_free(c->path);
    g_free(c->file);
    g_free(c->text);
    g_free(c->backing);
    g_free(c->backing_format);
    g_free(c);
}

static bool create_file(void *opaque, GError **err)
{
    const Creation *c = opaque;
    BlockNode *file = image_new_file(c->path, c->size, NULL, err);
    node_unref(file);
    return file != NULL;
}

static bool create_qcow2(void *opaque, GError **err)
{
    const Creation *c = opaque;
    const ImageMaker *maker = image_maker("qcow2");
    BlockBackend *blk = block_find_node(c->drives, c->file);
    if (!blk || block_is_readonly(blk)) {
        return command_error(err, ERROR_GENERIC,
                             "Cannot find device='' nor node-name='%s', or it is read-only", c->file);
    }
    if (!block_backend_attach(blk, opaque, NULL, err)) {
        return false;
    }
    NewImage *new = shape_parse(maker->shape, c->text, NULL, err);
    if (new) {
        new->size = c->size;
        new->has_size = true;
        new->backing = g_strdup(c->backing);
        new->backing_format = g_strdup(c->backing_format);
    }
    bool ok = new && (!maker->check || maker->check(new, err)) && maker->make(block_image(blk), new, err);
    shape_free(maker->shape, new);
    block_backend_detach(blk, opaque);
    return ok;
}

/* As lyrebird-img spells them. */
static char *options_text(const CreateOptions *o)
{
    GString *text = g_string_new(o->version ? "compat=1.1" : "compat=0.10");
    if (o->has_cluster) {
        g_string_append_printf(text, ",cluster_size=%" G_GINT64_FORMAT, o->cluster);
    }
    if (o->has_lazy) {
        g_string_append_printf(text, ",lazy_refcounts=%s", o->lazy ? "on" : "off");
    }
    return g_string_free(text, false);
}

static bool run_create(Control *c, const void *args, void *result, GError **err)
{
    const Create *a = args;
    const CreateOptions *o = a->options;
    if (o->size < 0) {
        return command_error(err, ERROR_GENERIC, "Parameter 'size' expects a non-negative value");
    }
    Creation *new = g_new0(Creation, 1);
    *new = (Creation){ c->machine->drives,   g_strdup(o->filename),       g_strdup(o->file), options_text(o),
                       g_strdup(o->backing), g_strdup(o->backing_format), (uint64_t)o->size };
    return job_call(new->drives, a->job, JOB_CREATE, o->driver == CREATE_FILE ? create_file : create_qcow2,
                    new, creation_free, err);
}

/* ---- x-blockdev-amend ------------------------------------------------------------ */

enum { AMEND_LUKS, AMEND_QCOW2 };
static const char *const amended_drivers[] = { [AMEND_LUKS] = "luks", [AMEND_QCOW2] = "qcow2", NULL };
static const char *const encryptions[] = { "luks", NULL };
typedef struct Encrypt {
    int format;
    LuksAmend luks;
} Encrypt;
typedef struct AmendOptions {
    int driver;
    LuksAmend luks;
    Encrypt *encrypt;
} AmendOptions;
typedef struct Amend {
    char *job, *node;
    AmendOptions *options;
    bool force;
} Amend;

#define T Encrypt
static const Prop encrypt_tag[] = {
    { "format", PROP_ENUM, ALWAYS(format), .names = encryptions },
    LUKS_AMEND_ROWS(offsetof(Encrypt, luks), ""),
    { NULL },
};
#undef T
static const Shape encrypt_shape = { "QCryptoBlockAmendOptions", sizeof(Encrypt), encrypt_tag };
#define T AmendOptions
static const Prop amend_options_props[] = {
    { "driver", PROP_ENUM, ALWAYS(driver), .names = amended_drivers },
    { NULL },
};
static const Prop amend_luks_props[] = {
    LUKS_AMEND_ROWS(offsetof(AmendOptions, luks), ""),
    { NULL },
};
static const Prop amend_qcow2_props[] = {
    { "encrypt", PROP_STRUCT, MAYBE(encrypt), .of = &encrypt_shape, .help = "of its encryption" },
    { NULL },
};
#undef T
static const Shape amend_luks_shape = { "BlockdevAmendOptionsLUKS", sizeof(AmendOptions), amend_luks_props };
static const Shape amend_qcow2_shape = { "BlockdevAmendOptionsQcow2", sizeof(AmendOptions),
                                         amend_qcow2_props };
static const Shape *const amend_arms[] = {
    [AMEND_LUKS] = &amend_luks_shape, [AMEND_QCOW2] = &amend_qcow2_shape
};
static const Shape amend_options_shape = { "BlockdevAmendOptions", sizeof(AmendOptions), amend_options_props,
                                           .tag = &amend_options_props[0], .arms = amend_arms };
#define T Amend
static const Prop amend_props[] = {
    { "job-id", PROP_STRING, ALWAYS(job) },
    { "node-name", PROP_STRING, ALWAYS(node) },
    { "options", PROP_STRUCT, ALWAYS(options), .of = &amend_options_shape },
    { "force", PROP_BOOL, MAYBE(force),
      .help = "the last password may be erased, and one in use written over" },
    { NULL },
};
#undef T
static const Shape amend_shape = { "BlockdevAmend", sizeof(Amend), amend_props };

static bool run_amend(Control *c, const void *args, void *result, GError **err)
{
    const Amend *a = args;
    const AmendOptions *o = a->options;
    BlockBackend *blk = block_find_node(c->machine->drives, a->node);
    BlockState s;
    if (!blk) {
        return command_error(err, ERROR_GENERIC, "Cannot find device='' nor node-name='%s'", a->node);
    }
    block_get_state(blk, &s);
    if (strcmp(s.format, amended_drivers[o->driver]) != 0) {
        return command_error(err, ERROR_GENERIC,
                             "x-blockdev-amend doesn't support changing the block driver");
    }
    if (o->driver == AMEND_QCOW2 && !o->encrypt) {
        return command_error(err, ERROR_GENERIC,
                             "Parameter 'encrypt' is missing: nothing else can be amended");
    }
    return job_amend(blk, a->job, o->encrypt ? &o->encrypt->luks : &o->luks, a->force, err);
}

/* clang-format off */
const Command commands_create[] = {
    { "blockdev-create", "make a file, or an empty image, as a job", &create_shape, NULL, 0, run_create },
    { "x-blockdev-amend", "passwords of an encrypted disk, as a job", &amend_shape, NULL, 0, run_amend },
    { NULL },
};
/* clang-format on */
