#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The x86 tables against those of two other projects, row by row.

    test-tables.py SOURCE-DIR

LYREBIRD_X86_SPECS names a folder with xed/xed-isa.txt and xed/isa-extensions.txt (the data files of Intel XED, joined)
and tables/bddisasm/*.dat; without it the test is skipped.  Each encoding of theirs that we have must be a row of ours
with the same name, ISA, flags, privilege, LOCK, exception class and modes (XED), the same operands (bddisasm); each of ours
must be one of theirs.  What differs stands in tables-known.txt with its reason.
"""
import collections
import fnmatch
import importlib.util
import os
import re
import sys

FLAG_NAMES = {"cf": "c", "pf": "p", "af": "a", "zf": "z", "sf": "s", "of": "o", "tf": "t", "if": "i", "df": "d"}
ARITHMETIC = "cpazso"
CONDITIONS = dict(zip("o no b nb z nz be nbe s ns p np l nl le nle".split(),
                      "o no b ae e ne be a s ns p np l ge le g".split()))
# Names of theirs for ours, after lower().
NAMES = {
    "call_near": "call", "call_far": "lcall", "jmp_far": "ljmp", "ret_near": "ret", "ret_far": "lret", "retn": "ret",
    "retf": "lret", "callf": "lcall", "jmpf": "ljmp", "iretd": "iret", "iretq": "iret", "iretw": "iret", "xlatb": "xlat",
    "pushfd": "pushf", "pushfq": "pushf", "pushfw": "pushf", "popfd": "popf", "popfq": "popf", "popfw": "popf",
    "pushad": "pusha", "popad": "popa", "mov_cr": "mov", "mov_dr": "mov", "movsd_xmm": "movsd", "cmpsd_xmm": "cmpsd",
    "sysret64": "sysretl|sysretq", "sysret": "sysretl|sysretq", "sysexit": "sysexitl|sysexitq", "salc": "salc",
    "cbw": "cbw|cwde|cdqe", "cwde": "cbw|cwde|cdqe", "cdqe": "cbw|cwde|cdqe", "cwd": "cwd|cdq|cqo",
    "cdq": "cwd|cdq|cqo", "cqo": "cwd|cdq|cqo", "jcxz": "jcxz|jecxz|jrcxz", "jecxz": "jcxz|jecxz|jrcxz",
    "jrcxz": "jcxz|jecxz|jrcxz", "wait": "fwait", "loopz": "loope", "loopnz": "loopne", "sal": "shl", "fstpnce": "fstp1",
    "feni8087_nop": "fneni", "fdisi8087_nop": "fndisi", "fsetpm287_nop": "fnsetpm", "pcmpestri64": "pcmpestri",
    "pcmpestrm64": "pcmpestrm", "pcmpistri64": "pcmpistri", "vpcmpestri64": "vpcmpestri",
    "vpcmpestrm64": "vpcmpestrm", "prefetch_exclusive": "prefetch", "prefetch_reserved": "prefetch",
    "udb": "salc", "syscall_amd": "syscall", "sysret_amd": "sysretl|sysretq", "pextrw_sse4": "pextrw",
    "vpcmpistri64": "vpcmpistri", "jc": "jb", "jnc": "jae", "setc": "setb", "setnc": "setae", "cmovc": "cmovb", "cmovnc": "cmovae",
    "prefetche": "prefetch", "prefetchwt1": "prefetch", "prefetchm": "prefetch",
}
# XED's sets of instructions as bits of X86Isa; others have the same name.
ISA_SETS = {
    "ADOX_ADCX": "ADX", "AVX2GATHER": "AVX2", "AVXAES": "AES+AVX", "AVX_GFNI": "GFNI+AVX", "CLFSH": "CLFLUSH", "CMPXCHG16B": "CX16",
    "CET": "I686", "FAT_NOP": "I686", "PPRO": "I686", "PPRO_UD0_LONG": "I686", "RDPMC": "I686", "FCMOV": "FPU+CMOV",
    "FCOMI": "FPU+CMOV", "FXSAVE": "FXSR", "FXSAVE64": "FXSR", "I286PROTECTED": "I286", "I286REAL": "I286", "I486REAL": "I486",
    "LAHF": "I86", "PCLMULQDQ": "PCLMUL", "PENTIUMMMX": "MMX", "RDWRFSGS": "FSGSBASE", "SSE2MMX": "SSE2", "SSE3X87": "FPU+SSE3",
    "SSE4": "SSE41", "SSEMXCSR": "SSE", "SSE_PREFETCH": "SSE", "SSSE3MMX": "SSSE3", "X87": "FPU", "PAUSE": "SSE2",
    "PREFETCH_NOP": "PREFETCHW", "LONGMODE": "LM", "AMD": "SYSCALL",
}
STRINGS = re.compile(r"(ins|outs|movs|cmps|stos|lods|scas)[bwdq]$")


def load_rows(top):
    """Our rows, by the generator's own reader."""
    sys.path.insert(0, os.path.join(top, "scripts"))
    spec = importlib.util.spec_from_file_location("gen_x86", os.path.join(top, "scripts/gen-x86.py"))
    gen = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gen)
    rows = []
    folder = os.path.join(top, "target/i386")
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".decode")):
        gen.read_lines(os.path.join(folder, name),
                       lambda words, line, group, where: rows.append(gen.Row(words, group, where)))
    return gen, rows


def our_name(name, string):
    name = name.lower()
    for kind in ("cmov", "set", "j"):
        if name.startswith(kind) and name[len(kind):] in CONDITIONS:
            return kind + CONDITIONS[name[len(kind):]]
    if string and STRINGS.match(name):
        return name[:-1]
    name = re.sub(r"_lock$", "", name)
    name = re.sub(r"^nop\d$", "nop", name)
    return NAMES.get(name, name)


class Theirs:
    """One encoding of another table, with the attributes that overlaps() of a Row reads."""

    def __init__(self, gen, name, map_, opcodes):
        self.gen, self.name, self.map, self.opcodes, self.axes = gen, name, map_, opcodes, {}

    def allowed(self, axis):
        if axis == "w64": # W outside 64-bit code counts as 0 there
            return frozenset({0}) if self.allowed("mode64") == frozenset({0}) else self.allowed("w")
        return self.axes.get(axis, frozenset(range(self.gen.AXES[axis])))

    def limit(self, axis, *values):
        self.axes[axis] = self.allowed(axis) & frozenset(values)


# ---- XED

XED_SKIP = re.compile(r"lock_prefix|rep[en]e?|XOPV|P4=0|TZCNT=0|LZCNT=0|WBNOINVD=0|MODEP5=1|MODE_SHORT_UD0=1|CET=0"
                      r"|rex2_refining_prefix|PREFETCHIT=1|PREFETCHRST=1")
XED_AXES = {
    "mode64": ("mode64", 1), "not64": ("mode64", 0), "mode16": ("mode64", 0), "mode32": ("mode64", 0),
    "rexw_prefix": ("w", 1), "norexw_prefix": ("w", 0), "W0": ("w", 0), "W1": ("w", 1), "VL128": ("l", 0), "VL256": ("l", 1),
    "rexb_prefix": ("b", 1), "norexb_prefix": ("b", 0), "MOD[0b11]": ("mod", 1), "MOD=3": ("mod", 1), "MOD!=3": ("mod", 0),
    "no_refining_prefix": ("prefix", 0), "osz_refining_prefix": ("prefix", 1), "f3_refining_prefix": ("prefix", 2),
    "f2_refining_prefix": ("prefix", 3), "refining_f3": ("prefix", 2), "not_refining_f3": ("prefix", 0, 1, 3),
    "not_refining": ("prefix", 0, 1), "norep": ("prefix", 0, 1), "REP=0": ("prefix", 0, 1), "REP=2": ("prefix", 3),
    "REP=3": ("prefix", 2), "REP!=3": ("prefix", 0, 1, 3),
    "VNP": ("prefix", 0), "V66": ("prefix", 1), "VF3": ("prefix", 2), "VF2": ("prefix", 3),
}


def xed_blocks(path):
    """The blocks of a XED file: dictionaries of their fields, PATTERN a list."""
    block, section = None, ""
    with open(path, encoding="utf-8") as f:
        lines = f.read().replace("\\\n", " ").splitlines()
    for line in lines:
        line = line.split("#")[0].strip()
        if line.endswith("::"):
            section = line
        elif line == "{":
            block = {"PATTERN": [], "SECTION": section}
        elif line == "}":
            if block:
                yield block
            block = None
        elif block is not None and ":" in line:
            key, _, value = line.partition(":")
            if key.strip() == "PATTERN":
                block["PATTERN"].append(value.split())
            else:
                block.setdefault(key.strip(), value.strip())


def xed_opcode(tokens):
    """(map, opcodes) of a pattern."""
    found = []
    for token in tokens:
        if re.fullmatch(r"0x[0-9A-Fa-f]{2}", token):
            found.append(range(int(token, 16), int(token, 16) + 1))
        elif re.fullmatch(r"0b[01]{4}_[01]", token):
            first = int(token[2:].replace("_", ""), 2) << 3
            if "SRM=0" in tokens:
                found.append(range(first, first + 1))
            elif "SRM!=0" in tokens:
                found.append(range(first + 1, first + 8))
            else:
                found.append(range(first, first + 8))
    if "VV1" in tokens:
        return {"V0F": "v1", "V0F38": "v2", "V0F3A": "v3"}[next(t for t in tokens if t.startswith("V0F"))], found[0]
    if found[0][0] == 0x0f and len(found) > 1:
        if found[1][0] in (0x38, 0x3a) and len(found) > 2:
            return f"{found[1][0]:02x}", found[2]
        return "0f", found[1]
    return "00", found[0]


def xed_patterns(gen, folder):
    """(Theirs, block) of all patterns."""
    for name in ("xed-isa.txt", "isa-extensions.txt"):
        for block in xed_blocks(os.path.join(folder, name)):
            for tokens in block["PATTERN"]:
                if any(XED_SKIP.fullmatch(t) for t in tokens) or "XOP" in block["SECTION"]:
                    continue
                map_, opcodes = xed_opcode(tokens)
                it = Theirs(gen, block["ICLASS"], map_, opcodes)
                it.tokens = tokens
                for token in tokens:
                    if token in XED_AXES:
                        axis, *values = XED_AXES[token]
                        it.limit(axis, *values)
                    match = re.fullmatch(r"(REG|RM)\[0b([01]{3})\]", token)
                    if match:
                        it.limit(match[1].lower(), int(match[2], 2))
                yield it, block


def xed_flags(text):
    """Letters by kind of the arithmetic flags, of the last of several alternatives."""
    kinds = collections.defaultdict(set)
    text = text.split("],")[-1]
    may = "MAY" in text
    for flag, action in re.findall(r"(\w+)-(\w+)", text):
        letter = FLAG_NAMES.get(flag)
        if letter in ARITHMETIC if letter else False:
            kind = {"mod": "w", "ah": "w", "pop": "w", "tst": "r"}.get(action, action)
            kinds["m" if may and kind in "wu01" else kind].add(letter)
            if may and kind == "u":
                kinds["u"].add(letter)
    return kinds


def letters(gen, mask):
    return "".join(c for c in ARITHMETIC if gen.FLAGS[c] & mask)


def xed_facts(gen, row, block, wide):
    """(what, theirs, ours) of facts, of the form by VEX.L = 1 if wide."""
    isa = block.get("ISA_SET") or block.get("EXTENSION")
    yield "isa", ISA_SETS.get(isa, isa), row.need_256 if wide else row.need
    flags = xed_flags(block.get("FLAGS", ""))
    ours = row.flags
    yield "flags read", "".join(c for c in ARITHMETIC if c in flags["r"]), letters(gen, ours["read"])
    yield "flags changed", "".join(c for c in ARITHMETIC if any(c in flags[k] for k in "wm01u")), \
        letters(gen, ours["written"] | ours["may_write"])
    yield "flags undefined", "".join(c for c in ARITHMETIC if c in flags["u"]), letters(gen, ours["undefined"])
    yield "flags 0", "".join(c for c in ARITHMETIC if c in flags["0"]), letters(gen, ours["zero"])
    yield "cpl0", block.get("CPL") == "0", bool({"cpl0", "cpl0ud"} & row.attrs)
    attributes = block.get("ATTRIBUTES", "").split()
    if row.allowed("mod") == frozenset({0}) or 0 in row.allowed("mod") and "MEM0" in str(block):
        if "MOD!=3" in str(block["PATTERN"]):
            yield "lock", bool({"LOCKABLE", "LOCKED"} & set(attributes)), "lock" in row.attrs
    match = re.search(r"type[-_](\d+)", block.get("EXCEPTIONS", "").lower())
    if match:
        yield "exception class", int(match[1]), row.exceptions
    yield "mxcsr", "MXCSR" in attributes or "MXCSR_RD" in attributes, "mxcsr" in row.attrs or row.translator == "mxcsr"


# ---- bddisasm

def bddisasm_rows(gen, folder):
    """(Theirs, operands) of all encodings."""
    for name in sorted(os.listdir(folder)):
        if not name.startswith("table_"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            for line in f:
                line = line.split("#")[0].strip()
                if line:
                    fields = [x.strip() for x in line.split(";")]
                    yield from bddisasm_row(gen, *fields)


def bddisasm_row(gen, name, operands, _implicit, encoding, facts):
    tokens = encoding.split()
    vex = tokens[0] == "vex"
    if set(tokens) & {"xop", "evex", "rex2", "rex2w", "mpx", "cet", "cldm", "piti", "movrs", "bhi", "rep", "riprel"}:
        return
    number = {k: v for k, _, v in (t.partition(":") for t in tokens)}
    if vex and number["m"] not in "123":
        return
    codes = [int(t, 16) for t in tokens if re.fullmatch(r"0x[0-9A-F]{2}", t)]
    prefix = None
    if not vex and "0x0F" in tokens and codes[0] in (0x66, 0xf2, 0xf3):
        prefix = {0x66: 1, 0xf3: 2, 0xf2: 3}[codes.pop(0)]
    if vex:
        map_ = "v" + number["m"]
    elif codes[0] == 0x0f and len(codes) > 1:
        codes.pop(0)
        map_ = f"{codes.pop(0):02x}" if codes[0] in (0x38, 0x3a) and len(codes) > 1 else "0f"
    else:
        map_ = "00"
    it = Theirs(gen, name, map_, range(codes[0], codes[0] + 1))
    it.tokens = tokens
    if prefix is not None:
        it.limit("prefix", prefix)
    if "repz" in tokens:
        it.limit("prefix", 2)
    if "NP" in tokens:
        it.limit("prefix", 0)
    if vex:
        it.limit("prefix", int(number["p"]))
        for axis in "wl":
            if number.get(axis, "x") in ("0", "1"):
                it.limit("w" if axis == "w" else "l", int(number[axis]))
    if "rexw" in tokens:
        it.limit("w", 1)
    for token in tokens:
        match = re.fullmatch(r"/([0-7r])(?::(mem|reg))?", token)
        if match:
            if match[1] != "r":
                it.limit("reg", int(match[1]))
            if match[2]:
                it.limit("mod", 0 if match[2] == "mem" else 1)
        match = re.fullmatch(r"/0x([0-9A-F]{2})", token)
        if match:
            value = int(match[1], 16)
            it.limit("mod", 1)
            it.limit("reg", value >> 3 & 7)
            it.limit("rm", value & 7)
    modes = re.search(r"m:([\w|]+)", facts)
    modes = modes[1].split("|") if modes else []
    if "NO64" in modes:
        it.limit("mode64", 0)
    if "O64" in modes:
        it.limit("mode64", 1)
    it.real = "NOREAL" not in modes
    it.cpl0 = "KERNEL" in modes
    yield it, operands.replace(" ", "")


def plain_operands(text):
    """Operands of both tables in one form: where and how large, in bytes where it is fixed."""
    text = text.replace("ST(0)", "ST0").replace("ST(i)", "STi").replace("I1w", "Iw").replace("I2b", "Ib")
    text = re.sub(r"\bM(\?|0|rx)", "M", text)
    text = re.sub(r"\bIbs\b", "Ib", text)
    text = re.sub(r"\b[ER]?AX\b", "rAX", text) # operand size tells which
    text = re.sub(r"\bGz\b", "Gv", text)      # without 64-bit code there is no other
    text = re.sub(r"Mvm(32n|32h|64n)", "Mv", text)
    text = re.sub(r"\bMv[xhy]\b", "Mv", text)
    return [o for o in text.split(",") if o and o not in ("-", "ST0", "XMM0")]


def same_operand(theirs, ours):
    if theirs == ours:
        return True
    sizes = {"dq": 16, "x": 16, "ps": 16, "pd": 16, "ss": 4, "d": 4, "sd": 8, "q": 8, "qq": 32, "y": 8, "z": 4}
    a, b = theirs[1:], ours[1:]
    if theirs[0] != ours[0]:
        return False
    if theirs[0] in "VHUWL":  # a register is a register; W: memory of a size
        return theirs[0] != "W" or sizes.get(a) == sizes.get(b)
    return False


# ---- comparison

class Report:
    def __init__(self, known):
        self.known = [line.split("  # ")[0].split("\t") for line in known]
        self.used, self.lines = set(), []

    def take(self, source, row, what, theirs, ours):
        """A difference, unless the list has it: patterns of source, row name, what, theirs, ours."""
        values = (source, row, what, str(theirs), str(ours))
        for i, pattern in enumerate(self.known):
            if len(pattern) == 5 and all(fnmatch.fnmatchcase(v, p) for v, p in zip(values, pattern)):
                self.used.add(i)
                return
        line = "\t".join(values)
        if line not in self.lines:
            self.lines.append(line)


def index_rows(rows):
    index = collections.defaultdict(list)
    for row in rows:
        for opcode in row.opcodes:
            index[row.map, opcode].append(row)
    return index


def first_matches(it, candidates):
    """Rows that the encodings of theirs reach: those of a group that stand behind a match of all of them do not."""
    found = []
    for row in candidates:
        if row.overlaps(it):
            found.append(row)
            if row.group and all(it.allowed(a) <= row.allowed(a) for a in it.gen.AXES):
                break
    return found


def named(matches, name):
    """Of rows in braces, which overlap, those that have the name, if one has."""
    groups = {row.group for row in matches if row.group and row.name == name}
    return [row for row in matches if row.name == name or row.group not in groups]


def compare_xed(gen, rows, folder, report):
    index, seen = index_rows(rows), {}
    for it, block in xed_patterns(gen, folder):
        matches = first_matches(it, index[it.map, it.opcodes[0]])
        string = not set(it.tokens) & {"f2_refining_prefix", "f3_refining_prefix"}
        name = our_name(it.name, string)
        if not matches:
            report.take("xed", name, "missing", block.get("EXTENSION"), "-")
        for row in named(matches, name):
            if row.name != name:
                report.take("xed", row.name, "name", name, row.name)
                continue
            seen[row] = seen.get(row, frozenset()) | it.allowed("mode64")
            for what, theirs, ours in xed_facts(gen, row, block, it.allowed("l") == frozenset({1})):
                if theirs != ours:
                    report.take("xed", row.name, what, theirs, ours)
    for row in rows:
        if row not in seen:
            report.take("xed", row.name, "not theirs", f"{row.map}.{row.opcodes[0]:02x}", "-")
        elif seen[row] != row.allowed("mode64"):
            report.take("xed", row.name, "64-bit code", sorted(seen[row]), sorted(row.allowed("mode64")))
    return len(seen)


def compare_bddisasm(gen, rows, folder, report):
    index, seen = index_rows(rows), set()
    for it, operands in bddisasm_rows(gen, folder):
        string = "0x0F" not in it.tokens
        name = our_name(it.name, string)
        for row in named(first_matches(it, index[it.map, it.opcodes[0]]), name):
            if row.name != name:
                report.take("bddisasm", row.name, "name", name, row.name)
                continue
            seen.add(row)
            theirs, ours = plain_operands(operands), plain_operands(",".join(row.operands))
            if len(theirs) != len(ours) or not all(map(same_operand, theirs, ours)):
                report.take("bddisasm", row.name, "operands", ",".join(theirs), ",".join(ours))
            if it.cpl0 != (bool({"cpl0", "cpl0ud"} & row.attrs)):
                report.take("bddisasm", row.name, "cpl0", it.cpl0, bool({"cpl0", "cpl0ud"} & row.attrs))
            if it.real == ("prot" in row.attrs):
                report.take("bddisasm", row.name, "real mode", it.real, "prot" not in row.attrs)
    for row in rows:
        if row not in seen:
            report.take("bddisasm", row.name, "not theirs", f"{row.map}.{row.opcodes[0]:02x}", "-")
    return len(seen)


def main():
    top = sys.argv[1]
    specs = os.environ.get("LYREBIRD_X86_SPECS")
    print("TAP version 13")
    if not specs:
        print("1..0 # SKIP LYREBIRD_X86_SPECS names no folder with the tables of XED and bddisasm")
        return 0
    print("1..3")
    gen, rows = load_rows(top)
    with open(os.path.join(top, "tests/target/i386/tables-known.txt"), encoding="utf-8") as f:
        report = Report([line.rstrip("\n") for line in f if line.strip() and not line.startswith("#")])
    failed = 0
    for number, (name, compare, folder) in enumerate((("XED", compare_xed, "xed"),
                                                      ("bddisasm", compare_bddisasm, "tables/bddisasm")), 1):
        report.lines = []
        count = compare(gen, rows, os.path.join(specs, folder), report)
        for line in report.lines:
            print(f"# {line}")
        failed += bool(report.lines)
        print(f"{'not ok' if report.lines else 'ok'} {number} {name}: {count} of {len(rows)} rows, "
              f"{len(report.lines)} differences that are not in the list")
    stale = [i for i in range(len(report.known)) if i not in report.used]
    for i in stale:
        print("# no difference: " + "\t".join(report.known[i]))
    print(f"{'not ok' if stale else 'ok'} 3 the list of differences has no line too many")
    return 1 if failed or stale else 0


if __name__ == "__main__":
    sys.exit(main())
