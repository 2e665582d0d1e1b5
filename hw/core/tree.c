/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Places of devices: see hw/tree.h. */
#include "hw/tree.h"

#include <stdio.h>
#include <string.h>

#include "hw/board.h"

static const char *const homes[] = {
    [HOME_PERIPHERAL] = "/machine/peripheral",
    [HOME_ANON] = "/machine/peripheral-anon",
    [HOME_UNATTACHED] = "/machine/unattached",
};
static const char inner_name[] = "/virtio-backend";

static DeviceHome home_of(const Device *dev)
{
    return dev->id ? HOME_PERIPHERAL : dev->class->user_creatable && dev->bus ? HOME_ANON : HOME_UNATTACHED;
}

Device *machine_device_of_home(const Machine *m, DeviceHome home, unsigned n)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Device *dev = m->devices->pdata[i];
        if (!dev->outer && home_of(dev) == home && !n--) {
            return dev;
        }
    }
    return NULL;
}

static unsigned index_at_home(const Device *dev)
{
    unsigned n = 0;
    while (machine_device_of_home(dev->machine, home_of(dev), n) != dev) {
        n++;
    }
    return n;
}

char *device_tree_path(const Device *dev)
{
    if (!dev->machine) { /* of a test */
        return g_strdup("");
    }
    if (dev->outer) {
        g_autofree char *outer = device_tree_path(dev->outer);
        return g_strconcat(outer, inner_name, NULL);
    }
    return dev->id ? g_strdup_printf("%s/%s", homes[HOME_PERIPHERAL], dev->id)
                   : g_strdup_printf("%s/device[%u]", homes[home_of(dev)], index_at_home(dev));
}

static bool is_backend(const Device *dev)
{
    return dev->outer || g_strcmp0(dev->class->bus, "virtio-bus") == 0;
}

char *device_backend_path(const Device *dev)
{
    g_autofree char *path = device_tree_path(dev);
    return is_backend(dev) && !dev->outer ? g_strconcat(path, inner_name, NULL) : g_steal_pointer(&path);
}

static Device *device_of_id(const Machine *m, const char *id)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Device *dev = m->devices->pdata[i];
        if (dev->id && !dev->outer && g_str_equal(dev->id, id)) {
            return dev;
        }
    }
    return NULL;
}

/* `path` without the name of an inner device. */
static Device *outer_at(const Machine *m, const char *path)
{
    for (DeviceHome home = HOME_PERIPHERAL; home <= HOME_UNATTACHED; home++) {
        size_t len = strlen(homes[home]);
        const char *name = path + len + 1;
        unsigned n;
        int end = 0;
        if (strncmp(path, homes[home], len) != 0 || path[len] != '/') {
            continue;
        }
        if (home == HOME_PERIPHERAL) {
            return device_of_id(m, name);
        }
        bool ok = sscanf(name, "device[%u]%n", &n, &end) == 1 && end && !name[end];
        return ok ? machine_device_of_home(m, home, n) : NULL;
    }
    return device_of_id(m, path);
}

Device *machine_device_at(const Machine *m, const char *path)
{
    if (g_str_has_suffix(path, inner_name)) {
        g_autofree char *outer = g_strndup(path, strlen(path) - strlen(inner_name));
        Device *dev = outer_at(m, outer);
        return dev && !dev->inner && is_backend(dev) ? dev : dev ? dev->inner : NULL;
    }
    return outer_at(m, path);
}

/* ---- who has what -------------------------------------------------------- */

typedef struct Search {
    const Device *dev;
    PropKind kind;
    const void *what;
    bool found;
} Search;

static void compare(const Prop *p, void *opaque)
{
    Search *s = opaque;
    s->found |=
        p->kind == s->kind && !p->only && *(void *const *)((const char *)s->dev + p->offset) == s->what;
}

Device *machine_find_user(const Machine *m, PropKind kind, const void *what)
{
    for (guint i = 0; i < m->devices->len; i++) {
        Search s = { m->devices->pdata[i], kind, what, false };
        device_class_foreach_prop(s.dev->class, compare, &s);
        if (s.found) {
            return m->devices->pdata[i];
        }
    }
    return NULL;
}
