#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the functional tests and prints TAP.

  tests/functional/run.py [--quick] [--list] [-j N] [PATTERN...]

LYREBIRD names the program under test (default build/lyrebird); with QEMU there the
cases check themselves.  LYREBIRD_TIME_FACTOR stretches all time limits.
"""
import argparse
import concurrent.futures
import contextlib
import importlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import harness  # noqa: E402  (needs the path above)

MODULES = sorted(p.stem for p in pathlib.Path(__file__).parent.glob("test_*.py"))
LOGS = pathlib.Path(os.environ.get("LYREBIRD_LOGS") or harness.TOP / "build" / "functional-logs")


def tail(path, lines=25):
    """The last lines of a log, as TAP comments, without terminal control sequences."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return "".join(f"#   {s}\n" for s in harness.plain(text).rstrip().split("\n")[-lines:])


def run_case(number, f):
    """Run one case: (True unless it failed, its TAP lines)."""
    name = f.__name__.removeprefix("test_")
    bench = harness.Bench(name, LOGS)
    start, why = time.monotonic(), None
    try:
        f(bench)
        result = "ok"
    except harness.Skip as e:
        result, why = "ok", f"# SKIP {e}"
    except (harness.Failure, subprocess.CalledProcessError, OSError) as e:
        result, why = "not ok", f"\n# {type(e).__name__}: {e}"
    except Exception:  # pylint: disable=broad-except  # a mistake in one case is not the end of the others
        result, why = "not ok", "\n" + "".join(f"# {s}\n" for s in traceback.format_exc().splitlines()).rstrip()
    finally:
        bench.close()
    took = f"({time.monotonic() - start:.1f} s)"
    doc = (f.__doc__ or "").strip().split("\n")[0].rstrip(".")
    text = f"{result} {number} - {name}: {doc} {took}" + (f" {why}" if why else "") + "\n"
    if result == "not ok":
        text += f"# end of {bench.log_path}:\n{tail(bench.log_path)}"
    return result == "ok", text


class Running:
    """A case on its way in a thread of the pool."""

    def __init__(self, pool, number, f):
        self.number, self.f, self.began, self.thread = number, f, None, None
        self.future = pool.submit(self.run)

    def run(self):
        self.began, self.thread = time.monotonic(), threading.get_ident()
        return run_case(self.number, self.f)

    def hung(self):
        """Ten times its limit is over: it waits for what does not come."""
        return self.began is not None and time.monotonic() - self.began > harness.seconds(10 * self.f.limit)

    def result(self):
        """What run_case() returns; None and its place for a case that hangs, whose thread cannot be ended."""
        while not self.hung():
            with contextlib.suppress(concurrent.futures.TimeoutError):
                return self.future.result(timeout=1)
        place = traceback.format_stack(sys._current_frames()[self.thread])  # pylint: disable=protected-access
        text = f"not ok {self.number} - {self.f.__name__.removeprefix('test_')}: hangs, and with it this run\n"
        return None, text + "".join(f"# {s}\n" for s in "".join(place).splitlines())


def leave(status):
    """End this process, its machines first, whatever its threads wait for."""
    for bench in list(harness.Bench.live):
        bench.close()
    sys.stdout.flush()
    os._exit(status)


def run_cases(cases, jobs):
    """Run the cases, `jobs` at a time, and print the results in the order of the cases; True if none failed."""
    good = True
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # machines end with their runner
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [Running(pool, i, f) for i, f in enumerate(cases, 1)]
        try:
            for r in running:
                ok, text = r.result()
                good &= ok is True
                print(text, end="", flush=True)
                if ok is None:
                    leave(1)
        except KeyboardInterrupt:
            print("# interrupted", flush=True)
            leave(130)
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="leave out the cases of several minutes")
    p.add_argument("-j", "--jobs", type=int, default=(os.cpu_count() or 1) + 1,
                   help="cases at a time (default: one more than processors)")
    p.add_argument("--list", action="store_true", help="only list the cases")
    p.add_argument("patterns", nargs="*", help="only cases whose name contains one of these")
    args = p.parse_args()
    # A shell starts background commands with some signals ignored.  They still do nothing here, but machines, which
    # inherit what is ignored, are as a user's.
    for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(s) == signal.SIG_IGN:
            signal.signal(s, lambda *_: None)
    for m in MODULES:
        importlib.import_module(m)
    cases = [f for f in harness.CASES if f.quick or not args.quick]
    if args.patterns:
        cases = [f for f in cases if any(x in f.__name__ for x in args.patterns)]
    if not cases:
        print(f"run.py: no case was run\n  why: none has {' or '.join(args.patterns)} in its name\n"
              "  do:  choose of those that --list shows", file=sys.stderr)
        return 1
    if args.list:
        for f in cases:
            print(f"{f.__name__.removeprefix('test_'):30} {(f.__doc__ or '').strip().splitlines()[0]}")
        return 0
    print(f"1..{len(cases)}", flush=True)
    if not pathlib.Path(harness.EMULATOR).exists() and not harness.shutil.which(harness.EMULATOR):
        for i, f in enumerate(cases, 1):
            print(f"not ok {i} - {f.__name__.removeprefix('test_')}: {harness.EMULATOR} is not built")
        return 1
    print(f"# under test: {harness.EMULATOR}", flush=True)
    return 0 if run_cases(cases, args.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
