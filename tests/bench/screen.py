#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a screen of 1280 by 800 pixels costs: CPU time of Lyrebird and of QEMU, in percent of a core.

  tests/bench/screen.py                     a still screen, scrolling, a new picture 30 times a second
  tests/bench/screen.py --seconds 10 --count 3
  tests/bench/screen.py --peer PROGRAM

The guest is a payload (tests/functional/bare/drawing.S) on bochs-display.  It is shown by nobody, in SDL's window on a display server
without a screen (Xvfb), and at a VNC viewer that takes pixels raw, or ZRLE, and copies of what it has, as viewers do.  Each figure is that of the run of `count` that cost
least; fps: the updates that a viewer took in a second.  A server that is asked for updates as fast as they are read sends as many
as it can, so what counts there is the time an update takes: of a still screen none is.

"added" is what showing costs beyond what the guest does while nobody looks; "ms" that time a viewer's update; "ratio" ours divided
by the peer's, of ms where there are updates, else of "added"."""
import argparse
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "functional"))
import rfb  # noqa: E402  (needs the path above)
from guests import bare_program  # noqa: E402
from harness import EMULATOR, Bench, Machine, until  # noqa: E402
from peers import cpu_seconds  # noqa: E402
from test_window import XServer  # noqa: E402

ZRLE = 16
WORKS = {"still": "n", "scrolling": "s", "video": "v"}
WAYS = ("none", "sdl", "vnc raw", "vnc zrle")


class Watcher(rfb.Viewer):
    """Takes updates as fast as they come, and looks at none."""

    def __init__(self, address, encoding):
        super().__init__(address, encodings=(encoding, rfb.COPY, rfb.RESIZE))
        self.count = 0
        threading.Thread(target=self.watch, daemon=True).start()

    def rectangle(self):
        at = self.take(12)
        width, height = int.from_bytes(at[4:6], "big"), int.from_bytes(at[6:8], "big")
        encoding = int.from_bytes(at[8:], "big", signed=True)
        if encoding == rfb.RESIZE:
            self.width, self.height = width, height
        elif encoding == rfb.COPY:
            self.take(4)
        else:
            self.take(self.number(">I") if encoding == ZRLE else 4 * width * height)

    def watch(self):
        try:
            self.ask()
            while True:
                self.update()
                self.count += 1
                self.ask(True)
        except Exception:  # pylint: disable=broad-except  # the machine has ended
            return


class Shown:
    """A machine that is shown in that way."""

    def __init__(self, b, program, elf, way):
        sock, self.watcher = str(b.tmp / "vnc"), None
        pathlib.Path(sock).unlink(missing_ok=True)
        show = {"none": ["-display", "none"], "sdl": ["-display", "sdl"]}.get(way, ["-display", "none", "-vnc", f"unix:{sock}"])
        x = XServer(b) if way == "sdl" else None
        self.m = Machine(b, [program, "-M", "virt", "-m", "256M", "-bios", "none", "-kernel", str(elf), "-device", "bochs-display,addr=1", "-serial",
                             "stdio", "-monitor", "none", *show])
        b.onexit.callback(self.m.stop)
        self.m.expect("shown", 60)
        if x:
            until("a window", lambda: x.x("search", "--onlyvisible", "--name", "Lyrebird|QEMU"), 60)
        elif way != "none":
            self.watcher = Watcher(sock, rfb.RAW if way == "vnc raw" else ZRLE)
            until("a picture", lambda: self.watcher.count, 60)

    def cost(self, work, seconds):
        """Percent of a core, and updates a second."""
        self.m.send(WORKS[work])
        self.m.expect("!")
        time.sleep(0.5)                 # the measure itself is one of time
        count = self.watcher.count if self.watcher else 0
        start, cpu = time.monotonic(), cpu_seconds(self.m.proc.pid)
        time.sleep(seconds)
        took = time.monotonic() - start
        fps = (self.watcher.count - count) / took if self.watcher else 0
        return 100 * (cpu_seconds(self.m.proc.pid) - cpu) / took, fps


def measure(program, args):
    """{(way, work): (percent, fps)}"""
    best = {}
    for way in WAYS:
        b = Bench("screen", pathlib.Path(args.logs))
        try:
            shown = Shown(b, program, bare_program(b, "drawing"), way)
            for work in WORKS:
                got = shown.cost(work, args.seconds)
                best[way, work] = min(best.get((way, work), got), got)
        finally:
            b.close()
    return best


def columns(percent, fps, added):
    per_update = f"{10 * added / fps:6.2f}" if fps else " " * 6
    return f"{percent:7.2f} {added:6.2f} {fps:5.1f} {per_update}"


def ratio(way, mine, its):
    (_, fps, added), (_, its_fps, its_added) = mine, its
    if way == "none" or its_added <= 0:
        return ""
    return f"{added / its_added * (its_fps / fps if fps and its_fps else 1):7.2f}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ours", default=EMULATOR)
    p.add_argument("--peer", default="qemu-system-riscv64")
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--count", type=int, default=2)
    p.add_argument("--logs", default="build/functional-logs")
    args = p.parse_args()
    ours, peer = {}, {}
    for _ in range(args.count):
        for program, best in ((args.ours, ours), (args.peer, peer)):
            for key, got in measure(program, args).items():
                best[key] = min(best.get(key, got), got)
    print(f"{'guest':10} {'shown by':9} {'ours %':>7} {'added':>6} {'fps':>5} {'ms':>6} {'peer %':>7} {'added':>6} {'fps':>5} {'ms':>6} {'ratio':>6}")
    for work in WORKS:
        for way in WAYS:
            mine, its = ([*best[way, work], best[way, work][0] - best["none", work][0]] for best in (ours, peer))
            print(f"{work:10} {way:9} " + " ".join(columns(*g) for g in (mine, its)) + ratio(way, mine, its))
    return 0


if __name__ == "__main__":
    sys.exit(main())
