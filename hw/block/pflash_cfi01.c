/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bank of two 16-bit CFI flash chips side by side, Intel command set.
 * Spec: JEDEC JESD68 (CFI), Intel StrataFlash command set 0001; the table of
 * numbers is what QEMU's `virt` board shows, but for the longest times of programming: drivers
 * give up after them, and a busy host takes longer than 2 ms to store a word in the image.
 *
 * A command is taken from the low byte of a write; both chips get the same.  The
 * array is a ROM-device: reads go to memory while no command is under way.  What
 * changes is stored in the image (pflash_image.c); until that has all of it the status says "not ready".
 *
 * Not modelled: time (a command without an image is done at once), programming that can only
 * clear bits (a word is replaced), block locking (accepted, never locked),
 * suspend and resume. */
#include "hw/block/pflash_cfi01.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "hw/block/pflash_image.h"

enum { BANK_WIDTH = 4, BUFFER_BYTES = PFLASH_BUFFER };
enum {
    CMD_READ_ARRAY = 0x00,
    CMD_PROGRAM_ALT = 0x10,
    CMD_ERASE = 0x20,
    CMD_PROGRAM = 0x40,
    CMD_CLEAR_STATUS = 0x50,
    CMD_LOCK = 0x60,
    CMD_READ_STATUS = 0x70,
    CMD_READ_ID = 0x90,
    CMD_QUERY = 0x98,
    CMD_CONFIRM = 0xd0,
    CMD_BUFFER = 0xe8,
    CMD_RESET_ALT = 0xf0,
    CMD_RESET = 0xff,
};
enum { SR_READY = 0x80, SR_ERASE_ERROR = 0x20, SR_PROGRAM_ERROR = 0x10, SR_LOCKED = 0x02 };
enum { QUERY_SIZE = 0x40, ID_MAKER = 0x89, ID_DEVICE = 0x18 };

/* The CFI table of one chip of 16 MiB, by word. */
static const uint8_t query_table[QUERY_SIZE] = {
    [0x10] = 'Q',  'R',  'Y',  [0x13] = 0x01, 0x00, /* command set: Intel */
    [0x15] = 0x31, 0x00,                            /* where its own table stands */
    [0x1b] = 0x45, 0x55,                            /* Vcc 4.5 to 5.5 V */
    [0x1f] = 0x07, 0x07, 0x0a, 0x00,                /* typical times */
    [0x23] = 0x10, 0x10, 0x04, 0x00,                /* longest times, as multiples: 8, 8 and 16 s */
    [0x27] = 0x18,                                  /* 2^24 bytes */
    [0x28] = 0x02, 0x00,                            /* x8 and x16 */
    [0x2a] = 0x0b, 0x00,                            /* write buffer of 2^11 bytes */
    [0x2c] = 0x01,                                  /* one region: */
    [0x2d] = 0x7f, 0x00, 0x00, 0x02,                /* 128 blocks of 0x200 * 256 bytes */
    [0x31] = 'P',  'R',  'I',  '1',           '0',  [0x3f] = 0x01,
};

static Pflash *pflash(void *dev)
{
    return dev;
}

/* ---- commands ------------------------------------------------------------ */

static void read_array(Pflash *f)
{
    f->s.command = CMD_READ_ARRAY;
    f->s.cycle = 0;
    f->s.buffer_left = 0;
}

static void read_status(Pflash *f)
{
    f->s.command = CMD_READ_STATUS;
    f->s.cycle = 0;
    f->s.buffer_left = 0;
}

static void program(Pflash *f, hwaddr off, unsigned size, uint64_t value)
{
    if (f->readonly) {
        f->s.status |= SR_PROGRAM_ERROR | SR_LOCKED;
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        f->mem.ram->host[off + i] = value >> (8 * i);
    }
    pflash_image_changed(f, off, size, SR_PROGRAM_ERROR);
}

static void erase(Pflash *f, hwaddr off)
{
    hwaddr block = off - off % f->sector_length;
    if (f->readonly) {
        f->s.status |= SR_ERASE_ERROR | SR_LOCKED;
        return;
    }
    memset(f->mem.ram->host + block, 0xff, f->sector_length);
    pflash_image_changed(f, block, f->sector_length, SR_ERASE_ERROR);
}

static void buffer_begin(Pflash *f, hwaddr off, uint64_t count)
{
    uint64_t words = (count & 0xffff) + 1;
    if (words > BUFFER_BYTES / BANK_WIDTH) {
        log_guest_error("%s: a buffered write of %" PRIu64 " words is too long", f->dev.path, words);
        f->s.status |= SR_PROGRAM_ERROR | SR_ERASE_ERROR;
        read_status(f);
        return;
    }
    f->s.buffer_left = words;
    f->s.buffer_block = off - off % BUFFER_BYTES;
    memset(f->s.buffer_used, 0, sizeof(f->s.buffer_used));
    f->s.cycle = 2;
}

static void buffer_data(Pflash *f, hwaddr off, unsigned size, uint64_t value)
{
    if (off < f->s.buffer_block || off + size > (hwaddr)f->s.buffer_block + BUFFER_BYTES) {
        log_guest_error("%s: a buffered write leaves its buffer", f->dev.path);
        f->s.status |= SR_PROGRAM_ERROR;
        read_status(f);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        uint32_t at = (uint32_t)(off - f->s.buffer_block) + i;
        f->s.buffer[at] = value >> (8 * i);
        f->s.buffer_used[at / 8] |= 1u << (at % 8);
    }
    if (--f->s.buffer_left == 0) {
        f->s.cycle = 3;
    }
}

static void buffer_commit(Pflash *f)
{
    for (uint32_t at = 0; at < BUFFER_BYTES; at++) {
        if (f->s.buffer_used[at / 8] >> (at % 8) & 1) {
            program(f, (hwaddr)f->s.buffer_block + at, 1, f->s.buffer[at]);
        }
    }
}

/* The first write of a command. */
static void command_begin(Pflash *f, uint8_t command)
{
    switch (command) {
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT:
    case CMD_ERASE:
    case CMD_LOCK:
    case CMD_BUFFER:
        f->s.command = command;
        f->s.cycle = 1;
        return;
    case CMD_CLEAR_STATUS:
        f->s.status = SR_READY;
        read_array(f);
        return;
    case CMD_READ_STATUS:
    case CMD_READ_ID:
    case CMD_QUERY:
        f->s.command = command;
        f->s.cycle = 0;
        return;
    case CMD_READ_ARRAY:
    case CMD_RESET:
    case CMD_RESET_ALT: read_array(f); return;
    default:
        log_guest_error("%s: 0x%02x is no command", f->dev.path, command);
        read_array(f);
        return;
    }
}

static void bad_sequence(Pflash *f, uint8_t second)
{
    log_guest_error("%s: command 0x%02x is followed by 0x%02x", f->dev.path, f->s.command, second);
    f->s.status |= SR_PROGRAM_ERROR | SR_ERASE_ERROR;
    read_status(f);
}

static void command_go_on(Pflash *f, hwaddr off, unsigned size, uint64_t value)
{
    uint8_t low = value;
    switch (f->s.command) {
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT:
        program(f, off, size, value);
        read_status(f);
        return;
    case CMD_ERASE:
        if (low != CMD_CONFIRM) {
            bad_sequence(f, low);
            return;
        }
        erase(f, off);
        read_status(f);
        return;
    case CMD_LOCK: /* 0x01 lock, 0xd0 unlock, 0x2f lock down: all blocks stay open */ read_status(f); return;
    default: /* CMD_BUFFER */
        if (f->s.cycle == 1) {
            buffer_begin(f, off, value);
        } else if (f->s.cycle == 2) {
            buffer_data(f, off, size, value);
        } else if (low != CMD_CONFIRM) {
            bad_sequence(f, low);
        } else {
            buffer_commit(f);
            read_status(f);
        }
        return;
    }
}

static BusResult pflash_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    Pflash *f = opaque;
    if (f->s.cycle == 0) {
        command_begin(f, value);
    } else {
        command_go_on(f, off, size, value);
    }
    device_refresh(&f->dev);
    return BUS_OK;
}

/* ---- reads while the array does not answer -------------------------------- */

static uint8_t pflash_read_byte(const Pflash *f, hwaddr off)
{
    uint64_t word = off / BANK_WIDTH;
    if (off & 1) { /* high byte of a chip's word */
        return 0;
    }
    switch (f->s.command) {
    case CMD_QUERY: return word < QUERY_SIZE ? query_table[word] : 0;
    case CMD_READ_ID:
        word %= f->sector_length / BANK_WIDTH; /* word 2 of each block: its lock, never set */
        return word == 0 ? ID_MAKER : word == 1 ? ID_DEVICE : 0;
    default: return f->storing ? f->s.status & ~SR_READY : f->s.status;
    }
}

static BusResult pflash_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    const Pflash *f = opaque;
    *value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte =
            f->s.command == CMD_READ_ARRAY ? f->mem.ram->host[off + i] : pflash_read_byte(f, off + i);
        *value |= (uint64_t)byte << (8 * i);
    }
    return BUS_OK;
}

static const char *command_name(uint8_t command)
{
    switch (command) {
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT: return "program";
    case CMD_ERASE: return "erase";
    case CMD_CLEAR_STATUS: return "clear-status";
    case CMD_LOCK: return "lock";
    case CMD_READ_STATUS: return "status";
    case CMD_READ_ID: return "id";
    case CMD_QUERY: return "query";
    case CMD_BUFFER: return "buffer";
    case CMD_READ_ARRAY:
    case CMD_RESET:
    case CMD_RESET_ALT: return "array";
    default: return "unknown";
    }
}

/* No registers, but commands: what a write begins, or is part of, and what is read. */
static void pflash_describe(void *opaque, IoTrace *t)
{
    const Pflash *f = opaque;
    if (t->write && f->s.cycle == 0) {
        g_string_append(t->reg, "command");
        g_string_append(t->bits, command_name(t->value));
    } else {
        g_string_append(t->reg, command_name(f->s.command));
    }
}

static const IoOps pflash_ops = {
    .read = pflash_read, .write = pflash_write, .min = 1, .max = 4, .describe = pflash_describe
};

/* ---- class --------------------------------------------------------------- */

static void pflash_refresh(Device *dev)
{
    Pflash *f = pflash(dev);
    memory_region_set_romd(&f->mem, f->s.command == CMD_READ_ARRAY);
}

static void pflash_reset(Device *dev)
{
    Pflash *f = pflash(dev);
    pflash_image_flush(f);
}

static bool pflash_realize(Device *dev, GError **err)
{
    Pflash *f = pflash(dev);
    f->size = (uint64_t)f->num_blocks * f->sector_length;
    if (f->sector_length % BUFFER_BYTES) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "cfi.pflash01: sector-length must be a multiple of %d", BUFFER_BYTES);
        return false;
    }
    if (!memory_region_init_rom_device(&f->mem, &dev->regions, &pflash_ops, f, f->name ? f->name : "pflash",
                                       f->size, err)) {
        return false;
    }
    if (!pflash_image_open(f, err)) {
        memory_region_finish(&f->mem);
        return false;
    }
    return true;
}

static void pflash_unrealize(Device *dev)
{
    Pflash *f = pflash(dev);
    pflash_image_close(f);
    memory_region_finish(&f->mem);
}

static bool pflash_loaded(Device *dev, GError **err)
{
    const Pflash *f = pflash(dev);
    bool busy = f->s.cycle != 0, buffer = f->s.command == CMD_BUFFER;
    if (f->s.cycle > 3 || (f->s.cycle > 1 && !buffer) || (f->s.cycle == 2) != (f->s.buffer_left != 0) ||
        f->s.buffer_left > BUFFER_BYTES / BANK_WIDTH || f->s.buffer_block % BUFFER_BYTES ||
        f->s.buffer_block >= f->size || (busy && f->s.command == CMD_READ_ARRAY)) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "cannot load the state of '%s': its command state makes no sense", dev->path);
        return false;
    }
    return true;
}

static const Prop pflash_props[] = {
    { "drive", PROP_DRIVE, offsetof(Pflash, blk), "image with the contents" },
    { "num-blocks", PROP_U32, offsetof(Pflash, num_blocks), "erase blocks", .def = 128, .min = 1,
      .max = 4096 },
    { "sector-length", PROP_U32, offsetof(Pflash, sector_length), "bytes of an erase block", .def = 262144,
      .min = 4096, .max = 1 << 20 },
    { "name", PROP_STRING, offsetof(Pflash, name), "name of the memory region" },
    { NULL },
};

static const Field pflash_state[] = {
    STATE_U8(Pflash, command),
    STATE_U8(Pflash, cycle, .max = 3),
    STATE_U8(Pflash, status, .reset = SR_READY),
    STATE_U32(Pflash, buffer_left),
    STATE_U32(Pflash, buffer_block),
    STATE_BYTES(Pflash, buffer),
    STATE_BYTES(Pflash, buffer_used),
    { NULL },
};

const DeviceClass pflash_cfi01_class = {
    .name = "cfi.pflash01",
    .desc = "CFI parallel flash, Intel command set",
    .category = "Storage",
    .size = sizeof(Pflash),
    .props = pflash_props,
    .state = pflash_state,
    .state_offset = offsetof(Pflash, s),
    .state_size = sizeof(struct PflashState),
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .reset = pflash_reset,
    .refresh = pflash_refresh,
    .loaded = pflash_loaded,
};
