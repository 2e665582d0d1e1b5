#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make the RISC-V decoder from its tables.

    gen-decoder.py OUTPUT.c OUTPUT.h TABLE...

The form of a table is described at the head of target/riscv/insns32.decode.  The output
defines what target/riscv/decode.h declares: riscv_rows[], riscv_decode() and
riscv_extract(); the header declares the translators that the tables name.  Two rows that overlap outside braces, a field outside the instruction,
an unknown operand and an encoding of the wrong length are errors.

Decoding is a tree of switches.  Each switch tests bits that every row still in question
fixes, so that no row is looked at twice; rows in braces become a chain of comparisons
where they differ in which bits they fix.
"""
import re
import sys

from tablelib import TableError, read_lines, run, write_lines

OPERANDS = ("rd", "rs1", "rs2", "rs3", "rm", "imm")
# Bits tested together, most telling first.
FIELDS = {4: ((6, 2), (14, 12), (31, 25), (24, 20), (11, 7), (19, 15)),
          2: ((1, 0), (15, 13), (12, 10), (6, 5), (11, 7), (6, 2))}


class Field:
    """%name: how to gather a value from the bits of an instruction."""

    def __init__(self, spec, width):
        words = spec.split()
        self.signed = words[0].startswith("s")
        self.shift = self.plus = 0
        for word in words[1:]:
            if word.startswith("<<"):
                self.shift = int(word[2:])
            elif word.startswith("+"):
                self.plus = int(word[1:])
            else:
                raise TableError(f"field: what is {word}?")
        self.parts = []
        for part in words[0].lstrip("s").split(","):
            high, _, low = part.partition(":")
            high, low = int(high), int(low or high)
            if not width > high >= low >= 0:
                raise TableError(f"field: {part} is not inside the instruction")
            self.parts.append((high, low))

    def expression(self):
        """C expression of the value; `insn` is a uint32_t."""
        total = sum(h - l + 1 for h, l in self.parts)
        at, terms = total, []
        for i, (high, low) in enumerate(self.parts):
            size = high - low + 1
            at -= size
            if i == 0 and self.signed:
                term = f"((int32_t)(insn << {31 - high}) >> {31 - high + low})"
                terms.append(f"(int32_t)((uint32_t){term} << {at + self.shift})"
                             if at + self.shift else term)
            else:
                term = f"(insn >> {low} & {(1 << size) - 1:#x})" if low else f"(insn & {(1 << size) - 1:#x})"
                terms.append(f"(int32_t)({term} << {at + self.shift})" if at + self.shift else f"(int32_t){term}")
        value = " | ".join(terms)
        return f"({value}) + {self.plus}" if self.plus else value


class Format:
    """@name: the operands of a row, and its syntax."""

    def __init__(self, name, text, fields, number):
        self.name, self.number = name, number
        head, quote, rest = text.partition('"')
        self.syntax = rest.rstrip().rstrip('"') if quote else ""
        self.operands = []
        for word in head.split():
            operand, _, source = word.partition("=")
            if operand not in OPERANDS:
                raise TableError(f"format {name}: no operand is called {operand}")
            source = source or "%" + operand
            if source.startswith("%"):
                if source[1:] not in fields:
                    raise TableError(f"format {name}: no field {source}")
                source = fields[source[1:]].expression()
            self.operands.append((operand, source))


class Row:
    """One instruction."""

    def __init__(self, words, width, formats, group):
        self.name = words[0]
        self.width = width
        self.group = group
        at = next((i for i, w in enumerate(words) if w.startswith("@")), None)
        if at is None or len(words) != at + 4:
            raise TableError("a row is: name encoding @format extension translator argument")
        bits = "".join(words[1:at])
        if len(bits) != width or set(bits) - set("01."):
            raise TableError(f"the encoding has {len(bits)} of {width} bits, or letters")
        self.mask = int("".join("0" if b == "." else "1" for b in bits), 2)
        self.match = int("".join("1" if b == "1" else "0" for b in bits), 2)
        if words[at] not in formats:
            raise TableError(f"no format {words[at]}")
        self.format = formats[words[at]]
        condition, self.translator, argument = words[at + 1:]
        self.argument = "0" if argument == "-" else argument
        self.xlen = 0
        if re.match(r"(32|64):", condition):
            self.xlen, condition = int(condition[:2]), condition[3:]
        self.need_all, self.need_any = [], []
        for term in condition.split("+"):
            names = ["EXT_" + n for n in term.split("|")]
            if len(names) == 1:
                self.need_all += names
            else:
                self.need_any += names

    def overlaps(self, other):
        """Is there an instruction that both rows match?"""
        return (self.width == other.width and (not self.xlen or not other.xlen or self.xlen == other.xlen)
                and not (self.match ^ other.match) & self.mask & other.mask)


def read_table(path, formats, rows):
    """Append the formats and rows of one table."""
    width = 16 if "16" in path.rsplit("/", 1)[-1] else 32
    fields, local = {}, {}

    def take(words, line, group, where):
        if words[0].startswith("%"):
            fields[words[0][1:]] = Field(line.split(None, 1)[1], width)
        elif words[0].startswith("@"):
            text = line.split(None, 1)[1] if len(words) > 1 else ""
            local[words[0]] = Format(words[0], text, fields, len(formats))
            formats.append(local[words[0]])
        else:
            rows.append(Row(words, width, local, group))
            rows[-1].where = where

    read_lines(path, take)


def check_overlaps(rows):
    """Two rows match one instruction only inside braces, and never in vain."""
    for i, a in enumerate(rows):
        for b in rows[i + 1:]:
            if not a.overlaps(b):
                continue
            if a.group is None or a.group != b.group:
                raise TableError(f"{b.where}: {b.name} overlaps {a.name} ({a.where})")
            if a.mask & b.mask == a.mask and (a.xlen == 0 or a.xlen == b.xlen):
                raise TableError(f"{b.where}: {b.name} is never reached behind {a.name}")


def pick_bits(rows, used, length):
    """(high, low) of bits that all rows fix and nothing has tested, or None."""
    common = ~used
    for row in rows:
        common &= row.mask
    for high, low in FIELDS[length] + tuple((b, b) for b in range(length * 8)):
        while high >= low and not common >> high & 1:
            high -= 1
        start = high
        while start - 1 >= low and common >> (start - 1) & 1:
            start -= 1
        if high >= low and common >> high & 1:
            return high, start
    return None


def emit_tree(out, rows, used, length, depth):
    """Print statements that return the row of `insn` among rows, or fall to `return 0`."""
    pad = "    " * depth
    bits = pick_bits(rows, used, length) if len(rows) > 1 else None
    if bits is None:
        for row in rows:
            rest = row.mask & ~used
            if rest:
                out.append(f"{pad}if ((insn & {rest:#x}) == {row.match & rest:#x})")
                out.append(f"{pad}    return {row.number}; /* {row.name} */")
            else:
                out.append(f"{pad}return {row.number}; /* {row.name} */")
                return
        out.append(f"{pad}return 0;")
        return
    high, low = bits
    mask = (1 << (high - low + 1)) - 1
    values = sorted({row.match >> low & mask for row in rows})
    out.append(f"{pad}switch (insn >> {low} & {mask:#x}) {{" if low else f"{pad}switch (insn & {mask:#x}) {{")
    for value in values:
        out.append(f"{pad}case {value:#x}:")
        some = [row for row in rows if row.match >> low & mask == value]
        emit_tree(out, some, used | mask << low, length, depth + 1)
    out.append(f"{pad}}}")
    out.append(f"{pad}return 0;")


def emit_rows(out, rows):
    """Print riscv_rows[]."""
    out += ["const RiscvRow riscv_rows[] = {", '    { "(none)" },']
    for row in rows:
        need_all = " | ".join(f"UINT64_C(1) << {e}" for e in row.need_all) or "0"
        need_any = " | ".join(f"UINT64_C(1) << {e}" for e in row.need_any) or "0"
        shown = re.sub(r"\.rv32$", "", row.name)
        out += [f'    {{ .name = "{shown}", .syntax = "{row.format.syntax}",',
                f'      .translate = riscv_tr_{row.translator}, .translator = "{row.translator}",',
                f"      .need_all = {need_all}, .need_any = {need_any},",
                f"      .match = {row.match:#x}, .mask = {row.mask:#x}, .arg = {row.argument},",
                f"      .length = {row.width // 8}, .xlen = {row.xlen}, .format = {row.format.number} }},"]
    out += ["};", f"const unsigned riscv_row_count = {len(rows) + 1};", ""]


def emit_extract(out, formats):
    """Print riscv_extract()."""
    out += ["void riscv_extract(unsigned row, uint32_t insn, RiscvArgs *a)", "{",
            "    *a = (RiscvArgs){ .insn = insn, .length = riscv_rows[row].length };",
            "    switch (riscv_rows[row].format) {"]
    for form in formats:
        if not form.operands:
            continue
        out.append(f"    case {form.number}: /* {form.name} */")
        out += [f"        a->{operand} = {source};" for operand, source in form.operands]
        out.append("        break;")
    out += ["    default:", "        break;", "    }", "}", ""]


def main():
    """Read the tables, check them, write the decoder."""
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    formats, rows = [], []
    for path in sys.argv[3:]:
        read_table(path, formats, rows)
    for number, row in enumerate(rows, 1):
        row.number = number
    check_overlaps(rows)
    made = "/* Made by scripts/gen-decoder.py from the tables in target/riscv: do not edit. */"
    names = sorted({row.translator for row in rows})
    header = [made, "#pragma once", '#include "target/riscv/decode.h"', ""]
    header += [f"RiscvTranslate riscv_tr_{name};" for name in names]
    out = [made, '#include "target/riscv/translate.h"', ""]
    emit_rows(out, rows)
    emit_extract(out, formats)
    for xlen in (64, 32):
        for length in (4, 2):
            some = [r for r in rows if r.width == length * 8 and r.xlen in (0, xlen)]
            out += [f"static unsigned decode{length * 8}_rv{xlen}(uint32_t insn)", "{"]
            emit_tree(out, some, 3 if length == 4 else 0, length, 1)
            out += ["}", ""]
    out += ["unsigned riscv_decode(uint32_t insn, unsigned xlen)", "{",
            "    if (riscv_insn_length(insn) == 2) {",
            "        return xlen == 64 ? decode16_rv64(insn & 0xffff) : decode16_rv32(insn & 0xffff);",
            "    }",
            "    return xlen == 64 ? decode32_rv64(insn) : decode32_rv32(insn);", "}"]
    for path, lines in zip(sys.argv[1:3], (out, header)):
        write_lines(path, lines)


if __name__ == "__main__":
    run(main)
