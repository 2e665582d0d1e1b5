# SPDX-License-Identifier: GPL-2.0-or-later
"""The real guests that cases boot: made once by scripts/guest, else a Skip with the reason."""
import collections
import os
import subprocess
import threading

from harness import TOP, Failure, Skip, need

CC = "riscv64-linux-gnu-gcc"
_results = {}
_locks = collections.defaultdict(threading.Lock)    # cases run side by side: the first one makes the guest


def _make(name, parts):
    """A guest, or what to raise instead.  name: who makes it; parts: what it is told, besides."""
    # pylint: disable=import-outside-toplevel
    from guestlib import apt, base, guest, pc
    try:
        fetch = not os.environ.get("LYREBIRD_NO_FETCH")
        if name == "pc":
            made = pc.ready(fetch, *parts)
        elif fetch:
            made = guest.ready(*parts)
        else:
            cache, (suite, root) = base.cache_dir(), parts
            g = guest.Guest(cache, suite or guest.chosen(cache) or apt.SUITES[0])
            made = g if g.fresh(root) else None
        return made or Skip("the guest is not made, and LYREBIRD_NO_FETCH forbids to fetch it")
    except (base.GuestError, OSError) as e:
        # A suite that does not verify today is the mirror's matter; all else that goes wrong is ours.
        kind = Skip if isinstance(e, apt.NoSuite) else Failure
        return kind("no guest could be made: " + str(e).replace("\n", " "))


def _made(name, *parts):
    with _locks[name, *parts[:1]]:
        if (name, parts) not in _results:
            _results[name, parts] = _make(name, parts)
    made = _results[name, parts]
    if isinstance(made, Exception):
        raise type(made)(*made.args)
    return made


def debian(suite=None, root=True):
    """The finished files of a suite."""
    return _made("debian", suite, root)


def pc_kernel(arch="amd64"):
    """Debian's kernel for PCs (amd64: the cloud's; i386: 686-pae) and our initramfs."""
    return _made("pc", arch)


def debian_kernel():
    """The Debian kernel and our initramfs."""
    return debian(root=False).kernel


def debian_disk(bench, guest):
    """A private copy of the Debian root image."""
    disk = bench.tmp / "root.img"
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", guest.root.image, disk], check=True)
    return disk


def bare_program(bench, name, bits=64):
    """An ELF for the bare machine, from tests/functional/bare/NAME.S."""
    elf = bench.tmp / f"{name}{bits}.elf"
    isa = {64: ["-march=rv64imafdc", "-mabi=lp64d"],
           32: ["-march=rv32imac", "-mabi=ilp32", "-Wl,-melf32lriscv"]}[bits]
    assemble(elf, name, *isa, "-Wl,-Ttext=0x80000000,--build-id=none,-no-pie")
    return elf


def assemble(out, name, *options):
    """Run the cross compiler on tests/functional/bare/NAME.S."""
    subprocess.run([need(CC), "-nostdlib", "-static", "-g", *options, "-o", out,
                    TOP / "tests" / "functional" / "bare" / f"{name}.S"], check=True)


def flash_image(bench, name, payload, target):
    """A 32 MiB flash bank: a small loader, then `payload`, which it copies to `target` and enters."""
    data = payload.read_bytes()
    data += b"\0" * (-len(data) % 8)
    elf, raw = bench.tmp / f"{name}.elf", bench.tmp / f"{name}.flash"
    assemble(elf, "flash", f"-DTARGET={target:#x}", f"-DSIZE={len(data)}", "-march=rv64imafdc_zifencei",
             "-mabi=lp64d", "-fno-pic", "-Wl,-Ttext=0,--build-id=none,-no-pie,--no-relax", "-mcmodel=medany")
    subprocess.run([need("riscv64-linux-gnu-objcopy"), "-O", "binary", elf, raw], check=True)
    with open(raw, "r+b") as f:
        head = f.read()
        f.seek(0)
        f.write(head + data)
        f.truncate(32 << 20)
    return raw
