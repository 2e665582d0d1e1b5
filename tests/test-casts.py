#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Casts stay rare: at most MOST in a thousand lines of the program's C code (tests do not count).

A cast is a type in parentheses before an operand, be it written in a macro or not; literals of structs, sizeof and
declarations are none.  Types without a mark of their own (size_t and gsize have one) are found where a pointer to one
is meant: (FILE *)p.  What it can often be instead: container_of (util/container.h), a number of N bytes
(util/bytes.h), a parameter `void *`, or nothing, where the value goes to that type anyway.

`test-casts.py TOP list` shows them all."""
import os
import re
import sys

MOST = 11.0

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
NAME = (r'(?:void|bool|char|short|int|long|float|double|unsigned|signed|\w+_t|g[a-z]+\d*|[A-Z]\w*[a-z]\w*|u128|__int128|'
        r'(?:struct|union|enum) \w+|(?:__)?typeof(?:__)?\([^()]*(?:\([^()]*\))?[^()]*\)|\w+(?= ?\*))')
CAST = re.compile(r'(?<![\w\])])\((?:(?:const|volatile|unsigned|signed|long) )*' + NAME + r'(?: int| long| const)*'
                  r'(?: ?\*+(?: ?const ?\**)?| ?\(\*+\)\((?:[^()]|\([^()]*\))*\))?\)(?=[\w(&*"~!\-+.])')
BESIDE = {'tests', 'docs', 'scripts', '.git'}


def code_of(path):
    with open(path) as f:
        return NOT_CODE.sub(lambda m: '""' if m[0][0] in '"\'' else '\n' * m[0].count('\n'), f.read())


def main():
    top, listed = sys.argv[1], sys.argv[2:] == ['list']
    casts = lines = 0
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(f for f in folders if f not in BESIDE and not f.startswith('build'))
        for name in sorted(names):
            if not name.endswith(('.c', '.h')):
                continue
            code = code_of(os.path.join(folder, name))
            lines += code.count('\n')
            for m in CAST.finditer(code):
                if code[:m.start()].endswith('sizeof '):
                    continue
                casts += 1
                if listed:
                    print(f"{os.path.relpath(os.path.join(folder, name), top)}:{code.count(chr(10), 0, m.start()) + 1}: {m[0]}")
    rate = casts * 1000 / max(lines, 1)
    print('TAP version 13\n1..1')
    print('ok' if casts and rate <= MOST else 'not ok', f'1 {casts} casts in {lines} lines: {rate:.1f} in a thousand')
    return rate > MOST or not casts


if __name__ == '__main__':
    sys.exit(main())
