# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernels for PCs, their modules and our initramfs: guests for `microvm`, which need no firmware."""
import shutil

from . import apt
from .base import GuestError, Recipe, cache_dir, finished_as, locked, say, source_digest
from .kernel import META, Kernel, package_names, unpack

# here: what kernel.py makes alone stays as it was made
META.update({"amd64": "linux-image-cloud-amd64", "i386": "linux-image-686-pae"})
SUITES = {"amd64": apt.SUITES, "i386": ("bookworm",)}      # the last with a 32-bit kernel
MAGIC = slice(0x202, 0x206), b"HdrS"    # of Linux's boot protocol


class PcKernel(Kernel):
    """The same files as of other architectures, but for firmware and a compressed image."""

    def __init__(self, cache, suite, arch):
        super().__init__(cache, suite, arch)
        self.firmware = self.image_gz = None
        self.recipe = Recipe(self.image, maker=source_digest("kernel.py", "pc.py"))

    def _fetch(self, source):
        names = package_names(source)
        say(f"kernel from {source.suite}: {', '.join(names)}")
        debs, busybox = source.fetch_single(names), source.fetch_single(["busybox-static"])
        tmp = self.tree_dir.with_name("kernel.part")
        shutil.rmtree(tmp, ignore_errors=True)
        tmp.mkdir(parents=True)
        unpack(debs, tmp)
        if (tmp / "lib").is_dir():      # packages from before /lib became a link
            shutil.copytree(tmp / "lib", tmp / "usr" / "lib", dirs_exist_ok=True)
            shutil.rmtree(tmp / "lib")
        data = next((p.read_bytes() for p in tmp.glob("boot/vmlinuz-*")), b"")
        if data[MAGIC[0]] != MAGIC[1]:
            raise GuestError("the kernel package holds no kernel", f"no bzImage in {names}", "run `scripts/guest update`")
        self.recipe.begin()
        shutil.rmtree(self.tree_dir, ignore_errors=True)
        tmp.rename(self.tree_dir)
        self._take(busybox, self.busybox, lambda tree: next(
            p for p in tree.rglob("busybox") if p.is_file() and p.parent.name == "bin"))
        with finished_as(self.image) as out:
            out.write_bytes(data)


def ready(fetch=True, arch="amd64"):
    """The kernel of the first suite that verifies, made if need be; None if it is not made, and may not be fetched."""
    cache = cache_dir()
    for suite in SUITES[arch]:
        k = PcKernel(cache, suite, arch)
        if k.fresh():
            return k
    if not fetch:
        return None
    with locked(cache / "lock"):
        source = apt.open_suite(cache, arch, SUITES[arch])
        k = PcKernel(cache, source.suite, arch)
        k.make(source)
        return k
