# SPDX-License-Identifier: GPL-2.0-or-later
"""A running machine's vCPUs go from one accelerator to another, and back."""
import re

from harness import check, case, not_on_peer, until
from test_kvm import QUIET, need_kvm
from test_qmp import Client
from test_x86 import build64

MULTIPLIER, INCREMENT, WORD, INNER = 6364136223846793005, 1442695040888963407, 1 << 64, 0x100000


def state_after(count):
    """Of the payload's generator: x -> a x + c, composed with itself by squaring."""
    a, c, x, step = MULTIPLIER, INCREMENT, 1, count
    while step:
        if step & 1:
            x = (a * x + c) % WORD
        c = (a * c + c) % WORD
        a = a * a % WORD
        step >>= 1
    return x


def compare_ring3(text):
    """What the payload says is what its count makes of everything else."""
    found = re.search(r"state (\w+) count (\w+) sums (\w+) (\w+) x87 (\w+)", text)
    check(found, f"the payload said {text!r}")
    state, count, one, three, x87 = (int(s, 16) for s in found.groups())
    check(state == state_after(count), f"state {state:x} after {count} rounds")
    check((one, three) == (count, 3 * count % WORD), f"vectors {one:x}, {three:x} after {count:x} rounds")
    check(x87 * INNER == count, f"x87: {x87:x} after {count:x} rounds")


def registers(c):
    """All of them, as the human monitor shows them."""
    return c.ask("human-monitor-command", **{"command-line": "info registers"})


@case(limit=120)
def test_handover_ring3(b):
    """a loop at level 3 goes from KVM to the translator and back a hundred times, and counts right"""
    need_kvm(b)
    path, elf = str(b.tmp / "qmp"), build64(b, "ring3")
    for first, second in (("kvm", "tcg"), ("tcg", "kvm")):
        m = b.machine("-arch", "x86_64", "-M", f"bare,x-accel-reserve={second}", "-accel", first, "-m", "64M", "-serial", "stdio", *QUIET,
                      "-kernel", elf, "-qmp", f"unix:{path},server=on,wait=off", serial=False, board=())
        c = Client(path)
        m.expect("ready", 20)
        for n in range(100):
            now = second if n % 2 == 0 else first
            c.ask("x-accel-set", accel=now)
            check(c.ask("query-kvm")["enabled"] == (now == "kvm"), f"query-kvm after {n + 1} times")
            before = registers(c)
            until("it runs there", lambda: registers(c) != before)
        m.send("x")
        compare_ring3(m.expect(r"state .*\n", 60).group(0))
        m.expect_exit(1)


@case()
def test_handover_refused(b):
    """without an accelerator in reserve, or with one of the same kind, there is none: the reason says what to do"""
    not_on_peer("it has no such command")
    path, elf = str(b.tmp / "qmp"), build64(b, "ring3")
    args = ("-arch", "x86_64", "-m", "64M", *QUIET, "-kernel", elf, "-accel", "interp")
    code, _, err = b.run(*args, "-M", "bare,x-accel-reserve=tcg")
    check(code == 1 and "of the same kind as -accel interp" in err, err)
    b.machine(*args, "-M", "bare", "-qmp", f"unix:{path},server=on,wait=off", serial=False, board=())
    Client(path).fails("x-accel-set", "GenericError", "start it with -machine x-accel-reserve=kvm", accel="kvm")
