#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Which modules the initramfs loads, and in which order: as modprobe would."""
import lzma
import os
import shutil
import subprocess
import sys

from checks import Skip, equal, main
from guestlib.base import GuestError
from guestlib.modindex import ModuleIndex, canonical
from guestlib.modules import SBIN, ModuleTree


def index(folder, dep, **files):
    """An index from the text of modules.dep and, by keyword, of others (builtin_modinfo: a list)."""
    files["dep"] = dep
    for name, text in files.items():
        (folder / ("modules." + name.replace("_", "."))).write_text(text, encoding="utf-8")
    return ModuleIndex(folder)


EXT4 = """\
kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz
kernel/fs/jbd2/jbd2.ko.xz:
kernel/fs/mbcache.ko.xz:
kernel/lib/crc16.ko.xz:
kernel/crypto/crc32c_generic.ko.xz:
"""


def test_soft_by_alias(tmp):
    """ext4 of Linux 6.12: its checksum is a soft dependency, named by an alias"""
    ix = index(tmp, EXT4, softdep="softdep ext4 pre: crypto-crc32c\nsoftdep jbd2 pre: crypto-crc32c\n",
               alias="alias crypto-crc32c-generic crc32c_generic\nalias crypto-crc32c crc32c_generic\n")
    equal(ix.load_order(["ext4"]), ["crc32c_generic", "jbd2", "mbcache", "crc16", "ext4"])


def test_pre_and_post(tmp):
    """pre comes before, post after; words before either mean nothing; several lines add up"""
    dep = "".join(f"kernel/{n}.ko:\n" for n in "abcdefg")
    ix = index(tmp, dep, softdep="softdep a b pre: c post: d e\nsoftdep a pre: f\n")
    equal(ix.load_order(["a"]), ["c", "f", "a", "d", "e"])


def test_soft_of_dependency(tmp):
    """the soft dependency of a module that is only depended on counts too"""
    ix = index(tmp, "k/a.ko: k/b.ko\nk/b.ko:\nk/c.ko:\n", softdep="softdep b pre: c\n")
    equal(ix.load_order(["a"]), ["c", "b", "a"])


def test_missing_soft(tmp):
    """a soft dependency that nothing offers is no fault"""
    ix = index(tmp, "k/a.ko:\n", softdep="softdep a pre: nobody post: crypto-nothing\n")
    equal(ix.load_order(["a"]), ["a"])


def test_all_providers(tmp):
    """each module that offers an alias is loaded, patterns and symbols included"""
    ix = index(tmp, "k/a.ko:\nk/x1.ko:\nk/x2.ko:\nk/y.ko:\n", softdep="softdep a pre: crypto-x symbol:y_call\n",
               alias="alias crypto-x x1\nalias crypto-[xz]* x2\n", symbols="alias symbol:y_call y\n")
    equal(ix.load_order(["a"]), ["x1", "x2", "y", "a"])


def test_builtin(tmp):
    """what the kernel has built in, by name or by alias, is known and not loaded; a built-in's wishes count"""
    ix = index(tmp, "k/a.ko:\nk/c.ko:\n", softdep="softdep a pre: crypto-crc32c my-driver\n",
               builtin="kernel/lib/crc32c.ko\nkernel/drivers/my-driver.ko\n",
               builtin_modinfo="crc32c.alias=crypto-crc32c\0my_driver.softdep=pre: c\0crc32c.license=GPL\0")
    equal(ix.load_order(["a"]), ["c", "a"])
    equal(ix.lookup("crypto_crc32c"), ["crc32c"])
    equal(ix.lookup("my_driver"), ["my_driver"])
    equal(ix.lookup("nothing"), None)


def test_names(tmp):
    """- and _ are the same in names, aliases and files, but not inside [...] of a pattern"""
    ix = index(tmp, "k/snd-a.ko.zst: k/snd_b.ko.zst\nk/snd_b.ko.zst:\n", softdep="softdep snd_a post: my-alias\n",
               alias="alias my_alias snd-b\n")
    for name in ("snd-a", "snd_a"):
        equal(ix.load_order([name]), ["snd_b", "snd_a"])
    equal(canonical("usb:v-[0-9]-x"), "usb:v_[0-9]_x")


def test_cycles(tmp):
    """circles of soft, hard and mixed dependencies end"""
    ix = index(tmp, "k/a.ko: k/b.ko\nk/b.ko: k/a.ko\nk/c.ko:\nk/d.ko:\n",
               softdep="softdep a pre: c\nsoftdep c pre: a post: d\nsoftdep d pre: c post: d\n")
    equal(sorted(ix.load_order(["a"])), ["a", "b", "c", "d"])
    equal(sorted(ix.load_order(["d"])), ["a", "b", "c", "d"])


def test_once(tmp):
    """a module is loaded once, however many need it"""
    ix = index(tmp, EXT4 + "k/x.ko: kernel/lib/crc16.ko.xz\n")
    equal(ix.load_order(["x", "ext4", "x", "crc16"]), ["crc16", "x", "jbd2", "mbcache", "ext4"])


def test_weak(tmp):
    """weak dependencies are carried along, not loaded"""
    ix = index(tmp, "k/a.ko:\nk/b.ko:\n", weakdep="weakdep a b\n")
    equal(ix.load_order(["a"]), ["a"])
    equal(ix.load_order(["a"], weak=True), ["a", "b"])


def test_broken_index(tmp):
    """lines that are cut or empty are passed over"""
    ix = index(tmp, "\nk/a.ko:\nk/b.ko\n", softdep="softdep\nsoftdep a\n\n#x\nsoftdep a pre:\n",
               alias="alias\nalias x\n", builtin="\n", builtin_modinfo="\0.\0a.\0=\0")
    equal(ix.load_order(["a", "b", "c"]), ["a", "b"])


# Real modules: one section with strings is all that depmod reads of them.
MODULE = '.section .modinfo,"a"\n.asciz "name={name}"\n.asciz "depends={depends}"\n{rows}'


def module_tree(tmp, **modules):
    """A kernel's folder with ELF modules, xz-compressed: name=(depends, rows of .modinfo)."""
    gcc = shutil.which("gcc")
    if not gcc or not shutil.which("depmod", path=SBIN["PATH"]):
        raise Skip("gcc or depmod is not installed (scripts/setup installs them)")
    base = tmp / "usr/lib/modules/1.0-test"
    (base / "kernel").mkdir(parents=True)
    for name, (depends, rows) in modules.items():
        source, obj = tmp / "m.S", tmp / "m.o"
        text = MODULE.format(name=name, depends=depends, rows="".join(f'.asciz "{r}"\n' for r in rows))
        exports = f'.section .text\n.globl {name}_call\n{name}_call: ret\n'
        exports += f'.section __ksymtab_strings,"a"\n.asciz "{name}_call"\n'
        exports += f'.globl __ksymtab_{name}_call\n__ksymtab_{name}_call:\n'
        uses = "".join(f'.section .data\n.quad {d}_call\n' for d in depends.split(",") if d)
        source.write_text(text + exports + uses, encoding="utf-8")
        subprocess.run([gcc, "-c", "-o", obj, source], check=True)
        (base / f"kernel/{name}.ko.xz").write_bytes(lzma.compress(obj.read_bytes(), check=lzma.CHECK_CRC32))
    return ModuleTree(tmp)


def test_real_modules(tmp):
    """the folder of a Debian package, without an index: depmod makes it, .ko.xz files are read, modprobe agrees"""
    tree = module_tree(tmp, fs=("sum", ["softdep=pre: crypto-crc32c post: late"]), sum=("", []),
                       crc32c_generic=("", ["alias=crypto-crc32c"]), late=("", []), other=("", []))
    order = tree.index.load_order(["fs"])
    equal(order, ["sum", "crc32c_generic", "fs", "late"])
    equal(tree.data("fs")[:4], b"\x7fELF")
    equal(tree.place("crc32c-generic"), "kernel/crc32c_generic.ko")
    if shutil.which("modprobe", path=SBIN["PATH"]):
        out = subprocess.run(["modprobe", "-C", os.devnull, "-d", tmp, "-S", "1.0-test", "--show-depends", "fs"],
                             env=SBIN, check=True, stdout=subprocess.PIPE, text=True).stdout
        equal([os.path.basename(s).split(".")[0] for s in out.split() if s.endswith(".xz")], order)


def test_cut_module(tmp):
    """a module that a full disk cut is named"""
    tree = module_tree(tmp, fs=("", []))
    path = tree.dir / "kernel/fs.ko.xz"
    path.write_bytes(path.read_bytes()[:-40])
    try:
        tree.data("fs")
    except GuestError as e:
        assert "fs.ko.xz" in str(e) and "do:" in str(e), str(e)
        return
    raise AssertionError("half a module was read")


def test_install(tmp):
    """a part of the modules in another tree: uncompressed, with what they need and an index of their own"""
    tree = module_tree(tmp / "from", fs=("", ["softdep=pre: crypto-x"]), x=("", ["alias=crypto-x"]), other=("", []))
    base = tree.install(["fs"], tmp / "to")
    equal(sorted(p.name for p in base.rglob("*.ko")), ["fs.ko", "x.ko"])
    equal(ModuleTree(tmp / "to").index.load_order(["fs"]), ["x", "fs"])


def test_required(tmp):
    """a kernel without a driver for its disk is refused by name when the guest is made"""
    tree = module_tree(tmp, ext4=("", []))
    (tree.dir / "modules.builtin").write_text("kernel/virtio_blk.ko\n", encoding="ascii")
    tree.index = ModuleIndex(tree.dir)
    tree.require(["ext4", "virtio-blk"])
    try:
        tree.require(["ext4", "nvme"])
    except GuestError as e:
        assert "nvme" in str(e) and "ext4" not in str(e), str(e)
        return
    raise AssertionError("nothing was refused")


if __name__ == "__main__":
    sys.exit(main(__name__))
