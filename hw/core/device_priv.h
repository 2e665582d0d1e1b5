/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of hw/core share. */
#pragma once
#include "hw/device.h"

/* Set one property of a struct (a device, or a board's options) from text.
 * m: where ids are looked up.  who: what messages start with. */
bool prop_set(void *base, const Prop *p, const Machine *m, const char *who, const char *value, GError **err);
char *prop_get(const void *base, const Prop *p);
void prop_set_default(void *base, const Prop *p);
void prop_clear(void *base, const Prop *p);
/* "; did you mean 'x'? ..." for a name that no row of the tables has. */
char *props_advice(const DeviceClass *c, const Prop *props, const Prop *more, const char *word);

/* Classes from the eldest parent down to c: at most CLASS_DEPTH. */
enum { CLASS_DEPTH = 8 };
unsigned class_lineage(const DeviceClass *c, const DeviceClass *line[CLASS_DEPTH]);

/* The defaults of -global of a machine, and their use on a new device. */
void machine_free_globals(Machine *m);
void device_apply_globals(Device *dev);
