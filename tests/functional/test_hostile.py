# SPDX-License-Identifier: GPL-2.0-or-later
"""Broken input files: an error message and exit code 1, never a crash and never a hang."""
import contextlib
import gzip
import struct

from harness import case, check, is_peer, not_on_peer


def survives(b, *args, may_run=False):
    """Start with broken input: it must end with 1, or (may_run) run and answer; a signal is a crash."""
    m = b.machine(*args, "-serial", "none", "-monitor", "stdio", serial=False)
    if may_run:
        with contextlib.suppress(BrokenPipeError):
            m.send("info status\ninfo registers\nquit\n")
    code = m.wait(30)
    check(code == 1 or (may_run and code == 0), f"{args}: ended with {code}")


def elf(**over):
    """A 64-bit RISC-V ELF header and one program header, with chosen fields broken."""
    f = {"machine": 243, "phoff": 64, "phentsize": 56, "phnum": 1, "offset": 0x1000, "vaddr": 0x80000000,
         "filesz": 0x10, "memsz": 0x10, "entry": 0x80000000, **over}
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, f["machine"], 1, f["entry"], f["phoff"], 0, 5, 64, f["phentsize"], f["phnum"], 64, 0, 0)
    ph = struct.pack("<IIQQQQQQ", 1, 7, f["offset"], f["vaddr"], f["vaddr"], f["filesz"], f["memsz"], 4096)
    return (head + ph).ljust(0x1000, b"\0") + b"\x13\0\0\0" * 4


@case()
def test_broken_elf(b):
    """ELF kernels with wild headers are refused or run, never a crash"""
    wild = [{"phoff": 1 << 62}, {"phnum": 65535}, {"phentsize": 1}, {"offset": 1 << 60}, {"filesz": 1 << 62},
            {"memsz": 1 << 62}, {"vaddr": (1 << 64) - 0x1000}, {"filesz": 0x20, "memsz": 0x10}, {"machine": 62},
            {"vaddr": 0x1000000000000}]
    for i, over in enumerate(wild):
        path = b.tmp / f"{i}.elf"
        path.write_bytes(elf(**over))
        survives(b, "-bios", "none", "-kernel", path, may_run=True)
    path = b.tmp / "cut.elf"
    for size in (1, 4, 20, 63, 64, 100):
        path.write_bytes(elf()[:size])
        survives(b, "-bios", "none", "-kernel", path, may_run=True)


@case()
def test_broken_gzip(b):
    """a truncated or corrupt gzip kernel is refused or run as it is, never a crash"""
    good = gzip.compress(bytes(0x30) + b"RISCV\0\0\0RSC\5" + bytes(100000), mtime=0)
    for i, data in enumerate((good[:50], good[:-5], good[:20] + b"\xff" * 40 + good[60:], b"\x1f\x8b", b"")):
        path = b.tmp / f"{i}.gz"
        path.write_bytes(data)
        survives(b, "-kernel", path, may_run=True)


@case()
def test_broken_dtb(b):
    """truncated and corrupt device trees are refused"""
    not_on_peer("the stand-in crashes on these")
    dtb = b.tmp / "ok.dtb"
    b.run("-M", f"virt,dumpdtb={dtb}", "-display", "none")
    check(dtb.exists(), "no dumped tree to break")
    good = dtb.read_bytes()
    bad = [good[:3], good[:39], good[:len(good) // 2], b"\0" * 64, good[:4] + b"\xff\xff\xff\xff" + good[8:],
           good[:8] + b"\x7f\xff\xff\xff" + good[12:]]
    for i, data in enumerate(bad):
        path = b.tmp / f"{i}.dtb"
        path.write_bytes(data)
        survives(b, "-dtb", path, may_run=True)


@case()
def test_oversize(b):
    """a firmware or initrd larger than memory is refused"""
    big = b.tmp / "big"
    with open(big, "wb") as f:
        f.truncate(200 << 20)
    survives(b, "-bios", big, "-m", "64M")
    small = b.tmp / "kernel"
    small.write_bytes(bytes(0x30) + b"RISCV\0\0\0RSC\5" + bytes(100000))
    survives(b, "-kernel", small, "-initrd", big, "-m", "64M", may_run=True)


@case()
def test_wild_values(b):
    """absurd sizes and numbers on the command line are refused"""
    smp = [] if is_peer() else [["-smp", "0"]]      # the stand-in only warns
    for args in (*smp, ["-m", "99999999T"], ["-m", "-5M"], ["-m", "x"], ["-smp", "100000"],
                 ["-smp", "-1"], ["-smp", "cpus=x"], ["-drive", "format=raw"], ["-netdev", "user"],
                 ["-device", "virtio-blk-device,drive=nothing"], ["-chardev", "socket,id=c"], ["-gdb", "tcp:x:y"]):
        code, _, err = b.run("-M", "virt", "-display", "none", "-bios", "none", "-S", *args)
        check(code == 1 and err, f"{args}: exit code {code}, message {err!r}")
