/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects of -object: sources of random bytes, memory backends, threads for disks, secrets, credentials of TLS, limits on disks.
 *
 * A type is a row of `types` and, where it has properties, a shape of them.
 *
 * Not modelled: memory backends as separate RAM (they say what the machine's RAM is: its size, its file),
 * filters of networks. */
#include "hw/object.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/secret.h"
#include "block/throttle.h"
#include "hw/iothread.h"
#include "util/container.h"

/* clang-format off */
typedef enum ObjectKind {
    OBJECT_IOTHREAD, OBJECT_FILE, OBJECT_MEMFD, OBJECT_RAM, OBJECT_RNG_BUILTIN, OBJECT_RNG_RANDOM, OBJECT_SECRET,
    OBJECT_THROTTLE, OBJECT_TLS_ANON, OBJECT_TLS_PSK, OBJECT_TLS_X509,
} ObjectKind;

static const char *const type_names[] = {
    [OBJECT_IOTHREAD] = "iothread",
    [OBJECT_FILE] = "memory-backend-file",
    [OBJECT_MEMFD] = "memory-backend-memfd",
    [OBJECT_RAM] = "memory-backend-ram",
    [OBJECT_RNG_BUILTIN] = "rng-builtin",
    [OBJECT_RNG_RANDOM] = "rng-random",
    [OBJECT_SECRET] = "secret",
    [OBJECT_THROTTLE] = "throttle-group",
    [OBJECT_TLS_ANON] = "tls-creds-anon",
    [OBJECT_TLS_PSK] = "tls-creds-psk",
    [OBJECT_TLS_X509] = "tls-creds-x509",
    NULL,
};
/* clang-format on */

/* What every -object has; the type's properties come behind. */
struct ObjectOptions {
    int kind; /* ObjectKind */
    char *id;
};

struct Object {
    Objects *all;
    ObjectKind kind;
    char *id;
    int fd;        /* rng-random, memory backends with a file or share=on */
    uint64_t size; /* memory backends */
    bool no_dump;  /* the same: dump=off */
    bool held;     /* see object_hold */
    bool running;  /* made while the machine runs: nothing may be waited for */
    bool share;    /* the same: who else maps the file sees what is written */
    IoThread *thread;
};

typedef struct ObjectType {
    bool (*init)(Object *o, const ObjectOptions *options, GError **err);
    int (*rng_read)(Object *o, void *buf, size_t len);
    bool memory;
    bool (*del)(Object *o, GError **err); /* NULL: it can go */
} ObjectType;

struct Objects {
    GPtrArray *list; /* of Object, in the order of their making */
    Drives *drives;
};

/* ---- random bytes -------------------------------------------------------- */

static int builtin_read(Object *o, void *buf, size_t len)
{
    ssize_t n = getrandom(buf, MIN(len, 256), GRND_NONBLOCK);
    return n < 0 ? (errno == EAGAIN ? 0 : -1) : n;
}

typedef struct RandomOptions {
    ObjectOptions common;
    char *filename;
} RandomOptions;

static const Prop random_props[] = {
    { "filename", PROP_STRING, offsetof(RandomOptions, filename), "file of random bytes",
      .def_string = "/dev/urandom" },
    { NULL },
};
static const Shape random_shape = { "RngRandomProperties", sizeof(RandomOptions), random_props };

static bool random_init(Object *o, const ObjectOptions *options, GError **err)
{
    const char *path = container_of(options, RandomOptions, common)->filename;
    o->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (o->fd < 0) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "Could not open '%s': %s; give filename= a readable file", path, g_strerror(errno));
        return false;
    }
    return true;
}

static int random_read(Object *o, void *buf, size_t len)
{
    ssize_t n = read(o->fd, buf, MIN(len, 4096));
    return n < 0 ? (errno == EAGAIN || errno == EINTR ? 0 : -1) : n;
}

/* ---- memory backends ----------------------------------------------------- */

typedef struct MemoryOptions {
    ObjectOptions common;
    uint64_t size;
    bool share, dump;
    char *path; /* memory-backend-file */
} MemoryOptions;

static const char *const policy_names[] = { "default", "preferred", "bind", "interleave", NULL };
#define NO_PAGES "the host's kernel is not asked to set pages aside"

/* clang-format off */
#define MEMORY_PROPS(shared, share_help)                                                                     \
    { "size", PROP_SIZE, offsetof(MemoryOptions, size), "size of the machine's RAM", .min = 1,               \
      .max = UINT64_MAX, .required = true },                                                                 \
    { "share", PROP_BOOL, offsetof(MemoryOptions, share), share_help, .def = shared },                       \
    { "dump", PROP_BOOL, offsetof(MemoryOptions, dump), "RAM is in a core dump of this program", .def = 1 }, \
    PROP_ONLY_OFF("prealloc", NO_PAGES), PROP_ONLY_OFF("reserve", NO_PAGES),                                 \
    PROP_ONLY_OFF("merge", "the host's kernel is not asked to merge pages"),                                 \
    { "policy", PROP_ENUM, .help = "NUMA policy of the host", .names = policy_names,                         \
      .only = "NUMA nodes are not built" }
/* clang-format on */
#define SHARED "RAM is a memfd, which other processes can map; its pages are small ones"

static const Prop ram_props[] = { MEMORY_PROPS(0, SHARED), { NULL } };
static const Prop memfd_props[] = {
    MEMORY_PROPS(1, SHARED),
    PROP_ONLY_OFF("hugetlb", NO_PAGES),
    PROP_ONLY_OFF("seal", "the size of RAM does not change"),
    { NULL },
};
static const Prop file_props[] = {
    MEMORY_PROPS(0, "what the guest writes is in the file"),
    { "mem-path", PROP_STRING, offsetof(MemoryOptions, path),
      "the file, which is made if it is not there, or a directory for one without a name", .required = true },
    PROP_ONLY_OFF("discard-data", "the file keeps what was written"),
    PROP_ONLY_OFF("pmem", "no persistent memory is built"),
    PROP_ONLY_OFF("readonly", "RAM is written"),
    PROP_ONLY_NUMBER("align", 0, "the host aligns the file as it likes"),
    { NULL },
};
static const Shape ram_shape = { "MemoryBackendProperties", sizeof(MemoryOptions), ram_props };
static const Shape memfd_shape = { "MemoryBackendMemfdProperties", sizeof(MemoryOptions), memfd_props };
static const Shape file_shape = { "MemoryBackendFileProperties", sizeof(MemoryOptions), file_props };

static bool memory_init(Object *o, const ObjectOptions *options, GError **err)
{
    const MemoryOptions *m = container_of(options, MemoryOptions, common);
    o->size = m->size;
    o->no_dump = !m->dump;
    o->share = m->share;
    return true;
}

/* In a directory: a file that nobody else can open by name. */
static int open_memory_file(const char *path)
{
    if (!g_file_test(path, G_FILE_TEST_IS_DIR)) {
        return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    }
    g_autofree char *name = g_build_filename(path, "lyrebird-ram-XXXXXX", NULL);
    int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) {
        unlink(name);
    }
    return fd;
}

/* A new file gets the size; one with contents has it. */
static const char *size_memory_file(int fd, uint64_t size)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return g_strerror(errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return "it is no regular file";
    }
    if (st.st_size && (uint64_t)st.st_size < size) {
        return "the file is smaller than size=";
    }
    if (size > INT64_MAX) {
        return "size= is more than a file can have";
    }
    return !st.st_size && ftruncate(fd, (off_t)size) < 0 ? g_strerror(errno) : NULL;
}

static bool file_init(Object *o, const ObjectOptions *options, GError **err)
{
    const char *path = container_of(options, MemoryOptions, common)->path;
    o->fd = open_memory_file(path);
    const char *why = o->fd < 0 ? g_strerror(errno) : NULL;
    memory_init(o, options, err);
    why = why ? why : size_memory_file(o->fd, o->size);
    if (why) {
        g_set_error(
            err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
            "can't open backing store %s for guest RAM: %s; give mem-path= a file, or a directory of tmpfs",
            path, why);
    }
    return !why;
}

static bool shareable_init(Object *o, const ObjectOptions *options, GError **err)
{
    memory_init(o, options, err);
    if (!o->share) {
        return true;
    }
    o->fd = memfd_create(o->id, MFD_CLOEXEC);
    const char *why = o->fd < 0 ? g_strerror(errno) : size_memory_file(o->fd, o->size);
    if (why) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "object '%s': cannot make a memfd for guest RAM: %s; try share=off", o->id, why);
    }
    return !why;
}

/* ---- threads ------------------------------------------------------------- */

#define NO_POLLING "the thread sleeps until it is woken: polling is not built"
#define ONE_POOL "disks share one pool of threads"
static const Prop iothread_props[] = {
    PROP_ONLY_NUMBER("poll-max-ns", 0, NO_POLLING),
    PROP_ONLY_NUMBER("poll-grow", 0, NO_POLLING),
    PROP_ONLY_NUMBER("poll-shrink", 0, NO_POLLING),
    PROP_ONLY_NUMBER("aio-max-batch", 0, "what a doorbell asks for goes out in one batch"),
    PROP_ONLY_NUMBER("thread-pool-min", 0, ONE_POOL),
    PROP_ONLY_NUMBER("thread-pool-max", 64, ONE_POOL),
    { NULL },
};
static const Shape iothread_shape = { "IothreadProperties", sizeof(ObjectOptions), iothread_props };

static bool iothread_init(Object *o, const ObjectOptions *options, GError **err)
{
    o->thread = iothread_new(options->id, err);
    return o->thread != NULL;
}

/* ---- secrets ------------------------------------------------------------- */

/* The secret itself is with the drives: they take it. */
typedef struct SecretOptions {
    ObjectOptions common;
    SecretSource source;
} SecretOptions;

static const Prop secret_props[] = { SECRET_ROWS(offsetof(SecretOptions, source)), { NULL } };
static const Shape secret_shape = { "SecretProperties", sizeof(SecretOptions), secret_props };

static bool secret_init(Object *o, const ObjectOptions *options, GError **err)
{
    const SecretOptions *s = container_of(options, SecretOptions, common);
    return secrets_add(drives_secrets(o->all->drives), options->id, &s->source, o->running, err);
}

static bool secret_del(Object *o, GError **err)
{
    secrets_remove(drives_secrets(o->all->drives), o->id);
    return true;
}

/* ---- credentials ---------------------------------------------------------- */

/* With the secrets, for the same reason. */
typedef struct TlsOptions {
    ObjectOptions common;
    TlsSource source;
} TlsOptions;

#define TLS_AT offsetof(TlsOptions, source)
static const Prop tls_anon_props[] = { TLS_ROWS(TLS_AT), { NULL } };
static const Prop tls_psk_props[] = { TLS_ROWS(TLS_AT), TLS_PSK_ROWS(TLS_AT), { NULL } };
static const Prop tls_x509_props[] = { TLS_ROWS(TLS_AT), TLS_X509_ROWS(TLS_AT), { NULL } };
#undef TLS_AT
static const Shape tls_anon_shape = { "TlsCredsAnonProperties", sizeof(TlsOptions), tls_anon_props };
static const Shape tls_psk_shape = { "TlsCredsPskProperties", sizeof(TlsOptions), tls_psk_props };
static const Shape tls_x509_shape = { "TlsCredsX509Properties", sizeof(TlsOptions), tls_x509_props };

static bool tls_init(Object *o, const ObjectOptions *options, GError **err)
{
    static const TlsKind kinds[] = {
        [OBJECT_TLS_ANON] = TLS_ANON, [OBJECT_TLS_PSK] = TLS_PSK, [OBJECT_TLS_X509] = TLS_X509
    };
    const TlsOptions *t = container_of(options, TlsOptions, common);
    return secrets_add_tls(drives_secrets(o->all->drives), options->id, kinds[o->kind], &t->source,
                           o->running, err);
}

/* ---- limits on disks -------------------------------------------------------- */

/* The group is the drives', and ends with them. */
typedef struct ThrottleOptions {
    ObjectOptions common;
    ThrottleLimits x;
    struct ThrottleLimits *limits;
} ThrottleOptions;

static const Prop limit_props[] = { THROTTLE_GROUP_ROWS(0, ""), { NULL } };
static const Shape limit_shape = { "ThrottleLimits", sizeof(ThrottleLimits), limit_props };
static const Prop throttle_props[] = {
    { "limits", PROP_STRUCT, offsetof(ThrottleOptions, limits), "on all disks of the group together",
      .of = &limit_shape },
    THROTTLE_GROUP_ROWS(offsetof(ThrottleOptions, x), "x-"),
    { NULL },
};
static const Shape throttle_shape = { "ThrottleGroupProperties", sizeof(ThrottleOptions), throttle_props };

static bool throttle_init(Object *o, const ObjectOptions *options, GError **err)
{
    const ThrottleOptions *t = container_of(options, ThrottleOptions, common);
    if (t->limits && throttle_limits_any(&t->x)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "limits= and x-...= say the same; leave one of them out");
        return false;
    }
    return throttle_group_add(o->all->drives, options->id, t->limits ? t->limits : &t->x, err);
}

static bool throttle_del(Object *o, GError **err)
{
    return throttle_group_del(o->all->drives, o->id, err);
}

/* ---- types --------------------------------------------------------------- */

/* clang-format off */
static const ObjectType types[] = {
    [OBJECT_IOTHREAD]    = { iothread_init, NULL,       false },
    [OBJECT_FILE]        = { file_init,   NULL,         true },
    [OBJECT_MEMFD]       = { shareable_init, NULL,      true },
    [OBJECT_RAM]         = { shareable_init, NULL,      true },
    [OBJECT_RNG_BUILTIN] = { NULL,        builtin_read, false },
    [OBJECT_RNG_RANDOM]  = { random_init, random_read,  false },
    [OBJECT_SECRET]      = { secret_init, NULL, false, secret_del },
    [OBJECT_THROTTLE]    = { throttle_init, NULL,       false, throttle_del },
    [OBJECT_TLS_ANON]    = { tls_init,    NULL,         false, secret_del },
    [OBJECT_TLS_PSK]     = { tls_init,    NULL,         false, secret_del },
    [OBJECT_TLS_X509]    = { tls_init,    NULL,         false, secret_del },
};

static const Shape *const arms[] = {
    [OBJECT_IOTHREAD]    = &iothread_shape,
    [OBJECT_FILE]        = &file_shape,
    [OBJECT_MEMFD]       = &memfd_shape,
    [OBJECT_RAM]         = &ram_shape,
    [OBJECT_RNG_BUILTIN] = NULL,
    [OBJECT_RNG_RANDOM]  = &random_shape,
    [OBJECT_SECRET]      = &secret_shape,
    [OBJECT_THROTTLE]    = &throttle_shape,
    [OBJECT_TLS_ANON]    = &tls_anon_shape,
    [OBJECT_TLS_PSK]     = &tls_psk_shape,
    [OBJECT_TLS_X509]    = &tls_x509_shape,
};
/* clang-format on */

static const Prop object_props[] = {
    { "qom-type", PROP_ENUM, offsetof(ObjectOptions, kind), "type of object", .names = type_names,
      .required = true },
    { "id", PROP_STRING, offsetof(ObjectOptions, id), "name by which others choose it", .required = true },
    { NULL },
};
const Shape object_shape = {
    "ObjectOptions",         sizeof(ObjectOptions), object_props,
    .tag = &object_props[0], .arms = arms,          .implied = "qom-type",
};

/* ---- life ---------------------------------------------------------------- */

static void free_object(void *opaque)
{
    Object *o = opaque;
    if (o->fd >= 0) {
        close(o->fd);
    }
    iothread_free(o->thread);
    g_free(o->id);
    g_free(o);
}

bool object_new(Objects *all, const ObjectOptions *options, bool running, GError **err)
{
    if (object_find(all, options->id)) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                    "attempt to add duplicate property '%s': "
                    "another object has this id; choose a different one",
                    options->id);
        return false;
    }
    const ObjectType *t = &types[options->kind];
    Object *o = g_new0(Object, 1);
    *o = (Object){
        .all = all, .kind = options->kind, .id = g_strdup(options->id), .fd = -1, .running = running
    };
    if (t->init && !t->init(o, options, err)) {
        free_object(o);
        return false;
    }
    g_ptr_array_add(all->list, o);
    return true;
}

bool object_del(Objects *all, Object *o, GError **err)
{
    bool ok = !types[o->kind].del || types[o->kind].del(o, err);
    if (ok) {
        g_ptr_array_remove(all->list, o);
    }
    return ok;
}

void object_hold(Object *o)
{
    o->held = true;
}

bool object_is_held(const Object *o)
{
    return o->held;
}

Object *object_find(const Objects *all, const char *id)
{
    for (guint i = 0; i < all->list->len; i++) {
        Object *o = all->list->pdata[i];
        if (g_str_equal(o->id, id)) {
            return o;
        }
    }
    return NULL;
}

void objects_foreach(const Objects *all, void (*fn)(const Object *o, void *opaque), void *opaque)
{
    for (guint i = 0; i < all->list->len; i++) {
        fn(all->list->pdata[i], opaque);
    }
}

const char *object_id(const Object *o)
{
    return o->id;
}

const char *object_type(const Object *o)
{
    return type_names[o->kind];
}

Objects *objects_new(Drives *drives)
{
    Objects *all = g_new0(Objects, 1);
    all->list = g_ptr_array_new_with_free_func(free_object);
    all->drives = drives;
    return all;
}

void objects_free(Objects *all)
{
    if (all) {
        g_ptr_array_unref(all->list);
        g_free(all);
    }
}

int object_rng_read(Object *o, void *buf, size_t len)
{
    if (!o) {
        return builtin_read(NULL, buf, len);
    }
    return types[o->kind].rng_read ? types[o->kind].rng_read(o, buf, len) : -1;
}

IoThread *object_iothread(const Object *o)
{
    return o->thread;
}

bool object_is_rng(const Object *o)
{
    return types[o->kind].rng_read != NULL;
}

bool object_memory_file(const Object *o, RamFile *file)
{
    *file = (RamFile){ o->fd, o->share };
    return types[o->kind].memory && o->fd >= 0;
}

bool object_memory_is_shared(const Object *o)
{
    return o->share;
}

bool object_memory_is_dumped(const Object *o)
{
    return !o->no_dump;
}

uint64_t object_memory_size(const Object *o)
{
    return types[o->kind].memory ? o->size : 0;
}
