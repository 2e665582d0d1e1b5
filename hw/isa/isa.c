/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ISA bus: see hw/isa/isa.h.
 *
 * Not modelled: DMA channels, memory of cards, plug and play. */
#include "hw/isa/isa.h"

#include "hw/board.h"

static IsaBridge *bridge_of(Device *dev)
{
    return container_of(dev, IsaBridge, dev);
}

/* ---- lines ----------------------------------------------------------------------- */

/* From under any device's lock. */
static void line_driven(void *opaque, int line, int level)
{
    IsaBridge *b = opaque;
    lock_take(&b->line_lock);
    if (level == IRQ_AGAIN) {
        irq_request(&b->out[line]);
    } else {
        b->holders[line] += level ? 1 : -1u;
        irq_set(&b->out[line], b->holders[line] != 0);
    }
    lock_release(&b->line_lock);
}

void isa_connect(IsaBridge *bridge, Irq *irq, unsigned line)
{
    irq_connect(irq, line_driven, bridge, (int)line);
}

bool isa_take_line(Device *dev, Irq *irq, uint32_t line, GError **err)
{
    if (line >= ISA_LINES) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: irq=%u: the ISA bus has lines 0 to %d; choose one of them", dev->class->name, line,
                    ISA_LINES - 1);
        return false;
    }
    isa_connect(bridge_of(dev->bus->owner), irq, line);
    return true;
}

/* ---- ports ----------------------------------------------------------------------- */

static const MemoryRegion *who_has(const MemoryRegion *ports, hwaddr first, hwaddr last)
{
    for (guint i = 0; i < ports->children->len; i++) {
        const MemoryRegion *mr = ports->children->pdata[i];
        bool in_front = mr->priority >= 0; /* of a bridge that takes what is left */
        if (in_front && mr->addr <= last && mr->addr + mr->size > first) {
            return mr;
        }
    }
    return NULL;
}

bool isa_take_ports(Device *dev, MemoryRegion *mr, uint32_t port, GError **err)
{
    MemoryRegion *ports = &dev->machine->ports;
    uint64_t last = port + mr->size - 1;
    if (last >= MACHINE_PORTS) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: there are no ports 0x%x to 0x%" G_GINT64_MODIFIER "x; the last one is 0x%x",
                    dev->class->name, port, last, MACHINE_PORTS - 1);
        return false;
    }
    const MemoryRegion *other = who_has(ports, port, last);
    if (other) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "%s: ports 0x%x to 0x%" G_GINT64_MODIFIER "x: %s has some of them; choose others",
                    dev->class->name, port, last, other->owner ? other->owner->name : other->name);
        return false;
    }
    memory_region_add(ports, port, mr, 0);
    return true;
}

/* ---- class ----------------------------------------------------------------------- */

static bool bridge_realize(Device *dev, GError **err)
{
    IsaBridge *b = bridge_of(dev);
    lock_init(&b->line_lock, LOCK_IRQ_ROUTER);
    b->bus = bus_new(dev->machine, dev, "ISA", "isa.0");
    return true;
}

static void bridge_unrealize(Device *dev)
{
    lock_finish(&bridge_of(dev)->line_lock);
}

const DeviceClass isabus_bridge_class = {
    .name = "isabus-bridge",
    .desc = "ISA bus",
    .category = "Bridge",
    .lock_class = LOCK_BUS,
    .size = sizeof(IsaBridge),
    .realize = bridge_realize,
    .unrealize = bridge_unrealize,
};
