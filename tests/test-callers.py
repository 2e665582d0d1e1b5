#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No function, table or file without a user: each function and variable that a header declares is named
somewhere in the program besides its declaration and its definition (a test is no user, but for what FOR_TESTS
names), and each source file is named in the meson.build of its folder.  So a device that is in no registry, or
a file that nothing builds, is told of.

Reads the text, by the house style: a declaration or a definition starts in the first column, what uses a
function does not (a call, a row of a table, the body of a macro); that it calls itself is no use.  Static
functions of a .c file are the compiler's to find.  A macro lock_take(l) that only calls lock_take_at is the user's
name of that function."""
import os
import re
import sys

ROOMS = ['base', 'system', 'util', 'fpu', 'tcg', 'accel', 'target', 'hw', 'block', 'net', 'chardev', 'monitor',
         'gdbstub', 'ui', 'img', 'include']

# What only tests call, and why it is there all the same.
KVM = 'an accelerator that leaves device writes to the host kernel (KVM) will; a test is its user until then'
PC = 'an architecture whose interrupts have vectors will; the toy guest of the tests is its user until then'
FOR_TESTS = {
    'clock_run_timers': 'a test moves the virtual clock by hand',
    'fifo8_used': 'tests look how much waits in a queue',
    'ir_parse': 'programs in the IR are how the tests of the compiler are written',
    'machine_connect_irq': KVM,
    'reg_find_name': 'tests reach a register by its name',
    'riscv_row_count': 'tests go through all rows of the decoder',
}
# Rooms that are being built: what calls them comes, until then tests are their users.
BEING_BUILT = ('target/i386/', 'include/target/i386.h', 'include/fpu/extended.h')  # the translator of x86

COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
DECLARED = re.compile(r'^(?!static (?!inline)|typedef|#|\s|extern const)[\w \*]*?\b(\w+)\(', re.M)
AT = re.compile(r'^#define (\w+)\([\w, ]*\) \1_at\(', re.M)
VARIABLE = re.compile(r'^extern ([^;()]*);', re.M)
TABLE = re.compile(r'^const [\w *]*?\b(\w+)(?:\[[^]]*\])* = ', re.M)
WORD = re.compile(r'\b[A-Za-z_]\w+\b')


def plain(path):
    """The code of a file: comments and strings are blanks, lines stay."""
    with open(path) as f:
        return COMMENT.sub(lambda m: '\n' * m[0].count('\n'), f.read())


def read(path):
    with open(path) as f:
        return f.read()


def declarations(name, code):
    """The functions and variables that a header declares, and the tables that a source file shows to others."""
    if not name.endswith('.h'):
        return TABLE.findall(code)
    found = DECLARED.findall(code)
    for line in VARIABLE.findall(code):
        found += [re.sub(r'\[.*', '', one, flags=re.S).split()[-1].lstrip('*') for one in line.split(',')]
    return found


def sources(top):
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(top, room)):
            for name in names:
                if name.endswith(('.c', '.h', '.decode', '.def')):
                    yield folder, name


def unbuilt(top):
    """Source files of the program that neither their folder's meson.build names nor, by path, the tree's."""
    whole = read(os.path.join(top, 'meson.build'))
    for folder, name in sources(top):
        path, build = os.path.relpath(os.path.join(folder, name), top), os.path.join(folder, 'meson.build')
        if name.endswith(('.c', '.decode')) and f"'{path}'" not in whole and \
                not (os.path.exists(build) and f"'{name}'" in read(build)):
            yield path


def unregistered(top):
    """Classes of devices that are not in the registry, whose rows the tests of all devices go through; what others
    are derived from has no place there."""
    code = '\n'.join(plain(os.path.join(folder, name)) for folder, name in sources(top))
    classes = set(re.findall(r'^(?:static )?const DeviceClass (\w+) = ', code, re.M))
    bases = set(re.findall(r'\.parent = &(\w+)', code))
    return classes - bases - set(WORD.findall(plain(os.path.join(top, 'hw/registry.c'))))


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
            used.update(WORD.findall(line.partition(' = ')[2]))  # a table in one line
    return used


def read_options(top):
    """Kinds of options that something besides the table of options names."""
    code = '\n'.join(plain(os.path.join(folder, name)) for folder, name in sources(top)
                     if name not in ('cmdline.h', 'cmdline-options.c'))
    return set(re.findall(r'\bOPT_\w+', code))


def report(number, what, faults):
    for fault in sorted(faults):
        print('#', fault)
    print('not ok' if faults else 'ok', number, what)
    return bool(faults)


def main():
    top = sys.argv[1]
    declared, used, called_at = {}, set(), set()
    for folder, name in sources(top):
        path = os.path.join(folder, name)
        code = plain(path)
        declared.update((f, os.path.relpath(path, top)) for f in declarations(name, code) if f not in declared)
        if name.endswith('.h'):
            called_at.update(AT.findall(code))
        used |= uses(code, name.endswith(('.decode', '.def')))
    used |= {f'{f}_at' for f in called_at if f in used}
    dead = [f'{path}: {f} has no user' for f, path in declared.items() if f not in used and f not in FOR_TESTS
            and not path.startswith(BEING_BUILT)]
    stale = [f'{f} is in FOR_TESTS without need' for f in FOR_TESTS if f in used or f not in declared]
    print('TAP version 13\n1..5')
    options = set(re.findall(r'\bOPT_\w+', plain(os.path.join(top, 'system/cmdline.h'))))
    return report(1, f'every function and table has a user ({len(declared)} declared)',
                  dead if declared else ['nothing is declared']) | \
        report(2, 'what is there for tests is used by nobody else', stale) | \
        report(3, 'every source file is built', [f'{path} is in no meson.build' for path in unbuilt(top)]) | \
        report(4, 'every class of devices is in hw/registry.c', unregistered(top)) | \
        report(5, f'every option is read ({len(options)})',
               [f'{o} is accepted, and nothing reads it' for o in options - read_options(top)])


if __name__ == '__main__':
    sys.exit(main())
