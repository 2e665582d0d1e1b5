/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isa-debug-exit: a write of N ends the machine, and this program with status N << 1 | 1.
 * Interface: as test payloads of kernels in QEMU use it.
 *
 * The vCPU that writes runs nothing any more: payloads put whatever they like behind the write (rust-osdev/bootimage
 * issue 107: code that ran on overwrote what it ran from). */
#include "hw/misc/isa_debug_exit.h"

#include "hw/board.h"
#include "hw/isa/isa.h"
#include "target/cpu.h"

enum { IOSIZE_MAX = 8 };

static IsaDebugExit *debug_exit(Device *dev)
{
    return container_of(dev, IsaDebugExit, dev);
}

static void code_write(Device *dev, const RegAccess *a, uint64_t value)
{
    CPU *cpu = cpu_current();
    if (cpu) { /* else a debugger writes */
        cpu->stopped = true;
        cpu_request_exit(cpu);
        debug_exit(dev)->stopped = cpu;
    }
    runstate_request_shutdown(dev->machine, SHUTDOWN_GUEST_POWEROFF, (int)((uint32_t)value << 1 | 1));
}

static uint64_t code_read(Device *dev, const RegAccess *a)
{
    return 0;
}

static bool debug_exit_realize(Device *dev, GError **err)
{
    IsaDebugExit *d = debug_exit(dev);
    d->rows[0] = (Reg){ "code", 0, d->iosize, .bytes = true, .read = code_read, .write = code_write };
    d->table = (RegTable){ d->rows, .min = 1, .max = 4 };
    reg_file_init(&d->regs, dev, &d->table, "isa-debug-exit", d->iosize);
    if (!isa_take_ports(dev, &d->regs.mr, d->iobase, err)) {
        reg_file_finish(&d->regs);
        return false;
    }
    return true;
}

static void debug_exit_unrealize(Device *dev)
{
    reg_file_finish(&debug_exit(dev)->regs);
}

/* With -no-shutdown the machine may begin anew. */
static void debug_exit_reset(Device *dev)
{
    IsaDebugExit *d = debug_exit(dev);
    if (d->stopped) {
        d->stopped->stopped = false;
        d->stopped = NULL;
    }
}

static const Prop debug_exit_props[] = {
    { "iobase", PROP_U32, offsetof(IsaDebugExit, iobase), "the first port", .def = 0x501 },
    { "iosize", PROP_U32, offsetof(IsaDebugExit, iosize), "how many ports", .def = 2, .min = 1,
      .max = IOSIZE_MAX },
    { NULL },
};

const DeviceClass isa_debug_exit_class = {
    .name = "isa-debug-exit",
    .desc = "port that ends the machine",
    .category = "Misc",
    .bus = "ISA",
    .user_creatable = true,
    .size = sizeof(IsaDebugExit),
    .props = debug_exit_props,
    .realize = debug_exit_realize,
    .unrealize = debug_exit_unrealize,
    .reset = debug_exit_reset,
};
