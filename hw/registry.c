/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All device classes that exist.  A new one adds two lines here: the header that
 * declares it and its place in the table, in alphabetical order. */
#include "hw/acpi/ged.h"
#include "hw/acpi/pm_timer.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/char/isa_debugcon.h"
#include "hw/char/isa_serial.h"
#include "hw/char/serial16550.h"
#include "hw/core/generic_loader.h"
#include "hw/display/display.h"
#include "hw/i386/boot_entry.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/intc/pc_irq.h"
#include "hw/intc/riscv_aclint.h"
#include "hw/intc/riscv_plic.h"
#include "hw/isa/coprocessor.h"
#include "hw/isa/isa.h"
#include "hw/isa/port92.h"
#include "hw/misc/isa_debug_exit.h"
#include "hw/misc/pvpanic.h"
#include "hw/misc/sifive_test.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci.h"
#include "hw/timer/goldfish_rtc.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "hw/virtio.h"
#include "hw/virtio_mmio.h"

/* clang-format off */
const DeviceClass *const device_classes[] = {
    &bochs_display_class,
    &boot_entry_class,
    &coprocessor_class,
    &fw_cfg_class,
    &fw_cfg_io_class,
    &ged_class,
    &generic_loader_class,
    &goldfish_rtc_class,
    &gpex_pcihost_class,
    &gpex_root_class,
    &i8254_class,
    &i8259_class,
    &ioapic_class,
    &isa_debug_exit_class,
    &isa_debugcon_class,
    &isa_serial_class,
    &isa_vga_class,
    &isabus_bridge_class,
    &lapic_class,
    &mc146818_class,
    &pc_irqs_class,
    &pflash_cfi01_class,
    &pm_timer_class,
    &port92_class,
    &pvpanic_class,
    &ramfb_class,
    &riscv_aclint_mtimer_class,
    &riscv_aclint_swi_class,
    &riscv_plic_class,
    &secondary_vga_class,
    &serial16550_class,
    &sifive_test_class,
    &vga_pci_class,
    &virtconsole_class,
    &virtio_balloon_device_class,
    &virtio_balloon_pci_class,
    &virtio_blk_device_class,
    &virtio_blk_pci_class,
    &virtio_gpu_device_class,
    &virtio_gpu_pci_class,
    &virtio_keyboard_device_class,
    &virtio_keyboard_pci_class,
    &virtio_mmio_class,
    &virtio_mouse_device_class,
    &virtio_mouse_pci_class,
    &virtio_multitouch_device_class,
    &virtio_multitouch_pci_class,
    &virtio_net_device_class,
    &virtio_net_pci_class,
    &virtio_rng_device_class,
    &virtio_rng_pci_class,
    &virtio_serial_device_class,
    &virtio_serial_pci_class,
    &virtio_tablet_device_class,
    &virtio_tablet_pci_class,
    &virtserialport_class,
    NULL,
};
/* clang-format on */
