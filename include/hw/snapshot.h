/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole state of a machine in a file: clock, RAM, vCPUs, devices, each by its table (base/state.h), whichever accelerator
 * runs it.  Contents of disks are not in it.
 *
 * A machine that loads it is made by the same options; accelerators may differ. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Machine Machine;

/* The machine stands (runstate_stop); fd: where writing begins. */
bool machine_save(Machine *m, int fd, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* The machine stands.  The stream is hostile input; a machine that refused one holds a part of it: it is reset or freed. */
bool machine_load(Machine *m, int fd, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* "file:PATH", as others name the places that states go to and come from: the path; NULL: it is none. */
const char *snapshot_path(const char *uri, GError **err);
bool machine_load_from(Machine *m, const char *uri, GError **err) G_GNUC_WARN_UNUSED_RESULT;
