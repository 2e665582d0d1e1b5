/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints and watchpoints.  Every vCPU gets each of them; software and hardware
 * breakpoints are the same thing here (guest memory is never patched). */
#include "gdbstub/stub.h"

static int watch_kind(int kind)
{
    return kind == 2 ? WATCH_WRITE : kind == 3 ? WATCH_READ : WATCH_WRITE | WATCH_READ;
}

static int point_find(GdbStub *s, int kind, uint64_t addr, uint64_t len)
{
    for (guint i = 0; i < s->points->len; i++) {
        const GdbPoint *p = &g_array_index(s->points, GdbPoint, i);
        if (p->kind == kind && p->addr == addr && (kind < 2 || p->len == len)) {
            return i;
        }
    }
    return -1;
}

bool gdb_point_at(GdbStub *s, int kind, uint64_t addr)
{
    return point_find(s, kind, addr, 0) >= 0;
}

/* Is the address still wanted by a breakpoint of either kind? */
static bool break_wanted(GdbStub *s, uint64_t addr)
{
    return gdb_point_at(s, 0, addr) || gdb_point_at(s, 1, addr);
}

bool gdb_point_add(GdbStub *s, int kind, uint64_t addr, uint64_t len)
{
    GdbPoint p = { kind, addr, len };
    bool end_wraps = addr + (len - 1) < addr;
    if (kind > 4 || s->points->len >= GDB_POINTS_MAX || (kind >= 2 && (!len || end_wraps))) {
        return false;
    }
    if (point_find(s, kind, addr, len) >= 0) {
        return true; /* the protocol wants these requests to be idempotent */
    }
    bool known = kind < 2 && break_wanted(s, addr);
    g_array_append_val(s->points, p);
    for (unsigned i = 0; i < s->machine->cpu_count && !known; i++) {
        if (kind < 2) {
            cpu_breakpoint_add(s->machine->cpus[i], addr);
        } else {
            cpu_watchpoint_add(s->machine->cpus[i], addr, len, watch_kind(kind));
        }
    }
    return true;
}

bool gdb_point_remove(GdbStub *s, int kind, uint64_t addr, uint64_t len)
{
    int at = point_find(s, kind, addr, len);
    if (kind > 4) {
        return false;
    }
    if (at < 0) {
        return true;
    }
    g_array_remove_index_fast(s->points, at);
    for (unsigned i = 0; i < s->machine->cpu_count; i++) {
        if (kind >= 2) {
            cpu_watchpoint_remove(s->machine->cpus[i], addr, len, watch_kind(kind));
        } else if (!break_wanted(s, addr)) {
            cpu_breakpoint_remove(s->machine->cpus[i], addr);
        }
    }
    return true;
}

void gdb_points_clear(GdbStub *s)
{
    while (s->points->len) {
        GdbPoint p = g_array_index(s->points, GdbPoint, 0);
        gdb_point_remove(s, p.kind, p.addr, p.len);
    }
}
