/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the processor tells its local APIC, if it has one. */
#pragma once
#include "target/i386/msr.h"
#include "target/x86_apic.h"

enum { X86_MSR_X2APIC = 0x800, X86_MSR_X2APIC_END = 0x900 };
/* False: #GP(0); that is so outside of x2APIC mode, too. */
bool x86_apic_msr_read(X86CPU *x, uint32_t number, uint64_t *value);
bool x86_apic_msr_write(X86CPU *x, uint32_t number, uint64_t value);
void x86_apic_base_changed(X86CPU *x);
void x86_apic_cr8_written(X86CPU *x);
void x86_apic_deadline_written(X86CPU *x);
void x86_apic_deadline_changed(X86CPU *x);
void x86_apic_deadline_loaded(X86CPU *x);
void x86_apic_init(X86CPU *x);
