#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Arrows between rooms point one way, and docs/tour.md draws them as they are.

A room is a top folder; it sees another when a file of it includes one of its headers.  Private
headers (beside the .c files) are for their own room alone, public ones (include/ROOM) for whoever does not
stand below.  The proof of one direction is a topological sort of the rooms: what it cannot put in a row is
a circle, and is printed with the includes that make it.  There is no list of exceptions.

  test-arrows.py TOP          the test
  test-arrows.py TOP --draw   print the drawing for docs/tour.md
"""
import collections
import os
import re
import sys

NO_ROOMS = {'include', 'docs', 'scripts', 'tests'}

# Libraries kept to the room that owns them.
ONLY = {'SDL': 'ui', 'libslirp': 'net', 'slirp': 'net', 'liburing': 'block', 'ffi.h': 'tcg'}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)')


def rooms_of(top):
    public = os.listdir(os.path.join(top, 'include'))
    private = [d for d in os.listdir(top) if os.path.exists(os.path.join(top, d, 'meson.build'))]
    return {d for d in public + private if not d.startswith('.')} - NO_ROOMS


def sources(top, rooms):
    for folder in sorted(rooms) + [os.path.join('include', r) for r in sorted(rooms)]:
        for where, _, names in os.walk(os.path.join(top, folder)):
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.def')):
                    yield folder.split(os.sep)[-1], os.path.join(where, name)


class House:
    def __init__(self, top):
        self.top = top
        self.rooms = rooms_of(top)
        self.arrows = collections.defaultdict(lambda: collections.defaultdict(list))
        self.faults = []
        self.read = 0
        for room, path in sources(top, self.rooms):
            for number, line in enumerate(open(path), 1):
                m = INCLUDE.match(line)
                if m:
                    self.read += 1
                    self.include(room, path, f'{os.path.relpath(path, top)}:{number}', m[1] == '"', m[2])

    def include(self, room, path, where, quoted, header):
        if not quoted:
            owner = next((o for library, o in ONLY.items() if header.startswith(library)), room)
            if owner != room:
                self.faults.append(f'{where}: {header}: a library for {owner}/ alone')
            return
        seen = header.split('/')[0]
        if os.path.exists(os.path.join(os.path.dirname(path), header)) or seen == room:
            return
        if seen in self.rooms and not os.path.exists(os.path.join(self.top, 'include', header)):
            self.faults.append(f'{where}: {header}: a private header of {seen}/')
        if seen in self.rooms:
            self.arrows[room][seen].append(f'{where}: {header}')

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
    print('TAP version 13\n1..3')
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
    return failed | tell(3, 'docs/tour.md draws the rooms as they are', differs)


if __name__ == '__main__':
    sys.exit(main())
