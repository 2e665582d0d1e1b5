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

enum { ENABLE_WORDS = 32, CONTEXT_STRIDE = 0x1000 };

static Plic *plic(void *dev)
{
    return dev;
}

static unsigned plic_words(const Plic *p)
{
    return (p->num_sources + 31) / 32;
}

/* The pending, enabled source of the highest priority above floor that is not in service:
 * the lowest number among equals; 0: none. */
static unsigned plic_best(const Plic *p, unsigned context, uint32_t floor)
{
    unsigned best = 0, words = plic_words(p);
    for (unsigned w = 0; w < words; w++) {
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

/* Bits of an enable word that stand for a source. */
static uint32_t plic_sources_mask(const Plic *p, unsigned word)
{
    unsigned left = p->num_sources - MIN(p->num_sources, 32 * word);
    uint32_t mask = left >= 32 ? UINT32_MAX : (UINT32_C(1) << left) - 1;
    return word == 0 ? mask & ~UINT32_C(1) : mask;
}

static int word_element(Device *dev, unsigned index)
{
    return index < plic_words(plic(dev)) ? (int)index : REG_NONE;
}

static int priority_element(Device *dev, unsigned source)
{
    return source < plic(dev)->num_sources ? (int)source : REG_NONE;
}

static int context_element(Device *dev, unsigned context)
{
    return context < plic(dev)->context_count ? (int)context : REG_NONE;
}

/* index: of all words, ENABLE_WORDS a context. */
static int enable_element(Device *dev, unsigned index)
{
    unsigned context = index / ENABLE_WORDS, word = index % ENABLE_WORDS;
    return context_element(dev, context) >= 0 && word_element(dev, word) >= 0
               ? (int)(context * PLIC_WORDS + word)
               : REG_NONE;
}

static void enable_write(Device *dev, const RegAccess *a, uint64_t value)
{
    reg_store(a, value & plic_sources_mask(plic(dev), a->index % PLIC_WORDS));
}

static uint64_t claim_read(Device *dev, const RegAccess *a)
{
    return plic_claim(plic(dev), a->index);
}

static void complete_write(Device *dev, const RegAccess *a, uint64_t value)
{
    plic_complete(plic(dev), a->index, value);
}

#define P Plic
/* clang-format off */
static const Reg plic_rows[] = {
    { "source0", 0x0, 4, .ignored = UINT32_MAX }, /* does not exist, but loops begin with it */
    { "priority", 0x0, 4, REG_STATE(P, s.priority[0]), .count = PLIC_MAX_SOURCES, .rw = PLIC_MAX_PRIORITY,
      .ignored = UINT32_MAX, .element = priority_element },
    { "pending", 0x1000, 4, REG_RO, REG_STATE(P, s.pending[0]), .count = PLIC_WORDS, .element = word_element },
    { "enable", 0x2000, 4, REG_STATE(P, s.enable[0]), .count = PLIC_MAX_CONTEXTS * ENABLE_WORDS,
      .columns = ENABLE_WORDS, .element = enable_element, .write = enable_write },
    { "threshold", 0x200000, 4, REG_STATE(P, s.threshold[0]), .count = PLIC_MAX_CONTEXTS,
      .stride = CONTEXT_STRIDE, .rw = PLIC_MAX_PRIORITY, .ignored = UINT32_MAX, .element = context_element },
    { "claim", 0x200004, 4, REG_RO, .count = PLIC_MAX_CONTEXTS, .stride = CONTEXT_STRIDE,
      .element = context_element, .read = claim_read },
    { "complete", 0x200004, 4, REG_WO, .count = PLIC_MAX_CONTEXTS, .stride = CONTEXT_STRIDE,
      .element = context_element, .write = complete_write },
    { NULL },
};
/* clang-format on */

static const RegTable plic_regs = { plic_rows, .min = 4, .max = 4, .after = plic_refresh };

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
    reg_file_init(&p->regs, dev, &plic_regs, "riscv.sifive.plic", 0x600000);
    return true;
}

static void plic_unrealize(Device *dev)
{
    Plic *p = plic(dev);
    reg_file_finish(&p->regs);
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
