# SPDX-License-Identifier: GPL-2.0-or-later
"""The bench guest: Debian's kernel and an initramfs with our programs, made when missing."""
import hashlib
import pathlib
import re
import subprocess
import sys

from peers import BenchError

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "scripts"))
from guestlib import base, guest, initramfs  # noqa: E402  (needs the path above)

CC = "riscv64-linux-gnu-gcc"
DISK_BYTES = 64 << 20


def compile_to(out, files, *options, cc=CC):
    try:
        p = subprocess.run([cc, *options, "-o", out, *files, "-lm"], stdout=subprocess.PIPE, check=False,
                           stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError as e:
        raise BenchError(f"cannot build the guest programs: {cc} is not installed\n  do:  run scripts/setup") from e
    if p.returncode:
        raise BenchError(f"the guest programs do not compile:\n{p.stdout}")
    return out


def sources():
    return sorted((HERE / "guest").glob("*.c"))


def programs_of(files):
    """{name: group} of all programs of some files, read from their tables."""
    out = {}
    for source in files:
        rows = re.findall(r'\{\s*"(\w+)",\s*"([\w-]+)",', source.read_text(encoding="utf-8"))
        if not rows:
            raise BenchError(f"no programs are found in {source.name}\n  do:  mend the pattern in tests/bench/guest.py")
        out.update((name, group) for group, name in rows)
    return out


def programs():
    """Those of the bench under a system; tests/scripts/test-bench.py compares it with `bench list`."""
    return programs_of(HERE / "guest" / f"{s}.c" for s in ("integer", "calls", "memory", "float", "atomics", "system", "disk"))


class BenchGuest:
    """Kernel image, initramfs with the programs, and the two-instruction program."""

    def __init__(self, say):
        cache, self.disks = base.cache_dir(), None
        self.kernel = guest.ready(root=False).kernel
        folder = cache / "bench"
        folder.mkdir(exist_ok=True)
        self.initrd, self.payload = folder / "initramfs.cpio", folder / "pass.elf"
        files = sorted((HERE / "guest").glob("*.[ch]")) + [HERE / "guest" / "init"]
        recipe = base.Recipe(self.initrd, files=[p.read_text(encoding="utf-8") for p in files],
                             busybox=self.kernel.recipe.source())
        if not recipe.source() or not self.payload.exists():
            say("compiling the guest programs")
            recipe.begin()
            self._pack(folder)
            recipe.done("here")

    def with_disks(self, say):
        """From here on boots have drivers and two disks with the same content, raw and qcow2; new ones for each boot."""
        whole, self.disks = self.initrd.with_name("initramfs-disk.cpio"), self.initrd.parent
        say("packing the drivers of disks")
        cpio = initramfs.Cpio()
        self.kernel.add_modules(cpio, self.kernel.modules())
        with base.finished_as(whole) as out:
            out.write_bytes(self.initrd.read_bytes() + cpio.finish(level=0))    # the kernel takes one behind the other
        self.initrd = whole

    def _disk_options(self):
        """The images are made anew: every boot begins with the same bytes."""
        raw, qcow2 = self.disks / "disk.raw", self.disks / "disk.qcow2"
        raw.write_bytes(b"".join(hashlib.sha256(b"%d" % i).digest() * 128 for i in range(DISK_BYTES // 4096)))
        subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
        return [word for name, path in (("raw", raw), ("qcow2", qcow2)) for word in
                ("-drive", f"file={path},format={name},if=none,id={name}", "-device", f"virtio-blk-device,drive={name},serial={name}")]

    def _pack(self, folder):
        program = compile_to(folder / "bench", sources(), "-O2", "-static", "-Wall")
        compile_to(self.payload, [TOP / "tests/functional/bare/pass.S"], "-nostdlib", "-static",
                   "-march=rv64imac", "-mabi=lp64", "-Wl,-Ttext=0x80000000,--build-id=none,-no-pie")
        cpio = initramfs.base_system(self.kernel.busybox.read_bytes())
        cpio.file("bench", program.read_bytes(), 0o755)
        cpio.file("init", (HERE / "guest/init").read_bytes(), 0o755)
        with base.finished_as(self.initrd) as out:
            out.write_bytes(cpio.finish(level=0))

    def boot(self, asked):
        """Emulator arguments that boot the guest and make it do what is asked."""
        return [*(self._disk_options() if self.disks else []),
                "-bios", self.kernel.firmware, "-kernel", self.kernel.image, "-initrd", self.initrd,
                "-append", f'console=ttyS0 quiet bench="{asked}"']
