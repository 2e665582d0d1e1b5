/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System-management mode. */
#pragma once
#include "target/i386/cpu.h"

/* Between two instructions: save the state below SMBASE + 64 KiB, and go to SMBASE + 8000h. */
void x86_smi(X86CPU *x);
/* RSM: the state that is saved there, whatever a handler made of it; #UD outside of SMM.  One that cannot be shuts the
 * processor down.  Leave translated code behind it. */
bool x86_rsm(X86CPU *x, X86Fault *f);
/* s.events.smm has changed: which memory it sees. */
void x86_smm_look(X86CPU *x);
