/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spec: VESA E-EDID 1.4, chapter 3 (offsets of the base block), CTA-861-F, 7.5 (the extension and its video
 * codes), VESA CVT 1.2, chapter 5.4 (timings with reduced blanking).
 *
 * The size of the glass follows the pixels: desktops that are told of a small one enlarge everything. */
#include "hw/display/edid.h"

#include <glib.h>
#include <string.h>

enum { BLOCK = 128, DESCRIPTORS = 54, DESCRIPTOR = 18, DESCRIPTOR_COUNT = 4 };
enum { RATE = 60, H_BLANK = 160, H_FRONT = 48, H_SYNC = 32, V_FRONT = 3, MIN_V_BLANK_US = 460 };
enum { CLOCK_STEP_10KHZ = 25, CLOCK_MAX_10KHZ = UINT16_MAX };

static void put_le16(uint8_t *p, unsigned v)
{
    p[0] = v;
    p[1] = v >> 8;
}

static unsigned millimetres(unsigned pixels)
{
    return pixels * 254 / 1000; /* 100 dots an inch of 25.4 mm */
}

/* CVT, table 3: lines of the vertical sync tell the aspect. */
static unsigned v_sync_lines(unsigned width, unsigned height)
{
    return width * 3 == height * 4     ? 4
           : width * 9 == height * 16  ? 5
           : width * 10 == height * 16 ? 6
           : width * 4 == height * 5   ? 7
                                       : 10;
}

/* The preferred mode: a detailed timing (3.10.2). */
static void put_timing(uint8_t *p, unsigned w, unsigned h)
{
    unsigned v_sync = v_sync_lines(w, h);
    /* lines in MIN_V_BLANK_US, when all lines together take a 60th of a second less that time */
    unsigned v_blank = MIN_V_BLANK_US * h / (1000000 / RATE - MIN_V_BLANK_US) + 1;
    v_blank = MAX(v_blank, V_FRONT + v_sync + 6);
    uint64_t clock = (uint64_t)(w + H_BLANK) * (h + v_blank) * RATE / 10000;
    clock = MIN(clock - clock % CLOCK_STEP_10KHZ, CLOCK_MAX_10KHZ);
    unsigned mm_w = millimetres(w), mm_h = millimetres(h);
    put_le16(p, clock);
    p[2] = w;
    p[3] = H_BLANK;
    p[4] = w >> 8 << 4;
    p[5] = h;
    p[6] = v_blank;
    p[7] = h >> 8 << 4 | v_blank >> 8;
    p[8] = H_FRONT;
    p[9] = H_SYNC;
    p[10] = V_FRONT << 4 | (v_sync & 15);
    p[12] = mm_w;
    p[13] = mm_h;
    p[14] = mm_w >> 8 << 4 | mm_h >> 8;
    p[17] = 0x1a; /* digital separate sync, horizontal positive: reduced blanking */
}

static void put_descriptor(uint8_t *p, uint8_t tag, const void *data, size_t len)
{
    p[3] = tag;
    memcpy(p + 5, data, len);
}

static void put_name(uint8_t *p)
{
    static const char name[14] = "Lyrebird\n    ";
    put_descriptor(p, 0xfc, name, 13);
}

static void put_limits(uint8_t *p)
{
    /* 50 to 125 Hz, 30 to 160 kHz, up to 2550 MHz; no formula: what is listed */
    static const uint8_t limits[] = { 50, 125, 30, 160, 255, 1, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20 };
    put_descriptor(p, 0xfd, limits, sizeof(limits));
}

/* 3.9: width, aspect (16:10, 4:3, 5:4, 16:9) and rate in two bytes. */
static void put_standard_timings(uint8_t *p)
{
    enum { A16_10, A4_3, A5_4, A16_9 };
    static const struct {
        uint16_t width;
        uint8_t aspect;
    } rows[8] = { { 2048, A16_9 },  { 1920, A16_9 }, { 1920, A16_10 }, { 1600, A4_3 },
                  { 1440, A16_10 }, { 1280, A5_4 },  { 1280, A16_10 }, { 1152, A4_3 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        p[2 * i] = rows[i].width / 8 - 31;
        p[2 * i + 1] = rows[i].aspect << 6 | (RATE - 60);
    }
}

static void put_sum(uint8_t *block)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < BLOCK - 1; i++) {
        sum += block[i];
    }
    block[BLOCK - 1] = -sum;
}

/* Larger sizes that television has: 7.5.1 (video data block); 1920x1080, 2560x1080, 3840x2160, 4096x2160. */
static void put_extension(uint8_t *p)
{
    static const uint8_t codes[] = { 16, 90, 97, 102 };
    p[0] = 2;
    p[1] = 3;
    p[2] = 4 + 1 + sizeof(codes); /* where detailed timings would begin */
    p[4] = 2 << 5 | sizeof(codes);
    memcpy(p + 5, codes, sizeof(codes));
    put_sum(p);
}

void edid_make(uint8_t edid[EDID_BYTES], unsigned width, unsigned height)
{
    static const uint8_t header[] = { 0, 255, 255, 255, 255, 255, 255, 0 };
    /* sRGB (table 3.17): red, green, blue, white */
    static const uint8_t colours[] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    g_assert(width <= EDID_MAX_SIZE && height <= EDID_MAX_SIZE);
    memset(edid, 0, EDID_BYTES);
    memcpy(edid, header, sizeof(header));
    edid[8] = ('L' - '@') << 2 | ('Y' - '@') >> 3; /* maker "LYR" */
    edid[9] = (('Y' - '@') & 7) << 5 | ('R' - '@');
    put_le16(edid + 10, 1);
    edid[16] = 1;
    edid[17] = 2026 - 1990;
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xa0; /* digital, 8 bits a colour */
    edid[21] = (millimetres(width) + 5) / 10;
    edid[22] = (millimetres(height) + 5) / 10;
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB; the preferred mode is the native one */
    memcpy(edid + 25, colours, sizeof(colours));
    edid[35] = 0x21; /* 640x480, 800x600 */
    edid[36] = 0x08; /* 1024x768 */
    put_standard_timings(edid + 38);
    put_timing(edid + DESCRIPTORS, width, height);
    put_limits(edid + DESCRIPTORS + DESCRIPTOR);
    put_name(edid + DESCRIPTORS + 2 * DESCRIPTOR);
    put_descriptor(edid + DESCRIPTORS + 3 * DESCRIPTOR, 0x10, "", 0); /* a dummy */
    edid[126] = 1;
    put_sum(edid);
    put_extension(edid + BLOCK);
}
