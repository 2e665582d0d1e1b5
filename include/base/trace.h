/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -trace: events chosen by name, a line each in the log (base/log.h).
 *
 * An event has several names, each of which a pattern may fit.  An access of a device's register:
 *
 *     serial-mm.0                 the device
 *     serial-mm.0/lsr             the register of the device
 *     serial                      the memory region, as `info mtree` has it
 *     memory_region_ops_read      all of them (or _write)
 *
 * While nothing is traced an event costs a load and a test.  Patterns are chosen by one thread, while others look. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

extern const char TRACE_READ[], TRACE_WRITE[]; /* the names that all accesses have */

static inline bool trace_on(void)
{
    return log_enabled(LOG_TRACE);
}

/* A pattern with * and ?; "-PATTERN" takes back what earlier ones chose.  The last one that fits
 * any of an event's names decides.  False: there are too many. */
bool trace_choose(const char *pattern);
/* A pattern a line; empty lines, and those that begin with #, say nothing. */
bool trace_choose_from(const char *path, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* Accesses of this thread are a vCPU's, at that pc, until trace_vcpu_ends(). */
void trace_vcpu_begins(unsigned index, uint64_t pc);
void trace_vcpu_ends(void);
/* ", cpu 0, pc 0x80000010" of the vCPU whose access this is; else nothing. */
void trace_append_vcpu(GString *line);

/* names: of one event, ends with NULL. */
bool trace_wants(const char *const *names);

/* Tell the user of each pattern that fits none of the names (of char *; they may hold a *) that
 * there are. */
void trace_check(const GPtrArray *names);
