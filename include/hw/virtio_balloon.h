/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The balloon's side for the monitor (`balloon N`, `info balloon`).  Main loop only. */
#pragma once
#include "hw/device.h"

/* The machine's balloon, or NULL. */
Device *virtio_balloon_find(Machine *m);
/* Ask the guest to come down (or up) to `bytes` of memory, at most the machine's. */
void virtio_balloon_set_target(Device *balloon, uint64_t bytes);
/* What the guest has now: the machine's memory less the balloon. */
uint64_t virtio_balloon_actual(Device *balloon);
/* Ask the guest for new statistics; they arrive later. */
void virtio_balloon_poll_stats(Device *balloon);
/* The last value of a statistic (5.5.6.4: tag 0 swap-in ...), UINT64_MAX when unknown. */
uint64_t virtio_balloon_stat(Device *balloon, unsigned tag);
