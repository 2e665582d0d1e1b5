# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux's perf beside a running machine: -accel tcg,perfmap=on names what the guest ran."""
import pathlib
import re
import subprocess

from guests import bare_program
from harness import Skip, case, check, need, need_jit, seconds, until


def perf(b, *argv):
    """What perf says; for a sampling that is not allowed here the case is skipped."""
    b.note(b"\n$ " + " ".join(argv).encode() + b"\n")
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=seconds(60), check=False, errors="replace")
    b.note(p.stdout.encode())
    if p.returncode:
        raise Skip(f"perf does not sample here: {p.stdout.strip().splitlines()[0] if p.stdout.strip() else p.returncode}")
    return p.stdout


def runs_vcpu(m):
    return any(p.read_text(encoding="ascii").startswith("vcpu") for p in
               pathlib.Path(f"/proc/{m.proc.pid}/task").glob("*/comm"))


@case()
def test_perf_names(b):
    """perf record -e cpu-clock and perf report show guest addresses of a busy guest"""
    need_jit()
    tool, data = need("perf"), str(b.tmp / "perf.data")
    perf(b, tool, "record", "-e", "cpu-clock", "-o", data, "--", "true")
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "watch"), "-accel", "tcg,perfmap=on", "-display", "none")
    until("the vCPU has a thread", lambda: runs_vcpu(m))     # perf attaches to those that are there
    perf(b, tool, "record", "-e", "cpu-clock", "-F", "500", "-o", data, "-p", str(m.proc.pid), "--", "sleep", "2")
    report = perf(b, tool, "report", "-i", data, "--stdio", "--sort", "symbol")
    pathlib.Path(f"/tmp/perf-{m.proc.pid}.map").unlink()
    share = sum(float(x) for x in re.findall(r"^\s*([\d.]+)%.*\bguest_8000[0-9a-f]+", report, re.M))
    check(share > 50, f"only {share} % of the samples have the name of guest code:\n{report[-1500:]}")
