/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image and its backing files, each open for itself: for commands that change what is in which. */
#include <string.h>
#include <stdio.h>

#include "img/img.h"
#include "util/text.h"

enum { CHAIN_MAX = 200 };

const ImgHow img_how = { { .locking = true }, { .locking = true } };

static void link_free(gpointer p)
{
    ImgLink *l = p;
    node_unref(l->node);
    g_free(l->path);
    g_free(l);
}

/* with_backing: parts of its clusters may be written; named: it is a path, whatever --image-opts says. */
static ImgLink *link_open(const char *path, const char *format, bool named, bool writable, bool with_backing,
                          const OpenFlags *how)
{
    OpenFlags flags = *how;
    flags.readonly = !writable;
    flags.no_backing = !with_backing;
    ImgLink *l = g_new0(ImgLink, 1);
    l->node = (named ? img_open_named : img_open)(path, format, &flags, &l->format);
    l->path = g_strdup(l->node && img_tool.image_opts ? node_filename(l->node) : path);
    if (!l->node) {
        link_free(l);
        return NULL;
    }
    l->is_qcow2 = qcow2_info(l->node, &l->info);
    return l;
}

/* The path and format of what is below; NULL: nothing is, or (after a message) it is no file. */
static char *below(const ImgLink *l, char **format, bool *failed)
{
    g_autoptr(GError) err = NULL;
    *format = l->is_qcow2 ? g_strdup(l->info.backing_format) : NULL;
    if (!l->is_qcow2 || !l->info.backing) {
        return NULL;
    }
    char *path = image_resolve(l->path, l->info.backing, &err);
    if (!path) {
        img_error("%s", err->message);
        *failed = true;
    }
    return path;
}

static bool is_same_file(const char *a, const char *b)
{
    g_autofree char *x = g_canonicalize_filename(a, NULL), *y = g_canonicalize_filename(b, NULL);
    return strcmp(x, y) == 0;
}

GPtrArray *img_chain(const char *path, const char *format, const char *base, unsigned writable,
                     const ImgHow *how)
{
    GPtrArray *chain = g_ptr_array_new_with_free_func(link_free);
    g_autofree char *at = g_strdup(path), *at_format = g_strdup(format);
    bool failed = false;
    while (at && !failed) {
        bool last = chain->len && (base ? is_same_file(at, base) : writable & CHAIN_BASE_WRITABLE);
        bool base_written = last && writable & CHAIN_BASE_WRITABLE;
        bool top_written = !chain->len && writable & (CHAIN_TOP_WRITABLE | CHAIN_TOP_EMPTIED);
        bool parts = base_written || (top_written && writable & CHAIN_TOP_WRITABLE);
        ImgLink *l = chain->len < CHAIN_MAX
                         ? link_open(at, at_format, how->named || chain->len, base_written || top_written,
                                     parts, chain->len ? &how->below : &how->top)
                         : NULL;
        if (!l) {
            failed = true;
            break;
        }
        g_ptr_array_add(chain, l);
        g_free(at);
        g_free(at_format);
        at_format = NULL;
        at = last ? NULL : below(l, &at_format, &failed);
        failed |= base && !last && !at;
        if (base && !last && !at) {
            g_autofree char *shown = text_escaped(base);
            img_error("Did not find '%s' in the backing chain of '%s'", shown, path);
        }
    }
    if (failed) {
        g_clear_pointer(&chain, g_ptr_array_unref);
    }
    return chain;
}

GPtrArray *img_chain_one(const char *path, const char *format, const ImgHow *how)
{
    ImgLink *l = link_open(path, format, false, true, false, &how->top);
    GPtrArray *chain = l ? g_ptr_array_new_with_free_func(link_free) : NULL;
    if (l) {
        g_ptr_array_add(chain, l);
    }
    return chain;
}

int img_chain_map(const GPtrArray *chain, guint first, guint end, uint64_t offset, uint64_t length, Extent *e,
                  BlockNode **who)
{
    int result = 0;
    *e = (Extent){ .kind = EXTENT_BELOW, .length = length };
    for (guint i = first; i < end && !result; i++) {
        const ImgLink *l = g_ptr_array_index(chain, i);
        uint64_t size = node_size(l->node);
        *who = l->node;
        if (offset >= size) { /* behind its end nothing of those below shows */
            *e = (Extent){ .kind = EXTENT_ZERO, .length = length };
            break;
        }
        length = MIN(length, size - offset);
        result = node_map(l->node, offset, length, true, e);
        length = e->length;
        if (e->kind != EXTENT_BELOW) {
            break;
        }
    }
    return result;
}

int img_chain_read(const GPtrArray *chain, guint first, uint64_t offset, void *buf, uint64_t length)
{
    int result = 0;
    for (uint64_t done = 0; done < length && !result;) {
        Extent e;
        BlockNode *who = NULL;
        uint8_t *to = (uint8_t *)buf + done;
        result = img_chain_map(chain, first, chain->len, offset + done, length - done, &e, &who);
        bool data = !result && (e.kind == EXTENT_DATA || e.kind == EXTENT_PACKED);
        if (data) {
            result = node_read(who, offset + done, to, e.length);
        } else {
            memset(to, 0, e.length);
        }
        done += e.length;
    }
    return result;
}

void img_progress(bool wanted, uint64_t done, uint64_t all)
{
    if (wanted) {
        printf("    (%.2f/100%%)\r%s", all ? done * 100.0 / all : 100.0, done >= all ? "\n" : "");
        fflush(stdout);
    }
}
