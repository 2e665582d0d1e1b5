#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What README.md and docs/ name is in the tree: files and folders by path, functions, types, options and other
names of code that stand in `backquotes` or in examples.

A name that the page itself makes up for its example (a device called `thermo`) is told so there, in a comment:
<!-- made up: thermo THERMO_* -->"""
import fnmatch
import glob
import os
import re
import sys

CODE = ('.c', '.h', '.py', '.build', '.decode', '.def', '.S', '.ir', '.txt', '.sh', '.yml', '.yaml', '.json')
SKIP = {'.git', 'build', 'build-asan', 'build-fuzz', 'build-tsan', 'build-release'}
LIBRARIES = {'g_test_fail_printf'} # functions of libraries that only comments name
WORD = re.compile(r'[A-Za-z_]\w+')
NAME = re.compile(r'\b(?:[a-z]+\w*_\w+|[A-Z]\w*_\w+|[A-Z][a-z]+[A-Z]\w+)\b')
CALL = re.compile(r'\b([a-z_]\w+)\(\)')
PATH = re.compile(r'(?<![\w/.:$~<>@-])((?:[\w.-]+/)+[\w.*{},-]*|[\w*-]+\.(?:c|h|py|md|build|decode|def|yml))(?![\w/<>])')


def top_folders(top):
    return {n for n in os.listdir(top) if os.path.isdir(os.path.join(top, n)) and n not in SKIP}


def words_of_tree(top):
    words, names = set(), set()
    for folder, folders, files in os.walk(top):
        folders[:] = [f for f in folders if f not in SKIP and not f.startswith('build')]
        for name in files:
            names.add(name)
            if name.endswith(CODE) or '.' not in name:
                with open(os.path.join(folder, name), errors='replace') as f:
                    text = f.read()
                if name.endswith(('.c', '.h')): # a comment is no proof
                    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
                words.update(WORD.findall(text))
                if name == 'meson.build': # what is built there, by name
                    names.update(re.findall(r"'([\w-]+)'", text))
    return words, names


def braces(path):
    """a/{b,c}.h as a/b.h and a/c.h"""
    m = re.search(r'\{([^{}]*)\}', path)
    return [p for part in m[1].split(',') for p in braces(path[:m.start()] + part + path[m.end():])] if m else [path]


class Tree:
    def __init__(self, top):
        self.top, self.folders = top, top_folders(top)
        self.words, self.files = words_of_tree(top)

    def has_path(self, page, path):
        if re.search(r'(?<![a-z])[A-Z]{4,}', path):
            return True # tests/AREA/: the reader's own
        if '.' not in os.path.basename(path) and os.path.basename(path) in self.files:
            return True # a program that is built
        if '/' not in path: # a file by its name alone
            return any(fnmatch.fnmatch(f, path) for f in self.files)
        first = path.split('/')[0]
        beside = os.path.dirname(page)
        if first not in self.folders and not os.path.exists(os.path.join(self.top, beside, first)):
            return not path.endswith(CODE) # no path of this tree: another program's, a rate such as MiB/s
        return all(any(glob.glob(os.path.join(self.top, at, p.rstrip('.,'))) for at in ('', 'include', beside))
                   for p in braces(path))


def faults_of(tree, page, text):
    made_up = ' '.join(re.findall(r'<!-- made up: (.*?) -->', text, re.S)).split()
    for number, line, code in code_of(text):
        names = set(NAME.findall(code)) | set(CALL.findall(code))
        bad = [n for n in names if n not in tree.words] + \
              [p for p in PATH.findall(code) if not tree.has_path(page, p)]
        for name in sorted(bad):
            if not any(fnmatch.fnmatch(name, m) for m in made_up + ['*_[A-Z][A-Z][A-Z]*' if name[0].islower() else '-']):
                yield f'{page}:{number}: {name}'


def code_of(text):
    """Backquoted spans and the lines of examples, with their line number."""
    fenced = False
    for number, line in enumerate(text.split('\n'), 1):
        if line.strip().startswith('```'):
            fenced = not fenced
        elif fenced or line.startswith('    '):
            yield number, line, line
        else:
            for span in re.findall(r'`([^`]+)`|\]\(([^)#]+)\)', line):
                yield number, line, span[0] or span[1]


def comments_of(top):
    """(path:line, function) of each function() that a comment of the C code names."""
    for room in sorted(top_folders(top) - {'docs', 'scripts'}):
        for path in sorted(glob.glob(os.path.join(top, room, '**', '*.[ch]'), recursive=True)):
            with open(path, errors='replace') as f:
                text = f.read()
            for m in re.finditer(r'/\*.*?\*/', text, re.S):
                for call in CALL.finditer(m[0]):
                    yield f'{os.path.relpath(path, top)}:{text.count(chr(10), 0, m.start() + call.start()) + 1}', call[1]


def code_words(top):
    """The words of the C code without its comments."""
    words = set()
    for room in top_folders(top) - {'docs', 'scripts'}:
        for path in glob.glob(os.path.join(top, room, '**', '*.[ch]'), recursive=True):
            with open(path, errors='replace') as f:
                words.update(WORD.findall(re.sub(r'/\*.*?\*/', ' ', f.read(), flags=re.S)))
    return words


def main():
    top = sys.argv[1]
    tree = Tree(top)
    pages = ['README.md'] + sorted(os.path.relpath(p, top) for p in glob.glob(os.path.join(top, 'docs/**/*.md'),
                                                                            recursive=True))
    print(f'TAP version 13\n1..{len(pages) + 1}')
    bad = 0
    for i, page in enumerate(pages, 1):
        with open(os.path.join(top, page)) as f:
            faults = list(faults_of(tree, page, f.read()))
        for fault in faults:
            print('#', fault, 'is not in the tree')
        bad += bool(faults)
        print('not ok' if faults else 'ok', i, page)
    code = code_words(top)
    lies = [f'{at}: {name}()' for at, name in comments_of(top) if name not in code and name not in LIBRARIES]
    for lie in lies:
        print('#', lie, 'is not in the code')
    print('not ok' if lies else 'ok', len(pages) + 1, 'comments')
    bad += bool(lies)
    return bool(bad)


if __name__ == '__main__':
    sys.exit(main())
