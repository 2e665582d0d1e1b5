#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The x86 decoder and disassembler against GNU objdump, in both syntaxes and all code sizes.

    test-objdump.py X86-DIS OBJDUMP [--count N] [--seed N] [--file SIZE:ELF]... [--show N]

Random encodings of every row (x86-dis make), and with --file the code of real programs: section .text of ELF in
code of SIZE bytes.  Words for prefixes that mean nothing are dropped from objdump's text (plain()); what is left
to differ stands in DIFFERENCES with its reason.
"""
import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

MACHINE = {8: "i386:x86-64", 4: "i386", 2: "i8086"}
MODE = {8: "64", 4: "32", 2: "16"}
# Prefixes that have no effect on the instruction: objdump names them, we do not.
IDLE = re.compile(r"^((data16|data32|addr16|addr32|rex(\.[WRXB]+)?|[cdefgs]s|lock|repz|repnz|rep|bnd|notrack|xacquire|"
                  r"xrelease) )+(?=\S)")

# What we do not have: TSX, CET, AVX-512 (mask registers, 512-bit and the upper vector registers, EVEX forms of others).
UNKNOWN = re.compile(r"(xbegin|xabort|xend|xtest|incssp[dq]|saveprevssp|rstorssp|wru?ss[dq]|k[a-z]+[bwdq]) ?|.*(\{|zmm|[xy]mm(1[6-9]|2\d|3[01])|vmovdqu?a?(8|16|32|64) "
                     r"|vp?(cmp|test|tern|perm|range|rndscale|getexp|getmant)\w* )")

# (syntax or "", what objdump says, what we say, why): patterns of the whole text,
# the second one may refer to groups of the first.
DIFFERENCES = [
    ("", r"\(bad\)( \(another length\))?", r"(fcom2|fcomp3|fcomp5|fxch4|fxch7|fstp1|fstp8|fstp9) .*",
     "x87 encodings that the manual does not list, and processors have"),
    ("", r"\(bad\)", r"salc", "likewise"),
    ("", r"\(bad\)( \(another length\))?", r"[lms]fence", "objdump wants field rm of fences to be 0, the manual does not"),
    ("", r"prefetchwt1 .*", r"prefetch .*", "no processor made has PREFETCHWT1: one of the prefetches"),
    ("", r"prefetchit[01] .*", r"nop.*", "a feature that we do not have; without it a NOP"),
    ("", r"bnd\w+ .*", r"nop.*", "MPX; without it a NOP"),
    ("", r"cldemote .*", r"nop.*", "a feature that we do not have; without it a NOP"),
    ("", r"nop/reserved.*", r"nop.*", "hint NOPs that nothing has taken yet"),
    ("", r"xchg (%?[er]?ax),\1", r"nop", "90 with 66, REX.W"),
    ("", r"(lar|lsl) .*", r"(lar|lsl) .*", "objdump names 64 bits of the selector's register"),
    ("", r"movsxd .*", r"movsxd .*", "with 66: AMD reads 32 bits, Intel 16"),
    ("", r"(monitor|mwait) .*", r"(monitor|mwait)", "operands that are fixed"),
    ("", r"v?cmp(eq|lt|le|unord|neq|nlt|nle|ord|nge|ngt|false|ge|gt|true)\w*[ps][sd] .*", r"v?cmp[ps][sd] .*", "predicates have names"),
    ("", r"v?pclmul(lq|hq)(lq|hq)dq .*", r"v?pclmulqdq .*", "the choice of halves has names"),
    ("", r"v?pcmpestr[im]q .*", r"v?pcmpestr[im] .*", "REX.W: lengths of 64 bits"),
    ("", r"(fldenv|fnstenv|frstor|fnsave)[wsdl] .*", r"(fldenv|fnstenv|frstor|fnsave) .*", "operand size as a suffix"),
    ("", r"(fneni|fndisi|fnsetpm)\(\d+ only\)", r"\1", "a remark"),
    ("", r"vmovs[sd] .*ymm.*", r"vmovs[sd] .*", "VEX.L is ignored, not an operand size"),
    ("", r"(sgdt|sidt|lgdt|lidt)[wdl] .*", r"(sgdt|sidt|lgdt|lidt) .*", "operand size as a suffix"),
    ("", r"(sysret|sysexit)", r"\1[dl]", "32 bits outside 64-bit code"),
    ("att", r"loop(n?e)?[wlq] .*", r"loop(n?e)? .*", "address size as a suffix"),
    ("", r"\(bad\)", r"wbinvd", "66 has no meaning there"),
    ("intel", r"(call|jmp|lss|lfs|lgs) .*DWORD PTR .*", r"(call|jmp|lss|lfs|lgs) .*FWORD PTR .*", "66 and REX.W: W wins"),
    ("att", r"(lcall|ljmp)w .*", r"(lcall|ljmp) .*", "likewise"),
    ("", r"(j|loop|call)\w* 0x[0-9a-f]{5,}", r"(j|loop|call)\w* 0x[0-9a-f]{1,4}", "66: the instruction pointer has 16 bits then"),
    ("intel", r"(jmp|call) D?WORD PTR \[.*", r"(jmp|call) D?WORD PTR ds:.*", "3E is NOTRACK, which is CET's"),
    ("att", r"(jmp|call)[wl]? \*.*", r"(jmp|call)[wl]? \*%ds:.*", "likewise"),
    ("", r".*eiz.*", r".*eiz.*", "a displacement of 32 bits without base as unsigned"),
    ("", r"(j|loop)\w* 0x[0-9a-f]+([0-9a-f]{4})", r"(j|loop)\w* 0x[0-9a-f]+\2", "which 64 KiB a jump over the end of one leaves"),
    ("", r"rex(\.\w+)?( \(another length\))?", r"fwait", "objdump takes a prefix before 9B for an instruction"),
]


def plain(text):
    """One form of a line: single blanks, prefixes that mean something in one order, no comment but an address."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" <.*?>", "", text)
    text = re.sub(r"^(.*?)(j\w+|loop\w*),p[nt] ", r"\1\2 ", text)
    keep = ""
    match = IDLE.match(text)
    if match:
        words = match[0].split()
        text = text[match.end():]
        name = text.split(" ")[0]
        if "lock" in words:
            keep += "lock "
        if re.match(r"(ins|outs|movs|cmps|stos|lods|scas)", name) and "xmm" not in text:
            keep += "".join(w + " " for w in words if w in ("rep", "repz", "repnz"))
    return keep + text


def objdump_lines(tool, syntax, size, path, base):
    argv = [tool, "-D", "-b", "binary", "-m", MACHINE[size], "-M", syntax, "--no-show-raw-insn", "-w", "-z",
            f"--adjust-vma={base:#x}", path]
    text = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in text.splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s*(.*)", line)
        if match:
            yield int(match[1], 16), match[2]


def explained(syntax, theirs, ours):
    if ours == "(bad)" and UNKNOWN.match(theirs):
        return True
    for only, their_pattern, our_pattern, _ in DIFFERENCES:
        if only in ("", syntax) and re.fullmatch(f"{their_pattern} -> {our_pattern}", f"{theirs} -> {ours}"):
            return True
    return False


class Tally:
    """Differences by kind: numbers and registers of a line replaced, so that one mistake is one kind."""

    def __init__(self):
        self.same = self.known = 0
        self.kinds = collections.OrderedDict()

    def take(self, syntax, where, theirs, ours):
        if theirs == ours:
            self.same += 1
        elif explained(syntax, theirs, ours):
            self.known += 1
        else:
            kind = (ours.split(" ")[0], theirs.split(" ")[0])
            self.kinds.setdefault(kind, []).append(f"{where}: objdump {theirs!r}, we {ours!r}")

    def close(self, title, show):
        count = sum(len(v) for v in self.kinds.values())
        print(f"# {title}: {self.same} the same, {self.known} differ as listed, {count} differ")
        for lines in list(self.kinds.values())[:show]:
            for line in lines[:2]:
                print(f"#   {line}")
        return not count


def our_lines(args, size, syntax, path, base, addresses):
    """(length, text) of the instructions at addresses."""
    out = subprocess.run([args.dis, "text", str(size), syntax, path, hex(base)], check=True, text=True,
                         input="".join(f"{a:x}\n" for a in addresses), stdout=subprocess.PIPE).stdout
    for line in out.splitlines():
        length, _, text = line.partition("\t")
        yield int(length), text


def compare(args, size, syntax, path, base, wanted):
    """All instructions of objdump that lie at wanted addresses."""
    with open(path, "rb") as f:
        code = f.read()
    lines = list(objdump_lines(args.objdump, syntax, size, path, base)) + [(base + len(code), "")]
    some = [(a, t, after) for (a, t), (after, _) in zip(lines, lines[1:]) if wanted(a)]
    tally = Tally()
    for (at, theirs, after), (length, text) in zip(some, our_lines(args, size, syntax, path, base,
                                                                  [a for a, _, _ in some])):
        theirs = plain(theirs)
        if at + length != after:
            theirs += " (another length)"
        tally.take(syntax, code[at - base:at - base + length].hex(" "), theirs, plain(text))
    return tally


def compare_rows(args, size, syntax, folder):
    """Random encodings of each row, in slots of 32 bytes."""
    path = os.path.join(folder, f"{size}.bin")
    subprocess.run([args.dis, "make", str(size), str(args.count), str(args.seed), path], check=True,
                   stdout=subprocess.DEVNULL)
    return compare(args, size, syntax, path, 0, lambda at: at % 32 == 0)


def compare_file(args, size, syntax, path, folder):
    """The code of a real program."""
    binary = os.path.join(folder, "text.bin")
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", path, binary], check=True)
    return compare(args, size, syntax, binary, 0x10000000, lambda at: True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dis")
    p.add_argument("objdump")
    p.add_argument("--count", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--file", action="append", default=[])
    p.add_argument("--show", type=int, default=40)
    args = p.parse_args()
    jobs = [(size, None) for size in (8, 4, 2)]
    jobs += [(int(f.split(":")[0]), f.split(":", 1)[1]) for f in args.file]
    print(f"TAP version 13\n1..{2 * len(jobs)}")
    number = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for size, path in jobs:
            for syntax in ("intel", "att"):
                number += 1
                title = f"{MODE[size]}-bit code, {syntax}: {os.path.basename(path) if path else 'every row'}"
                tally = compare_file(args, size, syntax, path, folder) if path else \
                    compare_rows(args, size, syntax, folder)
                good = tally.close(title, args.show)
                failed += not good
                print(f"{'ok' if good else 'not ok'} {number} {title}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
