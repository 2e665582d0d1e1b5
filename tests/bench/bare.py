# SPDX-License-Identifier: GPL-2.0-or-later
"""x86 programs without a system: one runs in a process, whose CPU time less that of a start counts.

They are those of guest/ that need no system, and those of bare/, in a kernel with a PVH entry on the board microvm."""
from guest import HERE, TOP, base, compile_to, programs_of
from peers import BenchError, Run

BOARD, MEMORY = ["-M", "microvm", "-device", "isa-debug-exit,iobase=0x501"], "256M"
FOLDER, PAYLOADS = HERE / "bare", TOP / "tests" / "functional" / "x86"
SHARED = [HERE / "guest" / f"{s}.c" for s in ("integer", "calls", "memory", "float", "atomics")]
OWN = [FOLDER / f"{s}.c" for s in ("strings", "packed", "x87", "machine")]
FLAGS = ["-O2", "-m64", "-fno-pic", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
         "-fno-tree-loop-distribute-patterns", "-fno-math-errno", "-fcf-protection=none", "-mno-red-zone", "-nostdlib", "-static",
         "-Wall", "-Wextra", "-Wl,--build-id=none,--no-warn-rwx-segments", f"-Wl,-T,{PAYLOADS}/link.ld"]
FILES = [PAYLOADS / "boot64.S", PAYLOADS / "print.c", FOLDER / "main.c", FOLDER / "libc.c", *SHARED, *OWN]
REPEATED = {"float": 5, "points": 5, "blend": 5}      # groups and programs that are over too soon


def programs():
    """{name: group}"""
    return programs_of(SHARED + OWN)


def compile_kernel(out):
    """All programs in one file."""
    return compile_to(out, FILES, *FLAGS, cc="gcc")


def kernel_file():
    """The same in the cache, made when its sources changed."""
    folder = base.cache_dir() / "bench"
    folder.mkdir(exist_ok=True)
    kernel = folder / "bare-x86_64.elf"
    headers = [*sorted(FOLDER.glob("*.h")), *sorted(PAYLOADS.glob("*.h")), HERE / "guest" / "bench.h", PAYLOADS / "link.ld"]
    recipe = base.Recipe(kernel, files=[p.read_text(encoding="utf-8") for p in FILES + headers], flags=FLAGS)
    if not recipe.source():
        recipe.begin()
        with base.finished_as(kernel) as out:
            compile_kernel(out)
        recipe.done("here")
    return kernel


def run(emulator, kernel, what, limit=120):
    """CPU seconds of a process, and the checksum that its guest says."""
    r = Run(emulator, "-kernel", kernel, "-append", what, limit=limit)
    sums = [line.split()[2] for _, _, line in r.lines() if line.startswith("E ")]
    code, cpu = r.finish()
    if code != 1 or len(sums) != (what != "nothing"):
        raise BenchError(f"{emulator.name} ended with {code} in {what}, not with isa-debug-exit's 1; it said:\n{r.tail()}")
    return cpu, sums[0] if sums else None


def measure(emulators, known, count, results, say):
    """Each program so often, the emulators taking turns."""
    kernel = kernel_file()
    start = {e.name: min(run(e, kernel, "nothing")[0] for _ in range(5)) for e in emulators}
    for name, seconds in start.items():
        results.keep(name, "start", 1000 * seconds)
    for name, group in known.items():
        times = REPEATED.get(name, REPEATED.get(group, 1))
        for i in range(count):
            for e in emulators if i % 2 == 0 else emulators[::-1]:
                say(f"{e.name}: {name}")
                cpu, checksum = run(e, kernel, f"{name} {times}")
                results.check_sum(e.name, name, checksum)
                results.keep(e.name, f"cpu {name}", cpu - start[e.name])
