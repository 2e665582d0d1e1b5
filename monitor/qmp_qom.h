/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands on objects and on types share. */
#pragma once
#include "base/props.h"

typedef struct DeviceClass DeviceClass;

/* Elements of lists of properties. */
extern const Shape qmp_property_shape;
void qmp_add_property(PropList *list, const char *name, char *type); /* takes type */
void qmp_list_prop(const Prop *p, void *list);                       /* if it is one of this program's */
void qmp_list_class(const DeviceClass *class, PropList *list);
