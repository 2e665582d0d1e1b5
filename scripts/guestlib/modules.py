# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel modules: which others each needs, and the order to load them in.

A module says what it needs in its .modinfo section ("depends=a,b"); the strings
are searched in the file itself, so no host tool has to know the architecture.
Not modelled: soft dependencies, aliases (depmod on the host writes those).
"""
import lzma
import re

import gzip
import subprocess

from .base import GuestError

READERS = {".ko": lambda p: p.read_bytes(),
           ".xz": lambda p: lzma.decompress(p.read_bytes()),
           ".gz": lambda p: gzip.decompress(p.read_bytes()),
           ".zst": lambda p: subprocess.run(["zstd", "-dcq", str(p)], check=True,
                                            stdout=subprocess.PIPE).stdout}


def canonical(name):
    return name.replace("-", "_")


class ModuleTree:
    """The modules below `usr/lib/modules/VERSION` of an unpacked kernel."""

    def __init__(self, root):
        versions = [p for p in (root / "usr/lib/modules").glob("*") if (p / "kernel").is_dir()]
        if len(versions) != 1:
            raise GuestError("the kernel package has no module folder",
                             f"found {len(versions)} below {root}/usr/lib/modules",
                             "run `scripts/guest update`, then `scripts/guest make`")
        self.dir, self.version = versions[0], versions[0].name
        self.files = {}
        for p in self.dir.rglob("*.ko*"):
            self.files[canonical(re.sub(r"\.ko(\.\w+)?$", "", p.name))] = p
        self._data = {}

    def data(self, name):
        """The uncompressed module file."""
        name = canonical(name)
        if name not in self._data:
            p = self.files[name]
            self._data[name] = READERS[p.suffix](p)
        return self._data[name]

    def needs(self, name):
        m = re.search(rb"\0depends=([^\0]*)\0", self.data(name))
        return [canonical(d) for d in m.group(1).decode().split(",") if d] if m else []

    def place(self, name):
        """Path of the uncompressed module below /usr/lib/modules/VERSION."""
        rel = self.files[canonical(name)].relative_to(self.dir)
        return re.sub(r"\.ko\.\w+$", ".ko", str(rel))

    def closure(self, names):
        """The named modules that exist, after everything each of them needs.

        A name without a file is a driver built into this kernel: left out."""
        order = []

        def visit(name):
            if name in order or name not in self.files:
                return
            for dep in self.needs(name):
                visit(dep)
            order.append(name)
        for n in names:
            visit(canonical(n))
        return order
