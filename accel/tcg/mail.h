/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one thread wants of a vCPU's private part: its contexts, and the blocks that it may be in.
 *
 * Nobody waits for the vCPU.  It finds its mail when it comes by the dispatcher (exit_request is set); that of
 * one that is parked (it does not run, and cannot begin to in between) is done by the sender.
 *
 * Mail that concerns several vCPUs counts down, and the last one finishes it.  Any thread posts, under any lock up
 * to LOCK_CODE. */
#pragma once
#include "accel/tcg/cache.h"
#include "accel/tcg/vcpu.h"

/* Forget all translations of addresses: the memory map has changed. */
void tcg_mail_flush(TcgState *s);
/* A page gets its first code: take the right to write it.  A vCPU that had it may have written the page until it
 * found its mail: the last of them drops the page's blocks.  See cpu_fetch_fence().  Under the lock of the code. */
void tcg_mail_revoke(TcgState *s, uint64_t ram_page, TcgWriter writer);
/* Blocks were dropped: free them when no vCPU can be in one. */
void tcg_mail_leave(TcgState *s, TcgBatch *batch);
/* Take the right to write pages [first, last] of a block that somebody follows, then call ram_dirty_noticed().  `rb`
 * is in use, and let go. */
void tcg_mail_notice(TcgState *s, RamBlock *rb, uint64_t first, uint64_t last);

/* Its mailbox: it is parked. */
void tcg_mail_init(TcgVcpu *v);
void tcg_mail_finish(TcgVcpu *v);

/* ---- by the vCPU's thread ---- */

/* Do what has come, but for what has to wait until the vCPU is between two blocks. */
void tcg_mail_look_slow(TcgVcpu *v, bool between_blocks);
static inline void tcg_mail_look(TcgVcpu *v, bool between_blocks)
{
    if (G_UNLIKELY(__atomic_load_n(&v->have_mail, __ATOMIC_ACQUIRE))) {
        tcg_mail_look_slow(v, between_blocks);
    }
}

/* From here on others may touch its private part, or no more; between two blocks. */
void tcg_mail_park(TcgVcpu *v);
void tcg_mail_unpark(TcgVcpu *v);

/* The vCPU is about to write bytes of RAM that may be code: drop their blocks when it next looks. */
void tcg_mail_written_soon(TcgVcpu *v, uint64_t ram_page, unsigned offset, unsigned len);

/* cpu_fetch_fence() of target/vcpu.h is here, too. */
