/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Libraries that are loaded when they are asked for: every start would pay for them otherwise. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct LibrarySymbol {
    const char *name;
    size_t at; /* where its address goes in the table */
} LibrarySymbol;

/* A row for a table of functions (or of addresses of variables) that begin with the same prefix. */
#define LIBRARY_SYMBOL(type, prefix, name)                                                                   \
    {                                                                                                        \
        prefix #name, offsetof(type, name)                                                                   \
    }

typedef struct Library {
    const char *soname;
    const char *name;    /* as users know it */
    const char *package; /* of Debian, and how old it may be */
    const char *instead; /* what to do without it: "leave -vnc out" */
    const LibrarySymbol *symbols;
    unsigned count;
} Library;

/* Fill the table; before the sandbox closes.  NULL: *err says what to install.  Else the handle, for dlsym. */
void *library_load(const Library *l, void *table, GError **err);
