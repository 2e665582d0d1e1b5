/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The font of text consoles, made from font.hex by scripts/gen-font.py. */
#pragma once
#include <stdint.h>

typedef struct FontGlyph {
    uint32_t code;    /* Unicode */
    uint8_t rows[16]; /* from above; the highest bit is the left pixel */
} FontGlyph;
extern const FontGlyph font_glyphs[]; /* in the order of their codes */
extern const unsigned font_count;
/* The rows; of a character that it has not: a box with a question mark. */
const uint8_t *font_rows(uint32_t code);
