/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's state: what its class and the class's parents describe, by base/state.h. */
#include "base/state.h"

#include "hw/core/device_priv.h"

_Static_assert((int)CLASS_DEPTH <= (int)STATE_MAX_TABLES, "a table for each class of a line");

/* Parents first: a class may rely on theirs. */
static bool device_loaded(void *owner, GError **err)
{
    Device *dev = owner;
    const DeviceClass *line[CLASS_DEPTH];
    unsigned n = class_lineage(dev->class, line);
    for (unsigned i = 0; i < n; i++) {
        if (line[i]->loaded && !line[i]->loaded(dev, err)) {
            return false;
        }
    }
    return true;
}

static State device_state(Device *dev)
{
    const DeviceClass *line[CLASS_DEPTH];
    State s = { .owner = dev, .name = dev->path, .loaded = device_loaded };
    s.count = class_lineage(dev->class, line);
    for (unsigned i = 0; i < s.count; i++) {
        s.tables[i] = (StateTable){ .fields = line[i]->state, .version = line[i]->version };
    }
    return s;
}

void device_reset_locked(Device *dev)
{
    State s = device_state(dev);
    state_reset(&s);
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->reset) {
            c->reset(dev);
            break;
        }
    }
    device_refresh(dev);
}

void device_settle(Device *dev)
{
    lock_assert_none();
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->settle) {
            c->settle(dev);
            break;
        }
    }
}

void device_reset(Device *dev)
{
    device_settle(dev);
    device_lock(dev);
    device_reset_locked(dev);
    device_unlock(dev);
}

void device_refresh(Device *dev)
{
    lock_assert_held(dev->lock);
    for (const DeviceClass *c = dev->class; c; c = c->parent) {
        if (c->refresh) {
            c->refresh(dev);
            break;
        }
    }
}

GByteArray *device_save(Device *dev)
{
    device_lock(dev);
    State s = device_state(dev);
    GByteArray *out = state_save(&s);
    device_unlock(dev);
    return out;
}

bool device_load(Device *dev, const uint8_t *data, size_t len, GError **err)
{
    device_settle(dev);
    device_lock(dev);
    State s = device_state(dev);
    bool ok = state_load(&s, data, len, err);
    device_refresh(dev);
    device_unlock(dev);
    return ok;
}
