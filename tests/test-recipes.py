#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole source files that pages of docs/ show compile: a recipe is followed literally (TAP).

usage: test-recipes.py TOP BUILD

An example that begins with an SPDX line is a file; the last `folder/name.c` before it is its name.  It is compiled as
its neighbours in that folder are, with warnings as errors."""
import glob
import json
import os
import re
import shlex
import subprocess
import sys


def examples_of(text):
    """(path, code, line) of each whole file that a page shows."""
    lines = text.split('\n')
    path = None
    number = 0
    while number < len(lines):
        path = (re.findall(r'`((?:\w+/)+\w+\.c)`', lines[number]) or [path])[-1]
        indent = re.match(r'( {4,})/\* SPDX-', lines[number])
        if not indent:
            number += 1
            continue
        first, code = number, []
        while number < len(lines) and (not lines[number] or lines[number].startswith(indent[1])):
            code.append(lines[number][len(indent[1]):])
            number += 1
        yield path, '\n'.join(code), first + 1


def command_for(path, top, build):
    """How the compiler is called for a file beside `path`, and where."""
    with open(os.path.join(build, 'compile_commands.json')) as f:
        for entry in json.load(f):
            file = os.path.relpath(os.path.join(entry['directory'], entry['file']), top)
            if os.path.dirname(file) == os.path.dirname(path):
                words = shlex.split(entry['command'])
                return words[:words.index('-MD')], entry['directory']
    raise LookupError(f'nothing is built in {os.path.dirname(path)}/')


def complaints(path, code, top, build):
    try:
        command, folder = command_for(path, top, build)
    except LookupError as e:
        return str(e)
    beside = os.path.join(top, os.path.dirname(path))
    r = subprocess.run([*command, '-Werror', '-iquote', beside, '-fsyntax-only', '-x', 'c', '-'], cwd=folder, input=code,
                       capture_output=True, text=True, check=False)
    return r.stderr if r.returncode else ''


def main():
    top, build = map(os.path.abspath, sys.argv[1:3])
    bad, count = 0, 0
    print('TAP version 13')
    for page in sorted(glob.glob(os.path.join(top, 'docs/**/*.md'), recursive=True)):
        with open(page) as f:
            examples = list(examples_of(f.read()))
        for path, code, line in examples:
            count += 1
            why = complaints(path, code, top, build)
            bad += bool(why)
            for said in why.split('\n')[:20] if why else []:
                print('#', said)
            print('not ok' if why else 'ok', count, f'{os.path.relpath(page, top)}:{line}: {path}')
    print(f'1..{count}')
    return bool(bad or not count)


if __name__ == '__main__':
    sys.exit(main())
