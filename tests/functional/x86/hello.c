/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a multiboot kernel is told.
 * expect: magic 2badb002
 * expect: line hello one=1
 * expect: memory 640 64512
 * expect: done */
#include "lib.h"

void main(uint32_t magic, const uint32_t *info)
{
    const char *line = (const char *)info[4];
    while (*line && *line != ' ') {
        line++; /* the kernel's name */
    }
    print("magic %x\n", magic);
    print("line%s\n", line);
    print("memory %u %u\n", info[1], info[2]);
    print("done\n");
}
