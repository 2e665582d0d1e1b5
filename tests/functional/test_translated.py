# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that are at odds with what translated code assumes: of neighbouring accesses, of code that is there."""
from guests import assemble
from harness import accelerators, case, check, is_peer
from test_litmus import accel_of, build


@case()
def test_shared_checks(b):
    """random loads and stores around the ends of pages that change are the same under each accelerator"""
    elf = build(b, "shares", 1, 800)
    accels = [] if is_peer() else accelerators() + (["tcg,lockstep=on"] if "tcg" in accelerators() else [])
    sums = {}
    for accel in [accel_of("multi"), accel_of("single"), *accels]:
        m = b.machine("-bios", "none", "-accel", accel, "-kernel", elf)
        code = m.wait(60)
        check(code == 0, f"{accel} ended with {code}")
        sums[accel] = m.console.pending.strip()
    check(len(set(sums.values())) == 1, f"they differ: {sums}")


def asm(b, name, *options):
    elf = b.tmp / f"{name}.elf"
    assemble(elf, name, *options, "-march=rv64imafdc_zifencei", "-mabi=lp64d", "-Wl,-Ttext=0x80000000,--build-id=none,-no-pie")
    return elf


@case()
def test_addresses_far_apart(b):
    """an address half the address space from one that was just used faults, and that is all"""
    elf = asm(b, "far")
    for accel in accelerators():
        b.machine("-bios", "none", "-accel", accel, "-kernel", elf).expect_exit(0)


@case()
def test_code_at_the_end(b):
    """a hart runs the last halfword of RAM, which another one changes (found five times of five in twice the turns)"""
    elf = asm(b, "ramend", "-DRAM_END=0x84000000")
    b.machine("-bios", "none", "-smp", "2", "-m", "64M", "-accel", accel_of("multi"), "-kernel", elf).expect_exit(0)
