/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The places of devices in the tree of objects that other programs look into: names that monitors and events use.
 *
 *     /machine/peripheral/ID                what the user gave a name
 *     /machine/peripheral-anon/device[N]    what the user gave none
 *     /machine/unattached/device[N]         the board's own
 *     .../virtio-backend                    the virtio device inside of a PCI function
 *
 * Names: as QEMU has them.  Main loop only; a place stays the same as long as the device lives. */
#pragma once
#include "base/props.h"
#include "hw/device.h"

typedef enum DeviceHome { HOME_PERIPHERAL, HOME_ANON, HOME_UNATTACHED } DeviceHome;

/* The n-th of those that are there, in the order of their making; NULL: there are fewer.  Inner devices are at
 * their outer ones. */
Device *machine_device_of_home(const Machine *m, DeviceHome home, unsigned n);
/* By path, or by id alone; NULL: there is none. */
Device *machine_device_at(const Machine *m, const char *path);
char *device_tree_path(const Device *dev); /* the caller's; "" of a device without a machine */
/* The same, of a virtio device that is in no PCI function with /virtio-backend behind it: libvirt looks for a disk's
 * device there whatever it is in, and both names lead to the device. */
char *device_backend_path(const Device *dev);

/* The device that has `what` in a property of this kind (PROP_DRIVE: a drive, ...); NULL: none. */
Device *machine_find_user(const Machine *m, PropKind kind, const void *what);
