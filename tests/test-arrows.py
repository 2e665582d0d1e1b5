#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Arrows between rooms point one way, and docs/tour.md draws them as they are.

A room is a top folder; it sees another when a file of it includes one of its headers.  Private
headers (beside the .c files) are for their own room alone, public ones (include/ROOM) for whoever does not
stand below.  The proof of one direction is a topological sort of the rooms: what it cannot put in a row is
a circle, and is printed with the includes that make it.  There is no list of exceptions.  No way leads around
it: an include names no ../, its header exists, and what another file defines is declared in a header alone.

  test-arrows.py TOP          the test
  test-arrows.py TOP --draw   print the drawing for docs/tour.md
"""
import collections
import os
import re
import sys

NO_ROOMS = {'include', 'docs', 'scripts', 'tests'}

# Libraries kept to the room that owns them.
ONLY = {'SDL': 'ui', 'vterm.h': 'ui', 'curses.h': 'ui', 'libslirp': 'net', 'slirp': 'net', 'liburing': 'block', 'ffi.h': 'tcg', 'seccomp.h': 'base',
        'gnutls': 'base'}

INCLUDE = re.compile(r'\s*#\s*include\s*(.)([^>"]*)')
CODE = ('.c', '.h', '.def')

# In a .c file, at the start of a line: what another file defines, or a prototype.
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
BY_HAND = re.compile(r'^(?:extern\b[^;{]*|(?!static\b|typedef\b)[A-Za-z_][\w \*]*\b\w+\([^;{]*\)\s*);', re.M)


def has_code(folder):
    return any(name.endswith(CODE) for _, _, names in os.walk(folder) for name in names)


def is_made(top, header):
    """By the build, in the folder whose meson.build names it."""
    folder, name = os.path.split(header)
    build = os.path.join(top, folder, 'meson.build')
    if not os.path.exists(build):
        return False
    with open(build) as f:
        return f"'{name}'" in f.read()


def rooms_of(top):
    folders = os.listdir(os.path.join(top, 'include')) + os.listdir(top)
    folders = {d for d in folders if not d.startswith(('.', 'build'))} - NO_ROOMS
    return {d for d in folders if has_code(os.path.join(top, d)) or has_code(os.path.join(top, 'include', d))}


def sources(top, rooms):
    for folder in sorted(rooms) + [os.path.join('include', r) for r in sorted(rooms)]:
        for where, _, names in os.walk(os.path.join(top, folder)):
            for name in sorted(names):
                if name.endswith(CODE):
                    yield folder.split(os.sep)[-1], os.path.join(where, name)


class House:
    def __init__(self, top):
        self.top = top
        self.rooms = rooms_of(top)
        self.arrows = collections.defaultdict(lambda: collections.defaultdict(list))
        self.faults = []
        self.read = 0
        self.by_hand = []
        for room, path in sources(top, self.rooms):
            with open(path) as f:
                text = f.read()
            name = os.path.relpath(path, top)
            for number, line in enumerate(text.split('\n'), 1):
                m = INCLUDE.match(line)
                if m:
                    self.read += 1
                    self.include(room, path, f'{name}:{number}', m[1], m[2])
            if name.endswith('.c'):
                code = NOT_CODE.sub(lambda m: '\n' * m[0].count('\n'), text)
                self.by_hand += [f'{name}:{code.count(chr(10), 0, m.start()) + 1}: {" ".join(m[0].split())}'
                                 for m in BY_HAND.finditer(code)]

    def include(self, room, path, where, mark, header):
        seen = header.split('/')[0]
        public = os.path.exists(os.path.join(self.top, 'include', header))
        if mark == '<' and not public:
            owner = next((o for library, o in ONLY.items() if header.startswith(library)), room)
            if owner != room:
                self.faults.append(f'{where}: {header}: a library for {owner}/ alone')
            return
        beside = os.path.exists(os.path.join(os.path.dirname(path), header))
        if mark != '"' or '..' in header.split('/'):
            self.faults.append(f'{where}: an include that does not name its header from the top, in quotes')
        elif not (beside or public or os.path.exists(os.path.join(self.top, header)) or is_made(self.top, header)):
            self.faults.append(f'{where}: {header}: no header of this tree')
        elif not beside and seen != room:
            if seen in self.rooms:
                self.arrows[room][seen].append(f'{where}: {header}')
            if not public:
                self.faults.append(f'{where}: {header}: a private header of {seen}/')

    def storeys(self):
        """Rooms by storey: each sees only what stands below it.  And those that are in no order."""
        placed, storeys, left = set(), [], set(self.rooms)
        while left:
            here = sorted(r for r in left if set(self.arrows[r]) <= placed)
            if not here:
                break
            storeys.append(here)
            placed |= set(here)
            left -= set(here)
        return storeys, left

    def circle(self, left):
        """One circle among the rooms that are in no order: each of them sees another of them."""
        way, room = [], sorted(left)[0]
        while room not in way:
            way.append(room)
            room = sorted(set(self.arrows[room]) & left)[0]
        return way[way.index(room):] + [room]

    def drawing(self):
        storeys, _ = self.storeys()
        lines = []
        for storey in reversed(storeys):
            for room in storey:
                seen = [r for s in reversed(storeys) for r in s if r in self.arrows[room]]
                lines.append(f'{room:9}{"-> " if seen else ""}{" ".join(seen)}'.rstrip())
            lines.append('')
        return lines[:-1]


def drawn(top):
    text = open(os.path.join(top, 'docs', 'tour.md')).read()
    m = re.search(r'```rooms\n(.*?)\n```', text, re.S)
    return m[1].split('\n') if m else []


def tell(number, name, why):
    for line in why:
        print('#', line)
    print('not ok' if why else 'ok', number, name)
    return bool(why)


def main():
    house = House(sys.argv[1])
    if '--draw' in sys.argv:
        print('\n'.join(house.drawing()))
        return 0
    print('TAP version 13\n1..4')
    _, left = house.storeys()
    circle = []
    if left:
        way = house.circle(left)
        circle = ['a circle: ' + ' -> '.join(way)]
        for a, b in zip(way, way[1:]):
            seen = house.arrows[a][b]
            circle += seen[:3] + [f'... and {len(seen) - 3} more: {a}/ sees {b}/'] * (len(seen) > 3)
    failed = tell(1, f'arrows point one way ({house.read} includes read)',
                  circle or ([] if house.read else ['nothing was read']))
    failed |= tell(2, 'private headers and libraries stay in their rooms', house.faults)
    want = house.drawing()
    differs = [] if left or drawn(house.top) == want else \
        ['docs/tour.md draws other arrows; those of the code:'] + want
    failed |= tell(3, 'docs/tour.md draws the rooms as they are', differs)
    return failed | tell(4, 'what another file defines is declared in a header', house.by_hand)


if __name__ == '__main__':
    sys.exit(main())
