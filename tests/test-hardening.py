#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the build promises of its program, looked up in the ELF file with readelf.

  test-hardening.py PROGRAM [--fortify]

--fortify: the build is optimised, so that _FORTIFY_SOURCE has an effect.
"""
import os
import re
import shutil
import subprocess
import sys


# What every start loads and relocates, used or not: half a millisecond and more for each of the larger ones.  What is wanted
# seldom is loaded when it is (tcg/x86_64/print.c), and so are nettle (block/crypto.c)
# and libcurl (block/http/curl_api.c).
LIBRARIES = {"c", "m", "z", "ffi", "fdt", "glib-2.0", "json-c", "slirp", "uring", "zstd"}
SANITIZERS = {"asan", "ubsan", "tsan", "gcc_s"}


def readelf(program, *args):
    env = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(["readelf", "-W", *args, program], env=env, check=True,
                          stdout=subprocess.PIPE, text=True).stdout


class Program:
    """The headers of an ELF file: type, segments, dynamic section and dynamic symbols."""

    def __init__(self, path):
        self.type = re.search(r"Type:\s+(\w+)", readelf(path, "-h")).group(1)
        # name -> flags ("R E"), of every program header
        self.segments = re.findall(r"^\s+(\w+)(?:\s+0x\w+){5}\s([R ][W ][E ])\s", readelf(path, "-l"), re.M)
        self.dynamic = readelf(path, "-d")
        rows = [line.split() for line in readelf(path, "--dyn-syms").splitlines()]
        rows = [r for r in rows if len(r) >= 8 and r[0].rstrip(":").isdigit()]
        self.imported = {r[7].split("@")[0] for r in rows if r[6] == "UND"}
        # variables of libraries (stdout, g_ascii_table) are copied into the program, and stand for the library's
        copied = set(re.findall(r"_COPY\s+\S+\s+(\S+)", readelf(path, "--relocs")))
        self.exported = {r[7] for r in rows if r[6] != "UND" and r[7] not in copied}
        rows = [line.split() for line in readelf(path, "--syms").splitlines()]
        self.visible = {r[7] for r in rows if len(r) == 8 and r[3:6] == ["FUNC", "GLOBAL", "DEFAULT"] and
                        r[6] != "UND"} - {"_start", "main"}

    def flags(self, name):
        return [f for n, f in self.segments if n == name]


def checks(p, fortify):
    """(name, holds, what is there instead)"""
    flag_words = " ".join(re.findall(r"\(FLAGS(?:_1)?\)\s+(.*)", p.dynamic))
    yield "position-independent executable", p.type == "DYN" and "PIE" in flag_words, p.type
    yield "all relocations are done before main", bool(re.search(r"\bNOW\b", flag_words)), flag_words
    yield "relocated data is read-only", bool(p.flags("GNU_RELRO")), p.segments
    yield "no executable stack", p.flags("GNU_STACK") == ["RW "], p.flags("GNU_STACK")
    both = [f for f in p.flags("LOAD") if "W" in f and "E" in f]
    yield "no segment is writable and executable", bool(p.flags("LOAD")) and not both, both
    yield "no relocations in code", "TEXTREL" not in p.dynamic, "TEXTREL"
    yield "no library path of the build", not re.search(r"\((RPATH|RUNPATH)\)", p.dynamic), p.dynamic
    needed = set(re.findall(r"\(NEEDED\).*\[lib(.+?)\.so", p.dynamic))
    yield "only the libraries of every start", needed <= LIBRARIES | SANITIZERS, needed - LIBRARIES
    yield "stack protector", "__stack_chk_fail" in p.imported, "nothing calls __stack_chk_fail"
    yield "no name is exported", not p.exported, sorted(p.exported)[:10]
    yield "functions are hidden", not p.visible, sorted(p.visible)[:10]
    if fortify:
        checked = {n for n in p.imported if re.fullmatch(r"__\w+_chk", n)} - {"__longjmp_chk"}
        yield "_FORTIFY_SOURCE", bool(checked), "no checked function of libc is called"


def main():
    if not shutil.which("readelf"):
        print("1..0 # SKIP readelf (binutils) is not installed")
        return 0
    rows = list(checks(Program(sys.argv[1]), "--fortify" in sys.argv[2:]))
    print(f"1..{len(rows)}")
    for number, (name, holds, instead) in enumerate(rows, 1):
        print(f"{'ok' if holds else 'not ok'} {number} - {name}" + ("" if holds else f"\n# {instead}"))
    return 0 if all(r[1] for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
