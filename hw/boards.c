/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All boards that exist, the default of each guest architecture marked so.  A new
 * one adds a line here, and its name to the header.  Apart from registry.c: a test of a device links no
 * CPU. */
#include "hw/board.h"

const BoardClass *const board_classes[] = {
    &riscv64_virt_board,
    &riscv32_virt_board,
    &x86_64_bare_board,
    &i386_bare_board,
    &x86_64_microvm_board,
    &i386_microvm_board,
    &riscv64_none_board,
    &riscv32_none_board,
    &x86_64_none_board,
    &i386_none_board,
    NULL,
};
