/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vc: a text console, which windows and viewers show (Ctrl-Alt-2 ... there).
 *
 * Not modelled: encoding=cp437. */
#include "chardev_priv.h"
#include "ui/text_console.h"

enum { COLS = 80, ROWS = 24, CHUNK = 256 };

typedef struct ChrVc {
    Chardev chr;
    TextConsole *text;
} ChrVc;

typedef struct VcOptions {
    ChardevOptions common;
    uint32_t width, height, cols, rows;
    int encoding;
} VcOptions;

static const char *const encodings[] = { "utf8", NULL };
static const char *const unbuilt_encodings[] = { "cp437", NULL };

#define O VcOptions
static const Prop vc_props[] = {
    { "width", PROP_U32, offsetof(O, width), "pixels", .max = TEXT_MAX_COLS * TEXT_CELL_WIDTH },
    { "height", PROP_U32, offsetof(O, height), "pixels", .max = TEXT_MAX_ROWS * TEXT_CELL_HEIGHT },
    { "cols", PROP_U32, offsetof(O, cols), "characters in a row (80)", .max = TEXT_MAX_COLS },
    { "rows", PROP_U32, offsetof(O, rows), "rows (24)", .max = TEXT_MAX_ROWS },
    { "encoding", PROP_ENUM, offsetof(O, encoding), "what bytes mean", .names = encodings,
      .unbuilt = unbuilt_encodings },
    { NULL },
};
#undef O
const Shape chr_vc_shape = { "ChardevVC", sizeof(VcOptions), vc_props };

static void typed(void *chr)
{
    chr_refresh_later(chr);
}

/* Characters, pixels, or what is usual. */
static unsigned size_of(uint32_t cells, uint32_t pixels, unsigned cell, unsigned least, unsigned usual)
{
    return cells ? cells : pixels ? MAX(pixels / cell, least) : usual;
}

static bool vc_open(Chardev *chr, const ChardevOptions *common, GError **err)
{
    ChrVc *v = container_of(chr, ChrVc, chr);
    const VcOptions *o = container_of(common, VcOptions, common);
    if (!chr->all->consoles) {
        chr_error(err,
                  "chardev '%s': there is no machine whose consoles a window could show; use another backend",
                  chr->id);
        return false;
    }
    if (o->cols && o->cols < TEXT_MIN_COLS) {
        chr_error(err, "chardev '%s': cols=%u: a text console has at least %d columns", chr->id, o->cols,
                  TEXT_MIN_COLS);
        return false;
    }
    GError *why = NULL;
    v->text = text_console_new(chr->all->consoles, chr->id,
                               size_of(o->cols, o->width, TEXT_CELL_WIDTH, TEXT_MIN_COLS, COLS),
                               size_of(o->rows, o->height, TEXT_CELL_HEIGHT, 1, ROWS), typed, chr, &why);
    if (!v->text) {
        g_propagate_prefixed_error(err, why, "chardev '%s': ", chr->id);
        return false;
    }
    chr_set_connected(chr, true);
    return true;
}

static void vc_close(Chardev *chr)
{
    text_console_free(container_of(chr, ChrVc, chr)->text);
}

static int vc_write(Chardev *chr, const uint8_t *buf, int len)
{
    text_console_write(container_of(chr, ChrVc, chr)->text, buf, len);
    return len;
}

static void vc_refresh(Chardev *chr, bool want_write)
{
    ChrVc *v = container_of(chr, ChrVc, chr);
    uint8_t buf[CHUNK];
    int room = chr_input_room(chr);
    size_t n = room > 0 ? text_console_read(v->text, buf, MIN(room, CHUNK)) : 0;
    if (n) {
        chr_input(chr, buf, n);
        chr_refresh_later(chr); /* is there more? */
    }
    if (want_write) {
        chr_writable(chr);
    }
}

const ChardevBackend chr_backend_vc = {
    .size = sizeof(ChrVc),
    .open = vc_open,
    .close = vc_close,
    .write = vc_write,
    .refresh = vc_refresh,
    .stays = true,
};
