/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lifetimes of what threads read without a lock: flat views, regions, guest memory, devices.
 *
 * A thread that reads such things says now and then that it holds no pointer to any (a
 * vCPU: each time it is in the dispatcher loop; the main loop: once a round), and around a
 * wait of unknown length that it sleeps.  The first lookup registers a thread, its end
 * unregisters it.  Whoever takes something out of reach gives it to memory_free_later(). */
#pragma once

void memory_thread_register(void);
void memory_thread_unregister(void);
/* The calling thread holds no pointer that it read, and no lock: what is due is freed here. */
void memory_quiescent(void);
/* Likewise from here to memory_thread_wake(), but nothing is freed: locks may be held. */
void memory_thread_sleep(void);
void memory_thread_wake(void);

/* Call fn(opaque) once, after every thread that might still read `opaque`, which is out of reach
 * for new readers, has passed memory_quiescent() or sleeps.  What is given first is freed first.
 *
 * Any thread may call this, under any lock of lower rank (docs/locks.md).  fn runs in whichever thread's memory_quiescent() finds
 * it due, one at a time: it frees, it does not wait, and leaves to the main loop (bh_schedule)
 * what only that may do.  Threads that run translated code are told to pass soon. */
void memory_free_later(void (*fn)(void *opaque), void *opaque);
