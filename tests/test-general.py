#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What runs with the guest's vectors in registers (IRH_NO_VECTORS, JitConfig.next_quick) uses none, nor does what it calls.

  tests/test-general.py LIBRARY OBJDUMP

LIBRARY has the objects that are compiled for general registers only.  They may call each other, and what never comes back."""
import re
import subprocess
import sys

NO_RETURN = {'x86_raise', '__stack_chk_fail', 'g_assertion_message_expr'}
# between cpu_vectors_away() and cpu_vectors_back()
AWAY = {'x87_probe_write', 'x87_raise_pending', 'x87_read', 'x87_write'}
LIBGCC = {'__divti3', '__udivti3'}  # divisions of 128-bit integers: of general registers
DATA = {'log_items', '_GLOBAL_OFFSET_TABLE_'}
VECTOR = re.compile(r'%[xyz]mm|%st\b')


def run(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def vectors(library, objdump):
    """Functions that use vectors or the x87."""
    function, found = None, []
    for line in run(objdump, '-d', library).splitlines():
        m = re.match(r'[0-9a-f]+ <([^>]+)>:', line)
        function = m[1] if m else function
        if VECTOR.search(line) and function not in found:
            found.append(function)
    return found


def strangers(library):
    """Symbols that are not the library's own."""
    own, used = set(), set()
    for line in run('nm', library).splitlines():
        fields = line.split()
        if len(fields) >= 2 and len(fields[-2]) == 1:
            (used if fields[-2] == 'U' else own).add(fields[-1])
    return own, sorted(used - own - NO_RETURN - AWAY - LIBGCC - DATA)


def main():
    library, objdump = sys.argv[1:]
    own, others = strangers(library)
    found = vectors(library, objdump)
    print('1..3')
    print(f"{'ok' if 'tcg_next_quick' in own else 'not ok'} 1 - the library is what this test is about")
    print(f"{'not ok' if found else 'ok'} 2 - no vector registers: {' '.join(found)}")
    print(f"{'not ok' if others else 'ok'} 3 - calls nothing that may use some: {' '.join(others)}")
    return bool(found or others or 'tcg_next_quick' not in own)


if __name__ == '__main__':
    sys.exit(main())
