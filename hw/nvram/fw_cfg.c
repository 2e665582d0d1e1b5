/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fw_cfg: items of bytes for firmware, by MMIO or ports: data, selector and DMA registers.
 * Spec: QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device".
 *
 * A guest writes by DMA alone, and only files that a device gives for that. */
#include "hw/nvram/fw_cfg.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

enum { NAME_BYTES = 56, DIR_ENTRY = 64, FILE_SLOTS = 96, KEY_MASK = 0xbfff };
enum { MOST_ZEROES = 16 << 20 }; /* behind the end of an item: a request for more makes no sense */
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

typedef struct FwCfgFile {
    char *name;
    uint16_t key;
    uint32_t size;
    FwCfgWritable writable; /* bytes NULL: it is not */
} FwCfgFile;

static FwCfg *fw_cfg(void *dev)
{
    return dev;
}

/* ---- items --------------------------------------------------------------- */

void fw_cfg_add_bytes(FwCfg *f, uint16_t key, GBytes *bytes)
{
    g_hash_table_replace(f->items, GUINT_TO_POINTER(key), g_bytes_ref(bytes));
}

static void add_copy(FwCfg *f, uint16_t key, const void *data, size_t len)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, len);
    fw_cfg_add_bytes(f, key, bytes);
}

void fw_cfg_add_u16(FwCfg *f, uint16_t key, uint16_t value)
{
    value = GUINT16_TO_LE(value);
    add_copy(f, key, &value, sizeof(value));
}

void fw_cfg_add_u32(FwCfg *f, uint16_t key, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    add_copy(f, key, &value, sizeof(value));
}

void fw_cfg_add_u64(FwCfg *f, uint16_t key, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    add_copy(f, key, &value, sizeof(value));
}

void fw_cfg_add_machine(FwCfg *f, const Machine *m)
{
    add_copy(f, FW_CFG_UUID, m->config->uuid, sizeof(m->config->uuid));
    fw_cfg_add_u64(f, FW_CFG_RAM_SIZE, m->ram.size);
    fw_cfg_add_u16(f, FW_CFG_NOGRAPHIC, 0);
    fw_cfg_add_u16(f, FW_CFG_NB_CPUS, m->cpu_count);
    fw_cfg_add_u16(f, FW_CFG_MAX_CPUS, m->cpu_count);
}

static void put_be(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        p[i] = v >> (8 * (bytes - 1 - i));
    }
}

static uint64_t get_be(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

static void directory_rebuild(FwCfg *f)
{
    size_t len = 4 + (size_t)f->files->len * DIR_ENTRY;
    uint8_t *dir = g_malloc0(len);
    put_be(dir, f->files->len, 4);
    for (unsigned i = 0; i < f->files->len; i++) {
        const FwCfgFile *file = g_ptr_array_index(f->files, i);
        uint8_t *p = dir + 4 + (size_t)i * DIR_ENTRY;
        put_be(p, file->size, 4);
        put_be(p + 4, file->key, 2);
        g_strlcpy((char *)p + 8, file->name, NAME_BYTES);
    }
    g_autoptr(GBytes) bytes = g_bytes_new_take(dir, len);
    fw_cfg_add_bytes(f, FW_CFG_FILE_DIR, bytes);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(FwCfgFile *const *)a)->name, (*(FwCfgFile *const *)b)->name);
}

/* The first key of a file that no file has. */
static uint16_t free_key(const FwCfg *f)
{
    unsigned key = FW_CFG_FILE_FIRST;
    while (g_hash_table_contains(f->items, GUINT_TO_POINTER(key))) {
        key++;
    }
    return key;
}

static FwCfgFile *add_file(FwCfg *f, const char *name, GBytes *bytes, GError **err)
{
    const char *why = !*name                                 ? "it is empty"
                      : strlen(name) >= NAME_BYTES           ? "it is longer than 55 bytes"
                      : f->files->len >= FILE_SLOTS          ? "there are 96 files already"
                      : g_bytes_get_size(bytes) > UINT32_MAX ? "its data are larger than 4 GiB"
                                                             : NULL;
    for (unsigned i = 0; i < f->files->len && !why; i++) {
        const FwCfgFile *other = g_ptr_array_index(f->files, i);
        why = strcmp(other->name, name) == 0 ? "there is one of that name already" : NULL;
    }
    if (why) {
        g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "cannot add the fw_cfg file '%s': %s; choose another name", name, why);
        return NULL;
    }
    FwCfgFile *file = g_new0(FwCfgFile, 1);
    *file = (FwCfgFile){ .name = g_strdup(name), .key = free_key(f), .size = g_bytes_get_size(bytes) };
    fw_cfg_add_bytes(f, file->key, bytes);
    g_ptr_array_add(f->files, file);
    g_ptr_array_sort(f->files, by_name);
    directory_rebuild(f);
    return file;
}

bool fw_cfg_add_file(FwCfg *f, const char *name, GBytes *bytes, GError **err)
{
    return add_file(f, name, bytes, err) != NULL;
}

bool fw_cfg_add_writable(FwCfg *f, const char *name, const FwCfgWritable *w, GError **err)
{
    g_autoptr(GBytes) live = g_bytes_new_static(w->bytes, w->size);
    device_lock(&f->dev);
    FwCfgFile *file = add_file(f, name, live, err);
    if (file) {
        file->writable = *w;
    }
    device_unlock(&f->dev);
    return file != NULL;
}

void fw_cfg_remove_file(FwCfg *f, const char *name)
{
    device_lock(&f->dev);
    for (unsigned i = 0; i < f->files->len; i++) {
        const FwCfgFile *file = g_ptr_array_index(f->files, i);
        if (!strcmp(file->name, name)) {
            g_hash_table_remove(f->items, GUINT_TO_POINTER(file->key));
            g_ptr_array_remove_index(f->files, i);
            directory_rebuild(f);
            break;
        }
    }
    device_unlock(&f->dev);
}

/* ---- reading ------------------------------------------------------------- */

static void fw_cfg_select(FwCfg *f, uint16_t key)
{
    f->s.selector = key & KEY_MASK;
    f->s.offset = 0;
    if (!g_hash_table_contains(f->items, GUINT_TO_POINTER(f->s.selector))) {
        log_guest_error("%s: there is no item 0x%x", f->dev.path, f->s.selector);
    }
}

static const uint8_t *selected_item(FwCfg *f, gsize *size)
{
    GBytes *bytes = g_hash_table_lookup(f->items, GUINT_TO_POINTER(f->s.selector));
    *size = 0;
    return bytes ? g_bytes_get_data(bytes, size) : NULL;
}

/* Up to len bytes from the offset on; what is past the end is the caller's to fill. */
static uint32_t fw_cfg_take(FwCfg *f, const uint8_t **data, uint32_t len)
{
    gsize size;
    const uint8_t *item = selected_item(f, &size);
    uint32_t left = f->s.offset < size ? size - f->s.offset : 0;
    uint32_t n = MIN(left, len);
    *data = n ? item + f->s.offset : NULL;
    f->s.offset += n;
    return n;
}

static uint64_t data_read(Device *dev, const RegAccess *a)
{
    const uint8_t *p;
    uint32_t n = fw_cfg_take(fw_cfg(dev), &p, a->size);
    uint64_t value = 0;
    for (uint32_t i = 0; i < n; i++) { /* the first byte at the lowest address */
        value |= (uint64_t)p[i] << (8 * i);
    }
    return value;
}

static void select_write(Device *dev, const RegAccess *a, uint64_t value)
{
    fw_cfg_select(fw_cfg(dev), value);
}

/* ---- DMA ----------------------------------------------------------------- */

static bool dma_copy(FwCfg *f, hwaddr to, uint32_t len)
{
    static const uint8_t zeroes[4096];
    AddressSpace *as = f->dev.dma;
    const uint8_t *p;
    uint32_t n = fw_cfg_take(f, &p, len);
    if (len - n > MOST_ZEROES) {
        log_guest_error("%s: DMA of %u bytes, of which item 0x%x has %u", f->dev.path, len, f->s.selector, n);
        return false;
    }
    if (n && dma_write(as, to, p, n) != BUS_OK) {
        return false;
    }
    for (len -= n, to += n; len; len -= n, to += n) { /* past the end: zeroes */
        n = MIN(len, sizeof(zeroes));
        if (dma_write(as, to, zeroes, n) != BUS_OK) {
            return false;
        }
    }
    return true;
}

static const FwCfgWritable *selected_writable(const FwCfg *f)
{
    for (unsigned i = 0; i < f->files->len; i++) {
        const FwCfgFile *file = g_ptr_array_index(f->files, i);
        if (file->key == f->s.selector && file->writable.bytes) {
            return &file->writable;
        }
    }
    return NULL;
}

/* All of it, or nothing. */
static bool dma_store(FwCfg *f, hwaddr from, uint32_t len)
{
    const FwCfgWritable *w = selected_writable(f);
    if (!w) {
        log_guest_error("%s: DMA write to item 0x%x, which is read-only", f->dev.path, f->s.selector);
        return false;
    }
    if (f->s.offset > w->size || len > w->size - f->s.offset) {
        log_guest_error("%s: DMA write of %u bytes at %u of item 0x%x, which has %zu", f->dev.path, len,
                        f->s.offset, f->s.selector, w->size);
        return false;
    }
    g_autofree uint8_t *bytes = g_malloc(len);
    if (dma_read(f->dev.dma, from, bytes, len) != BUS_OK) {
        return false;
    }
    memcpy(w->bytes + f->s.offset, bytes, len);
    f->s.offset += len;
    w->written(w->opaque);
    return true;
}

static bool dma_run(FwCfg *f, uint32_t control, uint32_t len, hwaddr address)
{
    const uint8_t *unused;
    if (control & DMA_SELECT) {
        fw_cfg_select(f, control >> 16);
    }
    if (control & DMA_READ) {
        return dma_copy(f, address, len);
    }
    if (control & DMA_WRITE) {
        return dma_store(f, address, len);
    }
    if (control & DMA_SKIP) {
        fw_cfg_take(f, &unused, len);
    }
    return true;
}

static void dma_start(FwCfg *f)
{
    uint8_t request[16], result[4];
    hwaddr at = f->s.dma_address;
    f->s.dma_address = 0;
    if (!f->dev.machine) {
        return;
    }
    AddressSpace *as = f->dev.dma;
    if (dma_read(as, at, request, sizeof(request)) != BUS_OK) {
        log_guest_error("%s: the DMA request at 0x%" PRIx64 " is not in memory", f->dev.path, at);
        return;
    }
    bool ok = dma_run(f, get_be(request, 4), get_be(request + 4, 4), get_be(request + 8, 8));
    put_be(result, ok ? 0 : DMA_ERROR, 4);
    if (dma_write(as, at, result, sizeof(result)) != BUS_OK) {
        log_guest_error("%s: the DMA request at 0x%" PRIx64 " cannot be answered", f->dev.path, at);
    }
}

static void dma_high_write(Device *dev, const RegAccess *a, uint64_t value)
{
    fw_cfg(dev)->s.dma_address = value << 32;
}

static void dma_low_write(Device *dev, const RegAccess *a, uint64_t value)
{
    FwCfg *f = fw_cfg(dev);
    f->s.dma_address = (f->s.dma_address & ~(uint64_t)UINT32_MAX) | value;
    dma_start(f);
}

/* ---- registers ----------------------------------------------------------- */

static const Reg data_rows[] = {
    { "data", 0, 8, REG_RO, .bytes = true, .read = data_read },
    { NULL },
};
static const Reg select_rows[] = {
    { "selector", 0, 2, .write = select_write },
    { NULL },
};
/* An access of 8 bytes is one of each, high half first. */
static const Reg dma_rows[] = {
    { "dma-high", 0, 4, .constant = 0x51454d55 /* "QEMU" */, .write = dma_high_write },
    { "dma-low", 4, 4, .constant = 0x20434647 /* " CFG" */, .write = dma_low_write },
    { NULL },
};

/* Ports: 16 bits of selector, whose second byte is where data are read. */
static const Reg port_rows[] = {
    { "selector", 0, 2, REG_WO, .write = select_write },
    { "data", 1, 1, REG_RO, .read = data_read },
    { NULL },
};

static const RegTable port_regs = { port_rows, .min = 1, .max = 2, .rule = REG_WHOLE_WRITES };
static const RegTable data_regs = { data_rows, .min = 1, .max = 8 };
static const RegTable select_regs = { select_rows, .min = 2, .max = 2, .big_endian = true };
static const RegTable dma_regs = { dma_rows, .min = 4, .max = 4, .big_endian = true };

/* ---- class --------------------------------------------------------------- */

static void file_free(gpointer p)
{
    FwCfgFile *file = p;
    g_free(file->name);
    g_free(file);
}

static void items_init(FwCfg *f)
{
    f->items = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
    f->files = g_ptr_array_new_with_free_func(file_free);
    add_copy(f, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(f, FW_CFG_ID, 3); /* the traditional interface and DMA */
    directory_rebuild(f);
}

static void items_finish(FwCfg *f)
{
    reg_file_finish(&f->dma);
    g_hash_table_unref(f->items);
    g_ptr_array_free(f->files, TRUE);
}

static bool fw_cfg_realize(Device *dev, GError **err)
{
    FwCfg *f = fw_cfg(dev);
    items_init(f);
    reg_file_init(&f->data, dev, &data_regs, "fwcfg.data", 8);
    reg_file_init(&f->select, dev, &select_regs, "fwcfg.ctl", 2);
    reg_file_init(&f->dma, dev, &dma_regs, "fwcfg.dma", 8);
    return true;
}

static void fw_cfg_unrealize(Device *dev)
{
    FwCfg *f = fw_cfg(dev);
    reg_file_finish(&f->data);
    reg_file_finish(&f->select);
    items_finish(f);
}

static bool fw_cfg_io_realize(Device *dev, GError **err)
{
    FwCfg *f = fw_cfg(dev);
    items_init(f);
    reg_file_init(&f->data, dev, &port_regs, "fwcfg", 2);
    reg_file_init(&f->dma, dev, &dma_regs, "fwcfg.dma", 8);
    return true;
}

static void fw_cfg_io_unrealize(Device *dev)
{
    reg_file_finish(&fw_cfg(dev)->data);
    items_finish(fw_cfg(dev));
}

static const Field fw_cfg_state[] = {
    STATE_U16(FwCfg, selector),
    STATE_U32(FwCfg, offset),
    STATE_U64(FwCfg, dma_address),
    { NULL },
};

const DeviceClass fw_cfg_class = {
    .name = "fw_cfg_mem",
    .desc = "firmware configuration",
    .category = "Misc",
    .size = sizeof(FwCfg),
    .state = fw_cfg_state,
    .state_offset = offsetof(FwCfg, s),
    .state_size = sizeof(struct FwCfgState),
    .realize = fw_cfg_realize,
    .unrealize = fw_cfg_unrealize,
};

const DeviceClass fw_cfg_io_class = {
    .name = "fw_cfg_io",
    .desc = "firmware configuration by ports",
    .category = "Misc",
    .size = sizeof(FwCfg),
    .state = fw_cfg_state,
    .state_offset = offsetof(FwCfg, s),
    .state_size = sizeof(struct FwCfgState),
    .realize = fw_cfg_io_realize,
    .unrealize = fw_cfg_io_unrealize,
};
