/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of FAT: the long one is that of the host; the short one is made of it ("Generating Basis-Name": capitals, what it
 * cannot have as '_', 8 and 3 bytes, and ~N where that says less than the name or is taken). */
#include <string.h>

#include "block/fat/fat.h"

uint16_t *fat_long_name(const char *name, glong *units)
{
    uint16_t *text = g_utf8_to_utf16(name, -1, NULL, units, NULL); /* NULL: it is no UTF-8 */
    size_t n = strlen(name);
    bool bad = !text || *units > FAT_NAME_MAX || name[n - 1] == '.' || name[n - 1] == ' ' || name[0] == ' ';
    for (glong i = 0; !bad && i < *units; i++) {
        bad = text[i] < 32 || text[i] == 127 || (text[i] < 128 && strchr("\"*/:<>?\\|", text[i]));
    }
    if (bad) {
        g_free(text);
        return NULL;
    }
    return text;
}

/* At most `max` bytes of text's first `length`; *lossy: something was left out or replaced. */
static unsigned put_part(char *to, const char *text, size_t length, unsigned max, bool *lossy)
{
    unsigned n = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c & 0xc0) == 0x80) {
            continue; /* of a character that is '_' already */
        }
        if (c == ' ' || c == '.') {
            *lossy = true;
            continue;
        }
        if (n == max) {
            *lossy = true;
            break;
        }
        bool plain = g_ascii_isalnum(c) || (c < 128 && strchr("$%'-_@~`!(){}^#&", c));
        *lossy |= !plain;
        to[n++] = plain ? g_ascii_toupper((char)c) : '_';
    }
    to[n] = 0;
    return n;
}

static void put_short(FatItem *item, const char *base, const char *extension)
{
    memset(item->short_name, ' ', sizeof(item->short_name));
    memcpy(item->short_name, base, strlen(base));
    memcpy(item->short_name + 8, extension, strlen(extension));
}

/* The first ~N that is free.  next: by base, where to begin, so that many alike take no longer. */
static void put_tail(FatItem *item, const char *base, const char *extension, GHashTable *taken,
                     GHashTable *next)
{
    g_autofree char *key = g_strdup_printf("%.6s.%s", base, extension);
    unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(next, key));
    char text[12];
    do {
        g_autofree char *tail = g_strdup_printf("~%u", ++n);
        int keep = 8 - (int)strlen(tail);
        g_snprintf(text, sizeof(text), "%.*s%s", keep, base, tail);
        put_short(item, text, extension);
        memcpy(text, item->short_name, 11);
        text[11] = 0;
    } while (g_hash_table_contains(taken, text));
    g_hash_table_insert(next, g_steal_pointer(&key), GUINT_TO_POINTER(n));
}

static void name_child(FatItem *item, GHashTable *taken, GHashTable *next)
{
    char base[9], extension[4], whole[12] = { 0 };
    const char *name = item->name + strspn(item->name, "."), *dot = strrchr(name, '.');
    bool lossy = name != item->name;
    put_part(base, name, dot ? (size_t)(dot - name) : strlen(name), 8, &lossy);
    put_part(extension, dot ? dot + 1 : "", dot ? strlen(dot + 1) : 0, 3, &lossy);
    put_short(item, base, extension);
    memcpy(whole, item->short_name, 11);
    if (lossy || !base[0] || g_hash_table_contains(taken, whole)) {
        put_tail(item, base, extension, taken, next);
        memcpy(whole, item->short_name, 11);
        item->needs_long = true;
    } else {
        g_autofree char *said = g_strdup_printf("%s%s%s", base, extension[0] ? "." : "", extension);
        item->needs_long = strcmp(said, item->name) != 0;
    }
    g_hash_table_add(taken, g_strdup(whole));
}

void fat_name_children(FatItem *folder)
{
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) next = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < folder->children->len; i++) {
        name_child(g_ptr_array_index(folder->children, i), taken, next);
    }
}
