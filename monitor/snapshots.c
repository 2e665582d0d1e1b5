/* SPDX-License-Identifier: GPL-2.0-or-later */
/* savevm, loadvm, delvm, info snapshots: of the machine and all its disks.
 * Names and texts: QEMU's manual, "QEMU Monitor". */
#include "hw/snapshot.h"
#include "monitor/monitor_priv.h"

bool monitor_cmd_savevm(Machine *m, const char *args, GString *out, GError **err)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *name = *args ? g_strdup(args) : g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    return machine_snapshot_save(m, name, NULL, true, err);
}

bool monitor_cmd_loadvm(Machine *m, const char *args, GString *out, GError **err)
{
    return *args ? machine_snapshot_load(m, args, NULL, err)
                 : monitor_syntax_error(err, "loadvm: string expected");
}

bool monitor_cmd_delvm(Machine *m, const char *args, GString *out, GError **err)
{
    return *args ? machine_snapshot_delete(m, args, NULL, err)
                 : monitor_syntax_error(err, "delvm: string expected");
}

bool monitor_info_snapshots(Machine *m, const char *args, GString *out, GError **err)
{
    return machine_snapshots_print(m, out, err);
}
