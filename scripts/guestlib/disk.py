# SPDX-License-Identifier: GPL-2.0-or-later
"""The disk that `scripts/guest run` writes to: a copy of a suite's image that outlives the run.

It holds the modules of the kernel it was made with, so that kernel and its initramfs are kept beside it (as
links: they cost nothing until the guest is made anew) and go on booting it after `scripts/guest update`.
"""
import contextlib
import os
import shutil

from .base import copy_sparse, finished_as, say


def keep(source, dest):
    """A second name for a file that is only ever replaced, never written to."""
    with finished_as(dest) as tmp:
        try:
            os.link(source, tmp)
        except OSError:
            shutil.copyfile(source, tmp)


class Disk:
    """The disk of one guest, in a folder with the kernel that belongs to it."""

    def __init__(self, guest):
        self.guest = guest
        self.dir = guest.cache / "run" / guest.arch / guest.suite / (guest.root.name if guest.root.name != "root" else "")
        self.image = self.dir / "disk.img"
        self.kernel, self.initrd, self.note = (self.dir / n for n in ("Image", "initramfs.cpio.gz", "kernel"))

    def made_with(self):
        """The version of the kernel that the disk was made with; None without a whole disk."""
        with contextlib.suppress(OSError):
            if self.image.exists() and self.kernel.exists() and self.initrd.exists():
                return self.note.read_text(encoding="ascii").strip()
        return None

    def prepare(self, fresh=False):
        """Make the disk if it is missing, or anew; (kernel, initramfs) to boot it with."""
        now = self.guest.kernel.version()
        if fresh or not self.made_with():
            say("copying the Debian image to a disk of its own")
            self.forget()
            copy_sparse(self.guest.root.image, self.image)
        elif self.made_with() != now:
            say(f"the disk goes on with its kernel {self.made_with()}; --fresh makes a new one, with {now}")
            return self.kernel, self.initrd
        keep(self.guest.kernel.image, self.kernel)
        keep(self.guest.kernel.initrd, self.initrd)
        self.note.write_text(now + "\n", encoding="ascii")
        return self.kernel, self.initrd

    def forget(self):
        for f in (self.note, self.image, self.kernel, self.initrd):
            f.unlink(missing_ok=True)
