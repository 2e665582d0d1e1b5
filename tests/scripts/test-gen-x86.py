#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests of scripts/gen-x86.py: what it refuses, and where it says the mistake is."""
import subprocess
import sys

from checks import TOP, main


def generate(tmp, *rows):
    """Run the generator over a table; (exit code, message, the C text)."""
    table, c, h = tmp / "t.decode", tmp / "t.c", tmp / "t.h"
    c.unlink(missing_ok=True)
    table.write_text("# a table\n" + "\n".join(rows) + "\n")
    run = subprocess.run([sys.executable, TOP / "scripts/gen-x86.py", c, h, table], capture_output=True, text=True,
                         check=False)
    return run.returncode, run.stderr, c.read_text() if c.exists() else ""


def refused(tmp, message, *rows):
    code, text, made = generate(tmp, *rows)
    assert code != 0 and not made, "the table was taken"
    assert message in text, text


ADD = "add 00.01 /r - - Ev,Gv w:cpazso lock I86 alu ADD"


def test_good(tmp):
    """a row becomes a row, a flag a bit, an argument a name"""
    code, text, made = generate(tmp, ADD)
    assert code == 0, text
    assert '.name = "add"' in made and ".arg = X86_ALU_ADD" in made and ".written = 0x8d5" in made, made
    assert "X86_ALU_ADD," in (tmp / "t.h").read_text()


def test_overlap(tmp):
    """two rows that match one encoding, by opcode, prefix, ModRM"""
    refused(tmp, "t.decode:3: adc overlaps add", ADD, ADD.replace("add", "adc"))
    refused(tmp, "overlaps", "a 00.50+ - - - - - - I86 nop -", "b 00.57 - - - - - - I86 nop -")
    refused(tmp, "overlaps", "a 0f.01 =c8 - - - - - I86 nop -", "b 0f.01 /1:r np - - - - I86 nop -")


def test_apart(tmp):
    """rows that differ in prefix, W, mode or field reg do not overlap"""
    for one, two in (("np -", "f3 -"), ("- w0", "- w1"), ("- 64", "- no64")):
        code, text, _ = generate(tmp, f"a 0f.01 /r {one} - - - I86 nop -", f"b 0f.01 /r {two} - - - I86 nop -")
        assert code == 0, text
    code, text, _ = generate(tmp, "a 0f.01 /1 - - - - - I86 nop -", "b 0f.01 /2 - - - - - I86 nop -")
    assert code == 0, text


def test_braces(tmp):
    """in braces the first wins, and the last must be left something"""
    code, text, _ = generate(tmp, "{", "a 0f.bc /r f3 - - - - I86 nop -", "b 0f.bc /r - - - - - I86 nop -", "}")
    assert code == 0, text
    refused(tmp, "t.decode:4: a is never reached", "{", "b 0f.bc /r - - - - - I86 nop -",
            "a 0f.bc /r f3 - - - - I86 nop -", "}")


def test_words(tmp):
    """each column's mistakes are named with their line"""
    good = ADD.split()
    for column, bad, message in ((1, "0g.01", "is no opcode"), (2, "/9", "modrm: what is /9?"), (4, "w2", "when: what is w2?"),
                                 (5, "Ev,Gk", "no operand is called Gk"), (6, "w:x", "flags: what is w:x?"),
                                 (7, "lok", "no attribute is called lok"), (7, "else=bsf", "else=bsf: 0 rows")):
        refused(tmp, message, " ".join(good[:column] + [bad] + good[column + 1:]))
        assert column == 7 and "else" in bad or "t.decode:2:" in generate(
            tmp, " ".join(good[:column] + [bad] + good[column + 1:]))[1]
    refused(tmp, "a row is:", " ".join(good[:-1]))


if __name__ == "__main__":
    sys.exit(main(__name__))
