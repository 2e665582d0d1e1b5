/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -boot and -overcommit.
 *
 * -boot is kept for firmware that reads fw_cfg (the board gives it there).  Letters of
 * drives are for boards of PCs: they are checked and, as with QEMU, read by nothing on
 * riscv; once= would have to be, and is refused there too.
 *
 * Not modelled: pictures at start (splash=), locking of RAM, power states. */
#include <string.h>

#include "system/cmdline.h"
#include "util/keyval.h"

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

static bool take_wait(GHashTable *keys, const char *key, bool forever, bool *given, uint32_t *ms,
                      GError **err)
{
    const char *text = g_hash_table_lookup(keys, key);
    uint64_t value = UINT32_MAX;
    if (!text) {
        return true;
    }
    if (!(forever && g_str_equal(text, "-1")) && !keyval_uint(text, BOOT_MAX_WAIT, &value)) {
        return cmdline_fail(err, "%s=%s is no time; it takes milliseconds from %d to %d", key, text,
                            forever ? -1 : 0, BOOT_MAX_WAIT);
    }
    *given = true;
    *ms = value;
    return true;
}

bool cmdline_boot(const CmdLine *c, MachineConfig *config, GError **err)
{
    static const char *const valid[] = { "order",       "menu",           "strict", "once",
                                         "splash-time", "reboot-timeout", "splash", NULL };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_BOOT);
    const char *order = g_hash_table_lookup(keys, "order");
    if (!cmdline_check_keys(keys, valid, err) || (order && !check_drives(order, err))) {
        return false;
    }
    if (g_hash_table_contains(keys, "once")) {
        return cmdline_fail(err, "once= is not built: no firmware of this machine's boards takes "
                                 "an order of drives; use "
                                 "bootindex= of the devices");
    }
    if (g_hash_table_contains(keys, "splash")) {
        return cmdline_fail(err,
                            "splash= is not built: there is no display to show a picture on; leave it out");
    }
    return cmdline_bool(keys, "menu", &config->boot_menu, err) &&
           cmdline_bool(keys, "strict", &config->boot_strict, err) &&
           take_wait(keys, "splash-time", false, &config->boot_splash_given, &config->boot_splash_ms, err) &&
           take_wait(keys, "reboot-timeout", true, &config->boot_fail_wait_given, &config->boot_fail_wait_ms,
                     err);
}

bool cmdline_check_overcommit(const CmdLine *c, GError **err)
{
    static const char *const valid[] = { "mem-lock", "cpu-pm", NULL };
    static const char *const why[] = { "RAM is not locked in the host's memory; start the program "
                                       "under a memory limit or without swap",
                                       "the guest's sleep is the host's; leave it out" };
    g_autoptr(GHashTable) keys = cmdline_merged(c, OPT_OVERCOMMIT);
    bool ok = cmdline_check_keys(keys, valid, err);
    for (unsigned i = 0; ok && valid[i]; i++) {
        const char *text = g_hash_table_lookup(keys, valid[i]);
        bool on = false;
        if (text && (!keyval_bool(text, &on) || on)) {
            ok = cmdline_fail(err, "%s=%s is not built: %s; '%s=off' is all there is", valid[i], text, why[i],
                              valid[i]);
        }
    }
    return ok || cmdline_blame(err, cmdline_last(c, OPT_OVERCOMMIT));
}
