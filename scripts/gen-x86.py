#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make the x86 decoder's tables.

    gen-x86.py OUTPUT.c OUTPUT.h TABLE...

The form of a table is described at the head of target/i386/insns.decode.  OUTPUT.c defines what
target/i386/decode.h declares, and the nodes that decode.c walks; OUTPUT.h names translators and their arguments.
Two rows that overlap outside braces, one that is never reached, an unknown operand, flag or attribute are errors.

A row is a set of encodings: for each axis (prefix, field mod, ...) the values that it allows.  A node chooses a
child by the value of one axis; its children are rows and nodes, and equal ones exist once.
"""
import re
import sys

from tablelib import TableError, read_lines, run, write_lines

MAPS = ("00", "0f", "38", "3a", "v1", "v2", "v3")
PREFIXES = ("np", "66", "f3", "f2")
# Axes in the order in which nodes look at them, and how many values each has.  w64 is w, but 0 outside 64-bit code.
AXES = {"prefix": 4, "mod": 2, "reg": 8, "rm": 8, "mode64": 2, "w": 2, "w64": 2, "l": 2, "b": 2}
WHEN = {"64": ("mode64", 1), "no64": ("mode64", 0), "w0": ("w", 0), "w1": ("w", 1), "l0": ("l", 0), "l1": ("l", 1),
        "b0": ("b", 0), "b1": ("b", 1)}
FLAGS = {"c": 1 << 0, "p": 1 << 2, "a": 1 << 4, "z": 1 << 6, "s": 1 << 7, "t": 1 << 8, "i": 1 << 9, "d": 1 << 10,
         "o": 1 << 11, "l": 3 << 12, "n": 1 << 14, "R": 1 << 16, "v": 1 << 17, "A": 1 << 18}
ATTRS = {"lock", "rep", "repe", "d64", "f64", "b64", "cpl0", "cpl0ud", "iopl", "v86iopl", "mxcsr", "unaligned", "mmx", "mmxmem",
         "w64", "vsib", "nowait", "asz", "alias", "intel", "amdw0"}
FIXED = {"1": "ONE:NONE", "AL": "AX:B", "AX": "AX:W", "eAX": "AX:Z", "rAX": "AX:V", "CL": "CX:B", "DX": "DX:W",
         "ST0": "ST0:NONE", "XMM0": "XMM0:DQ", "STi": "STI:NONE",
         **{s: f"{s}:NONE" for s in ("ES", "CS", "SS", "DS", "FS", "GS")}}
SIZES = "b bs w d q dq qq v z y x ss sd ps pd p a s f fd fq ft fa fe fs vx vh vy".split()


def operand(text):
    """(where, size) of an operand, by the names of decode.h."""
    if text in FIXED:
        where, size = FIXED[text].split(":")
        return f"X86_AT_{where}", f"X86_SIZE_{size}"
    where, size = text[0], text[1:]
    if where not in "EMRGQNPWUVSCDHBLZIJAOXY" or size and size not in SIZES:
        raise TableError(f"no operand is called {text}")
    return f"X86_AT_{where}", f"X86_SIZE_{size.upper() or 'NONE'}"


def flag_facts(text):
    """The masks of X86FlagFacts."""
    kinds = dict.fromkeys("rwm01u", 0)
    for part in text.split(",") if text != "-" else ():
        kind, _, letters = part.partition(":")
        if kind not in kinds or set(letters) - set(FLAGS):
            raise TableError(f"flags: what is {part}?")
        for letter in letters:
            kinds[kind] |= FLAGS[letter]
    may = kinds["m"]
    written = (kinds["w"] | kinds["0"] | kinds["1"] | kinds["u"]) & ~may
    return {"read": kinds["r"], "written": written, "may_write": may, "zero": kinds["0"], "one": kinds["1"],
            "undefined": kinds["u"]}


class Row:
    """One instruction."""

    def __init__(self, words, group, where):
        if len(words) != 11:
            raise TableError("a row is: name op modrm prefix when operands flags attributes isa translator argument")
        self.name, op, modrm, prefix, when, operands, flags, attrs, isa, self.translator, self.arg = words
        self.group, self.where, self.number = group, where, 0
        self.axes = {}
        self.attrs, self.otherwise, self.exceptions = set(), None, 0
        self.take_opcode(op)
        self.take_attrs(attrs)
        self.take_modrm(modrm)
        if prefix != "-":
            self.axes["prefix"] = frozenset(PREFIXES.index(p) for p in prefix.split(","))
        self.take_when(when)
        self.operands = operands.split(",") if operands != "-" else []
        if len(self.operands) > 4:
            raise TableError("more than four operands")
        self.places = [operand(o) for o in self.operands]
        self.take_immediates()
        if self.map.startswith("v") and any(o[0] in "HB" for o in self.operands):
            self.attrs.add("vvvv")
        self.flags = flag_facts(flags)
        self.need, _, wide = isa.partition("/")
        self.need_256 = wide or self.need

    def take_opcode(self, text):
        """map.op, or map.op+ for all opcodes up to the next multiple of eight."""
        match = re.fullmatch(r"(..)\.([0-9a-f]{2})(\+?)", text)
        if not match or match[1] not in MAPS:
            raise TableError(f"{text} is no opcode")
        self.map, first = match[1], int(match[2], 16)
        self.opcodes = range(first, (first | 7) + 1 if match[3] else first + 1)

    def take_attrs(self, text):
        for attr in text.split(",") if text != "-" else ():
            if re.fullmatch(r"e\d+", attr):
                self.exceptions = int(attr[1:])
            elif attr.startswith("else="):
                self.otherwise = attr[5:]
            elif attr in ATTRS:
                self.attrs.add(attr)
            else:
                raise TableError(f"no attribute is called {attr}")

    def take_modrm(self, text):
        if text == "-":
            return
        self.attrs.add("modrm")
        if re.fullmatch(r"=[c-f][0-9a-f]", text):
            value = int(text[1:], 16)
            self.axes.update(mod=frozenset({1}), reg=frozenset({value >> 3 & 7}), rm=frozenset({value & 7}))
            return
        match = re.fullmatch(r"/([0-7r])(:[mri])?", text)
        if not match:
            raise TableError(f"modrm: what is {text}?")
        if match[1] != "r":
            self.axes["reg"] = frozenset({int(match[1])})
        if match[2] == ":i":
            self.attrs.add("anymod")
        elif match[2]:
            self.axes["mod"] = frozenset({0 if match[2] == ":m" else 1})

    def take_when(self, text):
        for word in text.split(",") if text != "-" else ():
            if word == "prot":
                self.attrs.add("prot")
            elif word in WHEN:
                axis, value = WHEN[word]
                self.axes["w64" if axis == "w" and "w64" in self.attrs else axis] = frozenset({value})
            else:
                raise TableError(f"when: what is {word}?")

    def take_immediates(self):
        """What follows the instruction's other bytes."""
        self.imm = ["X86_SIZE_NONE", "X86_SIZE_NONE"]
        found = 0
        for where, size in self.places:
            if where == "X86_AT_O":
                self.attrs.add("moffs")
            elif where == "X86_AT_A":
                self.imm = ["X86_SIZE_Z", "X86_SIZE_W"]
            elif where in ("X86_AT_I", "X86_AT_J", "X86_AT_L"):
                if where == "X86_AT_L":
                    size = "X86_SIZE_B"
                elif where == "X86_AT_J" and size == "X86_SIZE_B":
                    size = "X86_SIZE_BS"
                if size not in ("X86_SIZE_B", "X86_SIZE_BS", "X86_SIZE_W", "X86_SIZE_Z", "X86_SIZE_V"):
                    raise TableError("an immediate is of size b, bs, w, z or v")
                self.imm[found] = size
                found += 1

    def allowed(self, axis):
        return self.axes.get(axis, frozenset(range(AXES[axis])))

    def overlaps(self, other):
        """Is there an encoding that both rows match?"""
        return (self.map == other.map and set(self.opcodes) & set(other.opcodes)
                and all(self.allowed(a) & other.allowed(a) for a in AXES))


def check_overlaps(rows):
    """Two rows match one encoding only inside braces."""
    for i, a in enumerate(rows):
        for b in rows[i + 1:]:
            if a.overlaps(b) and (a.group is None or a.group != b.group):
                raise TableError(f"{b.where}: {b.name} overlaps {a.name} ({a.where})")


class Nodes:
    """The nodes of all maps, as one array of 16-bit numbers."""

    NODE = 0x8000  # a child that is a node, not a row

    def __init__(self):
        self.cells, self.known, self.reached = [], {}, set()

    def of(self, rows, axes):
        """Number of the child that chooses among rows, of which some axes were looked at."""
        if not rows:
            return 0
        axis = next((a for a in AXES if a in axes and any(a in r.axes for r in rows)), None)
        if axis is None:
            self.reached.add(rows[0])
            return rows[0].number
        rest = [a for a in axes if a != axis]
        children = tuple(self.of([r for r in rows if value in r.allowed(axis)], rest) for value in range(AXES[axis]))
        if len(set(children)) == 1:
            return children[0]
        key = (axis, children)
        if key not in self.known:
            self.known[key] = self.NODE | len(self.cells)
            self.cells.append(f"X86_AXIS_{axis.upper()}")
            self.cells += children
            if len(self.cells) >= self.NODE:
                raise TableError("more nodes than 15 bits can number")
        return self.known[key]


def link_otherwise(rows):
    """Resolve else=NAME to the row of that name with an opcode in common."""
    for row in rows:
        if row.otherwise:
            others = [r for r in rows if r.name == row.otherwise and r.map == row.map
                      and set(r.opcodes) & set(row.opcodes)]
            if len(others) != 1:
                raise TableError(f"{row.where}: else={row.otherwise}: {len(others)} rows have that name and opcode")
            row.otherwise = others[0].number


def bits(values):
    return sum(1 << v for v in values)


def isa_mask(text):
    return " | ".join(f"UINT64_C(1) << X86_ISA_{name}" for name in text.split("+"))


def argument(row):
    if row.arg == "-":
        return "0"
    return row.arg if row.arg.isdigit() else f"X86_{row.translator.upper()}_{row.arg}"


def emit_rows(out, rows):
    """Print x86_rows[]."""
    out += ["const X86Row x86_rows[] = {", '    { "(bad)" },']
    for row in rows:
        flags = ", ".join(f".{name} = {mask:#x}" for name, mask in row.flags.items() if mask)
        attrs = " | ".join(f"X86_ATTR_{a.upper()}" for a in sorted(row.attrs)) or "0"
        places = ", ".join(f"{{ {where}, {size} }}" for where, size in row.places)
        axes = ", ".join(f".{axis} = {bits(row.allowed(axis)):#x}" for axis in AXES if axis not in ("w", "w64"))
        out += [f'    {{ .name = "{row.name}", .translator = X86_TR_{row.translator.upper()}, .arg = {argument(row)},',
                f"      .need = {isa_mask(row.need)}, .need_256 = {isa_mask(row.need_256)},",
                f"      .flags = {{ {flags} }}, .attrs = {attrs},",
                f"      .otherwise = {row.otherwise or 0}, .exceptions = {row.exceptions},"
                f" .imm = {row.imm[0]}, .imm2 = {row.imm[1]},",
                f"      .operands = {{ {places or '{ 0 }'} }},",
                f"      .encoding = {{ .map = {MAPS.index(row.map)}, .opcode = {row.opcodes[0]:#x},"
                f" .opcodes = {len(row.opcodes)}, {axes}, .w = {bits(row.allowed('w') & row.allowed('w64')):#x} }} }},"]
    out += ["};", f"const unsigned x86_row_count = {len(rows) + 1};", ""]


def emit_nodes(out, rows):
    """Print x86_maps[] and x86_nodes[]."""
    nodes = Nodes()
    out.append(f"const uint16_t x86_maps[{len(MAPS)}][256] = {{")
    for name in MAPS:
        some = [r for r in rows if r.map == name]
        roots = [nodes.of([r for r in some if opcode in r.opcodes], list(AXES)) for opcode in range(256)]
        out.append(f"    {{ /* {name} */")
        out += ["        " + " ".join(f"{root:#x}," for root in roots[at:at + 16]) for at in range(0, 256, 16)]
        out.append("    },")
    out += ["};", "const uint16_t x86_nodes[] = {"]
    cells = [cell if isinstance(cell, str) else f"{cell:#x}" for cell in nodes.cells]
    out += ["    " + " ".join(c + "," for c in cells[at:at + 9]) for at in range(0, len(cells), 9)]
    out += ["};"]
    for row in rows:
        if row not in nodes.reached:
            raise TableError(f"{row.where}: {row.name} is never reached behind the rows before it")


def emit_names(rows):
    """Lines of the header: the translators and the named arguments of each."""
    families = {}
    for row in rows:
        names = families.setdefault(row.translator, [])
        if row.arg != "-" and not row.arg.isdigit() and row.arg not in names:
            names.append(row.arg)
    out = ["typedef enum X86Translator {", "    X86_TR_NONE,"]
    out += [f"    X86_TR_{name.upper()}," for name in sorted(families)]
    out += ["    X86_TR_COUNT", "} X86Translator;"]
    for name in sorted(families):
        if families[name]:
            out += ["", f"enum {{ /* argument of {name} */"]
            out += [f"    X86_{name.upper()}_{arg}," for arg in families[name]]
            out += ["};"]
    return out


def main():
    """Read the tables, check them, write the decoder's tables."""
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    rows = []
    for path in sys.argv[3:]:
        read_lines(path, lambda words, line, group, where: rows.append(Row(words, group, where)))
    for number, row in enumerate(rows, 1):
        row.number = number
    check_overlaps(rows)
    link_otherwise(rows)
    made = "/* Made by scripts/gen-x86.py from the tables in target/i386: do not edit. */"
    out = [made, '#include "target/i386/decode-nodes.h"', '#include "target/i386/translators.h"', ""]
    emit_rows(out, rows)
    emit_nodes(out, rows)
    write_lines(sys.argv[1], out)
    write_lines(sys.argv[2], [made, "#pragma once", "", *emit_names(rows)])


if __name__ == "__main__":
    run(main)
