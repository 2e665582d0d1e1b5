# SPDX-License-Identifier: GPL-2.0-or-later
"""The modules of an unpacked kernel package: their index, their content, a part of them for a guest."""
import gzip
import lzma
import os
import re
import shutil
import subprocess

from .base import GuestError, run
from .modindex import ModuleIndex, canonical

READERS = {".ko": lambda p: p.read_bytes(),
           ".xz": lambda p: lzma.decompress(p.read_bytes()),
           ".gz": lambda p: gzip.decompress(p.read_bytes()),
           ".zst": lambda p: subprocess.run(["zstd", "-dcq", str(p)], check=True,
                                            stdout=subprocess.PIPE).stdout}
SBIN = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/sbin:/usr/sbin"}


def depmod(tree, version):
    """Write the index of usr/lib/modules/VERSION below `tree`; depmod looks for it in lib."""
    if not (tree / "lib").exists():
        (tree / "lib").symlink_to("usr/lib")
    run(["depmod", "-b", str(tree), version], "cannot index the guest's kernel modules",
        "read the message of depmod; scripts/setup installs it (kmod)", env=SBIN)


class ModuleTree:
    """The modules below `usr/lib/modules/VERSION` of an unpacked kernel."""

    def __init__(self, root):
        versions = [p for p in (root / "usr/lib/modules").glob("*") if (p / "kernel").is_dir()]
        if len(versions) != 1:
            raise GuestError("the kernel package has no module folder",
                             f"found {len(versions)} below {root}/usr/lib/modules",
                             "run `scripts/guest update`, then `scripts/guest make`")
        self.dir, self.version = versions[0], versions[0].name
        if not (self.dir / "modules.dep").exists():
            depmod(root, self.version)      # Debian's packages leave it to their installation
        self.index = ModuleIndex(self.dir)
        self._data = {}

    def data(self, name):
        """The uncompressed module file."""
        name = canonical(name)
        if name not in self._data:
            p = self.dir / self.index.files[name]
            try:
                self._data[name] = READERS[p.suffix](p)
            except (OSError, EOFError, lzma.LZMAError, subprocess.CalledProcessError) as e:
                raise GuestError(f"cannot read the module {p.name}", f"{p}: {e}",
                                 f"run scripts/setup, delete {self.dir.parents[3]} and run `scripts/guest make`") from e
        return self._data[name]

    def place(self, name):
        """Path of the uncompressed module below /usr/lib/modules/VERSION."""
        return re.sub(r"\.ko\.\w+$", ".ko", self.index.files[canonical(name)])

    def require(self, names):
        """Raise unless this kernel has each of the drivers, as a module or built in."""
        missing = [n for n in names if self.index.lookup(n) is None]
        if missing:
            raise GuestError("this kernel cannot reach its disk",
                             f"{self.version} has no module {', '.join(missing)}, nor is it built in",
                             "run `scripts/guest update`, or choose another suite with --suite")

    def install(self, names, tree):
        """Put the modules and all that they need into another tree, uncompressed, with an index."""
        base = tree / "usr/lib/modules" / self.version
        base.mkdir(parents=True, exist_ok=True)
        for m in self.index.load_order(names, weak=True):
            dest = base / self.place(m)
            dest.parent.mkdir(parents=True, exist_ok=True)
            dest.write_bytes(self.data(m))
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            if (self.dir / name).exists():
                shutil.copyfile(self.dir / name, base / name)
        depmod(tree, self.version)
        return base
