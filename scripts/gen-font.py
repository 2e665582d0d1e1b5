#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of C from a font in GNU Unifont's .hex form (CODE:ROWS, a byte for each of sixteen rows): gen-font.py OUT IN"""
import sys


def main(out, path):
    rows = []
    for line in open(path, encoding="ascii"):
        if line.startswith("#"):
            continue
        code, bits = line.strip().split(":")
        if len(bits) != 32:
            sys.exit(f"{path}: {code} is not of 8 by 16 pixels")
        rows.append((int(code, 16), bytes.fromhex(bits)))
    if rows != sorted(rows):
        sys.exit(f"{path}: not in the order of codes")
    with open(out, "w", encoding="ascii") as f:
        f.write('#include "ui/text/font.h"\n\nconst FontGlyph font_glyphs[] = {\n')
        for code, bits in rows:
            f.write(f"    {{ 0x{code:x}, {{ {', '.join(map(str, bits))} }} }},\n")
        f.write(f"}};\nconst unsigned font_count = {len(rows)};\n")


main(*sys.argv[1:])
