#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/dev bench: it knows the programs that there are."""
import platform
import shutil
import subprocess
import sys

from checks import TOP, Skip, equal, main

sys.path.insert(0, str(TOP / "tests" / "bench"))
import bare  # noqa: E402  (needs the path above)
import guest  # noqa: E402


def test_programs(tmp):
    """the rows that are read from the sources are those that the compiler sees"""
    cc = shutil.which("cc")
    if not cc:
        raise Skip("there is no cc")
    program = guest.compile_to(tmp / "bench", guest.sources(), "-O0", "-w", cc=cc)
    said = subprocess.run([program, "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    equal([f"{group} {name}" for name, group in guest.programs().items()], said.splitlines())


def test_layout(tmp):
    """a table whose rows are not found is an error, not an empty report"""
    real, guest.HERE = guest.HERE, tmp
    try:
        (tmp / "guest").mkdir()
        (tmp / "guest" / "integer.c").write_text("const Program integer_programs[] = { ROW(crc32) };\n", encoding="utf-8")
        guest.programs()
    except guest.BenchError as e:
        assert "integer.c" in str(e), e
    else:
        raise AssertionError("no error")
    finally:
        guest.HERE = real


def test_bare(tmp):
    """the kernel of bare programs compiles, and has those that are read from the sources, each by a name of its own"""
    if not shutil.which("gcc") or platform.machine() != "x86_64":
        raise Skip("there is no gcc for x86")
    contents = bare.compile_kernel(tmp / "kernel").read_bytes()
    known = bare.programs()
    for name in known:
        assert f"\0{name}\0".encode() in contents, name
    equal(len(known), sum(len(guest.programs_of([f])) for f in bare.SHARED + bare.OWN))


if __name__ == "__main__":
    sys.exit(main(__name__))
