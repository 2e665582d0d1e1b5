/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What firmware may read of the boot order: bootindex= of devices and -boot, in
 * fw_cfg, with the names, forms and paths of QEMU's `virt`.
 *
 *   bootorder           paths of devices by their bootindex=, one a line; HALT at the end
 *                       with -boot strict=on
 *   etc/boot-menu-wait  -boot splash-time=, milliseconds
 *   etc/boot-fail-wait  -boot reboot-timeout=, milliseconds
 *   key 0x0e            -boot menu= */
#include <inttypes.h>
#include <string.h>

#include "hw/nvram/fw_cfg.h"
#include "hw/riscv/virt.h"

static int by_bootindex(const void *a, const void *b)
{
    int32_t x = device_bootindex(*(Device *const *)a), y = device_bootindex(*(Device *const *)b);
    return (x > y) - (x < y);
}

static GPtrArray *devices_to_boot(const Machine *m, GError **err)
{
    GPtrArray *all = g_ptr_array_new();
    for (unsigned i = 0; i < m->devices->len; i++) {
        Device *dev = g_ptr_array_index(m->devices, i);
        int32_t index = device_bootindex(dev);
        if (index < -1) {
            g_set_error(err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "-device %s: bootindex=%d is no place in the boot order; give a number from 0",
                        dev->class->name, index);
            g_ptr_array_unref(all);
            return NULL;
        }
        if (index >= 0) {
            g_ptr_array_add(all, dev);
        }
    }
    g_ptr_array_sort(all, by_bootindex);
    for (unsigned i = 1; i < all->len; i++) {
        const Device *a = all->pdata[i - 1], *b = all->pdata[i];
        if (device_bootindex(a) == device_bootindex(b)) {
            g_set_error(
                err, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                "-device %s: The bootindex %d has already been used, by '%s'; give each device its own",
                b->class->name, device_bootindex(b), a->path);
            g_ptr_array_unref(all);
            return NULL;
        }
    }
    return all;
}

/* The path of Open Firmware: a virtio device on its slot or its PCI function. */
static void add_path(const Device *dev, GString *out)
{
    bool net = strstr(dev->class->name, "net") != NULL;
    const Device *transport = dev->bus->owner;
    if (transport->class == &virtio_mmio_class) {
        g_string_append_printf(out, "/virtio-mmio@%016" PRIx64 "/%s\n",
                               VIRT_VIRTIO +
                                   container_of(transport, VirtioMmio, dev)->index * VIRT_VIRTIO_STEP,
                               net ? "ethernet-phy@0" : "disk@0,0");
        return;
    }
    unsigned devfn = container_of(transport, PCIDevice, dev)->devfn;
    g_autofree char *function = devfn & 7 ? g_strdup_printf(",%x", devfn & 7) : g_strdup("");
    g_string_append_printf(out, "/pci@ffffffffffffffff/%s@%x%s/%s\n", net ? "ethernet" : "scsi", devfn >> 3,
                           function, net ? "ethernet-phy@0" : "disk@0,0");
}

static bool give_order(Machine *m, GError **err)
{
    g_autoptr(GPtrArray) devices = devices_to_boot(m, err);
    if (!devices) {
        return false;
    }
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < devices->len; i++) {
        add_path(devices->pdata[i], text);
    }
    if (m->config->boot_strict) {
        g_string_append(text, "HALT");
    }
    if (text->len == 0) {
        g_string_free(text, TRUE);
        return true;
    }
    text->str[text->len - !m->config->boot_strict] = '\0'; /* the last line has no end of its own */
    g_autoptr(GBytes) bytes = g_bytes_new(text->str, text->len + m->config->boot_strict);
    g_string_free(text, TRUE);
    return fw_cfg_add_file(m->fw_cfg, "bootorder", bytes, err);
}

static bool give_wait(Machine *m, const char *name, uint32_t ms, size_t size, GError **err)
{
    uint32_t le = GUINT32_TO_LE(ms);
    g_autoptr(GBytes) bytes = g_bytes_new(&le, size);
    return fw_cfg_add_file(m->fw_cfg, name, bytes, err);
}

bool virt_boot_order(Machine *m, GError **err)
{
    const MachineConfig *c = m->config;
    fw_cfg_add_u16(m->fw_cfg, FW_CFG_BOOT_MENU, c->boot_menu);
    return give_order(m, err) &&
           (!c->boot_splash_given || give_wait(m, "etc/boot-menu-wait", c->boot_splash_ms, 2, err)) &&
           (!c->boot_fail_wait_given || give_wait(m, "etc/boot-fail-wait", c->boot_fail_wait_ms, 4, err));
}
