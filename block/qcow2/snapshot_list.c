/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of internal snapshots: finding one, and the lines that people read. */
#include <inttypes.h>
#include <string.h>

#include "block/qcow2_snapshot.h"
#include "util/text.h"

const Qcow2Snapshot *qcow2_snapshot_find(const GPtrArray *list, const char *which)
{
    for (guint i = 0; i < 2 * list->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(list, i % list->len);
        if (strcmp(i < list->len ? sn->id : sn->name, which) == 0) {
            return sn;
        }
    }
    return NULL;
}

static char *date_text(int64_t nsec)
{
    g_autoptr(GDateTime) t = g_date_time_new_from_unix_local(nsec / 1000000000);
    return t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S") : g_strdup("");
}

static char *clock_text(uint64_t nsec)
{
    uint64_t ms = nsec / 1000000;
    return g_strdup_printf("%04" PRIu64 ":%02u:%02u.%03u", ms / 3600000, (unsigned)(ms / 60000 % 60),
                           (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
}

/* Columns as those of release 8.2 and later, where a long name runs into none. */
void qcow2_snapshot_print(GString *out, const Qcow2Snapshot *one, const char *id)
{
    static const char form[] = "%-7s %-16s %8s %19s %15s %10s\n";
    if (!one) {
        g_string_append_printf(out, form, "ID", "TAG", "VM_SIZE", "DATE", "VM_CLOCK", "ICOUNT");
        return;
    }
    g_autofree char *shown_id = text_escaped(id ? id : one->id), *name = text_escaped(one->name);
    g_autofree char *size = text_size(one->vm_state_size), *date = date_text(one->date_nsec);
    g_autofree char *clock = clock_text(one->vm_clock_nsec);
    g_autofree char *icount =
        one->icount == UINT64_MAX ? g_strdup("--") : g_strdup_printf("%" PRIu64, one->icount);
    g_string_append_printf(out, form, shown_id, name, size, date, clock, icount);
}
