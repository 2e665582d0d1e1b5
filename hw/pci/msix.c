/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X: interrupts of a PCI function as messages.
 * Spec: PCI Local Bus 3.0, 6.8.2 (capability and table structures), 6.8.3 (operation).
 *
 * The table and the pending bits have a BAR of their own.  A vector that may not be sent (its mask bit, the function's, or no right
 * to write to memory) waits as a pending bit, and is sent when it may.
 *
 * Not modelled: messages that are writes to RAM. */
#include "base/log.h"
#include "hw/board.h"
#include "hw/pci.h"

enum { CAP_MSIX = 0x11, CAP_BYTES = 12, CONTROL = 2, TABLE = 4, PENDING = 8 };
enum { ENABLE = 0x80, FUNCTION_MASK = 0x40 }; /* of the control word's high byte, all that can be written */
enum { ENTRY_BYTES = 16, REGION_BYTES = 0x1000, PENDING_AT = REGION_BYTES / 2, MASKED = 1, WORD_BITS = 64 };
_Static_assert(PCI_MSIX_MAX *ENTRY_BYTES <= PENDING_AT, "the table ends before the pending bits");

static PCIDevice *function_of(Device *dev)
{
    return container_of(dev, PCIDevice, dev);
}

/* ---- sending ----------------------------------------------------------------------- */

static uint8_t control(const PCIDevice *d)
{
    return d->msix_vectors ? d->s.config[d->msix_cap + CONTROL + 1] : 0;
}

bool pci_msix_enabled(const PCIDevice *d)
{
    return control(d) & ENABLE;
}

static bool may_send(const PCIDevice *d)
{
    return (control(d) & (ENABLE | FUNCTION_MASK)) == ENABLE && (pci_command(d) & PCI_COMMAND_MASTER);
}

void pci_msix_notify(PCIDevice *d, unsigned vector)
{
    uint64_t *word = &d->s.msix_pending[vector / WORD_BITS], bit = UINT64_C(1) << vector % WORD_BITS;
    lock_assert_held(d->dev.lock);
    g_assert(vector < d->msix_vectors);
    if (!may_send(d) || d->s.msix_masked[vector]) {
        *word |= bit;
        return;
    }
    *word &= ~bit;
    if (!machine_send_msi(d->dev.machine, d->s.msix_address[vector], d->s.msix_data[vector])) {
        log_guest_error("%s: vector %u: nothing takes messages at 0x%" G_GINT64_MODIFIER "x", d->dev.path,
                        vector, d->s.msix_address[vector]);
    }
}

void pci_msix_look(PCIDevice *d)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(d->s.msix_pending) && may_send(d); i++) {
        for (uint64_t left = d->s.msix_pending[i]; left; left &= left - 1) {
            pci_msix_notify(d, i * WORD_BITS + __builtin_ctzll(left));
        }
    }
}

/* ---- registers ----------------------------------------------------------------------- */

static int entry_element(Device *dev, unsigned index)
{
    return index < function_of(dev)->msix_vectors ? (int)index : REG_NONE;
}

static int pending_element(Device *dev, unsigned index)
{
    return index * WORD_BITS < function_of(dev)->msix_vectors ? (int)index : REG_NONE;
}

static void mask_written(Device *dev, const RegAccess *a, uint64_t value)
{
    pci_msix_look(function_of(dev));
}

#define D PCIDevice
#define OF_VECTOR .count = PCI_MSIX_MAX, .stride = ENTRY_BYTES, .element = entry_element
/* clang-format off */
static const Reg rows[] = {
    { "msix-address", 0, 8, REG_STATE(D, s.msix_address[0]), .rw = ~UINT64_C(3), .ignored = 3, OF_VECTOR },
    { "msix-data",    8, 4, REG_STATE(D, s.msix_data[0]), .rw = UINT32_MAX, OF_VECTOR },
    { "msix-control", 12, 4, REG_STATE(D, s.msix_masked[0]), .rw = MASKED, .ignored = UINT32_MAX & ~MASKED, .write = mask_written, OF_VECTOR },
    { "msix-pending", PENDING_AT, 8, REG_RO, REG_STATE(D, s.msix_pending[0]), .count = PCI_MSIX_MAX / WORD_BITS, .element = pending_element },
    { NULL },
};
/* clang-format on */
static const RegTable table = { rows, .min = 4, .max = 8 };

/* ---- life -------------------------------------------------------------------------------- */

void pci_msix_add(PCIDevice *d, unsigned vectors, unsigned bar)
{
    g_assert(vectors && vectors <= PCI_MSIX_MAX);
    d->msix_vectors = vectors;
    d->msix_cap = pci_add_capability(d, CAP_MSIX, CAP_BYTES);
    uint8_t *cap = d->init + d->msix_cap;
    cap[CONTROL] = vectors - 1;
    cap[TABLE] = bar;
    cap[PENDING] = bar;
    cap[PENDING + 1] = PENDING_AT >> 8;
    d->wmask[d->msix_cap + CONTROL + 1] = ENABLE | FUNCTION_MASK;
    memcpy(d->s.config, d->init, sizeof(d->init));
    reg_file_init(&d->msix_regs, &d->dev, &table, "msix", REGION_BYTES);
    pci_add_bar(d, bar, PCI_BAR_MEM32, &d->msix_regs.mr);
}

void pci_msix_finish(PCIDevice *d)
{
    if (d->msix_vectors) {
        reg_file_finish(&d->msix_regs);
        d->msix_vectors = 0;
    }
}

bool pci_msix_loaded(const PCIDevice *d)
{
    bool ok = true;
    for (unsigned i = 0; i < PCI_MSIX_MAX; i++) {
        bool pending = d->s.msix_pending[i / WORD_BITS] >> i % WORD_BITS & 1;
        bool fresh = !d->s.msix_address[i] && !d->s.msix_data[i] && d->s.msix_masked[i] && !pending;
        ok = ok && !(d->s.msix_address[i] & 3) && (fresh || i < d->msix_vectors);
    }
    return ok;
}
