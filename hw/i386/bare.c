/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board `bare`: a PC of the fewest parts, for payloads and tests: memory (pc_memory.h), serial lines, the 8259 pair, local
 * APICs where the processors have them, the 8254, port 92h, fw_cfg (which payloads ask for processors and memory); others by
 * -device.
 *
 * Not modelled: all else of a PC. */
#include "accel/accel.h"
#include "hw/i386/pc_memory.h"
#include "hw/i386/pc_parts.h"
#include "target/i386.h"

typedef struct BareBoard {
    PcMemory memory;
    PcParts parts;
} BareBoard;

static BareBoard *bare_board(const Machine *m)
{
    return m->board_data;
}

static bool bare_build(Machine *m, GError **err)
{
    static const PcWanted wanted = {
        .pic = true, .pit = true, .port92 = true, .serials = MACHINE_MAX_SERIALS
    };
    if (!pc_check_boot_options(m, true, err) || !pc_make_memory(m, &bare_board(m)->memory, err) ||
        !pc_make_cpus(m, err) || !pc_make_fw_cfg(m, err)) {
        return false;
    }
    pc_make_smram(m, &bare_board(m)->memory);
    return pc_make_parts(m, &bare_board(m)->parts, &wanted, err);
}

static bool bare_boot(Machine *m, GError **err)
{
    BootPlan plan = { .m = m };
    return pc_boot(m, &plan, err);
}

static void bare_destroy(Machine *m)
{
    pc_finish_memory(&bare_board(m)->memory);
}

/* ---- board classes ----------------------------------------------------------------- */

static const CPUArch *arch64(const MachineConfig *config)
{
    return &x86_64_arch;
}

static const CPUArch *arch32(const MachineConfig *config)
{
    return &i386_arch;
}

#define BARE_COMMON                                                                                          \
    .name = "bare", .desc = "Bare PC for payloads and tests", .ram_id = "pc.ram", .has_dies = true,          \
    .default_ram = UINT64_C(128) << 20, .max_cpus = 8, .board_size = sizeof(BareBoard), .build = bare_build, \
    .irqchips = 1 << ACCEL_IRQCHIP_ALL | 1 << ACCEL_IRQCHIP_LOCAL, .finish = bare_boot,                      \
    .destroy = bare_destroy, .is_default = true

const BoardClass x86_64_bare_board = { BARE_COMMON, .arch = "x86_64", .default_cpu = "qemu64",
                                       .cpu_arch = arch64 };
const BoardClass i386_bare_board = { BARE_COMMON, .arch = "i386", .default_cpu = "qemu32",
                                     .cpu_arch = arch32 };
