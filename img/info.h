/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of `info`: formats that say much of themselves. */
#pragma once
#include <json-c/json.h>

#include "img/img.h"

void info_print_luks(BlockNode *n);              /* nothing, if it is none */
void info_print_encryption(BlockNode *n);        /* of a qcow2 image; nothing, if it is not encrypted */
json_object *info_json_luks(BlockNode *n);       /* the caller's; NULL: it is none */
json_object *info_json_encryption(BlockNode *n); /* the same of a qcow2 image's */
