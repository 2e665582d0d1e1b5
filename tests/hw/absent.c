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
WEAK bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, GMutex *lock, GError **err) { return true; }
WEAK void chardev_detach(Chardev *chr, void *opaque) { }
WEAK int chardev_write(Chardev *chr, void *fe, const uint8_t *buf, int len) { return len; }
WEAK void chardev_watch_writable(Chardev *chr, void (*fn)(void *opaque), void *opaque) { }
WEAK void chardev_accept_input(Chardev *chr) { }
WEAK uint64_t block_size(BlockBackend *blk) { return 0; }
WEAK bool block_is_readonly(BlockBackend *blk) { return false; }
WEAK bool block_backend_attach(BlockBackend *blk, void *user, GMutex *lock, GError **err) { return true; }
WEAK void block_backend_detach(BlockBackend *blk, void *user) { }
WEAK bool block_read_sync(BlockBackend *blk, uint64_t offset, void *buf, uint64_t len, GError **err) { return false; }
WEAK void block_submit(BlockBackend *blk, BlockRequest *r) { }
WEAK void block_drain(BlockBackend *blk) { }
WEAK void block_drain_all(void) { }
WEAK BlockBackend *block_find(const char *id) { return NULL; }
WEAK const char *block_id(BlockBackend *blk) { return ""; }
WEAK void block_plug(void) { }
WEAK void block_unplug(void) { }
WEAK const char *block_serial(BlockBackend *blk) { return NULL; }
WEAK bool net_attach(NetClient *nc, const NetFrontend *fe, void *opaque, GMutex *lock, GError **err) { return true; }
WEAK void net_detach(NetClient *nc, void *opaque) { }
WEAK void net_send(NetClient *nc, const struct iovec *iov, int count) { }
WEAK void net_accept_input(NetClient *nc) { }
WEAK bool net_link_up(const NetClient *nc) { return true; }
WEAK void net_default_mac(uint8_t mac[6]) { mac[1] = 0x54; mac[5] = 0x56; }
WEAK void chardev_write_all(Chardev *chr, void *fe, const uint8_t *buf, int len) { }
WEAK NetClient *net_find(const char *id) { return NULL; }
WEAK const char *net_id(const NetClient *nc) { return ""; }
WEAK void cpu_free(CPU *cpu) { }
WEAK void system_request_shutdown(ShutdownCause cause, int exit_status) { }
WEAK void system_request_reset(ShutdownCause cause) { }
