/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The human monitor's words for migration (hw/migration.h). */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Machine Machine;

bool monitor_cmd_migrate(Machine *m, const char *args, GString *out, GError **err);
bool monitor_cmd_migrate_set_parameter(Machine *m, const char *args, GString *out, GError **err);
void monitor_show_migration(const void *result, GString *out);
void monitor_show_migration_parameters(const void *result, GString *out);
