/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmdk: the descriptor, a text that lists the extents of a disk, in a file of its own or in the image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block/sparse/vmdk.h"
#include "util/text.h"

static void extent_clear(gpointer p)
{
    VmdkExtent *x = p;
    g_free(x->name);
    g_free(x->type);
}

void vmdk_descriptor_free(VmdkDescriptor *d)
{
    if (d) {
        g_array_unref(d->extents);
        g_free(d->create_type);
        g_free(d->parent);
        g_free(d);
    }
}

/* Of 'key="value"' or 'key = value'. */
static char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);
    if (g_ascii_strncasecmp(line, key, n) != 0) {
        return NULL;
    }
    const char *p = line + n + strspn(line + n, " \t");
    if (*p != '=') {
        return NULL;
    }
    g_autofree char *value = g_strstrip(g_strdup(p + 1));
    size_t length = strlen(value);
    bool quoted = length > 1 && value[0] == '"' && value[length - 1] == '"';
    return quoted ? g_strndup(value + 1, length - 2) : g_steal_pointer(&value);
}

static void read_value(VmdkDescriptor *d, const char *line)
{
    g_autofree char *cid = value_of(line, "CID"), *parent_cid = value_of(line, "parentCID");
    char *type = value_of(line, "createType"), *parent = value_of(line, "parentFileNameHint");
    d->cid = cid ? strtoul(cid, NULL, 16) : d->cid;
    d->parent_cid = parent_cid ? strtoul(parent_cid, NULL, 16) : d->parent_cid;
    if (type) {
        g_free(d->create_type);
        d->create_type = type;
    }
    if (parent) {
        g_free(d->parent);
        d->parent = parent;
    }
}

static bool extent_fault(const VmdkExtent *x, const char *image, GError **err)
{
    static const char *const built[] = { "FLAT", "SPARSE", "ZERO", "VMFS", "VMFSSPARSE", NULL };
    g_autofree char *shown = text_escaped(x->type);
    if (!g_strv_contains(built, x->type)) {
        block_error(err, "'%s': extents of the type '%s' are not supported", image, shown);
        return true;
    }
    if (strcmp(x->type, "ZERO") != 0 && !x->name) {
        block_error(err, "'%s': an extent has no name", image);
        return true;
    }
    if (x->sectors > INT64_MAX / 4 / SECTOR || x->start > INT64_MAX / 4 / SECTOR) {
        block_error(err, "'%s': the size of an extent makes no sense", image);
        return true;
    }
    return false;
}

/* 'RW 4192256 SPARSE "disk-s001.vmdk" 0'; true: it is no such line, or a good one. */
static bool read_extent(VmdkDescriptor *d, const char *line, const char *image, GError **err)
{
    char access[16], type[16];
    unsigned long long sectors, start = 0;
    int used = 0;
    if (sscanf(line, "%15s %llu %15s%n", access, &sectors, type, &used) != 3 ||
        (strcmp(access, "RW") != 0 && strcmp(access, "RDONLY") != 0)) {
        return true;
    }
    const char *open = strchr(line + used, '"'), *end = open ? strrchr(open + 1, '"') : NULL;
    if (end && sscanf(end + 1, "%llu", &start) != 1) {
        start = 0;
    }
    VmdkExtent x = { end ? g_strndup(open + 1, end - open - 1) : NULL, g_strdup(type), sectors, start,
                     strcmp(access, "RDONLY") == 0 };
    g_array_append_val(d->extents, x);
    return !extent_fault(&x, image, err);
}

VmdkDescriptor *vmdk_descriptor_parse(const char *text, const char *image, GError **err)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    VmdkDescriptor *d = g_new0(VmdkDescriptor, 1);
    bool ok = true;
    d->extents = g_array_new(false, false, sizeof(VmdkExtent));
    g_array_set_clear_func(d->extents, extent_clear);
    d->parent_cid = (uint32_t)VMDK_NO_PARENT;
    for (char **line = lines; *line && ok; line++) {
        g_strchomp(*line);
        read_value(d, *line);
        ok = read_extent(d, *line, image, err);
    }
    if (ok && !d->extents->len) {
        block_error(err, "'%s': its descriptor lists no extents", image);
        ok = false;
    }
    if (!ok) {
        vmdk_descriptor_free(d);
        return NULL;
    }
    return d;
}

int vmdk_descriptor_renew(VmdkDescriptor *d, BlockNode *file, uint64_t at)
{
    char head[SECTOR + 1] = { 0 }, number[9];
    size_t length = MIN(node_size(file) - at, SECTOR);
    int e = node_read(file, at, head, length);
    char *cid = strstr(head, "\nCID=");
    size_t digits = cid ? strspn(cid + 5, "0123456789abcdefABCDEF") : 0;
    if (e || !digits || digits > 8) {
        return e;
    }
    uint32_t range = UINT32_MAX >> (32 - 4 * digits), last = d->cid;
    while (d->cid == last || d->cid == (uint32_t)VMDK_NO_PARENT) {
        d->cid = g_random_int() & range;
    }
    g_snprintf(number, sizeof(number), "%0*x", (int)digits, d->cid);
    memcpy(cid + 5, number, digits);
    return node_write(file, at, head, length);
}
