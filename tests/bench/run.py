#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Speed of Lyrebird beside QEMU: the same guest, the same programs, alternating, the best of several.

  scripts/dev bench                       all programs, boot, memory, start
  scripts/dev bench integer chase         only these groups or programs
  scripts/dev bench disk                  random 4 KiB on two disks, which no other run has
  scripts/dev bench --arch x86_64         x86: bare programs (tests/bench/bare.py), by CPU time
  scripts/dev bench --peer newest         against sid's QEMU (scripts/guest peer fetches it)
  scripts/dev bench --json out.json       keep every figure

A ratio is the peer's time divided by ours: above 1, Lyrebird is faster.  "guest" is by the
guest's clock, "cpu" by the emulator process's own user and system time, which a busy host
disturbs less (only of runs where guest and host clock agree).  Programs must give the same checksum on both sides.
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bare  # noqa: E402  (needs the path above)
from guest import TOP, BenchGuest, base, programs  # noqa: E402  (needs the path above)
from peers import BenchError, Emulator, Run, peak_rss_kib  # noqa: E402

ARCHS = {"riscv64": ("guest", "cpu"), "x86_64": ("cpu",)}       # and the clocks that judge
def say(text):
    """Progress, on the error stream, in one line that is written over on a terminal."""
    end = "\r" if sys.stderr.isatty() else "\n"
    print(("\033[K" if end == "\r" else "") + "bench: " + text, end=end, file=sys.stderr, flush=True)


class Results:
    """The smallest value of each figure for each emulator, and the checksums."""

    def __init__(self):
        self.best = {}
        self.sums = {}
        self.skew = 0.0

    def keep(self, emulator, figure, value):
        slot = self.best.setdefault(figure, {})
        slot[emulator] = min(value, slot.get(emulator, value))

    def check_sum(self, emulator, name, value):
        first = self.sums.setdefault(name, (emulator, value))
        if first[1] != value:
            raise BenchError(f"{name} gives {value} on {emulator}, but {first[1]} on {first[0]}: one computes wrongly")

    def ratio(self, figure, ours, peer):
        slot = self.best.get(figure, {})
        if ours in slot and peer in slot and slot[ours] > 0:
            return slot[peer] / slot[ours]
        return None


def run_programs(emulator, guest, asked, results, limit):
    """One boot that runs the programs; keeps boot, program and CPU times."""
    r = Run(emulator, *guest.boot(asked), limit=limit)
    begun, walls, guests = {}, 0.0, 0.0
    for when, cpu, line in r.lines():
        if line.startswith("Lyrebird: user space"):
            results.keep(emulator.name, "boot wall", when - r.start)
            results.keep(emulator.name, "boot cpu", cpu)
        elif line.startswith("B "):
            begun[line[2:]] = (when, cpu)
            say(f"{emulator.name}: {line[2:]}")
        elif line.startswith("E "):
            _, name, ns, checksum = line.split()
            start, start_cpu = begun[name]
            results.check_sum(emulator.name, name, checksum)
            results.keep(emulator.name, f"guest {name}", int(ns) / 1e9)
            if abs((when - start) / (int(ns) / 1e9) - 1) < 0.1:     # else a line was read late
                results.keep(emulator.name, f"cpu {name}", cpu - start_cpu)
            walls, guests = walls + when - start, guests + int(ns) / 1e9
    code, _ = r.finish()
    if code != 0 or "bench ended" not in r.text:
        raise BenchError(f"{emulator.name} ended with {code} before the bench was over; it said:\n{r.tail()}")
    if guests:
        results.skew = max(results.skew, abs(walls / guests - 1))


def run_idle(emulator, guest, results):
    """A 512 MiB guest that boots and touches little: peak memory of the process."""
    r = Run(emulator, *guest.boot("idle"), limit=120)
    peak = 0
    for _, _, line in r.lines():
        if line.startswith("Lyrebird:"):
            peak = max(peak, peak_rss_kib(r.proc.pid))
    r.finish()
    results.keep(emulator.name, "rss", peak / 1024)


def run_start(emulator, guest, results, count=7):
    """Process start to the end of a guest of two instructions: CPU time of the whole process."""
    for _ in range(count):
        r = Run(emulator, "-bios", "none", "-kernel", guest.payload, limit=30)
        for _ in r.lines():
            pass
        code, cpu = r.finish()
        if code != 0:
            raise BenchError(f"{emulator.name} ended with {code} on the smallest guest; it said:\n{r.tail()}")
        results.keep(emulator.name, "start", cpu * 1000)


def geomean(values):
    values = [v for v in values if v]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def shown(x, form="{:6.2f}"):
    return form.format(x) if x is not None else "   -  "


def row(first, second, ours, peer, ratios):
    return f"{first:9} {second:12} {ours:>12} {peer:>12} " + " ".join(f"{r:>7}" for r in ratios)


def table(results, known, clocks, ours, peer):
    """The report: one row a program, a geomean a group, then boot, memory and start.  The first clock gives the times."""
    rows = [row("group", "program", ours + " ms", peer + " ms", clocks)]
    groups = {}
    for name, group in known.items():
        slot = results.best.get(f"{clocks[0]} {name}")
        if not slot:
            continue
        ratios = [results.ratio(f"{clock} {name}", ours, peer) for clock in clocks]
        groups.setdefault(group, []).append(ratios)
        times = [f"{1000 * slot.get(e, math.nan):.1f}" for e in (ours, peer)]
        rows.append(row(group, name, *times, map(shown, ratios)))
    rows.append("")
    summary = {g: [geomean(column) for column in zip(*v)] for g, v in groups.items()}
    for g, ratios in summary.items():
        rows.append(row(g, "geomean", "", "", map(shown, ratios)))
    if len(summary) > 1:
        rows.append(row("all", "geomean", "", "", [shown(geomean(column)) for column in zip(*summary.values())]))
    rows.append("")
    for figure, title, scale in (("boot wall", "boot to user space, wall ms", 1000), ("boot cpu", "boot to user space, CPU ms", 1000),
                                 ("rss", "peak memory, 512 MiB guest, MiB", 1), ("start", "start to first instruction, CPU ms", 1)):
        slot = results.best.get(figure)
        if slot:
            rows.append(f"{title:34} {scale * slot.get(ours, math.nan):9.1f} {scale * slot.get(peer, math.nan):9.1f}"
                        f"  ratio {shown(results.ratio(figure, ours, peer))}")
    return "\n".join(rows), summary


def find_peer(arch, name):
    if name == "newest":
        newest = base.cache_dir() / "peer" / f"qemu-system-{arch}"
        if not newest.exists():
            raise BenchError("sid's QEMU is not there\n  do:  run scripts/guest peer, or name a program with --peer")
        return newest
    path = shutil.which(name or f"qemu-system-{arch}")
    if not path:
        raise BenchError(f"the peer {name or 'qemu-system-' + arch} is not installed\n"
                         "  do:  run scripts/setup, or name a program with --peer")
    return path


def parser():
    p = argparse.ArgumentParser(prog="scripts/dev bench", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("only", nargs="*", help="groups or programs (default: all)")
    p.add_argument("--ours", default=os.environ.get("LYREBIRD") or str(TOP / "build" / "lyrebird"))
    p.add_argument("--arch", choices=list(ARCHS), default="riscv64")
    p.add_argument("--peer", help="a program, or `newest` (default: the installed qemu-system-ARCH)")
    p.add_argument("--boots", type=int, default=3, help="boots of each emulator, of bare programs runs (default 3)")
    p.add_argument("--reps", type=int, default=2, help="repetitions in one boot (default 2)")
    p.add_argument("--no-programs", action="store_true", help="only boot, memory and start")
    p.add_argument("--limit", type=int, default=240, help="seconds for one boot with its programs")
    p.add_argument("--json", type=pathlib.Path, help="write every figure to this file")
    p.add_argument("--list", action="store_true", help="list groups and programs")
    return p


def measure(args, emulators, guest, results):
    """All runs, the two emulators taking turns to be first."""
    asked = "0" if args.no_programs else f"{args.reps} {' '.join(args.only)}".strip()
    for i in range(args.boots):
        for e in emulators if i % 2 == 0 else emulators[::-1]:
            say(f"{e.name}: boot {i + 1} of {args.boots}")
            run_programs(e, guest, asked, results, args.limit)
    if not args.only or args.no_programs:
        for _ in range(2):
            for e in emulators:
                say(f"{e.name}: memory and start")
                run_idle(e, guest, results)
                run_start(e, guest, results)


def compare(args, results, known):
    """Both emulators, after all runs."""
    peer = find_peer(args.arch, args.peer)
    if args.arch == "x86_64":
        emulators = [Emulator("lyrebird", args.ours, ["-arch", "x86_64", *bare.BOARD], bare.MEMORY),
                     Emulator("qemu", peer, bare.BOARD, bare.MEMORY)]
        bare.measure(emulators, known, args.boots, results, say)
    else:
        emulators = [Emulator("lyrebird", args.ours), Emulator("qemu", peer)]
        guest = BenchGuest(say)
        if any(known.get(x, x) == "disk" for x in args.only):
            guest.with_disks(say)
        measure(args, emulators, guest, results)
    return emulators


def main():
    args = parser().parse_args()
    begun, results = time.monotonic(), Results()
    known = bare.programs() if args.arch == "x86_64" else programs()
    if args.list:
        for name, group in known.items():
            print(f"{group:9} {name}")
        return 0
    unknown = [x for x in args.only if x not in known and x not in known.values()]
    if unknown:
        raise BenchError(f"no program or group {unknown[0]}\n  do:  choose from scripts/dev bench --list")
    if args.arch == "x86_64" and args.only:
        known = {name: group for name, group in known.items() if name in args.only or group in args.only}
    emulators = compare(args, results, known)
    text, summary = table(results, known, ARCHS[args.arch], "lyrebird", "qemu")
    runs = args.boots * (args.reps if args.arch == "riscv64" else 1)
    print(f"\nlyrebird {emulators[0].version} beside qemu {emulators[1].version}; "
          f"ratio above 1: lyrebird is faster; best of {runs}; load {os.getloadavg()[0]:.1f}\n")
    print(text)
    skew = f"guest clock against host clock: {100 * results.skew:.1f} % apart at most; " if args.arch == "riscv64" else ""
    print(f"\n{skew}took {time.monotonic() - begun:.0f} s")
    if args.json:
        args.json.write_text(json.dumps({
            "versions": {e.name: e.version for e in emulators}, "best": results.best, "groups": summary,
            "checksums": {k: v[1] for k, v in results.sums.items()}, "skew": results.skew,
            "load": os.getloadavg()[0]}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BenchError, base.GuestError) as error:
        print(f"\nbench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
