#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Process start to the guest's first serial byte under KVM: ours, a 100-line monitor's (monitor.c), and QEMU's if it is there.

  tests/accel/kvm/bench-start.py [BUILD-FOLDER]

Prints the median of 15 runs each, taken in turns, in ms of wall time, and of processor time (the process's own and its threads')."""
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROUNDS = 15
MICROVM = ["-M", "microvm,rtc=off,pit=off,pic=off", "-m", "64M", "-nodefaults", "-display", "none", "-serial", "stdio", "-kernel"]


def run(argv):
    """(wall, processor) milliseconds to the first byte; the process is ended then."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as p:
        byte = p.stdout.read(1)
        wall = time.monotonic() - start
        p.kill()
        p.wait()
    if byte != b"K":
        raise SystemExit(f"{argv[0]} said {byte!r}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1e3, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[2] / "build")
    with tempfile.TemporaryDirectory() as tmp:
        kernel = pathlib.Path(tmp) / "first"
        subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,-n,-Ttext=0x100000,--section-start=.note=0x101000,--build-id=none", "-o", kernel,
                        HERE / "first.S"], check=True)
        rows = {"monitor": [folder / "tests/accel/kvm/kvm-monitor", kernel],
                "lyrebird": [folder / "lyrebird", "-arch", "x86_64", "-accel", "kvm", *MICROVM, kernel]}
        if shutil.which("qemu-system-x86_64"):
            rows["qemu"] = ["qemu-system-x86_64", "-accel", "kvm", *MICROVM, kernel]
        took = {name: [] for name in rows}
        for _ in range(ROUNDS):
            for name, argv in rows.items():
                took[name].append(run([str(a) for a in argv]))
    base = statistics.median(t[0] for t in took["monitor"])
    for name, times in took.items():
        wall, cpu = (statistics.median(t[i] for t in times) for i in (0, 1))
        print(f"{name:9} {wall:7.1f} ms  {cpu:7.1f} ms of processor  {wall / base:5.2f} times the monitor's")


main()
