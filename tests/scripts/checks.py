# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the test functions of a module and prints TAP; they raise AssertionError or Skip."""
import inspect
import pathlib
import sys
import tempfile
import traceback

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "scripts"), str(TOP / "tests" / "functional")]


class Skip(Exception):
    """The test cannot run here; the text says why."""


def equal(got, wanted):
    assert got == wanted, f"{got!r} instead of {wanted!r}"


def main(module):
    """Call each test_* function with a fresh folder; the exit code."""
    tests = [f for n, f in vars(sys.modules[module]).items() if n.startswith("test_") and inspect.isfunction(f)]
    print(f"TAP version 13\n1..{len(tests)}")
    failed = 0
    for i, f in enumerate(tests, 1):
        title = f"{i} - {f.__name__.removeprefix('test_')}: {f.__doc__}"
        with tempfile.TemporaryDirectory(prefix="lyrebird-") as tmp:
            try:
                f(pathlib.Path(tmp))
                print("ok", title)
            except Skip as e:
                print(f"ok {title} # SKIP {e}")
            except Exception:       # a test may fail in any way
                failed += 1
                print("not ok", title)
                print("".join(f"# {s}\n" for s in traceback.format_exc().splitlines()), end="")
    return 1 if failed else 0
