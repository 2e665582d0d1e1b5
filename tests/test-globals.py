#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that all machines of a process share: those of the built library, and the page that says why.

  test-globals.py LIBRARY PAGE

What is constant is in .rodata, or in .data.rel.ro when it holds pointers; all other variables count, in whichever section,
but for those that each thread has (objdump does not mark them as objects). The page has a row `file.c` | `name`, `name` | reason for each."""
import os
import re
import subprocess
import sys

CONSTANT = re.compile(r'\.(rodata|data\.rel\.ro)')
MEMBER = re.compile(r'^(\S+\.o):\s+file format')
SYMBOL = re.compile(r'^[0-9a-f]+ .{5}.O (\S+)\s+[0-9a-f]+\s+(?:\.hidden )?(\S+)$')
ROW = re.compile(r'^\| `([\w/.-]+)` \| (.*?) \| (.+?) \|$', re.M)


def plain(name):
    """A function's own variable is name.7 to gcc, function.name to clang."""
    return re.sub(r'\.\d+$', '', name).split('.')[-1]


def of_library(path):
    env = {**os.environ, 'LC_ALL': 'C'}
    text = subprocess.run(['objdump', '-t', path], env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    found, member = set(), None
    for line in text.splitlines():
        head, symbol = MEMBER.match(line), SYMBOL.match(line)
        if head: # base_memory_ram.c.o
            member = os.path.basename(head[1]).removesuffix('.o')
        elif symbol and not CONSTANT.match(symbol[1]) and not symbol[2].startswith('__gcov'):
            found.add((member, plain(symbol[2])))
    return found


def of_page(path):
    with open(path) as f:
        rows = ROW.findall(f.read())
    return {(file.replace('/', '_'), name) for file, names, _ in rows for name in re.findall(r'`(\w+)`', names)}


def main():
    library, page = of_library(sys.argv[1]), of_page(sys.argv[2])
    checks = [('every variable is on the page', library - page), ('what the page names is there', page - library)]
    print(f'1..{len(checks)}')
    for number, (name, wrong) in enumerate(checks, 1):
        for file, variable in sorted(wrong):
            print(f'# {file}: {variable}')
        print(f'{"not ok" if wrong else "ok"} {number} {name}')
    sys.exit(any(wrong for _, wrong in checks))


if __name__ == '__main__':
    main()
