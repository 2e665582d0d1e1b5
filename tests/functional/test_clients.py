# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that drive a machine: the lines that they pass, and what they then say and ask."""
from guests import bare_program
from harness import case, check


@case()
def test_ram_in_file(b):
    """memory-backend-file: RAM is the file with share=on, and a private copy of it without"""
    program = bare_program(b, "exit")
    for share, changed in (("on", True), ("off", False)):
        path = b.tmp / f"ram-{share}"
        path.write_bytes(bytes(64 << 20))
        m = b.machine("-bios", "none", "-kernel", program, "-object",
                      f"memory-backend-file,id=mem,size=64M,mem-path={path},share={share}", "-machine", "memory-backend=mem",
                      cpu_memory=())
        m.wait()
        check(any(path.read_bytes()[:4096]) == changed, f"share={share}: the file is {'not ' if changed else ''}changed")
