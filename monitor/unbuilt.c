/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands that QEMU's monitor has and this one has not, each with the reason: who types
 * `eject` learns that it is known and not built, not that it is misspelt.  Those that the control socket has
 * need no row.
 *
 * Names: QEMU's manual, "QEMU Monitor", and `help` and `help info` there. */
#include <string.h>

#include "monitor/command.h"
#include "monitor/monitor_priv.h"

typedef struct Unbuilt {
    const char *names; /* separated by blanks */
    const char *why;
} Unbuilt;

/* clang-format off */
static const Unbuilt commands[] = {
    { "snapshot_blkdev_internal snapshot_delete_blkdev_internal",
      "internal snapshots of single disks are not built; use snapshot_blkdev, or savevm" },
    { "migrate_continue migrate_pause migrate_recover migrate_set_capability "
      "migrate_start_postcopy client_migrate_info announce_self calc_dirty_rate set_vcpu_dirty_limit "
      "cancel_vcpu_dirty_limit x_colo_lost_heartbeat exit_preconfig",
      "machines move by migrate and -incoming, memory first and without capabilities; the rest of it is not built" },
    { "drive_add drive_del", "drives come and go as nodes, over the control socket: blockdev-add, blockdev-del" },
    { "pcie_aer_inject_error", "no device here reports such errors" },
    { "commit", "use block-commit of the control socket" },
    { "qemu-io", "reading and writing disks is not built; nbd_server_start serves them to qemu-io" },
    { "eject", "no drive of removable media is built" },
    { "boot_set", "no firmware of this machine's boards takes an order of drives; use bootindex= of the devices" },
    { "wavcapture stopcapture", "no sound is built" },
    { "dump-guest-memory", "dumps of a whole guest are not built; use memsave of the control socket, or a debugger's dump" },
    { "gpa2hva gpa2hpa gva2gpa", "translation of addresses is not built; use info mem, x and xp" },
    { "i o", "reading and writing ports is not built; -trace shows what a guest does with them" },
    { "sum", "checksums of memory are not built" },
    { "dumpdtb", "the device tree is written at start: -machine dumpdtb=FILE" },
    { "one-insn-per-tb singlestep", "use -accel tcg,one-insn-per-tb=on on the command line" },
    { "mce system_wakeup watchdog_action xen-event-inject xen-event-list", "the boards here have nothing like it" },
    { "replay_break replay_delete_break replay_seek", "recording and replay are not built" },
    { "chardev-send-break", "use Ctrl-A b on the terminal of the line" },
    { "sync-profile", "locks are not measured" },
    { NULL, NULL },
};

static const Unbuilt infos[] = {
    { "migrate_capabilities", "the only one is events, and it is always on" },
    { "dirty_rate vcpu_dirty_limit", "how fast a guest writes memory is told by info migrate alone" },
    { "capture", "no sound is built" },
    { "spice", "SPICE is not built; use -vnc" },
    { "usb usbhost", "USB is not built" },
    { "kvm", "use query-kvm of the control socket" },
    { "sev sgx", "encrypted guests and enclaves are not built" },
    { "pic", "use info irq" },
    { "roms ramblock memory-devices memory_size_summary memdev", "use info mtree" },
    { "numa hotpluggable-cpus", "there are none: -smp says how many CPUs there are" },
    { "qdm", "use -device help" },
    { "qom-tree", "use info qtree, or qom-list of the control socket" },
    { "tpm cryptodev rdma rocker rocker-of-dpa-flows rocker-of-dpa-groups rocker-ports vm-generation-id",
      "no such device is built" },
    { "virtio virtio-queue-element virtio-queue-status virtio-status virtio-vhost-queue-status",
      "state of virtio devices is not shown; use info qtree, or -trace" },
    { "dump", "dumps of a whole guest are not built" },
    { "history", "use the arrow keys" },
    { "opcount profile sync-profile", "not counted; see info jit" },
    { "replay", "recording and replay are not built" },
    { "stats", "see info jit" },
    { NULL, NULL },
};
/* clang-format on */

static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    for (const char *w = words; (w = strstr(w, word)); w += len) {
        if ((w == words || w[-1] == ' ') && (w[len] == ' ' || !w[len])) {
            return true;
        }
    }
    return false;
}

/* QMP writes '-' where this monitor's older names have '_'. */
static bool socket_has(const char *name)
{
    g_autofree char *other = g_strdelimit(g_strdup(name), "_", '-');
    return !monitor_find(monitor_commands, name) && (command_find(name) || command_find(other));
}

const char *monitor_why_unbuilt(bool info, const char *name)
{
    for (const Unbuilt *u = info ? infos : commands; *name && u->names; u++) {
        if (has_word(u->names, name)) {
            return u->why;
        }
    }
    return !info && socket_has(name) ? "the control socket has it: -qmp unix:PATH,server=on,wait=off, then "
                                       "lyrebird ctl PATH"
                                     : NULL;
}
