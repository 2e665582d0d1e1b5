/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results of commands that the human monitor shows, too. */
#pragma once
#include <stdbool.h>

typedef struct StatusInfo {
    bool running;
    int status; /* index into runstate_names */
} StatusInfo;
typedef struct NameInfo {
    char *name; /* NULL: none was given */
} NameInfo;
typedef struct UuidInfo {
    char *uuid;
} UuidInfo;
