/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/display/framebuffer.h"

#include <string.h>

uint64_t framebuffer_mode_bytes(const FramebufferMode *m)
{
    return m->stride * (m->height - 1) + (uint64_t)m->width * m->format->bytes;
}

bool framebuffer_mode_fits(const FramebufferMode *m)
{
    uint64_t row = (uint64_t)m->width * m->format->bytes;
    if (!m->width || !m->height || m->width > PICTURE_MAX_SIZE || m->height > PICTURE_MAX_SIZE) {
        return false;
    }
    return m->stride >= row && m->stride <= UINT32_MAX && m->offset <= m->ram->size &&
           framebuffer_mode_bytes(m) <= m->ram->size - m->offset;
}

/* The whole pages that it touches. */
static uint64_t first_byte(const FramebufferMode *m)
{
    return m->offset & -(uint64_t)RAM_PAGE;
}

static uint64_t page_bytes(const FramebufferMode *m)
{
    uint64_t end = m->offset + framebuffer_mode_bytes(m);
    return ((end + RAM_PAGE - 1) & -(uint64_t)RAM_PAGE) - first_byte(m);
}

static void follow(Framebuffer *f)
{
    bool wanted = f->watched && f->mode.ram;
    if (wanted && !f->follows) {
        size_t words = (page_bytes(&f->mode) / RAM_PAGE + RAM_WORD_BITS - 1) / RAM_WORD_BITS;
        f->dirty = g_new(unsigned long, words);
        ram_dirty_start(f->mode.ram, RAM_DIRTY_DISPLAY);
    } else if (!wanted && f->follows) {
        ram_dirty_stop(f->mode.ram, RAM_DIRTY_DISPLAY);
        g_clear_pointer(&f->dirty, g_free);
    }
    f->follows = wanted;
}

static void let_go(Framebuffer *f)
{
    bool watched = f->watched;
    f->watched = false;
    follow(f);
    f->watched = watched;
    if (f->mode.ram) {
        ram_block_unuse(f->mode.ram);
    }
    f->mode = (FramebufferMode){ 0 };
}

static bool is_same(const FramebufferMode *a, const FramebufferMode *b)
{
    return a->ram == b->ram && a->offset == b->offset && a->stride == b->stride && a->width == b->width &&
           a->height == b->height && a->format == b->format;
}

void framebuffer_show(Framebuffer *f, const FramebufferMode *m)
{
    static const FramebufferMode nothing;
    m = m ? m : &nothing;
    if (is_same(m, &f->mode)) {
        return;
    }
    let_go(f);
    if (m->ram && ram_block_use(m->ram)) {
        f->mode = *m;
    }
    f->all_is_new = true;
    follow(f);
    console_set_size(f->console, f->mode.width, f->mode.height);
}

static void draw_rows(Framebuffer *f, unsigned y, unsigned end)
{
    const FramebufferMode *m = &f->mode;
    PictureRect r = { 0, y, m->width, end - y };
    console_draw(f->console, &r, m->ram->host + m->offset + y * m->stride, m->stride, m->format);
}

static bool row_is_dirty(const Framebuffer *f, unsigned y)
{
    const FramebufferMode *m = &f->mode;
    uint64_t at = m->offset - first_byte(m) + y * m->stride;
    uint64_t last = (at + (uint64_t)m->width * m->format->bytes - 1) / RAM_PAGE;
    for (uint64_t page = at / RAM_PAGE; page <= last; page++) {
        if (f->dirty[page / RAM_WORD_BITS] >> page % RAM_WORD_BITS & 1) {
            return true;
        }
    }
    return false;
}

static void draw_dirty_rows(Framebuffer *f)
{
    for (unsigned y = 0, end; y < f->mode.height; y = end + 1) {
        for (end = y; end < f->mode.height && row_is_dirty(f, end); end++) {
        }
        if (end > y) {
            draw_rows(f, y, end);
        }
    }
}

void framebuffer_refresh(Framebuffer *f)
{
    const FramebufferMode *m = &f->mode;
    if (!m->ram) {
        return;
    }
    uint64_t dirty = 1;
    if (f->follows) { /* take first, then look: see base/ram.h */
        dirty = ram_dirty_take(m->ram, RAM_DIRTY_DISPLAY, first_byte(m), page_bytes(m), f->dirty);
    }
    if (f->all_is_new || !f->follows) {
        draw_rows(f, 0, m->height);
    } else if (dirty) {
        draw_dirty_rows(f);
    }
    f->all_is_new = false;
}

void framebuffer_watched(Framebuffer *f, bool watched)
{
    f->watched = watched;
    f->all_is_new = true; /* what changed while nobody watched is in no bitmap */
    follow(f);
}
