/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of the last branches, which DEBUGCTL.LBR asks for. */
#pragma once
#include "target/i386/cpu.h"

/* Where the pc stands, as records of this model name places. */
uint64_t x86_lbr_place(const X86CPU *x);
/* A branch, or an interrupt or exception, has led from `from` to the pc. */
void x86_lbr_record(X86CPU *x, uint64_t from);
void x86_lbr_record_event(X86CPU *x, uint64_t from);

/* The model's registers of records; read: false where it has no such register; write: ... or it cannot be written so. */
bool x86_lbr_has_msr(X86CPU *x, uint32_t number);
bool x86_lbr_msr_read(X86CPU *x, uint32_t number, uint64_t *value);
bool x86_lbr_msr_write(X86CPU *x, uint32_t number, uint64_t value);
