/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks, CPUs and the run state, for tests of devices that have none: weak, so
 * that the real ones win where a test links them. */
#include "hw/board.h"
#include "net/net.h"
#include "target/cpu.h"

#define WEAK __attribute__((weak))
WEAK bool net_attach(NetClient *nc, const NetFrontend *fe, void *opaque, GMutex *lock, GError **err) { return true; }
WEAK void net_detach(NetClient *nc, void *opaque) { }
WEAK void net_send(NetClient *nc, const struct iovec *iov, int count) { }
WEAK void net_accept_input(NetClient *nc) { }
WEAK bool net_link_up(const NetClient *nc) { return true; }
WEAK void net_default_mac(uint8_t mac[6]) { mac[1] = 0x54; mac[5] = 0x56; }
WEAK NetClient *net_find(const char *id) { return NULL; }
WEAK const char *net_id(const NetClient *nc) { return ""; }
WEAK void cpu_free(CPU *cpu) { }
WEAK void system_request_shutdown(ShutdownCause cause, int exit_status) { }
WEAK void system_request_reset(ShutdownCause cause) { }
