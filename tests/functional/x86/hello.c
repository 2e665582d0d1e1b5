/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a multiboot kernel is told, and what it can ask fw_cfg for.
 * expect: magic 2badb002
 * expect: line hello one=1
 * expect: memory 640 64512
 * expect: fw_cfg: QEMU, 1 processor, 64 MiB
 * expect: done */
#include "lib.h"

/* So many bytes of an item, the lowest first. */
static uint64_t fw_cfg(uint16_t item, unsigned bytes)
{
    uint64_t value = 0;
    asm volatile("outw %0, %w1" : : "a"(item), "Nd"(0x510));
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)inb(0x511) << 8 * i;
    }
    return value;
}

void main(uint32_t magic, const uint32_t *info)
{
    const char *line = (const char *)info[4];
    while (*line && *line != ' ') {
        line++; /* the kernel's name */
    }
    print("magic %x\n", magic);
    print("line%s\n", line);
    print("memory %u %u\n", info[1], info[2]);
    enum { SIGNATURE = 0, RAM_SIZE = 3, NB_CPUS = 5 };
    uint32_t signature[2] = { (uint32_t)fw_cfg(SIGNATURE, 4) };
    print("fw_cfg: %s, %u processor, %u MiB\n", (const char *)signature, (uint32_t)fw_cfg(NB_CPUS, 2),
          (uint32_t)(fw_cfg(RAM_SIZE, 8) >> 20));
    print("done\n");
}
