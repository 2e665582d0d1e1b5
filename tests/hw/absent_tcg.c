/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The translator's run time, for tests of boards whose CPUs never run: weak. */
#define ABSENT(name) __asm__(".weak " #name "\n" #name ": ret")
ABSENT(cpu_atomic_host);
ABSENT(cpu_load);
ABSENT(cpu_phys_cas);
ABSENT(cpu_phys_load);
ABSENT(cpu_probe);
ABSENT(cpu_restore_pc);
ABSENT(cpu_store);
ABSENT(tcg_block_get);
ABSENT(tcg_context_changed);
ABSENT(tcg_drop_all_blocks);
ABSENT(tcg_flush_all);
ABSENT(tcg_flush_asid);
ABSENT(tcg_flush_page);
ABSENT(tcg_flush_page_asid);
ABSENT(tcg_handle_queue);
ABSENT(tcg_helper_fetch_fault);
ABSENT(tcg_run_jit);
ABSENT(tcg_run_lockstep);
ABSENT(translate_fetch16);
