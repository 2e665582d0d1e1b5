#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make the table of the host's system calls, for messages: number to name.

    gen-syscall-names.py OUTPUT.c COMPILER...

The numbers are those that <sys/syscall.h> defines for the host that is compiled for."""
import re
import subprocess
import sys

HEAD = """/* Made by scripts/gen-syscall-names.py from <sys/syscall.h>. */
#include "base/sandbox_priv.h"

#include <sys/syscall.h>

const char *const sandbox_call_names[] = {
"""
TAIL = """};
const unsigned sandbox_call_count = sizeof(sandbox_call_names) / sizeof(sandbox_call_names[0]);
"""
NUMBER = re.compile(r"^#define __NR_(\w+) (?:\d+|\(\w+ \+ \d+\))$", re.M)
# Limits, and not calls.
NO_CALLS = {"syscalls", "Linux", "SYSCALL_BASE"}


def main():
    output, *compiler = sys.argv[1:]
    text = subprocess.run([*compiler, "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    names = sorted(set(NUMBER.findall(text)) - NO_CALLS)
    if not names:
        sys.exit(f"gen-syscall-names.py: {compiler[0]} finds no system call in <sys/syscall.h>")
    with open(output, "w") as f:
        f.write(HEAD + "".join(f'    [__NR_{name}] = "{name}",\n' for name in names) + TAIL)


if __name__ == "__main__":
    main()
