# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that are at odds with what translated code assumes: of neighbouring accesses, of code that is there."""
from guests import assemble
from harness import case
from test_litmus import accel_of


def asm(b, name, *options):
    elf = b.tmp / f"{name}.elf"
    assemble(elf, name, *options, "-march=rv64imafdc_zifencei", "-mabi=lp64d", "-Wl,-Ttext=0x80000000,--build-id=none,-no-pie")
    return elf


@case()
def test_code_at_the_end(b):
    """a hart runs the last halfword of RAM, which another one changes (found five times of five in twice the turns)"""
    elf = asm(b, "ramend", "-DRAM_END=0x84000000")
    b.machine("-bios", "none", "-smp", "2", "-m", "64M", "-accel", accel_of("multi"), "-kernel", elf).expect_exit(0)
