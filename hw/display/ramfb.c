/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ramfb: a screen that the guest keeps in its RAM; where, it says in the file etc/ramfb of fw_cfg, once.
 * Spec: the layout of that file as firmware writes it (28 bytes, big endian): address 8, fourcc 4, flags 4, width 4,
 * height 4, stride 4; fourcc codes as in Linux' drm_fourcc.h.
 *
 * What does not lie in RAM shows nothing.  The memory map may change under it, so where it lies is looked up at each
 * refresh.
 *
 * Not modelled: flags (none are defined). */
#include "hw/board.h"
#include "hw/display/display.h"
#include "hw/display/framebuffer.h"
#include "hw/nvram/fw_cfg.h"
#include "util/bytes.h"

#define FILE_NAME "etc/ramfb"
enum { ADDRESS = 0, FOURCC = 8, WIDTH = 16, HEIGHT = 20, STRIDE = 24, CONFIG_BYTES = 28 };

typedef struct Ramfb {
    Device dev;
    Framebuffer fb;
    struct RamfbState {
        uint8_t config[CONFIG_BYTES];
    } s;
} Ramfb;

static Ramfb *ramfb(Device *dev)
{
    return container_of(dev, Ramfb, dev);
}

static uint32_t config_u32(const Ramfb *d, unsigned at)
{
    return load_be(d->s.config + at, 4);
}

static const PixelFormat *format_of(uint32_t fourcc)
{
    static const struct {
        char code[4];
        const PixelFormat *format;
    } formats[] = {
        { "XR24", &pixels_xrgb8888 }, { "AR24", &pixels_xrgb8888 }, { "XB24", &pixels_xbgr8888 },
        { "AB24", &pixels_xbgr8888 }, { "RX24", &pixels_rgbx8888 }, { "BX24", &pixels_bgrx8888 },
        { "RG24", &pixels_rgb888 },   { "RG16", &pixels_rgb565 },   { "XR15", &pixels_xrgb1555 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (load_le(formats[i].code, 4) == fourcc) {
            return formats[i].format;
        }
    }
    return NULL;
}

/* Stride 0: rows without a gap. */
static bool mode_of(const Ramfb *d, FramebufferMode *m)
{
    hwaddr address = load_be(d->s.config + ADDRESS, 8);
    const PixelFormat *format = format_of(config_u32(d, FOURCC));
    const FlatRange *r = format ? address_space_lookup(d->dev.dma, address) : NULL;
    if (!r || !flat_range_ram(r)) {
        return false;
    }
    uint32_t width = config_u32(d, WIDTH), stride = config_u32(d, STRIDE);
    *m = (FramebufferMode){
        .ram = flat_range_ram(r),
        .offset = r->mr_offset + (address - r->start),
        .stride = stride ? stride : (uint64_t)width * format->bytes,
        .width = width,
        .height = config_u32(d, HEIGHT),
        .format = format,
    };
    return framebuffer_mode_fits(m) && flat_range_holds(r, address, framebuffer_mode_bytes(m));
}

static void show_mode(Ramfb *d)
{
    FramebufferMode m;
    framebuffer_show(&d->fb, mode_of(d, &m) ? &m : NULL);
}

static void config_written(void *opaque)
{
    show_mode(opaque);
}

static void ramfb_console_refresh(void *opaque)
{
    Ramfb *d = opaque;
    show_mode(d);
    framebuffer_refresh(&d->fb);
}

static void ramfb_watched(void *opaque, bool watched)
{
    framebuffer_watched(&((Ramfb *)opaque)->fb, watched);
}

static const ConsoleOps ramfb_ops = { .refresh = ramfb_console_refresh, .watched = ramfb_watched };

/* ---- life -------------------------------------------------------------------- */

static bool ramfb_realize(Device *dev, GError **err)
{
    Ramfb *d = ramfb(dev);
    FwCfg *cfg = dev->machine->fw_cfg;
    if (!cfg) {
        g_set_error(
            err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
            "ramfb: the guest tells of its screen by fw_cfg, which this board does not have; choose another "
            "board, or another display device");
        return false;
    }
    device_share_lock(dev, &cfg->dev);
    const FwCfgWritable file = {
        .bytes = d->s.config, .size = sizeof(d->s.config), .written = config_written, .opaque = d
    };
    if (!fw_cfg_add_writable(cfg, FILE_NAME, &file, err)) {
        return false;
    }
    d->fb.console = console_new(dev->machine->consoles, device_user_path(dev), 0, dev->lock, &ramfb_ops, d);
    return true;
}

static void ramfb_unrealize(Device *dev)
{
    Ramfb *d = ramfb(dev);
    fw_cfg_remove_file(dev->machine->fw_cfg, FILE_NAME);
    framebuffer_show(&d->fb, NULL);
    console_free(d->fb.console);
}

static void ramfb_refresh(Device *dev)
{
    show_mode(ramfb(dev));
}

static const Field ramfb_state[] = { STATE_BYTES(Ramfb, config), { 0 } };

const DeviceClass ramfb_class = {
    .name = "ramfb",
    .desc = "screen in the guest's RAM",
    .category = "Display",
    .size = sizeof(Ramfb),
    .user_creatable = true,
    .state = ramfb_state,
    .state_offset = offsetof(Ramfb, s),
    .state_size = sizeof(struct RamfbState),
    .realize = ramfb_realize,
    .unrealize = ramfb_unrealize,
    .refresh = ramfb_refresh,
};
