/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Host ends and the run state, for tests of devices that have none: weak, so that
 * the real ones win where a test links them. */
#include "block/block.h"
#include "chardev/chardev.h"
#include "hw/board.h"
#include "net/net.h"
#include "target/cpu.h"

#define WEAK __attribute__((weak))
WEAK Chardev *chardev_find(const char *id) { return NULL; }
WEAK const char *chardev_id(const Chardev *chr) { return ""; }
WEAK BlockBackend *block_find(const char *id) { return NULL; }
WEAK const char *block_id(BlockBackend *blk) { return ""; }
WEAK NetClient *net_find(const char *id) { return NULL; }
WEAK const char *net_id(const NetClient *nc) { return ""; }
WEAK void cpu_free(CPU *cpu) { }
