/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with one virtio device on a transport, and a driver's half of its rings: for
 * tests.  The driver reaches the device as a vCPU would, through the memory map. */
#pragma once
#include "hw/board.h"
#include "hw/pci.h"
#include "hw/virtio.h"
#include "hw/virtio_mmio.h"

enum {
    RIG_RAM = 0x80000000,
    RIG_RAM_SIZE = 8 << 20,
    RIG_ECAM = 0x30000000,
    RIG_MMIO = 0x10001000,
    RIG_BAR = 0x40000000,
    RIG_RINGS = RIG_RAM,
    RIG_DATA = RIG_RAM + (1 << 20)
};

/* The OLD ones: a modern device, and a driver that knows feature word 0 only. */
typedef enum RigKind { RIG_LEGACY, RIG_MODERN, RIG_PCI, RIG_OLD_MODERN, RIG_OLD_PCI, RIG_KINDS } RigKind;
extern const char *const rig_kind_names[];

/* Id of an iothread that the machines of rigs have, or NULL. */
extern const char *rig_iothread;

typedef struct Rig {
    Machine *m;
    MachineConfig config;
    RigKind kind;      /* RIG_LEGACY, RIG_MODERN or RIG_PCI: which registers */
    bool old;          /* the driver leaves feature word 1 alone */
    Device *transport; /* slot, or the PCI host */
    VirtioDevice *v;
    int level;         /* of the interrupt line */
    unsigned requests; /* how often it rose, or was asked for again */
    uint64_t features; /* negotiated */
    hwaddr next_ring;
} Rig;

typedef struct RigQueue {
    Rig *rig;
    unsigned index, size;
    hwaddr desc, avail, used;
    uint16_t avail_idx, used_idx, free; /* free: next descriptor, taken in a circle */
} RigQueue;

typedef struct RigBuf {
    hwaddr addr;
    uint32_t len;
    bool write;
} RigBuf;

/* "virtio-blk" becomes virtio-blk-device or virtio-blk-pci; props: "key=value,..." or NULL. */
void rig_open(Rig *r, RigKind kind, const char *device, const char *props);
/* Another device on the machine, of whatever class (a port of a console). */
Device *rig_add(Rig *r, const char *driver, const char *props);
void rig_close(Rig *r);
/* Reset, take `wanted` of what is offered, FEATURES_OK. */
void rig_start(Rig *r, uint64_t wanted);
void rig_queue(Rig *r, RigQueue *q, unsigned index, unsigned size);
void rig_stop_queue(RigQueue *q); /* not on PCI */
void rig_driver_ok(Rig *r);
void rig_reset_device(Rig *r);
uint8_t rig_status(Rig *r);
void rig_set_status(Rig *r, uint8_t status);
uint64_t rig_offered(Rig *r);
uint64_t rig_config(Rig *r, unsigned offset, unsigned size);
void rig_config_write(Rig *r, unsigned offset, unsigned size, uint64_t value);
uint8_t rig_isr(Rig *r); /* and acknowledge */

uint64_t rig_read(Rig *r, hwaddr addr, unsigned size);
void rig_write(Rig *r, hwaddr addr, unsigned size, uint64_t value);
void *rig_ram(Rig *r, hwaddr addr);
uint32_t rig_pci_config(Rig *r, unsigned devfn, unsigned reg, unsigned size);
void rig_pci_config_write(Rig *r, unsigned devfn, unsigned reg, unsigned size, uint32_t value);

void rig_desc(RigQueue *q, unsigned i, hwaddr addr, uint32_t len, uint16_t flags, uint16_t next);
/* Make a chain available; indirect: through a table placed at `table`. */
uint16_t rig_add_chain(RigQueue *q, const RigBuf *bufs, unsigned count, hwaddr table);
void rig_publish(RigQueue *q, uint16_t head);
void rig_kick(RigQueue *q);
void rig_loop(void); /* one turn of the main loop, without waiting */
/* Wait (up to some seconds) for a used entry; its length, *head. */
uint32_t rig_wait(RigQueue *q, uint16_t *head);
bool rig_used(RigQueue *q); /* is there one now */
