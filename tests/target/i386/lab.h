/* SPDX-License-Identifier: GPL-2.0-or-later */
/* 64-bit code of level 3 that is run twice: by the host's processor, and by the interpreter of the IR with a processor of
 * this program.  Both see a page of data and a page of code at the same addresses, below 4 GiB. */
#pragma once
#include "target/i386/cpu.h"

enum { LAB_PAGE = 4096 };
#define LAB_DATA_AT UINT64_C(0x20000000)
#define LAB_CODE_AT UINT64_C(0x30000000)
extern uint8_t *lab_data, *lab_code;

void lab_open(void);
/* The processor, of the host's vendor, in its mode; the rest of its state is as it was. */
X86CPU *lab_cpu(void);
/* Run `count` instructions from an offset in the page of code on.  False: an exception came; where it was delivered to says
 * nothing. */
bool lab_interpret(unsigned offset, unsigned count);
/* The same in another mode (X86_MODE_*), which the caller has put the processor in, from a pc on (X86State.pc). */
bool lab_interpret_mode(uint32_t mode, uint64_t pc, unsigned count);
