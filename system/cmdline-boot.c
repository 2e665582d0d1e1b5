/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -boot and -overcommit.
 *
 * -boot is kept for firmware that reads fw_cfg (the board gives it there).  Letters of
 * drives are for boards of PCs: they are checked and, as with QEMU, read by nothing on
 * riscv.  (once= ends QEMU on riscv; installers pass it all the same.)
 *
 * Not modelled: pictures at start (splash=), locking of RAM, power states. */
#include <string.h>

#include "system/cmdline.h"

enum { BOOT_MAX_WAIT = 65535 };

static bool check_drives(const char *drives, GError **err)
{
    uint32_t seen = 0;
    for (const char *d = drives; *d; d++) {
        if (*d < 'a' || *d > 'p') {
            return cmdline_fail(err, "Invalid boot device '%c'; drives have letters from a to p", *d);
        }
        if (seen >> (*d - 'a') & 1) {
            return cmdline_fail(err, "Boot device '%c' was given twice; give each letter once", *d);
        }
        seen |= UINT32_C(1) << (*d - 'a');
    }
    return true;
}

typedef struct BootOptions {
    char *order, *once;
    bool menu, strict;
    uint32_t splash_time;
    int32_t reboot_timeout; /* -1: for ever */
    bool has_splash_time, has_reboot_timeout;
} BootOptions;

static const Prop boot_props[] = {
    { "order", PROP_STRING, offsetof(BootOptions, order), "letters of drives, which no firmware here reads" },
    { "once", PROP_STRING, offsetof(BootOptions, once), "the same, for the first start" },
    { "menu", PROP_BOOL, offsetof(BootOptions, menu), "firmware may ask" },
    { "strict", PROP_BOOL, offsetof(BootOptions, strict), "boot from nothing else" },
    { "splash-time", PROP_U32, offsetof(BootOptions, splash_time), "milliseconds",
      .has = offsetof(BootOptions, has_splash_time), .max = BOOT_MAX_WAIT },
    { "reboot-timeout", PROP_I32, offsetof(BootOptions, reboot_timeout), "milliseconds before it tries again",
      .has = offsetof(BootOptions, has_reboot_timeout), .min = UINT64_MAX, .max = BOOT_MAX_WAIT },
    { "splash", .refused = "there is no display to show a picture on; leave it out" },
    { NULL },
};
const Shape cmdline_boot_shape = { "BootConfiguration", sizeof(BootOptions), boot_props };

bool cmdline_boot(const CmdLine *c, MachineConfig *config, GError **err)
{
    BootOptions *o = cmdline_merged_shape(c, OPT_BOOT, &cmdline_boot_shape, err);
    bool ok = o && (!o->order || check_drives(o->order, err)) && (!o->once || check_drives(o->once, err));
    if (ok) {
        config->boot_menu = o->menu;
        config->boot_strict = o->strict;
        config->boot_splash_given = o->has_splash_time;
        config->boot_splash_ms = o->splash_time;
        config->boot_fail_wait_given = o->has_reboot_timeout;
        config->boot_fail_wait_ms = (uint32_t)o->reboot_timeout;
    }
    shape_free(&cmdline_boot_shape, o);
    return ok;
}

static const Prop overcommit_props[] = {
    PROP_ONLY_OFF("mem-lock", "RAM is not locked in the host's memory; start the program "
                              "under a memory limit or without swap"),
    PROP_ONLY_OFF("cpu-pm", "the guest's sleep is the host's; leave it out"),
    { NULL },
};
const Shape cmdline_overcommit_shape = { "Overcommit", 1, overcommit_props };

bool cmdline_check_overcommit(const CmdLine *c, GError **err)
{
    void *nothing = cmdline_merged_shape(c, OPT_OVERCOMMIT, &cmdline_overcommit_shape, err);
    shape_free(&cmdline_overcommit_shape, nothing);
    return nothing || cmdline_blame(err, cmdline_last(c, OPT_OVERCOMMIT));
}
