/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Platform-level interrupt controller, as QEMU's `virt` has it.
 * Spec: RISC-V Platform-Level Interrupt Controller 1.0, all chapters.
 *
 * A gateway counts requests, up to one: a line that rises, and a device that has one
 * more reason while its line is high (irq_request), make the source pending.  It stays so
 * until it is claimed, even if the line falls; what comes while it is in service is
 * delivered after the completion.  A completion alone makes nothing pending, though
 * the specification has level-triggered gateways look at the line then: drivers
 * that never silence their device live on QEMU's virt, which is like this.  So do
 * those that complete a source which they have disabled.  docs/drivers-from-qemu.md.
 *
 * Inputs may be driven under any device's lock: they take the PLIC's own lock, which
 * is held across nothing but the CPUs' interrupt inputs (atomic).
 *
 * Not modelled: gateways that count above one. */
#include "hw/intc/riscv_plic.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

enum {
    PRIORITY_BASE = 0x0,
    PENDING_BASE = 0x1000,
    ENABLE_BASE = 0x2000,
    ENABLE_STRIDE = 0x80,
    CONTEXT_BASE = 0x200000,
    CONTEXT_STRIDE = 0x1000,
    CONTEXT_CLAIM = 4,
};

static Plic *plic(void *dev)
{
    return dev;
}

/* The pending, enabled source of the highest priority above floor that is not in service:
 * the lowest number among equals; 0: none. */
static unsigned plic_best(const Plic *p, unsigned context, uint32_t floor)
{
    unsigned best = 0;
    for (unsigned w = 0; w < PLIC_WORDS; w++) {
        uint32_t candidates = p->s.pending[w] & ~p->s.claimed[w] & p->s.enable[context * PLIC_WORDS + w];
        for (; candidates; candidates &= candidates - 1) {
            unsigned source = 32 * w + (unsigned)__builtin_ctz(candidates);
            if (p->s.priority[source] > floor) {
                floor = p->s.priority[source];
                best = source;
            }
        }
    }
    return best;
}

static void plic_refresh(Device *dev)
{
    Plic *p = plic(dev);
    for (unsigned c = 0; c < p->context_count; c++) {
        irq_set(&p->out[c], plic_best(p, c, p->s.threshold[c]) != 0);
    }
}

void plic_set_irq(void *opaque, int line, int level)
{
    Plic *p = opaque;
    if (line <= 0 || (unsigned)line >= p->num_sources) {
        return;
    }
    uint32_t bit = UINT32_C(1) << (line % 32), *high = &p->s.level[line / 32];
    device_lock(&p->dev);
    if (level == IRQ_AGAIN || (level && !(*high & bit))) {
        p->raised[line]++;
        p->s.pending[line / 32] |= bit;
        plic_refresh(&p->dev);
    }
    *high = level ? *high | bit : *high & ~bit;
    device_unlock(&p->dev);
}

/* For `info irq`. */
static void plic_irq_statistics(Device *dev, GString *out)
{
    Plic *p = plic(dev);
    for (unsigned i = 1; i < p->num_sources; i++) {
        if (p->raised[i]) {
            g_string_append_printf(out, "%2u: %" PRIu64 "\n", i, p->raised[i]);
        }
    }
}

static uint32_t plic_claim(Plic *p, unsigned context)
{
    unsigned source = plic_best(p, context, 0);
    if (source) {
        uint32_t bit = UINT32_C(1) << (source % 32);
        p->s.pending[source / 32] &= ~bit;
        p->s.claimed[source / 32] |= bit;
    }
    return source;
}

static void plic_complete(Plic *p, unsigned context, uint64_t source)
{
    if (source == 0 || source >= p->num_sources) {
        log_guest_error("%s: context %u completes %" PRIu64 ", which does not exist", p->dev.path, context,
                        source);
        return;
    }
    if (!(p->s.enable[context * PLIC_WORDS + source / 32] >> (source % 32) & 1)) {
        log_guest_error("%s: context %u completes %" PRIu64 ", which is not enabled for it", p->dev.path,
                        context, source);
    }
    p->s.claimed[source / 32] &= ~(UINT32_C(1) << (source % 32));
}

/* ---- registers ----------------------------------------------------------- */

typedef enum PlicKind {
    PLIC_NONE,
    PLIC_PRIORITY,
    PLIC_PENDING,
    PLIC_ENABLE,
    PLIC_THRESHOLD,
    PLIC_CLAIM,
} PlicKind;

static PlicKind plic_decode(const Plic *p, hwaddr off, unsigned *index, unsigned *context)
{
    unsigned words = (p->num_sources + 31) / 32;
    *index = *context = 0;
    if (off >= CONTEXT_BASE) {
        *context = (unsigned)((off - CONTEXT_BASE) / CONTEXT_STRIDE);
        hwaddr in = (off - CONTEXT_BASE) % CONTEXT_STRIDE;
        if (*context >= p->context_count || in > CONTEXT_CLAIM) {
            return PLIC_NONE;
        }
        return in == CONTEXT_CLAIM ? PLIC_CLAIM : PLIC_THRESHOLD;
    }
    if (off >= ENABLE_BASE) {
        *context = (unsigned)((off - ENABLE_BASE) / ENABLE_STRIDE);
        *index = (unsigned)((off - ENABLE_BASE) % ENABLE_STRIDE / 4);
        return *context < p->context_count && *index < words ? PLIC_ENABLE : PLIC_NONE;
    }
    if (off >= PENDING_BASE) {
        *index = (unsigned)((off - PENDING_BASE) / 4);
        return *index < words ? PLIC_PENDING : PLIC_NONE;
    }
    *index = (unsigned)((off - PRIORITY_BASE) / 4);
    return *index > 0 && *index < p->num_sources ? PLIC_PRIORITY : PLIC_NONE;
}

static BusResult plic_read(void *opaque, hwaddr off, unsigned size, uint64_t *value)
{
    Plic *p = opaque;
    unsigned index, context;
    switch (plic_decode(p, off, &index, &context)) {
    case PLIC_PRIORITY: *value = p->s.priority[index]; break;
    case PLIC_PENDING: *value = p->s.pending[index]; break;
    case PLIC_ENABLE: *value = p->s.enable[context * PLIC_WORDS + index]; break;
    case PLIC_THRESHOLD: *value = p->s.threshold[context]; break;
    case PLIC_CLAIM:
        *value = plic_claim(p, context);
        plic_refresh(&p->dev);
        break;
    case PLIC_NONE:
        if (off != PRIORITY_BASE) { /* source 0 does not exist, but loops begin with it */
            log_guest_error("%s: read at 0x%" PRIx64 ", where no register is", p->dev.path, off);
        }
        break;
    }
    return BUS_OK;
}

/* Bits of an enable word that stand for a source. */
static uint32_t plic_sources_mask(const Plic *p, unsigned word)
{
    unsigned left = p->num_sources - MIN(p->num_sources, 32 * word);
    uint32_t mask = left >= 32 ? UINT32_MAX : (UINT32_C(1) << left) - 1;
    return word == 0 ? mask & ~UINT32_C(1) : mask;
}

static BusResult plic_write(void *opaque, hwaddr off, unsigned size, uint64_t value)
{
    Plic *p = opaque;
    unsigned index, context;
    switch (plic_decode(p, off, &index, &context)) {
    case PLIC_PRIORITY: p->s.priority[index] = value & PLIC_MAX_PRIORITY; break;
    case PLIC_ENABLE:
        p->s.enable[context * PLIC_WORDS + index] = (uint32_t)value & plic_sources_mask(p, index);
        break;
    case PLIC_THRESHOLD: p->s.threshold[context] = value & PLIC_MAX_PRIORITY; break;
    case PLIC_CLAIM: plic_complete(p, context, value); break;
    case PLIC_PENDING:
        log_guest_error("%s: write to the pending bits, which are read-only", p->dev.path);
        break;
    case PLIC_NONE:
        if (off != PRIORITY_BASE) {
            log_guest_error("%s: write at 0x%" PRIx64 ", where no register is", p->dev.path, off);
        }
        break;
    }
    plic_refresh(&p->dev);
    return BUS_OK;
}

static const IoOps plic_ops = { .read = plic_read, .write = plic_write, .min = 4, .max = 4 };

/* ---- class --------------------------------------------------------------- */

static bool plic_parse_config(Plic *p, GError **err)
{
    p->context_count = 0;
    for (const char *c = p->hart_config ? p->hart_config : ""; *c; c++) {
        if (*c == 'M' || *c == 'S') {
            if (p->context_count == PLIC_MAX_CONTEXTS) {
                g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                            "riscv.sifive.plic: hart-config has more than %d contexts", PLIC_MAX_CONTEXTS);
                return false;
            }
            p->context_mode[p->context_count++] = *c;
        } else if (*c != ',') {
            g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "riscv.sifive.plic: hart-config '%s' holds '%c'; it is a list such as MS,MS",
                        p->hart_config, *c);
            return false;
        }
    }
    return true;
}

static bool plic_realize(Device *dev, GError **err)
{
    Plic *p = plic(dev);
    if (!plic_parse_config(p, err)) {
        return false;
    }
    memory_region_init_io(&p->mmio, &dev->regions, &plic_ops, p, "riscv.sifive.plic", 0x600000);
    return true;
}

static void plic_unrealize(Device *dev)
{
    Plic *p = plic(dev);
    if (p->mmio.parent) {
        memory_region_remove(p->mmio.parent, &p->mmio);
    }
    memory_region_finish(&p->mmio);
}

/* Inputs keep their level through a reset of the controller, what they asked for is
 * forgotten; outputs are driven anew, as the harts forget theirs. */
static void plic_reset(Device *dev)
{
    Plic *p = plic(dev);
    for (unsigned c = 0; c < p->context_count; c++) {
        irq_lower(&p->out[c]);
    }
}

static const Prop plic_props[] = {
    { "hart-config", PROP_STRING, offsetof(Plic, hart_config), "modes of each hart, such as MS,MS",
      .def_string = "MS" },
    { "num-sources", PROP_U32, offsetof(Plic, num_sources), "interrupt sources, 0 included", .def = 96,
      .min = 2, .max = PLIC_MAX_SOURCES },
    { NULL },
};

static const Field plic_state[] = {
    STATE_U32(Plic, priority, .max = PLIC_MAX_PRIORITY),
    STATE_U32(Plic, pending),
    STATE_U32(Plic, claimed),
    STATE_U32(Plic, level, .keep = true),
    STATE_U32(Plic, enable),
    STATE_U32(Plic, threshold, .max = PLIC_MAX_PRIORITY),
    { NULL },
};

static bool plic_loaded(Device *dev, GError **err)
{
    const Plic *p = plic(dev);
    for (unsigned w = 0; w < PLIC_WORDS; w++) {
        uint32_t stray = ~plic_sources_mask(p, w);
        uint32_t used = p->s.pending[w] | p->s.claimed[w] | p->s.level[w];
        for (unsigned c = 0; c < PLIC_MAX_CONTEXTS; c++) {
            used |= p->s.enable[c * PLIC_WORDS + w];
        }
        if (used & stray) {
            g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "cannot load the state of '%s': it has more interrupt sources than this machine",
                        dev->path);
            return false;
        }
    }
    return true;
}

const DeviceClass riscv_plic_class = {
    .name = "riscv.sifive.plic",
    .desc = "RISC-V platform-level interrupt controller",
    .category = "Misc",
    .lock_class = LOCK_IRQ_CHIP,
    .size = sizeof(Plic),
    .props = plic_props,
    .state = plic_state,
    .state_offset = offsetof(Plic, s),
    .state_size = sizeof(struct PlicState),
    .realize = plic_realize,
    .unrealize = plic_unrealize,
    .reset = plic_reset,
    .refresh = plic_refresh,
    .loaded = plic_loaded,
    .irq_statistics = plic_irq_statistics,
};
