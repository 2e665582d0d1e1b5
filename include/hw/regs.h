/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Register files by table: a row says where a register is, what holds it, which bits a write
 * changes, and what else happens.  Access sizes, masks, the guest-error log and the names in traces
 * come from the table.
 *
 *     static const Reg rows[] = {
 *         { "status", 0x0, 4, REG_RO, REG_STATE(Toy, s.status), .bits = status_bits },
 *         { "ctrl",   0x4, 4, REG_STATE(Toy, s.ctrl), .rw = 0xff, .write = ctrl_written },
 *         { "data",   0x8, 1, .read = data_read, .write = data_write },
 *         { NULL },
 *     };
 *     static const RegTable toy_regs = { rows, .min = 1, .max = 4, .after = device_refresh };
 *     ... reg_file_init(&toy->regs, dev, &toy_regs, "toy", 0x1000);
 *
 * The bus calls with the lock of the device held, as for every region. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct Device Device;
typedef struct Reg Reg;

/* What a handler is told. */
typedef struct RegAccess {
    const Reg *reg;
    unsigned index;        /* in an array, or what Reg.element says; else 0 */
    unsigned offset, size; /* the bytes of the register that are meant */
    uint64_t mask;         /* those bytes, as bits of the register */
    void *field;           /* what holds the register, or NULL */
    uint64_t old;          /* of a write: its value before */
} RegAccess;

/* A part of a register with a name, for traces: one bit, or a number. */
typedef struct RegBits {
    const char *name; /* NULL ends a list */
    uint64_t mask;
} RegBits;

typedef enum RegUse {
    REG_RW,
    REG_RO,
    REG_WO
} RegUse; /* two rows may share a place: one reads, one is written */

enum {
    REG_NONE = -1,  /* no register of that index: as if the row were not there */
    REG_EMPTY = -2, /* none now (the queue that is selected does not exist): reads as 0, writes are
                       logged */
};

struct Reg {
    const char *name; /* NULL ends a table */
    uint32_t offset;  /* in the region; rows stand in ascending order */
    uint16_t size;    /* bytes: 1, 2, 4, 8, any of `bytes` */
    RegUse use;
    uint32_t state;         /* with `width`: the field (in the struct that starts with the Device) */
    uint8_t width;          /* that holds it, bytes of the field: REG_STATE */
    uint8_t part;           /* bytes of an access where the whole register is asked for; 0: size */
    uint8_t banks;          /* bit set of the banks in which it is there; 0: all */
    bool bytes;             /* a stretch of bytes: values are of the access's own bytes, wherever in it */
    uint32_t count, stride; /* an array of registers; count 0 is one, stride 0 is size */
    uint32_t columns;       /* shown as [index / columns][index % columns]; 0: one index */
    uint64_t constant;      /* what it reads as without field and handler */
    /* Bits that a write sets, clears where written 1, may carry without meaning; others are
     * reserved, and logged when set.  None: the handler sees to it all. */
    uint64_t rw, w1c, ignored;
    const RegBits *bits;
    /* The element of the array of fields that `index` means, REG_NONE or REG_EMPTY. */
    int (*element)(Device *dev, unsigned index);
    uint64_t (*read)(Device *dev, const RegAccess *a);              /* all bits of the register */
    void (*write)(Device *dev, const RegAccess *a, uint64_t value); /* bits in place, 0 outside a->mask; after
                                                                       the masks */
};

/* REG_STATE(Toy, s.ctrl), of an array REG_STATE(Toy, s.ctrl[0]). */
#define REG_STATE(T, f) .state = offsetof(T, f), .width = sizeof(((T *)0)->f)

typedef enum RegRule {
    REG_PARTS,        /* an access may be of a part of a register, or of several */
    REG_WHOLE_WRITES, /* a write is of one register (or Reg.part of it), exactly; else it is logged and dropped */
    REG_WHOLE,        /* so is a read */
    REG_ONE,          /* any size means the one register at the address: a wide access carries its value */
} RegRule;

typedef struct RegTable {
    const Reg *rows;
    uint8_t min, max; /* as in IoOps */
    bool unaligned, big_endian;
    RegRule rule;
    bool quiet;                    /* what is not there reads as 0 and takes writes, without a word */
    unsigned (*bank)(Device *dev); /* which bank shows, 0 to 7; NULL: there is one */
    /* After each access that may have changed something, as device_refresh: not where what a register
     * holds was read, and no handler was called. */
    void (*after)(Device *dev);
} RegTable;

/* Where a search begins. */
typedef struct RegPlace {
    uint8_t first; /* row */
    uint8_t alone; /* bit 1 << REG_WO: a read there means that row and no other; 1 << REG_RO: a write */
} RegPlace;
enum { REG_PLACES = 256 };

/* The register that an access means. */
typedef struct RegFound {
    const Reg *reg;  /* NULL: there is none */
    unsigned index;  /* in the array */
    unsigned inside; /* offset of the access in the register */
} RegFound;

/* What a search found last, while that bank showed. */
typedef struct RegLast {
    hwaddr off;
    unsigned bank;
    RegFound at;
} RegLast;

/* A register file in memory. */
typedef struct RegFile {
    MemoryRegion mr;
    IoOps ops;
    Device *dev; /* whose registers they are */
    const RegTable *table;
    uint8_t shift; /* registers stand 1 << shift times as far apart as the table says; set before init */
    uint8_t place_shift;
    RegPlace places[REG_PLACES]; /* by offset >> shift >> place_shift */
    RegLast last[2];             /* of a read, of a write: drivers come back to the same register */
} RegFile;

/* Checks the table.  size: of the region, bytes. */
void reg_file_init(RegFile *f, Device *owner, const RegTable *table, const char *name, uint64_t size);
void reg_file_finish(RegFile *f); /* unmaps it too */
/* Show another device's registers from now on.  Under the region's lock. */
void reg_file_show(RegFile *f, Device *dev, const RegTable *table);

/* An access, by something else than the bus. */
BusResult reg_file_read(RegFile *f, hwaddr off, unsigned size, uint64_t *value);
BusResult reg_file_write(RegFile *f, hwaddr off, unsigned size, uint64_t value);

/* For write handlers: the field takes the bits of the access. */
void reg_store(const RegAccess *a, uint64_t value);

/* Of a region that is a register file; else NULL. */
RegFile *reg_file_of(const MemoryRegion *mr);
/* The row of that name, which must exist. */
const Reg *reg_find_name(const RegFile *f, const char *name);
