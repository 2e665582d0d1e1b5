# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory model as harts of a bare machine see it: litmus tests, locks, changed code, changed page tables.

LYREBIRD_LITMUS=N runs N times the rounds (docs/stress.md)."""
import os
import re
import subprocess

from guests import CC
from harness import TOP, accelerators, case, check, is_peer, need

TIMES = int(os.environ.get("LYREBIRD_LITMUS", "1"))
LINE = re.compile(r"^(.+): (\d+) rounds, (\d+) forbidden, (\d+) relaxed\r?$", re.M)
LAST = {"litmus": "code patched slowly", "litmus-pages": "store, sfence.vma, walk"}


def build(b, name, harts, rounds, endless=False):
    """bare/NAME.c for so many harts."""
    elf = b.tmp / f"{name}-{harts}-{rounds}.elf"
    subprocess.run([need(CC), "-O2", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static", "-ffreestanding", "-fno-pic",
                    "-mcmodel=medany", "-march=rv64imafdc_zicsr_zifencei", "-mabi=lp64d", f"-DHARTS={harts}",
                    f"-DROUNDS={rounds}", f"-DENDLESS={endless:d}", "-Wl,-Ttext=0x80000000,--build-id=none,-no-pie", "-o", elf,
                    TOP / f"tests/functional/bare/{name}.c"], check=True)
    return elf


def litmus(b, accel, harts, rounds):
    """No test sees what the architecture forbids, and all are run."""
    for name, last in LAST.items():
        m = b.machine("-bios", "none", "-smp", str(harts), "-accel", accel,
                      "-kernel", build(b, name, harts, rounds * TIMES))
        code = m.wait(120 * TIMES)
        lines = LINE.findall(m.console.pending)
        bad = [f"{test}: {count} of {of}" for test, of, count, _ in lines if int(count)]
        check(not bad, f"{name} on {harts} harts, {accel}: seen what is forbidden: {', '.join(bad)}")
        check(code == 0 and lines and lines[-1][0] == last,
              f"{name} ended with {code} behind {lines[-1][0] if lines else 'nothing'!r}")


def accel_of(threads):
    return f"tcg,thread={threads}" if "tcg" in accelerators() or is_peer() else "interp"


@case()
def test_litmus_two(b):
    """two harts with a thread each"""
    litmus(b, accel_of("multi"), 2, 40)


@case()
def test_litmus_four(b):
    """four, more than most hosts that test have processors to spare"""
    litmus(b, accel_of("multi"), 4, 6)


@case(quick=False)
def test_litmus_eight(b):
    """eight harts with a thread each"""
    litmus(b, accel_of("multi"), 8, 2)


@case()
def test_litmus_in_turns(b):
    """four harts that share a thread"""
    litmus(b, accel_of("single"), 4, 6)


@case()
def test_litmus_interpreted(b):
    """two harts of the interpreter"""
    if not is_peer():
        litmus(b, "interp", 2, 2)
