/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Defaults of -global driver.property=value.
 *
 * A value is tried on a device that is never realized, so that a wrong one is
 * refused before anything is started; device_new applies the list. */
#include "hw/core/device_priv.h"

#include <string.h>

#include "hw/board.h"
#include "util/nearest.h"

struct GlobalProp {
    const DeviceClass *class;
    char *name, *value;
};

static bool class_derives(const DeviceClass *c, const DeviceClass *from)
{
    while (c && c != from) {
        c = c->parent;
    }
    return c != NULL;
}

static const DeviceClass *global_class(const char *driver, GError **err)
{
    const DeviceClass *c = device_class_find(driver);
    if (c) {
        return c;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const DeviceClass *const *p = device_classes; *p; p++) {
        g_ptr_array_add(names, (void *)(*p)->name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *hint = names_hint(driver, names_of(names));
    g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-global %s: no device is called so%s", driver,
                hint);
    return NULL;
}

bool machine_add_global(Machine *m, const char *driver, const char *name, const char *value, GError **err)
{
    const DeviceClass *c = global_class(driver, err);
    if (!c) {
        return false;
    }
    Device *trial = device_new(c, m, NULL);
    bool ok = device_set_prop(trial, name, value, err);
    device_free(trial);
    if (!ok) {
        g_prefix_error(err, "-global ");
        return false;
    }
    GlobalProp *g = g_new(GlobalProp, 1);
    *g = (GlobalProp){ c, g_strdup(name), g_strdup(value) };
    g_ptr_array_add(m->globals, g);
    return true;
}

void machine_free_globals(Machine *m)
{
    for (guint i = 0; i < m->globals->len; i++) {
        GlobalProp *g = m->globals->pdata[i];
        g_free(g->name);
        g_free(g->value);
        g_free(g);
    }
    g_ptr_array_unref(m->globals);
}

void device_apply_globals(Device *dev)
{
    for (guint i = 0; dev->machine && i < dev->machine->globals->len; i++) {
        const GlobalProp *g = dev->machine->globals->pdata[i];
        g_autoptr(GError) err = NULL;
        if (class_derives(dev->class, g->class) && !device_set_prop(dev, g->name, g->value, &err)) {
            g_assert_not_reached(); /* the trial took it */
        }
    }
}
