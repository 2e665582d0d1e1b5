# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs in cpio "newc" form, written without any host tool.

Format: Linux Documentation/driver-api/early-userspace/buffer-format.
Everything belongs to root; inode numbers and times are fixed, so the same input
gives the same bytes.
"""
import gzip
import stat


class Cpio:
    """Collects entries and writes them as one newc archive."""

    def __init__(self):
        self._out = bytearray()
        self._ino = 0
        self._dirs = set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self._ino += 1
        raw = name.encode() + b"\0"
        fields = [self._ino, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(raw), 0]
        self._out += b"070701" + b"".join(b"%08x" % f for f in fields) + raw
        self._out += b"\0" * (-len(self._out) % 4) + data
        self._out += b"\0" * (-len(self._out) % 4)

    def _parents(self, name):
        parts = name.split("/")[:-1]
        for i in range(1, len(parts) + 1):
            self.directory("/".join(parts[:i]))

    def directory(self, name, mode=0o755):
        if name not in self._dirs:
            self._parents(name)
            self._dirs.add(name)
            self._entry(name, stat.S_IFDIR | mode)

    def file(self, name, data, mode=0o644):
        self._parents(name)
        self._entry(name, stat.S_IFREG | mode, data.encode() if isinstance(data, str) else data)

    def symlink(self, name, target):
        self._parents(name)
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name, major, minor, mode=0o600):
        self._parents(name)
        self._entry(name, stat.S_IFCHR | mode, rdev=(major, minor))

    def finish(self, level=6):
        """The archive, gzip-compressed (level 0: plain)."""
        self._entry("TRAILER!!!", 0)
        data = bytes(self._out)
        return gzip.compress(data, level, mtime=0) if level else data


def base_system(busybox):
    """The folders, console nodes and busybox that every initramfs of ours has."""
    cpio = Cpio()
    for d in ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "mnt", "root", "etc", "usr/bin", "usr/sbin"):
        cpio.directory(d)
    cpio.node("dev/console", 5, 1)
    cpio.node("dev/null", 1, 3, 0o666)
    cpio.file("bin/busybox", busybox, 0o755)
    cpio.symlink("bin/sh", "busybox")
    return cpio
