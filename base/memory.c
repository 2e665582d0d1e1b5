/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map's tree of regions: making, placing and moving them.
 *
 * A change marks the views as stale; memory_view.c flattens the tree again at
 * the end of the outermost transaction (or at once outside one).  Changes come
 * from the main loop, or from a vCPU thread through a device (a BAR is mapped, a
 * flash chip leaves read mode): one lock, taken by the transaction, puts them in a row.
 *
 * A region may be removed and finished while another thread is inside it: that thread reads the
 * struct (name, ops, RAM) until it passes memory_quiescent(), so finishing leaves all of it. */
#include "base/memory_priv.h"

static void region_init(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size)
{
    g_assert(size != 0);
    *mr = (MemoryRegion){
        .name = g_strdup(name),
        .owner = owner,
        .size = size,
        .enabled = true,
    };
    if (owner) {
        memory_transaction_begin();
        if (!owner->regions) {
            owner->regions = g_ptr_array_new();
        }
        g_ptr_array_add(owner->regions, mr);
        memory_transaction_commit();
    }
}

void memory_region_foreach_owned(MemoryOwner *owner, void (*fn)(MemoryRegion *mr, void *opaque), void *opaque)
{
    memory_transaction_begin();
    for (unsigned i = 0; owner->regions && i < owner->regions->len; i++) {
        fn(g_ptr_array_index(owner->regions, i), opaque);
    }
    memory_transaction_commit();
}

void memory_region_init_container(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size)
{
    region_init(mr, owner, name, size);
    mr->children = g_ptr_array_new();
}

void memory_region_init_io(MemoryRegion *mr, MemoryOwner *owner, const IoOps *ops, void *opaque,
                           const char *name, uint64_t size)
{
    region_init(mr, owner, name, size);
    mr->ops = ops;
    mr->opaque = opaque;
}

void memory_region_allow_late_writes(MemoryRegion *mr, hwaddr offset, uint64_t size)
{
    g_assert(!mr->parent && mr->ops && offset < mr->size && size <= mr->size - offset);
    mr->late_offset = offset;
    mr->late_size = size;
}

bool memory_region_init_ram_file(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size,
                                 const RamFile *file, GError **err)
{
    RamBlock *rb = ram_block_new(name, size, file, err);
    if (!rb) {
        return false;
    }
    region_init(mr, owner, name, size);
    mr->ram = rb;
    return true;
}

bool memory_region_init_ram(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size,
                            GError **err)
{
    return memory_region_init_ram_file(mr, owner, name, size, NULL, err);
}

bool memory_region_init_rom(MemoryRegion *mr, MemoryOwner *owner, const char *name, uint64_t size,
                            GError **err)
{
    if (!memory_region_init_ram(mr, owner, name, size, err)) {
        return false;
    }
    mr->readonly = true;
    return true;
}

bool memory_region_init_rom_device(MemoryRegion *mr, MemoryOwner *owner, const IoOps *ops, void *opaque,
                                   const char *name, uint64_t size, GError **err)
{
    if (!memory_region_init_ram(mr, owner, name, size, err)) {
        return false;
    }
    mr->ops = ops;
    mr->opaque = opaque;
    mr->romd = true;
    return true;
}

void memory_region_init_alias(MemoryRegion *mr, MemoryOwner *owner, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size)
{
    region_init(mr, owner, name, size);
    mr->alias = target;
    mr->alias_offset = offset;
}

static void owner_remove(MemoryOwner *owner, MemoryRegion *mr)
{
    memory_transaction_begin();
    g_ptr_array_remove(owner->regions, mr);
    if (!owner->regions->len) {
        g_clear_pointer(&owner->regions, g_ptr_array_unref);
    }
    memory_transaction_commit();
}

void memory_region_finish(MemoryRegion *mr)
{
    g_assert(mr->parent == NULL && !mr->events);
    if (mr->owner) {
        owner_remove(mr->owner, mr);
    }
    if (mr->children) {
        g_assert(mr->children->len == 0);
        g_ptr_array_free(mr->children, TRUE);
    }
    if (mr->ram) {
        ram_block_unuse(mr->ram);
    }
    memory_free_later(g_free, mr->name);
}

/* Children stand by descending priority; among equals the later one first. */
static void container_insert(MemoryRegion *container, MemoryRegion *child)
{
    unsigned i = 0;
    while (i < container->children->len) {
        const MemoryRegion *other = g_ptr_array_index(container->children, i);
        if (other->priority <= child->priority) {
            break;
        }
        i++;
    }
    g_ptr_array_insert(container->children, i, child);
}

void memory_region_add(MemoryRegion *container, hwaddr addr, MemoryRegion *child, int priority)
{
    g_assert(container->children && child->parent == NULL);
    memory_transaction_begin();
    child->parent = container;
    child->addr = addr;
    child->priority = priority;
    container_insert(container, child);
    memory_view_invalidate();
    memory_transaction_commit();
}

void memory_region_remove(MemoryRegion *container, MemoryRegion *child)
{
    g_assert(child->parent == container);
    memory_transaction_begin();
    g_ptr_array_remove(container->children, child);
    child->parent = NULL;
    memory_view_invalidate();
    memory_transaction_commit();
}

void memory_region_set_enabled(MemoryRegion *mr, bool enabled)
{
    memory_transaction_begin();
    if (mr->enabled != enabled) {
        mr->enabled = enabled;
        memory_view_invalidate();
    }
    memory_transaction_commit();
}

void memory_region_set_address(MemoryRegion *mr, hwaddr addr)
{
    memory_transaction_begin();
    if (mr->addr != addr) {
        mr->addr = addr;
        memory_view_invalidate();
    }
    memory_transaction_commit();
}

void memory_region_set_romd(MemoryRegion *mr, bool romd)
{
    g_assert(mr->ram && mr->ops);
    memory_transaction_begin();
    if (mr->romd != romd) {
        __atomic_store_n(&mr->romd, romd, __ATOMIC_RELEASE);
        memory_view_invalidate();
    }
    memory_transaction_commit();
}
