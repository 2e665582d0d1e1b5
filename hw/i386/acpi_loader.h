/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables that firmware places: files of fw_cfg, and a script that says where their pointers and checksums are. */
#pragma once
#include "hw/nvram/fw_cfg.h"

/* tables: linked for an address that is not 0; rsdp: the address of their root, which has a list with the FADT in it. */
bool acpi_give_to_firmware(FwCfg *f, GBytes *tables, uint32_t linked_at, uint32_t rsdp,
                           GError **err) G_GNUC_WARN_UNUSED_RESULT;
