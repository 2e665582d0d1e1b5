/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map: which bytes are where. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "img/img.h"

typedef struct Piece {
    uint64_t start, length, offset;
    unsigned depth;
    bool present, zero, data, compressed, placed;
    BlockNode *node;
} Piece;

/* From the top down, to whoever has the bytes. */
static int look(BlockNode *top, uint64_t start, uint64_t length, Piece *p)
{
    Extent e;
    uint64_t at = start;
    *p = (Piece){ .start = start };
    int result = node_map(top, at, length, true, &e);
    while (!result && e.kind == EXTENT_BELOW && e.node) {
        p->depth++;
        at = e.position;
        result = node_map(e.node, at, e.length, true, &e);
    }
    p->length = e.length;
    p->present = e.kind != EXTENT_BELOW;
    p->zero = e.kind == EXTENT_ZERO || e.kind == EXTENT_BELOW;
    p->data = e.kind == EXTENT_DATA || e.kind == EXTENT_PACKED;
    p->compressed = e.kind == EXTENT_PACKED;
    LuksInfo luks; /* what is there is not what is read */
    p->placed = e.node && (e.kind == EXTENT_DATA || e.kind == EXTENT_ZERO) && !luks_info(e.node, &luks);
    p->offset = p->placed ? e.position : 0;
    p->node = p->placed ? e.node : NULL;
    return result;
}

static bool goes_on(const Piece *a, const Piece *b)
{
    return a->depth == b->depth && a->present == b->present && a->zero == b->zero && a->data == b->data &&
           a->compressed == b->compressed && a->node == b->node &&
           (!a->placed || b->offset == a->offset + a->length);
}

static void print_human(const Piece *p)
{
    if (p->data && p->placed) {
        printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", p->start, p->length, p->offset,
               node_filename(p->node));
    }
}

static void print_json(const Piece *p, bool first)
{
    static const char *const no[] = { "false", "true" };
    printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64
           ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s, "
           "\"compressed\": %s",
           first ? "[" : ",\n", p->start, p->length, p->depth, no[p->present], no[p->zero], no[p->data],
           no[p->compressed]);
    if (p->placed) {
        printf(", \"offset\": %" PRIu64, p->offset);
    }
    printf("}");
}

/* Of [from, end). */
static int map(BlockNode *n, bool json, uint64_t from, uint64_t end)
{
    Piece p = { 0 };
    if (!json) {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    for (uint64_t at = from; at < end; at = p.start + p.length) {
        Piece next;
        int e = look(n, at, end - at, &p);
        while (!e && p.start + p.length < end) {
            e = look(n, p.start + p.length, end - p.start - p.length, &next);
            if (e || !goes_on(&p, &next)) {
                break;
            }
            p.length += next.length;
        }
        if (e) {
            img_error("Failed to read image metadata: %s", g_strerror(-e));
            return IMG_FAILED;
        }
        if (json) {
            print_json(&p, at == from);
        } else {
            print_human(&p);
        }
    }
    printf("%s", json ? from < end ? "]\n" : "[]\n" : "");
    return IMG_OK;
}

int cmd_map(int argc, char **argv)
{
    static const struct option options[] = { { "output", required_argument, NULL, 'o' },
                                             { "force-share", no_argument, NULL, 'U' },
                                             { "start-offset", required_argument, NULL, 's' },
                                             { "max-length", required_argument, NULL, 'l' },
                                             { NULL } };
    const char *format = NULL, *found;
    OpenFlags flags = { .readonly = true, .locking = true, .locked = true };
    uint64_t from = 0, most = UINT64_MAX;
    bool json = false, ok = true;
    for (int c; (c = getopt_long(argc, argv, "f:s:l:U", options, NULL)) != -1 && ok;) {
        switch (c) {
        case 'f': format = optarg; break;
        case 'U': flags.locking = false; break;
        case 'o': ok = img_take_output(optarg, &json); break;
        case 's': ok = img_take_size("start offset", optarg, &from); break;
        case 'l': ok = img_take_size("max length", optarg, &most); break;
        default: return img_usage("map");
        }
    }
    if (!ok) {
        return IMG_FAILED;
    }
    if (argc - optind != 1) {
        img_error("Expecting one image file name");
        return img_usage("map");
    }
    BlockNode *n = img_open(argv[optind], format, &flags, &found);
    uint64_t size = n ? node_size(n) : 0;
    int status = n ? map(n, json, from, from < size ? from + MIN(most, size - from) : from) : IMG_FAILED;
    node_unref(n);
    return status;
}
