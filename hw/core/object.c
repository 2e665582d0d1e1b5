/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The objects of -object: sources of random bytes and memory backends.
 *
 * One row of `types` for each type names its keys; a key that is not in the row is
 * refused, so what is accepted is honoured.
 *
 * Not modelled: memory backends as separate RAM (the machine's RAM is a shared
 * memfd in any case; a backend says its size), secrets, TLS credentials, iothreads,
 * throttle groups, filters. */
#include "hw/object.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "hw/device.h"
#include "util/keyval.h"
#include "util/nearest.h"

typedef struct ObjectType ObjectType;

struct Object {
    const ObjectType *type;
    char *id;
    int fd;        /* rng-random */
    uint64_t size; /* memory backends */
    bool no_dump;  /* the same: dump=off */
};

struct ObjectType {
    const char *name;
    const Prop *props; /* besides qom-type and id; read by init, so without offsets */
    bool (*init)(Object *o, GHashTable *options, GError **err);
    int (*rng_read)(Object *o, void *buf, size_t len);
    bool memory;
};

struct Objects {
    GPtrArray *list; /* of Object, in the order of their making */
};

static int builtin_read(Object *o, void *buf, size_t len)
{
    ssize_t n = getrandom(buf, MIN(len, 256), GRND_NONBLOCK);
    return n < 0 ? (errno == EAGAIN ? 0 : -1) : n;
}

static bool random_init(Object *o, GHashTable *options, GError **err)
{
    const char *path = g_hash_table_lookup(options, "filename");
    path = path ? path : "/dev/urandom";
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

static bool memory_flag(GHashTable *options, const char *key, bool only, GError **err)
{
    const char *text = g_hash_table_lookup(options, key);
    bool value;
    if (!text || (keyval_bool(text, &value) && value == only)) {
        return true;
    }
    g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "%s=%s is not supported here; only %s=%s is",
                key, text, key, only ? "on" : "off");
    return false;
}

static bool memory_init(Object *o, GHashTable *options, GError **err)
{
    const char *size = g_hash_table_lookup(options, "size");
    const char *share = g_hash_table_lookup(options, "share");
    bool flag;
    if (!size || !keyval_size(size, 1, &o->size) || !o->size) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "a memory backend needs size= in bytes or with a suffix (size=512M), not '%s'",
                    size ? size : "");
        return false;
    }
    if (share && !keyval_bool(share, &flag)) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "share=%s: use on or off", share);
        return false;
    }
    const char *dump = g_hash_table_lookup(options, "dump");
    if (dump && !keyval_bool(dump, &flag)) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "dump=%s: use on or off", dump);
        return false;
    }
    o->no_dump = dump && !flag;
    const char *policy = g_hash_table_lookup(options, "policy");
    if (policy && !g_str_equal(policy, "default")) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "policy=%s is not supported here: NUMA nodes are not built; only policy=default is",
                    policy);
        return false;
    }
    /* The host's kernel merges private memory only, and does not set pages aside for a memfd. */
    return memory_flag(options, "prealloc", false, err) && memory_flag(options, "merge", false, err) &&
           memory_flag(options, "reserve", false, err) && memory_flag(options, "seal", false, err) &&
           memory_flag(options, "hugetlb", false, err);
}

static const Prop no_props[] = { { 0 } };
static const Prop random_props[] = {
    { "filename", PROP_STRING, .help = "file of random bytes", .def_string = "/dev/urandom" },
    { 0 },
};

/* clang-format off */
#define ONLY_OFF(prop) { prop, PROP_BOOL, .help = "off is all there is" }
#define MEMORY_PROPS                                                                        \
    { "size", PROP_SIZE, .help = "size of the machine's RAM" },                             \
    { "share", PROP_BOOL, .def = 1, .help = "RAM is shared in any case" },                  \
    ONLY_OFF("prealloc"), ONLY_OFF("merge"),                                                \
    { "dump", PROP_BOOL, .def = 1, .help = "RAM is in a core dump of this program" },       \
    ONLY_OFF("reserve"),                                                                    \
    { "policy", PROP_STRING, .help = "NUMA policy of the host", .def_string = "default" }
/* clang-format on */

static const Prop ram_props[] = { MEMORY_PROPS, { 0 } };
static const Prop memfd_props[] = { MEMORY_PROPS, ONLY_OFF("hugetlb"), ONLY_OFF("seal"), { 0 } };

/* clang-format off */
static const ObjectType types[] = {
    { "memory-backend-memfd", memfd_props,  memory_init, NULL,         true },
    { "memory-backend-ram",   ram_props,    memory_init, NULL,         true },
    { "rng-builtin",          no_props,     NULL,        builtin_read, false },
    { "rng-random",           random_props, random_init, random_read,  false },
};
/* clang-format on */

static const ObjectType *type_find(const char *name, GError **err)
{
    const char *names[G_N_ELEMENTS(types) + 1] = { NULL };
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        names[i] = types[i].name;
        if (g_str_equal(types[i].name, name)) {
            return &types[i];
        }
    }
    const char *near = nearest_name(name, names);
    g_autofree char *all = names_join(names, ", ");
    g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                "object type '%s' is not built; types: %s%s%s%s", name, all, near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
    return NULL;
}

static bool check_key(const ObjectType *t, const char *key, GError **err)
{
    g_autoptr(GString) all = g_string_new("id");
    for (const Prop *p = t->props; p->name; p++) {
        if (g_str_equal(key, p->name)) {
            return true;
        }
        g_string_append_printf(all, ", %s", p->name);
    }
    g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Property '%s.%s' not found; properties: %s",
                t->name, key, all->str);
    return false;
}

static bool check_keys(const ObjectType *t, GHashTable *options, GError **err)
{
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, options);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        bool common = g_str_equal(key, "qom-type") || g_str_equal(key, "id");
        if (!common && !check_key(t, key, err)) {
            return false;
        }
    }
    return true;
}

static void object_free(void *opaque)
{
    Object *o = opaque;
    if (o->fd >= 0) {
        close(o->fd);
    }
    g_free(o->id);
    g_free(o);
}

bool object_new(Objects *all, GHashTable *options, GError **err)
{
    const char *name = g_hash_table_lookup(options, "qom-type");
    const char *id = g_hash_table_lookup(options, "id");
    if (!name || !id) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                    "Parameter '%s' is missing: TYPE,id=NAME[,key=value...]", name ? "id" : "qom-type");
        return false;
    }
    const ObjectType *t = type_find(name, err);
    if (!t || !check_keys(t, options, err)) {
        return false;
    }
    if (object_find(all, id)) {
        g_set_error(err, G_IO_ERROR, G_IO_ERROR_EXISTS,
                    "attempt to add duplicate property '%s': "
                    "another object has this id; choose a different one",
                    id);
        return false;
    }
    Object *o = g_new0(Object, 1);
    *o = (Object){ .type = t, .id = g_strdup(id), .fd = -1 };
    if (t->init && !t->init(o, options, err)) {
        object_free(o);
        return false;
    }
    g_ptr_array_add(all->list, o);
    return true;
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

const char *object_id(const Object *o)
{
    return o->id;
}

const char *object_type(const Object *o)
{
    return o->type->name;
}

void object_print_types(void)
{
    printf("List of user creatable objects:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        printf("  %s\n", types[i].name);
    }
}

const Prop *object_type_props(const char *name, GError **err)
{
    const ObjectType *t = type_find(name, err);
    return t ? t->props : NULL;
}

Objects *objects_new(void)
{
    Objects *all = g_new0(Objects, 1);
    all->list = g_ptr_array_new_with_free_func(object_free);
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
    return o->type->rng_read ? o->type->rng_read(o, buf, len) : -1;
}

bool object_is_rng(const Object *o)
{
    return o->type->rng_read != NULL;
}

bool object_memory_is_dumped(const Object *o)
{
    return !o->no_dump;
}

uint64_t object_memory_size(const Object *o)
{
    return o->type->memory ? o->size : 0;
}
