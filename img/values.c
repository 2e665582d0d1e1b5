/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values as the tools' users write and read them. */
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "img/img.h"

bool img_read_size(const char *text, uint64_t *size)
{
    typedef struct Size {
        uint64_t size;
    } Size;
    static const Prop rows[] = { { "size", PROP_SIZE, 0, "bytes" }, { NULL } };
    static const Shape shape = { "size", sizeof(Size), rows };
    g_autofree char *pair = g_strdup_printf("size=%s", text);
    Size *s = strchr(text, ',') ? NULL : shape_parse(&shape, pair, NULL, NULL);
    *size = s ? s->size : 0;
    shape_free(&shape, s);
    return s != NULL;
}

bool img_take_size(const char *what, const char *text, uint64_t *size)
{
    bool ok = img_read_size(text, size);
    if (!ok) {
        img_error("Invalid %s specified. You may use k, M, G, T, P or E suffixes for ", what);
        img_error("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    }
    return ok;
}

void img_add_options(char **all, const char *more)
{
    char *both = *all ? g_strdup_printf("%s,%s", *all, more) : g_strdup(more);
    g_free(*all);
    *all = both;
}

bool img_asks_help(const char *options)
{
    g_auto(GStrv) words = g_strsplit(options ? options : "", ",", -1);
    return g_strv_contains((const char *const *)words, "help") ||
           g_strv_contains((const char *const *)words, "?");
}

void img_print_options(const char *title, const Shape *shape)
{
    g_autoptr(GString) text = g_string_new(title);
    g_string_append(text, ":\n");
    props_help(shape->props, text);
    fputs(text->str, stdout);
}

bool img_take_output(const char *name, bool *json)
{
    *json = strcmp(name, "json") == 0;
    if (!*json && strcmp(name, "human") != 0) {
        img_error("--output must be used with human or json as argument.");
        return false;
    }
    return true;
}

bool img_take_cache(const char *what, const char *name, OpenFlags *flags, bool *sync)
{
    if (!img_cache(name, flags, sync)) {
        img_error("Invalid %s option: %s", what, name);
        return false;
    }
    return true;
}

bool img_cache(const char *name, OpenFlags *flags, bool *sync)
{
    static const struct {
        const char *name;
        bool direct, no_flush, sync;
    } modes[] = { { "none", true, false, false },         { "off", true, false, false },
                  { "writeback", false, false, false },   { "unsafe", false, true, false },
                  { "writethrough", false, false, true }, { "directsync", true, false, true } };
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(modes[i].name, name) == 0) {
            flags->direct = modes[i].direct;
            flags->no_flush = modes[i].no_flush;
            *sync = modes[i].sync;
            return true;
        }
    }
    return false;
}

void img_hold_back(uint64_t rate, int64_t begun_us, uint64_t done)
{
    double wait_us = rate ? done * 1e6 / rate - (g_get_monotonic_time() - begun_us) : 0;
    if (wait_us > 0) {
        g_usleep(MIN(wait_us, 1e12)); /* eleven days */
    }
}
