/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the commands of a flash bank and its image. */
#pragma once
#include "hw/block/pflash_cfi01.h"

/* Fill the array from the drive, if there is one. */
bool pflash_image_open(Pflash *f, GError **err) G_GNUC_WARN_UNUSED_RESULT;
/* Store what is left, and give the drive back. */
void pflash_image_close(Pflash *f);
/* The guest has changed the array there: store it.  error_bit: of the status, should that fail. */
void pflash_image_changed(Pflash *f, uint64_t offset, uint64_t len, uint8_t error_bit);
/* Try again what failed, and flush when all is stored. */
void pflash_image_flush(Pflash *f);
