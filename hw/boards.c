/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All boards that exist, the default of each guest architecture marked so.  A new
 * one adds two lines here.  Apart from registry.c: a test of a device links no
 * CPU. */
#include "hw/board.h"

extern const BoardClass riscv64_virt_board, riscv32_virt_board;

const BoardClass *const board_classes[] = {
    &riscv64_virt_board,
    &riscv32_virt_board,
    NULL,
};
