#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares two replies of query-qmp-schema, ours and another program's (JSON, .gz or not): what is in both must
have the same members, types and optionality.

  qmp-schema-diff.py OURS THEIRS            differences; status 1 if there are any
  qmp-schema-diff.py OURS THEIRS --missing  the commands and events that only THEIRS has

What only OURS may have are members of results that theirs has as optional, which may be left out, and
values of enums that are fewer."""
import gzip
import json
import sys


def load(path):
    with (gzip.open if path.endswith('.gz') else open)(path, 'rt') as f:
        reply = json.load(f)
    return {e['name']: e for e in (reply['return'] if isinstance(reply, dict) else reply)}


class Diff:
    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.found, self.seen = [], set()

    def say(self, where, text):
        self.found.append(f'{where}: {text}')

    def types(self, where, a, b, is_result):
        if (a, b, is_result) in self.seen:
            return
        self.seen.add((a, b, is_result))
        x, y = self.ours[a], self.theirs[b]
        if y['meta-type'] == 'alternate':
            return
        if b == 'any' or x['meta-type'] != y['meta-type']:
            if a != b:
                self.say(where, f"{x['meta-type']} {x.get('json-type', '')}, there {y['meta-type']} {y.get('json-type', '')}")
        elif x['meta-type'] == 'builtin':
            if x['json-type'] != y['json-type']:
                self.say(where, f"{x['json-type']}, there {y['json-type']}")
        elif x['meta-type'] == 'array':
            self.types(where + '[]', x['element-type'], y['element-type'], is_result)
        elif x['meta-type'] == 'enum':
            more = set(x['values']) - set(y['values'])
            if more:
                self.say(where, f"values that are not there: {', '.join(sorted(more))}")
        else:
            self.objects(where, x, y, is_result)

    def objects(self, where, x, y, is_result):
        mine, other = ({m['name']: m for m in t['members']} for t in (x, y))
        for name, m in mine.items():
            if name not in other:
                self.say(where, f'{name} is not there')
                continue
            n = other[name]
            if ('default' in m) != ('default' in n) and not (is_result and 'default' in n):
                self.say(f'{where}.{name}', 'optional' if 'default' in m else 'required, there optional')
            self.types(f'{where}.{name}', m['type'], n['type'], is_result)
        for name in other:
            if name not in mine and 'default' not in other[name]:
                self.say(where, f'{name} is missing')
        if x.get('tag') != y.get('tag') and 'tag' in x:
            self.say(where, f"a union by {x['tag']}, there by {y.get('tag')}")
        arms = {v['case']: v['type'] for v in y.get('variants', [])}
        for v in x.get('variants', []):
            if v['case'] in arms:
                self.types(f"{where}({v['case']})", v['type'], arms[v['case']], is_result)

    def all(self):
        for name, x in self.ours.items():
            y = self.theirs.get(name)
            if x['meta-type'] not in ('command', 'event'):
                continue
            if not y:
                self.say(name, 'is not there')
                continue
            self.types(name, x['arg-type'], y['arg-type'], x['meta-type'] == 'event')
            if 'ret-type' in x:
                self.types(name + ' ->', x['ret-type'], y['ret-type'], True)
        return self.found


def main():
    ours, theirs = load(sys.argv[1]), load(sys.argv[2])
    if '--missing' in sys.argv:
        for name, e in sorted(theirs.items()):
            if e['meta-type'] in ('command', 'event') and name not in ours:
                print(e['meta-type'], name)
        return 0
    found = Diff(ours, theirs).all()
    print('\n'.join(found))
    return bool(found)


if __name__ == '__main__':
    sys.exit(main())
