# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's kernel for a guest architecture, its modules, the firmware that starts it, and our initramfs."""
import gzip
import pathlib
import re
import shutil
import tempfile

from . import initramfs, modules
from .base import GuestError, Recipe, finished_as, run, say, source_digest

# Loaded at every start: the drivers that the board's usual devices need.
DEVICE_MODULES = ["virtio_mmio", "virtio_pci", "virtio_blk", "virtio_net", "virtio_rng",
                  "virtio_console", "rtc_goldfish"]
# Loaded only when a root file system is asked for.
DISK_MODULES = ["ext4"]
# Without these no guest of ours reaches its disk; the others may be missing from a kernel.
REQUIRED = ["virtio_mmio", "virtio_pci", "virtio_blk", "ext4"]
# Also carried into the Debian root, where udev and systemd load what they meet.
ROOT_MODULES = DEVICE_MODULES + DISK_MODULES + [
    "virtio_balloon", "virtio_scsi", "virtio_input", "autofs4", "overlay", "loop", "isofs", "vfat",
    "nls_ascii", "nls_cp437", "squashfs", "9p", "9pnet_virtio", "virtiofs", "tun", "bridge", "veth",
    "dm_mod", "nvme", "ahci", "sd_mod", "e1000e", "efivarfs", "configfs", "fuse", "af_packet",
    "nf_tables", "nft_chain_nat", "nft_masq", "xt_conntrack", "binfmt_misc", "dummy", "zram"]
META = {"riscv64": "linux-image-riscv64"}
FIRMWARE = {"riscv64": ("opensbi", "usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin")}


def package_names(apt):
    """The packages that hold the newest kernel: one, or split in newer suites."""
    meta = apt.show(META[apt.arch])
    m = re.search(r"linux-image-(\d[^ ,]*)", meta.get("Depends", ""))
    if not m:
        raise GuestError("cannot tell which kernel is newest", f"{META[apt.arch]} names none",
                         "run `scripts/guest update`")
    image = "linux-image-" + m.group(1)
    parts = re.findall(rf"linux-(?:binary|modules|base)-{re.escape(m.group(1))}",
                       apt.show(image).get("Depends", ""))
    return sorted(set(parts)) or [image]


def unpack(debs, where):
    for deb in debs:
        run(["dpkg-deb", "-x", str(deb), str(where)], f"cannot unpack {deb.name}",
            f"delete {deb} and run the command again")


class Kernel:
    """Kernel image, module tree, firmware and initramfs of one suite, made when missing.

    The firmware is the suite's, not the host's: Debian 12's OpenSBI can lose a hart at the start (docs/stress.md)."""

    def __init__(self, cache, suite, arch="riscv64"):
        self.dir = cache / "guest" / arch / suite
        self.suite, self.arch = suite, arch
        self.image = self.dir / "Image"
        self.image_gz = self.dir / "Image.gz"
        self.initrd = self.dir / "initramfs.cpio.gz"
        self.tree_dir = self.dir / "kernel"
        self.busybox = self.dir / "busybox"
        self.firmware = self.dir / "firmware.bin"

        maker = source_digest("kernel.py")
        self.recipe = Recipe(self.image, maker=maker)
        self.initrd_recipe = Recipe(self.initrd, maker=maker, files=source_digest(
            "initramfs.py", "modules.py", "modindex.py", "files/init", "files/udhcpc"))

    def fresh(self):
        source = self.recipe.source()
        return bool(source and self.version()) and self.initrd_recipe.source() == source

    def version(self):
        """The kernel's version, as `uname -r` says it in the guest; None if there is no kernel."""
        return next((p.name for p in self.tree_dir.glob("usr/lib/modules/*")), None)

    def make(self, apt):
        """Fetch and unpack the kernel, busybox and the firmware, and pack the initramfs."""
        if self.recipe.source() != apt.source() or not self.version():
            self._fetch(apt)
            self.recipe.done(apt.source())
        if self.initrd_recipe.source() != self.recipe.source():
            self.initrd_recipe.begin()
            self._pack()
            self.initrd_recipe.done(self.recipe.source())

    def _fetch(self, apt):
        names = package_names(apt)
        say(f"kernel from {apt.suite}: {', '.join(names)}")
        debs = apt.fetch_single(names)
        busybox = apt.fetch_single(["busybox-static"])
        firmware = apt.fetch_single([FIRMWARE[self.arch][0]])
        tmp = self.tree_dir.with_name("kernel.part")
        shutil.rmtree(tmp, ignore_errors=True)
        tmp.mkdir(parents=True)
        say("unpacking the kernel")
        unpack(debs, tmp)
        found = [p for p in tmp.rglob("vmlinu[xz]*") if p.is_file() and p.stat().st_size > 1 << 20]
        if not found:
            raise GuestError("the kernel package holds no kernel", f"no vmlinux or vmlinuz in {names}",
                             "run `scripts/guest update`")
        data = found[0].read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        if data[0x38:0x3c] != b"RSC\x05":
            raise GuestError("the kernel is not a RISC-V Image", "its header has no RSC\\x05 at 0x38",
                             "run `scripts/guest update`")
        self.recipe.begin()     # from here on, old and new files stand side by side
        shutil.rmtree(self.tree_dir, ignore_errors=True)
        tmp.rename(self.tree_dir)
        with finished_as(self.image_gz) as out:
            out.write_bytes(gzip.compress(data, 6, mtime=0))
        self._take(busybox, self.busybox, lambda tree: next(
            p for p in tree.rglob("busybox") if p.is_file() and p.parent.name == "bin"))
        self._take(firmware, self.firmware, lambda tree: tree / FIRMWARE[self.arch][1])
        (self.dir / "kernel.txt").write_text(
            f"suite {apt.suite}\nkernel {self.version()}\n" + "".join(f"{d.name}\n" for d in debs + firmware), encoding="utf-8")
        with finished_as(self.image) as out:
            out.write_bytes(data)

    def _take(self, debs, dest, find):
        """Keep one file of a package."""
        tree = dest.with_name(dest.name + ".dir")
        shutil.rmtree(tree, ignore_errors=True)
        unpack(debs, tree)
        with finished_as(dest) as out:
            shutil.copyfile(find(tree), out)
        shutil.rmtree(tree)

    def modules(self):
        return modules.ModuleTree(self.tree_dir)

    def add_modules(self, cpio, tree):
        """Put the drivers, their index and the two load orders into an initramfs.

        The index is for modprobe, which the kernel calls when it wants one more module by an alias."""
        tree.require(REQUIRED)
        with tempfile.TemporaryDirectory(dir=self.dir) as tmp:
            base = tree.install(DEVICE_MODULES + DISK_MODULES, pathlib.Path(tmp))
            for p in sorted(base.rglob("*")):
                if p.is_file() and not p.name.endswith((".bin", ".order")):    # busybox reads the text
                    cpio.file(f"lib/modules/{tree.version}/{p.relative_to(base)}", p.read_bytes())
        done = set()
        for listing, names in (("devices", DEVICE_MODULES), ("disk", DISK_MODULES)):
            order = [m for m in tree.index.load_order(names) if m not in done]
            cpio.file(f"lib/modules/{listing}", "".join(f"{tree.version}/{tree.place(m)}\n" for m in order))
            done.update(order)

    def _pack(self):
        say("packing the initramfs")
        cpio = initramfs.base_system(self.busybox.read_bytes())
        self.add_modules(cpio, self.modules())
        files = pathlib.Path(__file__).parent / "files"
        cpio.file("init", (files / "init").read_bytes(), 0o755)
        cpio.file("etc/udhcpc/default.script", (files / "udhcpc").read_bytes(), 0o755)
        with finished_as(self.initrd) as out:
            out.write_bytes(cpio.finish())
