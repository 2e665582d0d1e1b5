/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names that a machine's traced events have (base/trace.h). */
#include "hw/board.h"

#include "base/trace.h"
#include "hw/regs.h"

typedef struct Names {
    GPtrArray *list;
    GHashTable *seen;
    GHashTable *tabled; /* devices whose registers' names are known */
} Names;

static void add_name(Names *n, const char *name)
{
    if (!g_hash_table_contains(n->seen, name)) {
        char *copy = g_strdup(name);
        g_ptr_array_add(n->list, copy);
        g_hash_table_add(n->seen, copy);
    }
}

static void add_register(Names *n, const Device *dev, const char *name, const char *index)
{
    g_autofree char *full = g_strconcat(device_user_path(dev), "/", name, index, NULL);
    add_name(n, full);
    g_hash_table_add(n->tabled, (gpointer)(dev->outer ? dev->outer : dev));
}

static void add_region(MemoryRegion *mr, void *opaque)
{
    Names *n = opaque;
    const RegFile *f = reg_file_of(mr);
    if (mr->ops) {
        add_name(n, mr->name);
    }
    for (const Reg *r = f ? f->table->rows : NULL; r && r->name; r++) {
        add_register(n, f->dev, r->name, r->count || r->element ? "[*]" : "");
    }
}

GPtrArray *machine_trace_names(const Machine *m)
{
    Names n = { .list = g_ptr_array_new_with_free_func(g_free),
                .seen = g_hash_table_new(g_str_hash, g_str_equal),
                .tabled = g_hash_table_new(NULL, NULL) };
    add_name(&n, TRACE_READ);
    add_name(&n, TRACE_WRITE);
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        add_name(&n, device_user_path(dev));
        memory_region_foreach_owned(&dev->regions, add_region, &n);
    }
    for (unsigned i = 0; i < m->devices->len; i++) { /* flash, configuration space */
        const Device *dev = g_ptr_array_index(m->devices, i);
        if (!dev->outer && !g_hash_table_contains(n.tabled, dev)) {
            add_register(&n, dev, "*", "");
        }
    }
    g_hash_table_unref(n.tabled);
    g_hash_table_unref(n.seen);
    return n.list;
}
