/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doorbells that are events, for virtio.c. */
#pragma once
#include "hw/virtio.h"

void virtio_bell_init(VirtioDevice *v);
void virtio_bell_finish(VirtioDevice *v); /* none hangs any more */
/* What the driver may ring has changed; any false: it goes.  Under the lock. */
void virtio_bell_hang(VirtioDevice *v, bool any);
