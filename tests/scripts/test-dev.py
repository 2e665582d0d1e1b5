# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/dev: build folders that are not what they seem."""
import json
import subprocess
import sys

import checks
from checks import TOP, equal
from devlib import build, tap, test

SANITIZED = build.FLAVOURS["build-asan"][0]


def folder(tmp, source, **options):
    """A build folder, as far as meson's own description of it goes."""
    info = tmp / "meson-info"
    info.mkdir()
    (info / "meson-info.json").write_text(json.dumps({"directories": {"source": str(source)}}), encoding="utf-8")
    rows = [{"name": n, "value": v} for n, v in options.items()]
    (info / "intro-buildoptions.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp


def test_good(tmp):
    """a folder of this tree with the flavour's options is used as it is"""
    equal(build.strangeness(folder(tmp, TOP, b_sanitize="address,undefined", b_lundef=False), SANITIZED), None)


def test_list(tmp):
    """newer versions of meson keep b_sanitize as a list"""
    equal(build.strangeness(folder(tmp, TOP, b_sanitize=["address", "undefined"], b_lundef=False), SANITIZED), None)


def test_moved(tmp):
    """a folder that came along with a copied or renamed checkout is not"""
    equal(build.strangeness(folder(tmp, "/some where/else"), []), "it was made for /some where/else")


def test_options(tmp):
    """nor is one that lacks an option"""
    equal(build.strangeness(folder(tmp, TOP, b_sanitize="none", b_lundef=False), SANITIZED),
          "it was made without -Db_sanitize=address,undefined")


def test_incomplete(tmp):
    """nor one whose description is missing"""
    equal(build.strangeness(tmp, []), "it is incomplete")


def test_no_such_suite(tmp):
    """a suite without a test is a failure that says so"""
    real, test.subprocess.run = test.subprocess.run, lambda *_args, **_kw: subprocess.CompletedProcess([], 0)
    tally = tap.Tally()
    try:
        test.meson_tests(tmp, "nosuch", [], tally)
    finally:
        test.subprocess.run = real
    assert len(tally.failed) == 1 and "no suite nosuch" in tally.failed[0], tally.failed


if __name__ == "__main__":
    sys.exit(checks.main(__name__))
