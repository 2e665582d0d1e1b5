#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/dev bench: it knows the programs that there are."""
import shutil
import subprocess
import sys

from checks import TOP, Skip, equal, main

sys.path.insert(0, str(TOP / "tests" / "bench"))
import guest  # noqa: E402  (needs the path above)


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


if __name__ == "__main__":
    sys.exit(main(__name__))
