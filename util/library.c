/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/library.h"

#include <dlfcn.h>

void *library_load(const Library *l, void *table, GError **err)
{
    void *lib = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT, "%s cannot be loaded: %s; install %s, or %s",
                    l->name, dlerror(), l->package, l->instead);
        return NULL;
    }
    for (unsigned i = 0; i < l->count; i++) {
        void *found = dlsym(lib, l->symbols[i].name);
        if (!found) {
            g_set_error(err, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                        "%s is too old: it has no %s; install %s, or %s", l->name, l->symbols[i].name,
                        l->package, l->instead);
            dlclose(lib);
            return NULL;
        }
        *(void **)((char *)table + l->symbols[i].at) = found;
    }
    return lib;
}
