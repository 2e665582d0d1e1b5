/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses of devices in the log, a line each, for whoever writes a driver or firmware:
 *
 *     serial-mm.0: read lsr 0x60 thre|temt (serial+0x5/1, cpu 0, pc 0x80001a2c)
 *     fw_cfg_mem.0: write selector 0x19 (fwcfg.ctl+0x0/2, cpu 0, pc 0x80204410)
 *
 * device, direction, register, value, bits by name; then the region, the offset in it and the
 * bytes of the access, and the vCPU, if it is one.  The bus knows the region; a register table adds the names (IoOps.describe).
 * A write's line stands before what the write causes. */
#include "base/memory_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/trace.h"

static bool wanted(const MemoryRegion *mr, const char *owner, const IoTrace *t)
{
    const char *device = t->device ? t->device : owner;
    g_autofree char *reg = g_strdup_printf("%s/%.*s", device, (int)strcspn(t->reg->str, "+,"), t->reg->str);
    const char *const names[] = { device, owner, mr->name, reg, t->write ? TRACE_WRITE : TRACE_READ, NULL };
    return trace_wants(names);
}

void memory_trace_io(const MemoryRegion *mr, IoTrace *t, BusResult r)
{
    g_autoptr(GString) reg = g_string_new(NULL), bits = g_string_new(NULL);
    const char *owner = mr->owner ? mr->owner->name : mr->name;
    t->reg = reg;
    t->bits = bits;
    if (mr->ops->describe) {
        mr->ops->describe(mr->opaque, t);
    }
    if (wanted(mr, owner, t)) {
        g_autoptr(GString) vcpu = g_string_new(NULL);
        trace_append_vcpu(vcpu);
        log_write("%s: %s %s%s0x%" PRIx64 "%s%s (%s+0x%" PRIx64 "/%u%s)%s\n", t->device ? t->device : owner,
                  t->write ? "write" : "read", reg->str, reg->len ? " " : "", t->value, bits->len ? " " : "",
                  bits->str, mr->name, t->offset, t->size, vcpu->str, r == BUS_OK ? "" : " refused");
    }
}
