#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The disassembler against GNU objdump: every 16-bit encoding, random ones of every row.

    test-objdump.py RISCV-DIS AS OBJDUMP [COUNT [SEED]]

Differences of taste are rewritten before comparing (rewrite()); extensions that this
objdump does not know are counted, and must be among UNKNOWN.
"""
import os
import re
import subprocess
import sys
import tempfile

EXTENSIONS = "zicsr zifencei zihintpause zba zbb zbc zbs zicbom zicbop zicboz zawrs zfh svinval".split()
# What binutils before 2.42 cannot disassemble.
UNKNOWN = re.compile(r"(amocas|czero|fli|fminm|fmaxm|fround|fcvtmod|fltq|fleq|fmvh|fmvp)")


# Fields that the manual reserves and has software ignore, and conversions that are exact and
# have a rounding mode all the same: objdump insists on one value.
LENIENT = re.compile(r"(fence|fence\.tso|fence\.i|fcvt\.d\.(s|h|w|wu)|fcvt\.s\.h)$")


def rewrite(ours):
    """Our name and operands as objdump writes them."""
    name, _, operands = ours.partition("\t")
    if LENIENT.match(name):
        operands = operands.replace(",rne", "")
    return name, operands


def objdump(tools, words, xlen, folder):
    """What objdump says to each word."""
    source, obj = os.path.join(folder, "a.s"), os.path.join(folder, "a.o")
    with open(source, "w", encoding="ascii") as f:
        for word in words:
            f.write(f".{len(word) // 2}byte 0x{word}\n")
    isa = f"rv{xlen}gc_" + "_".join(EXTENSIONS)
    subprocess.run([tools[0], f"-march={isa}", "-o", obj, source], check=True)
    text = subprocess.run([tools[1], "-D", "-j", ".text", "-M", "no-aliases", obj], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    out = {}
    for line in text.splitlines():
        m = re.match(r"\s*([0-9a-f]+):\s+([0-9a-f]+)\s+(\S+)\s*(.*)", line)
        if m:
            out[int(m[1], 16)] = (m[2], m[3], re.sub(r"\s*(#|<).*", "", m[4]).strip())
    return out


def normal(name, operands):
    """Forms that mean the same."""
    operands = re.sub(r"\b0x([0-9a-f]+)\b", lambda m: str(int(m[1], 16)), operands)
    if name in ("c.slli64", "c.srli64", "c.srai64"):
        name, operands = name[:-2], operands + ",0"
    if name in ("c.nop",):
        name = "c.addi"
    return name, operands


def main():
    """TAP: one test a width."""
    dis, *tools = sys.argv[1:4]
    count, seed = (sys.argv[4:] + ["200", "1"])[:2] if len(sys.argv) < 6 else sys.argv[4:6]
    print("1..2")
    for number, xlen in enumerate((64, 32), 1):
        text = subprocess.run([dis, "rows", count, seed, str(xlen)], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        ours = [line.split("\t", 1) for line in text.splitlines()]
        with tempfile.TemporaryDirectory() as folder:
            theirs = objdump(tools, [word for word, _ in ours], xlen, folder)
        bad, pc, seen = 0, 0, 0
        for word, text in ours:
            hexes, name, operands = theirs.get(pc, (word, "nothing", ""))
            if differs(word, text, hexes, name, operands, pc, xlen):
                bad += 1
                if bad <= 40:
                    print(f"# {word}: we say {text!r}, objdump {name!r} {operands!r}")
            seen += 1
            pc += len(word) // 2
        print(f"{'not ok' if bad else 'ok'} {number} rv{xlen}: {seen} encodings, {bad} differ")


def differs(word, text, hexes, name, operands, pc, xlen):
    """Compare one instruction; True if they disagree."""
    if int(hexes, 16) != int(word, 16):
        return True
    ours, our_operands = rewrite(text)
    if UNKNOWN.match(ours) or (LENIENT.match(ours) and name == ".4byte"):
        return False
    if ours == "reserved":
        return name not in (".2byte", ".4byte", "c.unimp") and not named_reserved(name, operands, xlen)
    if re.match(r"(c\.)?(j|jal|beqz|bnez|beq|bne|bltu?|bgeu?)$", ours):
        *head, target = our_operands.split(",")
        our_operands = ",".join(head + [str((int(target, 16) + pc) % (1 << xlen))])
        *head, target = operands.split(",")
        operands = ",".join(head + [str(int(target, 16) % (1 << xlen))])
    if ours.startswith("csrr") and ",0x" in operands: # an unnamed CSR: we may know its name
        return int(operands.split(",")[1], 16) != int(word, 16) >> 20
    return normal(ours, our_operands) != normal(name, operands)


def named_reserved(name, operands, xlen):
    """Reserved encodings that objdump names all the same."""
    shift = xlen == 32 and name in ("c.slli", "c.srli", "c.srai") and int(operands.split(",")[1], 16) >= 32
    return shift or (name, operands) == ("c.addi16sp", "sp,0")


if __name__ == "__main__":
    main()
