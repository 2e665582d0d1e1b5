/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `info` says of LUKS images. */
#include <stdio.h>
#include <string.h>

#include "img/info.h"
#include "util/text.h"

enum { SLOTS = 8 };

/* "aes", 512 bits, "xts-plain64": aes-256, xts, plain64; of essiv:sha256 a hash, too. */
typedef struct Names {
    char *cipher, *mode, *vector, *hash, *vector_hash, *uuid;
} Names;

static void names_of(const LuksInfo *l, Names *n)
{
    g_auto(GStrv) mode = g_strsplit(l->mode, "-", 2);
    g_auto(GStrv) vector = g_strsplit(mode[0] && mode[1] ? mode[1] : "", ":", 2);
    unsigned bits = mode[0] && strcmp(mode[0], "xts") == 0 ? l->key_bits / 2 : l->key_bits;
    g_autofree char *cipher = g_strdup_printf("%s-%u", l->cipher, bits);
    n->cipher = text_escaped(cipher);
    n->mode = text_escaped(mode[0] ? mode[0] : "");
    n->vector = text_escaped(vector[0] ? vector[0] : "");
    n->vector_hash = vector[0] && vector[1] ? text_escaped(vector[1]) : NULL;
    n->hash = text_escaped(l->hash);
    n->uuid = text_escaped(l->uuid);
}

static void names_clear(Names *n)
{
    char **all[] = { &n->cipher, &n->mode, &n->vector, &n->vector_hash, &n->hash, &n->uuid };
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        g_free(*all[i]);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Names, names_clear)

static void print_slot(const LuksSlotInfo *s, unsigned number, const char *indent)
{
    printf("%s    [%u]:\n%s        active: %s\n", indent, number, indent, s->active ? "true" : "false");
    if (s->active) {
        printf("%s        iters: %u\n", indent, s->iterations);
    }
    printf("%s        key offset: %" G_GUINT64_FORMAT "\n", indent, s->offset);
    if (s->active) {
        printf("%s        stripes: %u\n", indent, s->stripes);
    }
}

static void print_header(BlockNode *node, const char *indent, bool in_qcow2)
{
    LuksInfo l;
    g_auto(Names) n = { NULL };
    luks_info(node, &l);
    names_of(&l, &n);
    printf("%sivgen alg: %s\n%shash alg: %s\n%scipher alg: %s\n%suuid: %s\n", indent, n.vector, indent,
           n.hash, indent, n.cipher, indent, n.uuid);
    if (n.vector_hash) {
        printf("%sivgen hash alg: %s\n", indent, n.vector_hash);
    }
    if (in_qcow2) {
        printf("%sformat: luks\n", indent);
    }
    printf("%scipher mode: %s\n%sslots:\n", indent, n.mode, indent);
    for (unsigned i = 0; i < SLOTS; i++) {
        print_slot(&l.slots[i], i, indent);
    }
    printf("%spayload offset: %" G_GUINT64_FORMAT "\n%smaster key iters: %u\n", indent, l.payload, indent,
           l.iterations);
}

void info_print_luks(BlockNode *node)
{
    LuksInfo l;
    if (luks_info(node, &l)) {
        printf("Format specific information:\n");
        print_header(node, "    ", false);
    }
}

void info_print_encryption(BlockNode *node)
{
    BlockNode *luks = qcow2_encryption(node);
    if (luks) {
        printf("    encrypt:\n");
        print_header(luks, "        ", true);
    }
}

static void add_text(json_object *o, const char *key, const char *text)
{
    if (text) {
        json_object_object_add(o, key, json_object_new_string(text));
    }
}

static void add_number(json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static json_object *header_json(BlockNode *node, bool say_format)
{
    LuksInfo l;
    g_auto(Names) n = { NULL };
    luks_info(node, &l);
    names_of(&l, &n);
    json_object *data = json_object_new_object(), *slots = json_object_new_array();
    add_text(data, "ivgen-alg", n.vector);
    add_text(data, "ivgen-hash-alg", n.vector_hash);
    add_text(data, "hash-alg", n.hash);
    add_text(data, "cipher-alg", n.cipher);
    add_text(data, "uuid", n.uuid);
    add_text(data, "format", say_format ? "luks" : NULL);
    add_text(data, "cipher-mode", n.mode);
    for (unsigned i = 0; i < SLOTS; i++) {
        json_object *slot = json_object_new_object();
        json_object_object_add(slot, "active", json_object_new_boolean(l.slots[i].active));
        if (l.slots[i].active) {
            add_number(slot, "iters", l.slots[i].iterations);
            add_number(slot, "stripes", l.slots[i].stripes);
        }
        add_number(slot, "key-offset", l.slots[i].offset);
        json_object_array_add(slots, slot);
    }
    json_object_object_add(data, "slots", slots);
    add_number(data, "payload-offset", l.payload);
    add_number(data, "master-key-iters", l.iterations);
    return data;
}

json_object *info_json_luks(BlockNode *node)
{
    LuksInfo l;
    if (!luks_info(node, &l)) {
        return NULL;
    }
    json_object *o = json_object_new_object();
    add_text(o, "type", "luks");
    json_object_object_add(o, "data", header_json(node, false));
    return o;
}

json_object *info_json_encryption(BlockNode *node)
{
    BlockNode *luks = qcow2_encryption(node);
    return luks ? header_json(luks, true) : NULL;
}
