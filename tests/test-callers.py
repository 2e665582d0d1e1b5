#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No function without a user: each function that a header declares or holds is named somewhere in the program
besides its declaration and its definition; that it calls itself is no use.  A test is no user, but for what
FOR_TESTS names.

Reads the text, by the house style: a declaration or a definition starts in the first column, what uses a
function does not (a call, a row of a table, the body of a macro).  Static functions of a .c file are the
compiler's to find.  A macro lock_take(l) that only calls lock_take_at is the user's name of that function."""
import os
import re
import sys

ROOMS = ['base', 'system', 'util', 'fpu', 'tcg', 'accel', 'target', 'hw', 'block', 'net', 'chardev', 'monitor',
         'gdbstub', 'include']

# What only tests call, and why it is there all the same.
SAVED = 'saved machines will; until then every class is proved to save and load'
KVM = 'an accelerator that leaves device writes to the host kernel (KVM) will; a test is its user until then'
PC = 'an architecture whose interrupts have vectors will; the toy guest of the tests is its user until then'
DIRTY = 'a display and a moving machine will; a test is their user until then'
FOR_TESTS = {
    'clock_run_timers': 'a test moves the virtual clock by hand',
    'clock_virtual_set_ns': 'likewise',
    'cpu_int_acknowledge': PC, 'cpu_int_pending': PC,
    'cpu_state_leave': KVM, 'cpu_state_load': SAVED, 'cpu_state_save': SAVED,
    'device_load': SAVED, 'device_save': SAVED,
    'event_notifier_free': KVM, 'event_notifier_new': KVM, 'event_notifier_test_and_clear': KVM,
    'fifo8_used': 'tests look how much waits in a queue',
    'ir_parse': 'programs in the IR are how the tests of the compiler are written',
    'machine_connect_irq': KVM, 'machine_send_msi': KVM,
    'memory_region_add_event': KVM, 'memory_region_del_event': KVM,
    'reg_find_name': 'tests reach a register by its name',
    'ram_dirty_start': DIRTY, 'ram_dirty_stop': DIRTY, 'ram_dirty_take': DIRTY,
}

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
DECLARED = re.compile(r'^(?!static (?!inline)|typedef|#|\s|extern const)[\w \*]*?\b(\w+)\(', re.M)
AT = re.compile(r'^#define (\w+)\([\w, ]*\) \1_at\(', re.M)
WORD = re.compile(r'\b[a-z_]\w+\b')


def plain(path):
    """The code of a file: comments and strings are blanks, lines stay."""
    with open(path) as f:
        return COMMENT.sub(lambda m: '\n' * m[0].count('\n'), f.read())


def uses(code, all_lines):
    """What the code names beside what it declares and defines; not what a function says of itself."""
    used, inside = set(), None
    for line in code.split('\n'):
        if AT.match(line):
            continue
        if line[:1] in (' ', '\t', '#', '{') or all_lines:
            used.update(w for w in WORD.findall(line) if w != inside)
        elif DECLARED.match(line):
            inside = DECLARED.match(line)[1]
        elif line[:1] == '}':
            inside = None
        elif line.startswith('static'):
            inside = (re.findall(r'\b(\w+)\(', line) or [None])[0]
    return used


def main():
    top = sys.argv[1]
    declared, used, called_at = {}, set(), set()
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(top, room)):
            for name in names:
                if not name.endswith(('.c', '.h', '.decode', '.def')):
                    continue
                path = os.path.join(folder, name)
                code = plain(path)
                if name.endswith('.h'):
                    declared.update((f, os.path.relpath(path, top)) for f in DECLARED.findall(code))
                    called_at.update(AT.findall(code))
                used |= uses(code, name.endswith(('.decode', '.def')))
    used |= {f'{f}_at' for f in called_at if f in used}
    dead = sorted((path, f) for f, path in declared.items() if f not in used and f not in FOR_TESTS)
    stale = sorted(f for f in FOR_TESTS if f in used or f not in declared)
    print('TAP version 13\n1..2')
    for path, f in dead:
        print(f'# {path}: {f}() has no user')
    print('not ok' if dead or not declared else 'ok', f'1 every function has a user ({len(declared)} declared)')
    for f in stale:
        print(f'# {f}() is in FOR_TESTS without need')
    print('not ok' if stale else 'ok', '2 what is there for tests is used by nobody else')
    return bool(dead or stale or not declared)


if __name__ == '__main__':
    sys.exit(main())
