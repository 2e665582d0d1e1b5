/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine without a board or CPUs, for tests of devices: 1 MiB of RAM, the machine's ports from PORTS_BASE on, and the
 * device's other regions mapped where there is room. */
#pragma once
#include "hw/board.h"
#include "hw/pci.h"
#include "hw/regs.h"

enum { RAM_BASE = 0x40000000, RAM_SIZE = 1 << 20, MMIO_BASE = 0x1000000, PORTS_BASE = 0x800000 };

typedef struct Bench {
    Machine m;
    MachineConfig config;
    MemoryRegion ports;          /* a window on the machine's */
    MemoryRegion bars[PCI_BARS]; /* windows on those of the function under test */
    hwaddr next;                 /* where the next region goes */
    GArray *windows;             /* of FlatRange: the mapped regions */
} Bench;

void bench_open(Bench *b);
void bench_close(Bench *b);
/* A device on a bus that fits, with host ends for its wires, mapped and reset. */
Device *bench_device(Bench *b, const DeviceClass *c);
/* Realize (on a bus that fits), map and reset a device that the caller has made and set up. */
void bench_add(Bench *b, Device *dev);
/* Look at all that devices show, as a front end would. */
void bench_look(Bench *b);
hwaddr bench_window(const Bench *b, unsigned i);
uint64_t bench_read(Bench *b, hwaddr at, unsigned size);
void bench_write(Bench *b, hwaddr at, unsigned size, uint64_t value);
/* The same of the register of that name (hw/regs.h) in a mapped register file. */
uint64_t bench_get(Bench *b, const RegFile *f, const char *name);
void bench_put(Bench *b, const RegFile *f, const char *name, uint64_t value);
/* Run the main loop until *flag, or fail after 10 s. */
void bench_run_until(bool (*done)(void *opaque), void *opaque);
