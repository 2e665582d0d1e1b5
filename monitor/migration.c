/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migrate and migrate_set_parameter of the human monitor.  Output and units: as QEMU's. */
#include "monitor/migration.h"

#include <string.h>

#include "hw/board.h"
#include "hw/migration.h"
#include "monitor/monitor_priv.h"
#include "util/keyval.h"

/* It never waits, with -d or without: who types sees how it goes by info migrate. */
bool monitor_cmd_migrate(Machine *m, const char *args, GString *out, GError **err)
{
    const char *where = g_str_has_prefix(args, "-d ") ? args + 3 + strspn(args + 3, " ") : args;
    if (!*where || *where == '-') {
        return monitor_syntax_error(err, "migrate: write migrate [-d] URI");
    }
    if (g_str_has_prefix(where, "fd:")) {
        return monitor_error(err,
                             "descriptors come over the control socket (getfd), and go with its 'migrate'");
    }
    return migration_begin(m->migration, where, -1, err);
}

bool monitor_cmd_migrate_set_parameter(Machine *m, const char *args, GString *out, GError **err)
{
    g_auto(GStrv) words = g_strsplit(args, " ", 2);
    MigrationLimits limits = migration_limits(m->migration);
    uint64_t value = 0;
    bool bandwidth = g_strv_length(words) == 2 && g_str_equal(words[0], "max-bandwidth");
    bool downtime = g_strv_length(words) == 2 && g_str_equal(words[0], "downtime-limit");
    if (!bandwidth && !downtime) {
        return monitor_syntax_error(
            err, "migrate_set_parameter: write max-bandwidth MIB-A-SECOND, or downtime-limit MILLISECONDS");
    }
    if (!keyval_size(words[1], bandwidth ? 1 << 20 : 1, &value) ||
        value > (bandwidth ? INT64_MAX : 2000000)) {
        return monitor_error(err, "'%s' is no value of %s", words[1], words[0]);
    }
    limits.max_bandwidth = bandwidth ? (int64_t)value : limits.max_bandwidth;
    limits.downtime_ms = downtime ? (int64_t)value : limits.downtime_ms;
    migration_set_limits(m->migration, limits);
    return true;
}
