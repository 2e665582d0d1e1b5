/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's firmware configuration device: named and numbered items of bytes that a
 * guest reads, and some that it writes. */
#pragma once
#include "hw/board.h"
#include "hw/regs.h"

/* Selector keys (spec: QEMU fw_cfg). */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
};

struct FwCfg {
    Device dev;
    RegFile data, select, dma; /* by ports: data has the selector, too, and select is not there */
    GHashTable *items;         /* key -> GBytes */
    GPtrArray *files;          /* of FwCfgFile, by name */
    struct FwCfgState {
        uint16_t selector;
        uint32_t offset;
        uint64_t dma_address; /* high half, until the low half comes */
    } s;
};

extern const DeviceClass fw_cfg_class, fw_cfg_io_class;

/* Before the machine runs, or in the main loop while it stands still. */
void fw_cfg_add_bytes(FwCfg *f, uint16_t key, GBytes *bytes); /* takes a reference */
void fw_cfg_add_u16(FwCfg *f, uint16_t key, uint16_t value);  /* little endian, as the next two */
void fw_cfg_add_u32(FwCfg *f, uint16_t key, uint32_t value);
void fw_cfg_add_u64(FwCfg *f, uint16_t key, uint64_t value);
void fw_cfg_add_machine(FwCfg *f, const Machine *m); /* what firmware asks of any: UUID, RAM, CPUs */
/* A named file: fails when the name is too long, given twice, or there are too many. */
bool fw_cfg_add_file(FwCfg *f, const char *name, GBytes *bytes, GError **err) G_GNUC_WARN_UNUSED_RESULT;

/* A file that the guest may write, too: part of the state of the device that gives it, which shares the lock of
 * fw_cfg's (device_share_lock).  written is called under that lock, after each write.  Main loop, no lock. */
typedef struct FwCfgWritable {
    uint8_t *bytes;
    size_t size;
    void (*written)(void *opaque);
    void *opaque;
} FwCfgWritable;
bool fw_cfg_add_writable(FwCfg *f, const char *name, const FwCfgWritable *w,
                         GError **err) G_GNUC_WARN_UNUSED_RESULT;
void fw_cfg_remove_file(FwCfg *f, const char *name); /* when the device goes */
