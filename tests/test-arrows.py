#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Arrows between rooms point one way: reads every #include and fails on one that runs back.

A room is a top folder.  Its private headers (beside its .c files) are for itself alone;
its public ones (include/ROOM) are for the rooms that the table names.
"""
import os
import re
import sys

# room: rooms whose public headers it may include, besides its own and util's.
MAY = {
    'util': set(),
    'fpu': set(),
    'base': set(),
    'tcg': set(),
    'target': {'tcg', 'fpu', 'base'},
    'accel': {'target', 'tcg', 'base'},
    'hw': {'base', 'block', 'chardev', 'net', 'target', 'accel', 'system'},
    'block': {'base'},
    'net': {'base', 'chardev'},
    'chardev': {'base', 'monitor'},
    'monitor': {'base', 'system', 'hw', 'block', 'net', 'chardev', 'target', 'accel', 'gdbstub'},
    'gdbstub': {'base', 'system', 'hw', 'chardev', 'target', 'accel', 'monitor'},
    'ui': {'base', 'hw'},
    'migration': {'base', 'hw'},
    'system': {'base', 'hw', 'block', 'net', 'chardev', 'monitor', 'gdbstub', 'target', 'accel', 'tcg', 'ui'},
}

# What a pair of rooms may share in spite of a private header, and why.
PRIVATE = {
    ('hw', 'target/riscv'): 'the virt board writes the device tree of its harts',
}

# Libraries kept to the room that owns them.
ONLY = {'SDL': 'ui', 'libslirp': 'net', 'slirp': 'net', 'liburing': 'block', 'ffi.h': 'tcg'}


def room_of(path, top):
    parts = os.path.relpath(path, top).split('/')
    return parts[1] if parts[0] == 'include' else parts[0]


def sources(top):
    for room in sorted(MAY) + ['include']:
        for folder, _, names in os.walk(os.path.join(top, room)):
            for name in sorted(names):
                if name.endswith(('.c', '.h')):
                    yield os.path.join(folder, name)


def fault_of(top, path, header, quoted):
    room = room_of(path, top)
    for library, owner in ONLY.items():
        if not quoted and header.startswith(library) and room != owner:
            return f'{library} is for {owner}/ alone'
    if not quoted or os.path.exists(os.path.join(os.path.dirname(path), header)):
        return None
    target = header.split('/')[0]
    if target in (room, 'util'):
        return None
    if os.path.exists(os.path.join(top, 'include', header)):
        public_only = path.startswith(os.path.join(top, 'include'))
        if public_only or target in MAY[room]:
            return None
        return f'{room}/ may not know {target}/'
    if (room, os.path.dirname(header)) in PRIVATE:
        return None
    return f'a private header of {target}/'


def main():
    top = sys.argv[1]
    faults, read = [], 0
    for path in sources(top):
        for number, line in enumerate(open(path), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
            if not m:
                continue
            read += 1
            why = fault_of(top, path, m.group(2), m.group(1) == '"')
            if why:
                faults.append(f'{os.path.relpath(path, top)}:{number}: {m.group(2)}: {why}')
    print('TAP version 13\n1..1')
    for f in faults:
        print('#', f)
    print('ok' if read and not faults else 'not ok', f'1 arrows between rooms ({read} includes read)')
    return bool(faults) or not read


if __name__ == '__main__':
    sys.exit(main())
