#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""No circle among the files of a room: who calls whom, by the symbols of its object files, is a ladder.

  tests/test-circles.py LIBRARY ROOM...

What a file reaches by a pointer that it was given (a callback) is no call: that is how a lower file tells an upper
one.  With --draw the ladder of each room is printed, lowest first."""
import os
import re
import subprocess
import sys


def calls(library, room):
    """Of each object file of a room: those whose symbols it uses."""
    out = subprocess.run(['nm', '-A', library], check=True, stdout=subprocess.PIPE, text=True).stdout
    prefix = room.replace('/', '_') + '_'
    owner, used = {}, {}
    for line in out.splitlines():
        m = re.match(r'.*?([^:/\[\]]+)\.o\]?:(?:[0-9a-f]+)?\s+(\w) (\S+)$', line)
        if not m or not m[1].startswith(prefix):
            continue
        name = m[1][len(prefix):]
        used.setdefault(name, set())
        if m[2] == 'U':
            used[name].add(m[3])
        elif m[2].isupper():
            owner[m[3]] = name
    return {f: {owner[s] for s in names if s in owner} - {f} for f, names in used.items()}


def ladder(graph):
    """The files in an order in which each calls earlier ones only, and those that no order fits."""
    order, left = [], dict(graph)
    while True:
        free = sorted(f for f in left if not left[f] & left.keys())
        if not free:
            return order, sorted(left)
        order += free
        for f in free:
            del left[f]


def shortest_circle(graph, among):
    best = None
    for start in among:
        paths = [[start]]
        while paths:
            path = paths.pop(0)
            if best and len(path) >= len(best):
                break
            for f in sorted(graph[path[-1]]):
                if f == start:
                    best, paths = path + [start], []
                    break
                if f in among and f not in path:
                    paths.append(path + [f])
    return best


def main():
    args = sys.argv[1:]
    draw = '--draw' in args
    library, *rooms = [a for a in args if a != '--draw']
    print('TAP version 13')
    print(f'1..{len(rooms)}')
    failed = False
    for n, room in enumerate(rooms, 1):
        graph = calls(library, room)
        order, left = ladder(graph)
        if draw:
            for f in order:
                print(f'# {f}: {", ".join(sorted(graph[f]))}')
        if left:
            print('#', ' -> '.join(shortest_circle(graph, left)))
        good = len(graph) > 1 and not left
        failed |= not good
        print('ok' if good else 'not ok', n, f'no circle in {room} ({len(graph)} files)')
    return failed


if __name__ == '__main__':
    os.environ['LC_ALL'] = 'C'
    sys.exit(main())
