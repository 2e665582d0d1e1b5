#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each item of -d writes something that names what it is about.

    test-log-items.py LYREBIRD ELF
"""
import os
import re
import subprocess
import sys
import tempfile

ITEMS = {
    'guest_errors': r'where nothing is',
    'in_asm': r'auipc',
    'op': r'insn',
    'op_opt': r'insn',
    'out_asm': r'.',
    'int': r'illegal instruction.*pc 0x',
    'exec': r'Trace 0: 0x0*80000000',
    'cpu': r'pc +0*80000000',
    'mmu': r'load at 0x140000000.*exception 13',
}


def main():
    lyrebird, elf = sys.argv[1:]
    print(f'TAP version 13\n1..{len(ITEMS)}')
    failed = False
    for number, (item, pattern) in enumerate(ITEMS.items(), 1):
        with tempfile.TemporaryDirectory() as folder:
            log = os.path.join(folder, 'log')
            subprocess.run([lyrebird, '-M', 'virt', '-bios', 'none', '-display', 'none', '-serial', 'null',
                            '-monitor', 'none', '-kernel', elf, '-d', item, '-D', log],
                           stdin=subprocess.DEVNULL, check=True, timeout=60)
            with open(log, encoding='utf-8', errors='replace') as f:
                found = re.search(pattern, f.read())
        failed |= not found
        print('ok' if found else 'not ok', number, f'-d {item}')
    return failed


if __name__ == '__main__':
    sys.exit(main())
