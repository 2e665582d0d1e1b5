# SPDX-License-Identifier: GPL-2.0-or-later
"""x86 processors on the board `bare`: payloads of tests/functional/x86, each of which says in its head what it prints.

A payload ends by isa-debug-exit.  It runs on the interpreter, translated, and on both in lockstep (where processors take
turns: what one does between the two runs of a block, the other would see)."""
import re
import subprocess

from harness import TOP, accelerators, case, check, need, not_on_peer

FOLDER = TOP / "tests" / "functional" / "x86"
FLAGS = ["-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
         "-mgeneral-regs-only", "-nostdlib", "-static", "-Wall", "-Werror", "-Wl,--build-id=none,--no-warn-rwx-segments"]
BOARDS = {"x86_64": ("-arch", "x86_64", "-M", "bare"), "i386": ("-arch", "i386", "-M", "bare")}


def engines():
    """The values of -accel to run a payload with."""
    names = accelerators()
    return names + (["tcg,thread=single", "tcg,lockstep=on,thread=single"] if "tcg" in names else [])


def build(b, name, *options):
    """The 32-bit multiboot kernel made of NAME.c."""
    elf = b.tmp / name
    subprocess.run([need("gcc"), "-m32", "-march=i386", *FLAGS, *options, f"-Wl,-T,{FOLDER}/link.ld", "-o", elf,
                    FOLDER / "boot.S", FOLDER / f"{name}.c", FOLDER / "lib.c"], check=True)
    return elf


def expected(name):
    """What a payload says that it prints."""
    text = (FOLDER / f"{name}.c").read_text(encoding="utf-8")
    return [line.removesuffix(" */") for line in re.findall(r"^ \* expect: (.*)$", text, re.M)]


def compare(name, accel, text):
    """All lines, in their order."""
    got, want = text.replace("\r", "").splitlines(), expected(name)
    for n, line in enumerate(want):
        check(n < len(got), f"{accel}: it ended before {line!r}")
        check(got[n] == line, f"{accel}: {got[n]!r} instead of {line!r}")
    check(len(got) == len(want), f"{accel}: {got[len(want):]!r} is too much")


def run(b, name, *args, archs=("x86_64", "i386"), memory="64M"):
    """Build and run a payload on all engines."""
    not_on_peer("it has no such board")
    elf = build(b, name)
    for arch in archs:
        for accel in engines():
            code, out, _ = b.run(*BOARDS[arch], "-m", memory, "-display", "none", "-serial", "stdio", "-monitor", "none",
                                 "-device", "isa-debug-exit,iobase=0x501", "-no-reboot", "-accel", accel, "-kernel", elf,
                                 *args)
            compare(name, f"{arch}, {accel}", out)
            check(code == 1, f"{arch}, {accel}: exit code {code}, not isa-debug-exit's 1")


@case()
def test_x86_multiboot(b):
    """a multiboot kernel is told its command line, modules and memory"""
    run(b, "hello", "-append", "hello one=1")


@case()
def test_x86_faults(b):
    """exceptions of protected mode come with their vectors and error codes"""
    run(b, "faults")


@case()
def test_x86_paging(b):
    """two-level and PAE paging: rights, error codes, accessed and dirty bits, NX, SMEP, SMAP"""
    run(b, "paging", "-cpu", "max")


@case()
def test_x86_levels(b):
    """call gates, tasks, port permissions and virtual-8086 mode"""
    run(b, "levels")


@case()
def test_x86_interrupts(b):
    """interrupts by PIC and local APIC, HLT, shadows, NMI, single steps and breakpoints of code"""
    run(b, "interrupts")


@case()
def test_x86_smp(b):
    """INIT and start-up messages, interrupts between processors, locked instructions"""
    run(b, "smp", "-smp", "2")
