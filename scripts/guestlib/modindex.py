# SPDX-License-Identifier: GPL-2.0-or-later
"""What modprobe would load for a name, read from the index that depmod wrote.

Formats: modules.dep(5), depmod(8), modprobe.d(5) of kmod; modules.builtin(.modinfo) of Linux's kbuild.
A soft dependency is often an alias ("crypto-crc32c"), which a module or the kernel itself may offer;
every module that offers it is wanted, as modprobe loads all of them.  `-` and `_` in names are the same.
A module may have several softdep lines (btrfs does): all count, where kmod 30 takes the first.
Not modelled: files in modprobe.d (the guest has none), install and remove commands.
"""
import fnmatch
import re


def canonical(name):
    """The name with `_` for `-`, but inside [...] of a pattern."""
    return re.sub(r"\[[^]]*\]|-", lambda m: "_" if m.group(0) == "-" else m.group(0), name)


def module_name(path):
    """kernel/fs/a-b.ko.xz: a_b"""
    return canonical(re.sub(r"\.ko(\.\w+)?$", "", path.rpartition("/")[2]))


class Aliases:
    """Names and patterns for which a module is loaded."""

    def __init__(self):
        self.exact, self.patterns = {}, []

    def add(self, alias, module):
        alias, module = canonical(alias), canonical(module)
        if re.search(r"[*?[]", alias):
            self.patterns.append((alias, module))
        else:
            self.exact.setdefault(alias, []).append(module)

    def find(self, name):
        return self.exact.get(name, []) + [m for p, m in self.patterns if fnmatch.fnmatchcase(name, p)]


class ModuleIndex:
    """The files modules.* of one folder, and the order to load modules in."""

    def __init__(self, folder):
        self.folder = folder
        self.files, self.needs = {}, {}
        self.pre, self.post, self.weak = {}, {}, {}
        self.aliases, self.builtin_aliases, self.builtin = Aliases(), Aliases(), set()
        self._read_dep()
        for row in self._rows("modules.softdep"):
            if row[0] == "softdep" and len(row) > 1:
                self._softdep(row[1], row[2:])
        for row in self._rows("modules.weakdep"):
            if row[0] == "weakdep" and len(row) > 1:
                self.weak.setdefault(canonical(row[1]), []).extend(row[2:])
        for name in ("modules.alias", "modules.symbols"):
            for row in self._rows(name):
                if row[0] == "alias" and len(row) == 3:
                    self.aliases.add(row[1], row[2])
        self._read_builtin()

    def _text(self, name):
        path = self.folder / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _rows(self, name):
        for line in self._text(name).splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.split()

    def _read_dep(self):
        for line in self._text("modules.dep").splitlines():
            path, _, needs = line.partition(":")
            if path.strip():
                self.files[module_name(path)] = path
                # depmod writes the nearest first; the deepest is loaded first.
                self.needs[module_name(path)] = [module_name(n) for n in reversed(needs.split())]

    def _softdep(self, module, words):
        """`pre: a b post: c`; words before the first of them mean nothing."""
        into = None
        for word in words:
            if word in ("pre:", "post:"):
                into = (self.pre if word == "pre:" else self.post).setdefault(canonical(module), [])
            elif into is not None:
                into.append(word)

    def _read_builtin(self):
        for row in self._rows("modules.builtin"):
            self.builtin.add(module_name(row[0]))
        for entry in self._text("modules.builtin.modinfo").split("\0"):
            module, _, field = entry.partition(".")
            key, _, value = field.partition("=")
            if key == "alias":
                self.builtin_aliases.add(value, module)
            elif key == "softdep":
                self._softdep(module, value.split())

    def lookup(self, name):
        """The modules that a module's name, an alias or `symbol:NAME` stands for; None: nothing knows it."""
        name = canonical(name)
        if name in self.files:
            return [name]
        found = [m for m in dict.fromkeys(self.aliases.find(name)) if m in self.files or m in self.builtin]
        if found:
            return found
        if name in self.builtin:
            return [name]
        return list(dict.fromkeys(self.builtin_aliases.find(name))) or None

    def load_order(self, names, weak=False):
        """The modules with files that `names` need, in the order of modprobe: what a module depends on, what
        its soft dependencies name as `pre`, the module, then `post`.  A soft dependency that nothing offers
        is no fault.  `weak` adds what modules may ask for later, for a tree that must be complete."""
        seen, order = set(), []

        def visit(module):
            if module in seen:      # also the way out of a circle, which soft dependencies may form
                return
            seen.add(module)
            for n in self.needs.get(module, []):
                visit(n)
            wish(self.pre.get(module, []))
            if module in self.files:
                order.append(module)
            wish(self.post.get(module, []))
            if weak:
                wish(self.weak.get(module, []))

        def wish(wanted):
            for n in wanted:
                for module in self.lookup(n) or []:
                    visit(module)
        wish(names)
        return order
