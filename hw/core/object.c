/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects of -object: sources of random bytes and memory backends.
 *
 * A type is a row of `types` and, where it has properties, a shape of them.
 *
 * Not modelled: memory backends as separate RAM (the machine's RAM is a shared
 * memfd in any case; a backend says its size), secrets, TLS credentials, iothreads,
 * throttle groups, filters. */
#include "hw/object.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "util/container.h"

typedef enum ObjectKind { OBJECT_MEMFD, OBJECT_RAM, OBJECT_RNG_BUILTIN, OBJECT_RNG_RANDOM } ObjectKind;

static const char *const type_names[] = {
    [OBJECT_MEMFD] = "memory-backend-memfd",
    [OBJECT_RAM] = "memory-backend-ram",
    [OBJECT_RNG_BUILTIN] = "rng-builtin",
    [OBJECT_RNG_RANDOM] = "rng-random",
    NULL,
};

/* What every -object has; the type's properties come behind. */
struct ObjectOptions {
    int kind; /* ObjectKind */
    char *id;
};

struct Object {
    ObjectKind kind;
    char *id;
    int fd;        /* rng-random */
    uint64_t size; /* memory backends */
    bool no_dump;  /* the same: dump=off */
    bool held;     /* see object_hold */
};

typedef struct ObjectType {
    bool (*init)(Object *o, const ObjectOptions *options, GError **err);
    int (*rng_read)(Object *o, void *buf, size_t len);
    bool memory;
} ObjectType;

struct Objects {
    GPtrArray *list; /* of Object, in the order of their making */
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
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_FAILED,
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
} MemoryOptions;

static const char *const policy_names[] = { "default", "preferred", "bind", "interleave", NULL };
#define NO_PAGES "the host's kernel sets no pages aside for a memfd"

/* clang-format off */
#define MEMORY_PROPS                                                                                         \
    { "size", PROP_SIZE, offsetof(MemoryOptions, size), "size of the machine's RAM", .min = 1,               \
      .max = UINT64_MAX, .required = true },                                                                 \
    { "share", PROP_BOOL, offsetof(MemoryOptions, share), "RAM is shared in any case", .def = 1 },           \
    { "dump", PROP_BOOL, offsetof(MemoryOptions, dump), "RAM is in a core dump of this program", .def = 1 }, \
    PROP_ONLY_OFF("prealloc", NO_PAGES), PROP_ONLY_OFF("reserve", NO_PAGES),                                 \
    PROP_ONLY_OFF("merge", "the host's kernel merges private memory only"),                                  \
    { "policy", PROP_ENUM, .help = "NUMA policy of the host", .names = policy_names,                         \
      .only = "NUMA nodes are not built" }
/* clang-format on */

static const Prop ram_props[] = { MEMORY_PROPS, { NULL } };
static const Prop memfd_props[] = {
    MEMORY_PROPS,
    PROP_ONLY_OFF("hugetlb", NO_PAGES),
    PROP_ONLY_OFF("seal", "the size of RAM does not change"),
    { NULL },
};
static const Shape ram_shape = { "MemoryBackendProperties", sizeof(MemoryOptions), ram_props };
static const Shape memfd_shape = { "MemoryBackendMemfdProperties", sizeof(MemoryOptions), memfd_props };

static bool memory_init(Object *o, const ObjectOptions *options, GError **err)
{
    const MemoryOptions *m = container_of(options, MemoryOptions, common);
    o->size = m->size;
    o->no_dump = !m->dump;
    return true;
}

/* ---- types --------------------------------------------------------------- */

/* clang-format off */
static const ObjectType types[] = {
    [OBJECT_MEMFD]       = { memory_init, NULL,         true },
    [OBJECT_RAM]         = { memory_init, NULL,         true },
    [OBJECT_RNG_BUILTIN] = { NULL,        builtin_read, false },
    [OBJECT_RNG_RANDOM]  = { random_init, random_read,  false },
};
/* clang-format on */

static const Shape *const arms[] = {
    [OBJECT_MEMFD] = &memfd_shape,
    [OBJECT_RAM] = &ram_shape,
    [OBJECT_RNG_BUILTIN] = NULL,
    [OBJECT_RNG_RANDOM] = &random_shape,
};

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
    g_free(o->id);
    g_free(o);
}

bool object_new(Objects *all, const ObjectOptions *options, GError **err)
{
    if (object_find(all, options->id)) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_EXISTS,
                    "attempt to add duplicate property '%s': "
                    "another object has this id; choose a different one",
                    options->id);
        return false;
    }
    const ObjectType *t = &types[options->kind];
    Object *o = g_new0(Object, 1);
    *o = (Object){ .kind = options->kind, .id = g_strdup(options->id), .fd = -1 };
    if (t->init && !t->init(o, options, err)) {
        free_object(o);
        return false;
    }
    g_ptr_array_add(all->list, o);
    return true;
}

void object_free(Objects *all, Object *o)
{
    g_ptr_array_remove(all->list, o);
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

Objects *objects_new(void)
{
    Objects *all = g_new0(Objects, 1);
    all->list = g_ptr_array_new_with_free_func(free_object);
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

bool object_is_rng(const Object *o)
{
    return types[o->kind].rng_read != NULL;
}

bool object_memory_is_dumped(const Object *o)
{
    return !o->no_dump;
}

uint64_t object_memory_size(const Object *o)
{
    return types[o->kind].memory ? o->size : 0;
}
