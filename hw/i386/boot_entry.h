/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a kernel without firmware begins: at each reset the first processor is as its boot protocol says.  No instruction leads
 * there, so a machine needs no ROM, which would be one more piece of memory that a hypervisor must be told of. */
#pragma once
#include "hw/device.h"
#include "target/i386.h"

extern const DeviceClass boot_entry_class;

/* For the machine's first processor; machine_free() frees it. */
bool boot_entry_add(Machine *m, const X86Entry *entry, GError **err) G_GNUC_WARN_UNUSED_RESULT;
