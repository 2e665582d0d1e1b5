/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device: a const class with three tables, and the little that is special.
 *
 *   properties  what the user sets (-device NAME,key=value; `NAME,help`)
 *   state       all that the guest can change (base/state.h): drives reset, save and load
 *   registers   access masks, tracing, guest-error log of an MMIO register file: hw/regs.h
 *
 * Wires (Irq outputs, chardev, drive, netdev, bus) are connected by the board or
 * by a property, and are never saved.
 *
 * Locks (docs/locks.md): the bus (memory_access.c), the timer and bh services, chardev, netdev and
 * block completions take dev->lock around each call into the device, and the device keeps it until
 * it returns: it never lets go of a lock that its caller took, and never waits (memory_write_again).
 * realize, unrealize and settle are called without it, in the main loop; so is what other rooms call by name
 * (an interrupt input, a command of the monitor): that takes the lock itself.
 *
 * Life: device_new -> properties -> device_realize -> (reset, run)* -> device_free. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/irq.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/props.h"
#include "base/state.h"
#include "util/container.h"

typedef struct Device Device;
typedef struct Bus Bus;
typedef struct Machine Machine;
typedef struct DeviceClass DeviceClass;
typedef struct Clock Clock;
typedef struct EventLoop EventLoop;

struct Device {
    const DeviceClass *class;
    char *id;   /* the user's id=, or NULL */
    char *path; /* unique name: id, or "virtio-net-pci.0" made from the class */
    Machine *machine;
    AddressSpace *dma; /* memory as it reads and writes it; from realize on, the bus says which */
    Bus *bus;          /* the bus it sits on, NULL for boards' fixed devices */
    GPtrArray *buses;  /* of Bus: the buses it provides */
    Lock *lock;        /* guards it: taken with device_lock; its own, or one that it shares */
    Lock own_lock;
    MemoryOwner regions; /* of its memory regions: given to memory_region_init_* */
    Device *inner;       /* see DeviceClass.inner */
    Device *outer;       /* whose inner device this is */
    bool realized;       /* changed under the lock of its bus's owner */
};

/* ---- class --------------------------------------------------------------- */

/* A property that lives with a device, beside those that it was made with: `qom-get`, `qom-set`.  Main loop, without
 * the lock. */
typedef struct LiveProp {
    const char *name, *type, *help;          /* type: as other programs call it, "int" */
    struct json_object *(*get)(Device *dev); /* the caller's */
    bool (*set)(Device *dev, struct json_object *value, GError **err); /* NULL: it only tells */
} LiveProp;

struct DeviceClass {
    const char *name;           /* "virtio-net-pci" */
    const char *const *aliases; /* NULL-terminated, or NULL: "virtio-net" */
    const char *desc;
    const char *category; /* heading in -device help: "Network", "Storage", ... */
    const char *bus;      /* kind of bus it plugs into: "PCI", "virtio-bus",
                                "virtio-serial-bus", "System", NULL for none */
    size_t size;          /* of the device struct, which starts with Device */
    bool user_creatable;  /* may be given to -device */
    LockClass lock_class; /* of its lock, if it is not LOCK_DEVICE */
    const Prop *props;    /* ends with a NULL name; so does the next */
    const LiveProp *live; /* NULL: none; likewise */
    const Field *state;
    size_t state_offset, state_size; /* of the struct `s`; the generic test proves that
                                        `state` covers every byte of it but padding */
    uint16_t version;                /* of `state` */
    const DeviceClass *parent;       /* its properties and state come first; a hook that the derived
                                  class has replaces the parent's (and calls it where wanted),
                                  but for `loaded`: all are called */
    /* A device inside this one (a virtio device in its PCI function): made and freed with it,
     * on a bus of its own once realize has realized it.  Its properties are this one's too, and
     * its lock guards both. */
    const DeviceClass *inner;
    bool (*realize)(Device *dev, GError **err);
    void (*unrealize)(Device *dev);
    void (*settle)(Device *dev);               /* see device_settle; called without the lock */
    void (*reset)(Device *dev);                /* after the state table's reset values */
    void (*refresh)(Device *dev);              /* recompute derived values and IRQ levels: after reset and
                                     load; a RegTable may ask for it after accesses */
    bool (*loaded)(Device *dev, GError **err); /* check state from a stream */
    void (*irq_statistics)(Device *dev, GString *out); /* an interrupt controller that counts: `info irq` */
};

/* All classes that exist, in one table (hw/registry.c). */
extern const DeviceClass *const device_classes[];       /* ends with NULL */
const DeviceClass *device_class_find(const char *name); /* by name or alias */

Device *device_new(const DeviceClass *class, Machine *machine, const char *id);
/* Where and when it works: those of its machine. */
EventLoop *device_loop(const Device *dev);
Clock *device_clock(const Device *dev);
int32_t device_bootindex(const Device *dev); /* bootindex=, -1: not given or none of its properties */
/* From text; and from a value of a tree (typed: of JSON, see PropContext). */
bool device_set_prop(Device *dev, const char *name, const char *value,
                     GError **err) G_GNUC_WARN_UNUSED_RESULT;
bool device_set_value(Device *dev, const char *name, struct json_object *value, bool typed,
                      GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Text of a property's value (owned by the caller), for info qtree. */
char *device_get_prop(Device *dev, const Prop *prop);
struct json_object *device_prop_json(Device *dev, const Prop *prop); /* and as JSON; the caller's */
bool device_realize(Device *dev, Bus *bus, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* For boards: a fixed device on a bus (or NULL), made, given properties ("name", "value", ... NULL; or NULL: none),
 * realized.  NULL: *err. */
Device *device_create(Machine *m, const DeviceClass *class, Bus *bus, const char *const *props, GError **err);
void device_reset(Device *dev);        /* takes the device's lock */
void device_reset_locked(Device *dev); /* from within the device: it is locked already */
void device_refresh(Device *dev);      /* run the class's refresh; the device is locked */
/* With the buses it provides and the devices on them; a realized one may be in use by running vCPUs.  Main
 * loop, no lock.  Its memory goes later. */
void device_free(Device *dev);
/* Main loop, no lock: what is under way in the device ends (or is taken back), before a reset or load. */
void device_settle(Device *dev);
/* The names by which the user knows it: an inner device goes by its outer one's class and path. */
static inline const char *device_user_name(const Device *dev)
{
    return (dev->outer ? dev->outer : dev)->class->name;
}
static inline const char *device_user_path(const Device *dev)
{
    return (dev->outer ? dev->outer : dev)->path;
}
/* Visit the properties of a class and its parents; those of an inner class are not among them. */
void device_class_foreach_prop(const DeviceClass *c, void (*fn)(const Prop *p, void *opaque), void *opaque);

/* State as a section of bytes (base/state.h).  Load checks all; refused, it changes nothing. */
GByteArray *device_save(Device *dev);
bool device_load(Device *dev, const uint8_t *data, size_t len, GError **err) G_GNUC_WARN_UNUSED_RESULT;

#define device_lock(dev) lock_take_at((dev)->lock, G_STRLOC)
static inline void device_unlock(Device *dev)
{
    lock_release(dev->lock);
}
/* What is part of another device, or is called by it (a port of a controller), is guarded by the
 * same lock.  Before anybody can know the device: in its bus's attach. */
void device_share_lock(Device *dev, const Device *with);

/* ---- buses --------------------------------------------------------------- */

struct Bus {
    const char *kind;   /* "PCI", "virtio-bus", ... */
    char *name;         /* "pcie.0", "virtio-mmio-bus.3" */
    Device *owner;      /* NULL for the system bus */
    Machine *machine;   /* may be NULL (tests) */
    AddressSpace *dma;  /* what devices on it see as memory; NULL: what its owner sees */
    GPtrArray *devices; /* of Device */
    unsigned capacity;  /* most devices it takes, 0 = no limit */
    void *data;         /* of the bus's implementation */
    /* Each under the owner's lock, which guards what the bus's implementation knows of its devices.
     * attach: a device that is being realized gets its address and wires, before the class's own realize.
     * show (or NULL): it is `realized`, and the guest may find it from now on.
     * detach: it goes, before its unrealize, or its realize has failed. */
    bool (*attach)(Bus *bus, Device *dev, GError **err);
    void (*show)(Bus *bus, Device *dev);
    void (*detach)(Bus *bus, Device *dev);
};

Bus *bus_new(Machine *m, Device *owner, const char *kind, const char *name);
void bus_free(Bus *bus);
