/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/core share. */
#pragma once
#include "hw/device.h"

/* For values whose links name what a machine has (NULL: nothing).  who: what messages start with. */
PropContext machine_prop_context(const Machine *m, const char *who);

/* Classes from the eldest parent down to c: at most CLASS_DEPTH. */
enum { CLASS_DEPTH = 8 };
unsigned class_lineage(const DeviceClass *c, const DeviceClass *line[CLASS_DEPTH]);

/* The defaults of -global of a machine, and their use on a new device. */
void machine_free_globals(Machine *m);
void device_apply_globals(Device *dev);
