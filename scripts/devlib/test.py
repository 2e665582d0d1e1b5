# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/dev test: unit tests through meson, then real guests."""
import os
import re
import subprocess
import sys
import time

from . import build as b
from .tap import Tally


def meson_tests(folder, suite, names, tally, env=None):
    """Run meson's tests and count their cases."""
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    # The limits are for a hang: half a minute of meson's is little for a sanitizer on a busy host.
    argv = ["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs", "--timeout-multiplier=6"]
    argv += ["--suite", suite] if suite else []
    code = subprocess.run(argv + names, cwd=b.TOP, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}).returncode
    before = len(tally.failed)
    if log.exists():
        tally.add_meson_log(log)
    else:
        tally.failed.append(f"no test was run: there is no suite {suite} (`meson test -C {folder.name} --list` has all)"
                            if suite else "meson test left no log")
    if code != 0 and len(tally.failed) == before:
        tally.failed.append(f"meson test ended with {code}")


def functional_tests(args, tally, emulator):
    """Run tests/functional, its output shown as it comes, and count its cases."""
    runner = b.TOP / "tests" / "functional" / "run.py"
    if not runner.exists():
        return
    env = {**os.environ, "LYREBIRD": str(emulator)}
    lines = []
    with subprocess.Popen([sys.executable, str(runner), *args], stdout=subprocess.PIPE, text=True,
                          errors="replace", env=env, stdin=subprocess.DEVNULL) as p:
        for line in p.stdout:
            lines.append(line)
            if not re.match(r"1\.\.\d", line):
                print(line, end="", flush=True)
    tally.add("functional", "".join(lines), p.returncode)


def functional_choice(args):
    """Which functional tests: those named; with the thread sanitizer, where all would take hours, those made for it."""
    if args.flavour == "build-tsan" and not args.names:
        return ["threads_"]
    return (["--quick"] if args.quick else []) + args.names


def main(args):
    """Build and run: everything, or what the options choose."""
    start, tally = time.monotonic(), Tally()
    folder = b.build(args.flavour)
    os.environ.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")  # read by --tsan builds alone
    os.environ.setdefault("G_SLICE", "always-malloc")  # or sanitizers do not see what older GLibs hand on
    if args.only != "functional":
        print("== unit tests", flush=True)
        meson_tests(folder, args.suite, args.names, tally)
    if args.only != "unit" and not args.suite and (not args.names or args.only):
        print("== functional tests", flush=True)
        if args.flavour != "build":
            os.environ.setdefault("LYREBIRD_TIME_FACTOR", "10" if args.flavour == "build-tsan" else "4")
        functional_tests(functional_choice(args), tally, b.emulator(args.flavour))
    return tally.close(time.monotonic() - start)
