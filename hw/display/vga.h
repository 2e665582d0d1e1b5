/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VGA, as IBM's and its successors are, with Bochs' DISPI modes: the part that PCI functions and ISA cards share.
 * Spec: IBM VGA technical reference (registers by port and index), Bochs' VBE display API.
 *
 *   vga_regs.c    ports and indexed registers
 *   vga_memory.c  the window at A0000h: planes, latches, write and read modes
 *   vga_scan.c    what is shown: sizes, the walk through memory line by line, time
 *   vga_draw.c    dots and colours of a line; what of the picture is new
 *
 * The four planes lie interleaved in video memory: plane p's byte n is byte 4n + p.
 *
 * Not modelled: the interrupt of vertical retrace, changes in the middle of a frame (a picture is of one moment), the
 * border, loads of the shift registers at every 2nd and 4th character, 132-column and other clocks, a BIOS. */
#pragma once
#include "hw/display/dispi.h"
#include "hw/device.h"

enum { VGA_SEQ_REGS = 5, VGA_GR_REGS = 9, VGA_CR_REGS = 25, VGA_AR_REGS = 21, VGA_COLOURS = 256 };
enum { VGA_FIRST_PORT = 0x3b0, VGA_PORTS = 0x30, VGA_DISPI_PORT = 0x1ce, VGA_DISPI_PORTS = 4 };
enum { VGA_WINDOW = 0xa0000, VGA_WINDOW_BYTES = 0x20000, VGA_PLANE_BYTES = 0x10000 };
enum { VGA_PIECES = 5 };

/* What the guest can change, DISPI and video memory apart. */
typedef struct VgaState {
    uint8_t misc;
    uint8_t seq_index, gr_index, cr_index, ar_index;
    bool ar_data; /* the next write to 3C0h is data */
    uint8_t seq[VGA_SEQ_REGS], gr[VGA_GR_REGS], cr[VGA_CR_REGS], ar[VGA_AR_REGS];
    uint8_t dac[3 * VGA_COLOURS]; /* red, green, blue: 6 bits, or 8 (DISPI_8BIT_DAC) */
    uint8_t dac_mask, dac_read, dac_write;
    uint8_t dac_part;      /* 0 to 2: of the colour that is being read or written */
    uint8_t dac_new[2];    /* of that: what has been written */
    bool dac_reading;      /* 3C7h was written last, not 3C8h */
    uint32_t latch;        /* plane p's in bits 8p to 8p + 7 */
    uint32_t dispi_number; /* 16 bits */
} VgaState;
extern const Field vga_fields[];

typedef struct VgaParts {
    Device *dev;
    VgaState *state;
    Dispi *dispi;
    MemoryRegion *vram;
} VgaParts;

typedef struct Vga {
    Device *dev;
    VgaState *s;
    Dispi *dispi;
    MemoryRegion *vram;
    MemoryRegion ports, dispi_ports, window;
    MemoryRegion pieces[VGA_PIECES]; /* of ports, at vga_pieces[i].port: what lies between is not a VGA's */
    Console *console;
    Framebuffer fb;  /* of modes that have a pixel format */
    Picture picture; /* of others: as the console has it */
    bool watched, follows;
    bool all_is_new;      /* something but video memory changed */
    unsigned phase;       /* of cursor and blinking, when it was drawn */
    unsigned long *dirty; /* a bit a page of video memory */
} Vga;

extern const struct VgaPiece {
    uint16_t port, size;
} vga_pieces[VGA_PIECES];

/* For realize and unrealize of the device.  Its regions are the caller's to map. */
void vga_init(Vga *v, const VgaParts *parts);
void vga_finish(Vga *v);
void vga_changed(Vga *v); /* after reset, load, and writes to DISPI */

uint8_t vga_port_read(Vga *v, unsigned port);
void vga_port_write(Vga *v, unsigned port, uint8_t value);
extern const IoOps vga_port_ops, vga_dispi_ops, vga_window_ops; /* opaque: the Vga */

static inline bool vga_is_linear(const Vga *v)
{
    return dispi_is_on(v->dispi) && v->dispi->reg[DISPI_BPP] >= 8;
}

/* ---- what is shown ----------------------------------------------------------- */

typedef enum VgaKind {
    VGA_NOTHING,
    VGA_BLANK,
    VGA_TEXT,
    VGA_PLANES,
    VGA_INDEXED, /* DISPI's 8 bits a pixel */
    VGA_DIRECT,  /* and its larger ones */
} VgaKind;

/* How the display's address becomes a plane's. */
typedef enum VgaAddressing { VGA_BYTES, VGA_WORDS_13, VGA_WORDS_15, VGA_DOUBLEWORDS, VGA_FLAT } VgaAddressing;

typedef struct VgaScan {
    VgaKind kind;
    unsigned width, height;       /* of the picture */
    FramebufferMode mode;         /* of VGA_INDEXED, VGA_DIRECT */
    unsigned chars, dots, repeat; /* characters a line, dots a character, columns a dot */
    VgaAddressing addressing;
    unsigned count_shift;       /* characters to a step of the address, as a power of two */
    uint32_t start, pitch;      /* steps of the address; a row */
    unsigned preset, last_scan; /* row scan of the first line; of a row's last line */
    unsigned pan, byte_pan;     /* dots and characters that are left out at the left */
    unsigned halved;            /* 1: two lines to a step of the line counter */
    unsigned line_compare;
    bool doubled, pan_ends_at_split;
} VgaScan;

void vga_scan(const Vga *v, VgaScan *sc);

/* The line that is being drawn. */
typedef struct VgaLine {
    unsigned y;
    uint32_t row; /* address of the row's first character */
    unsigned row_scan, pan, byte_pan;
    bool again; /* a doubled line's first half is done */
} VgaLine;

void vga_line_first(const VgaScan *sc, VgaLine *l);
void vga_line_next(const VgaScan *sc, VgaLine *l);
/* Of a character's four bytes, as an index of video memory. */
uint64_t vga_address(const Vga *v, const VgaScan *sc, const VgaLine *l, unsigned character);
uint32_t vga_counter(const VgaScan *sc, const VgaLine *l, unsigned character);

enum { VGA_CURSOR_OFF = 1, VGA_BLINK_OFF = 2 };
unsigned vga_phase(const Vga *v); /* of the two */
uint8_t vga_status(const Vga *v); /* input status 1 */

/* For vga_draw.c's user, the console. */
extern const ConsoleOps vga_console_ops;
void vga_draw_stop(Vga *v); /* nothing is shown or followed any more */
