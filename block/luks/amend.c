/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords that are added and erased.  The specification, section 4.
 *
 * Of a slot that becomes active the key material is in the file before the header says so; of one that is erased the
 * header says so first, and then the material is written over. */
#include "block/luks_amend.h"

#include <string.h>

#include "block/luks/luks.h"
#include "block/secret.h"

enum { STATE_ACTIVE, STATE_INACTIVE };
const char *const luks_state_names[] = { [STATE_ACTIVE] = "active", [STATE_INACTIVE] = "inactive", NULL };

static bool write_header(LuksNode *l, const LuksHeader *h, GError **err)
{
    uint8_t head[2 * SECTOR];
    int e = node_read(l->area, 0, head, sizeof(head));
    luks_header_write(h, head);
    e = e ? e : node_write(l->area, 0, head, sizeof(head));
    e = e ? e : node_flush(l->area);
    if (e) {
        block_error(err, "Could not write the LUKS header: %s", g_strerror(-e));
    } else {
        l->header = *h;
    }
    return !e;
}

/* ---- a new password ------------------------------------------------------------------- */

static bool overlaps_another(const LuksHeader *h, unsigned slot)
{
    const LuksSlot *s = &h->slots[slot];
    uint64_t at = (uint64_t)s->offset * SECTOR, end = at + luks_material_size(h, s);
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        const LuksSlot *o = &h->slots[i];
        uint64_t other = (uint64_t)o->offset * SECTOR;
        if (i != slot && o->active && at < other + luks_material_size(h, o) && other < end) {
            return true;
        }
    }
    return false;
}

static bool choose_slot(const LuksHeader *h, const LuksAmend *a, bool force, unsigned *slot, GError **err)
{
    for (*slot = a->slot; !a->has_slot && *slot < LUKS_SLOTS && h->slots[*slot].active;) {
        ++*slot;
    }
    if (*slot >= LUKS_SLOTS) {
        block_error(err, "Can't add a keyslot - all keyslots are in use; erase one first");
        return false;
    }
    if (h->slots[*slot].active && !force) {
        block_error(err, "Refusing to overwrite active keyslot %u - please erase it first", *slot);
        return false;
    }
    return true;
}

/* The slot as it will be, but for its material. */
static bool plan_slot(LuksHeader *h, unsigned slot, unsigned ms, GError **err)
{
    LuksHash hash;
    LuksSlot *s = &h->slots[slot];
    if (!luks_hash_find(h->hash, &hash, err)) {
        return false;
    }
    s->stripes = LUKS_STRIPES;
    s->iterations = luks_iterations(hash, h->key_size, ms);
    luks_random(s->salt, LUKS_SALT);
    const char *fault = luks_slot_fault(h, s);
    uint64_t all = h->iterations;
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        all += h->slots[i].active || i == slot ? h->slots[i].iterations : 0;
    }
    fault = fault                       ? fault
            : overlaps_another(h, slot) ? "key material lies over another slot's"
            : all > LUKS_ITERATIONS_MAX
                ? "its slots would have too many iterations; choose a smaller iter-time"
                : NULL;
    if (fault) {
        block_error(err, "keyslot %u cannot be used: %s", slot, fault);
    }
    return !fault;
}

static bool activate(LuksNode *l, const LuksAmend *a, const Secrets *secrets, bool force, GError **err)
{
    LuksHeader h = l->header;
    unsigned slot;
    uint8_t key[LUKS_KEY_MAX];
    if (!a->new_secret || a->old_secret) {
        block_error(err, a->old_secret ? "'old-secret' must not be given when activating keyslots"
                                       : "'new-secret' is required to activate a keyslot");
        return false;
    }
    if (!choose_slot(&h, a, force, &slot, err)) {
        return false;
    }
    g_autoptr(GBytes) password = secrets_find(secrets, a->new_secret, err);
    g_autoptr(GBytes) known = password ? secrets_find(secrets, l->key_secret, err) : NULL;
    bool ok = known && luks_unlock(&h, l->area, known, key, err) && plan_slot(&h, slot, a->time, err) &&
              luks_lock(&h, slot, l->area, password, key, err);
    explicit_bzero(key, sizeof(key));
    int e = ok ? node_flush(l->area) : 0;
    if (e) {
        block_error(err, "Could not write key material: %s", g_strerror(-e));
    }
    return ok && !e && write_header(l, &h, err);
}

/* ---- one less ---------------------------------------------------------------------------- */

/* The slots that are asked for; 0: none, with a message. */
static unsigned choose_erased(LuksNode *l, const LuksAmend *a, const Secrets *secrets, GError **err)
{
    const LuksHeader *h = &l->header;
    uint8_t key[LUKS_KEY_MAX];
    unsigned mask = a->has_slot ? 1u << a->slot : (1u << LUKS_SLOTS) - 1, found = 0;
    g_autoptr(GBytes) old = a->old_secret ? secrets_find(secrets, a->old_secret, err) : NULL;
    if (a->old_secret && !old) {
        return 0;
    }
    if (a->has_slot && !h->slots[a->slot].active) {
        block_error(err, "Given keyslot %u is already erased (inactive)", a->slot);
        return 0;
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        int fits = !(mask >> i & 1) || !h->slots[i].active ? 0
                   : old                                   ? luks_try_slot(h, i, l->area, old, key, err)
                                                           : 1;
        explicit_bzero(key, sizeof(key));
        if (fits < 0) {
            return 0;
        }
        found |= fits ? 1u << i : 0;
    }
    if (!found) {
        block_error(err, "No keyslots match given (old) password for erase operation");
    }
    return found;
}

static bool leaves_some(const LuksHeader *h, unsigned erased)
{
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        if (h->slots[i].active && !(erased >> i & 1)) {
            return true;
        }
    }
    return false;
}

static bool wipe(LuksNode *l, const LuksSlot *s, GError **err)
{
    size_t size = luks_material_size(&l->header, s);
    g_autofree uint8_t *noise = g_malloc(size);
    luks_random(noise, size);
    int e = node_write(l->area, (uint64_t)s->offset * SECTOR, noise, size);
    e = e ? e : node_flush(l->area);
    if (e) {
        block_error(err, "Could not write over the key material: %s", g_strerror(-e));
    }
    return !e;
}

static bool erase(LuksNode *l, const LuksAmend *a, const Secrets *secrets, bool force, GError **err)
{
    LuksHeader before = l->header, h = before;
    if (a->new_secret || a->has_time) {
        block_error(err, "'%s' must not be given when erasing keyslots",
                    a->new_secret ? "new-secret" : "iter-time");
        return false;
    }
    if (!a->old_secret && !a->has_slot) {
        block_error(
            err, "To erase keyslot(s), either explicit keyslot index or the password currently contained in "
                 "them must be given");
        return false;
    }
    unsigned erased = choose_erased(l, a, secrets, err);
    if (!erased) {
        return false;
    }
    if (!force && !leaves_some(&h, erased)) {
        block_error(err, "Attempt to erase the only password, which would erase all the data in the image "
                         "irreversibly - refusing operation (--force does it)");
        return false;
    }
    for (unsigned i = 0; i < LUKS_SLOTS; i++) {
        if (erased >> i & 1) {
            h.slots[i].active = false;
            h.slots[i].iterations = 0;
            memset(h.slots[i].salt, 0, LUKS_SALT);
        }
    }
    bool ok = write_header(l, &h, err);
    for (unsigned i = 0; i < LUKS_SLOTS && ok; i++) {
        ok = !(erased >> i & 1) || wipe(l, &before.slots[i], err);
    }
    return ok;
}

bool luks_amend(BlockNode *n, const LuksAmend *a, const Secrets *secrets, bool force, GError **err)
{
    LuksNode *l = luks_of(n);
    const char *fault = !l                                      ? "it has no LUKS header"
                        : !a->has_state                         ? "Parameter 'state' is missing"
                        : !l->key_secret                        ? "it was opened without a password"
                        : l->node.readonly || l->area->readonly ? "it is read-only"
                                                                : NULL;
    if (!fault && a->has_slot && a->slot >= LUKS_SLOTS) {
        block_error(err, "Invalid keyslot %u specified, must be between 0 and %d", a->slot, LUKS_SLOTS - 1);
        return false;
    }
    if (fault) {
        block_error(err, "%s", fault);
        return false;
    }
    return a->state == STATE_ACTIVE ? activate(l, a, secrets, force, err) : erase(l, a, secrets, force, err);
}
