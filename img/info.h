/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of `info`: formats that say much of themselves. */
#pragma once
#include <json-c/json.h>

#include "img/img.h"

void info_print_luks(BlockNode *n);        /* nothing, if it is none */
json_object *info_json_luks(BlockNode *n); /* the caller's; NULL: it is none */
