# SPDX-License-Identifier: GPL-2.0-or-later
"""x86 processors on the board `bare`: payloads of tests/functional/x86, each of which says in its head what it prints.

A payload ends by isa-debug-exit.  It runs on the interpreter, translated, and on both in lockstep (where processors take
turns: what one does between the two runs of a block, the other would see)."""
import re
import subprocess

from harness import TOP, accelerators, case, check, need, not_on_peer

FOLDER = TOP / "tests" / "functional" / "x86"
FLAGS = ["-O1", "-ffreestanding", "-fno-pic", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
         "-mgeneral-regs-only", "-nostdlib", "-static", "-Wall", "-Werror", "-Wl,--build-id=none,--no-warn-rwx-segments"]
BOARDS = {"x86_64": ("-arch", "x86_64", "-M", "bare"), "i386": ("-arch", "i386", "-M", "bare")}


def engines():
    """The values of -accel to run a payload with."""
    names = accelerators()
    return names + (["tcg,thread=single", "tcg,lockstep=on,thread=single"] if "tcg" in names else [])


def compile_to(out, *options):
    """Run the host's compiler, for code of no system."""
    subprocess.run([need("gcc"), *FLAGS, *options, "-o", out], check=True)
    return out


def build(b, name):
    """The 32-bit multiboot kernel made of NAME.c."""
    return compile_to(b.tmp / name, "-m32", "-march=i386", f"-Wl,-T,{FOLDER}/link.ld", FOLDER / "boot.S",
                      FOLDER / f"{name}.c", FOLDER / "lib.c", FOLDER / "print.c")


def build64(b, name, *more):
    """The 64-bit kernel with a PVH entry made of NAME.c."""
    return compile_to(b.tmp / name, "-m64", "-mno-red-zone", f"-Wl,-T,{FOLDER}/link.ld", FOLDER / "boot64.S",
                      FOLDER / f"{name}.c", FOLDER / "print.c", *more)


def build64_lib(b, name):
    """The same with lib64.h."""
    return build64(b, name, FOLDER / "lib64.c", FOLDER / "traps64.S")


def build_flat(b, name):
    """The flat image made of NAME.S."""
    return compile_to(b.tmp / name, "-m32", "-Wl,-Ttext=0,--oformat=binary", FOLDER / f"{name}.S")


def expected(name):
    """What a payload says that it prints."""
    source = next(f for f in (FOLDER / f"{name}.c", FOLDER / f"{name}.S") if f.exists())
    lines = re.findall(r"^ \* expect: (.*)$", source.read_text(encoding="utf-8"), re.M)
    return [line.removesuffix(" */") for line in lines]


def compare(name, accel, text):
    """All lines, in their order."""
    got, want = text.replace("\r", "").splitlines(), expected(name)
    for n, line in enumerate(want):
        check(n < len(got), f"{accel}: it ended before {line!r}")
        check(got[n] == line, f"{accel}: {got[n]!r} instead of {line!r}")
    check(len(got) == len(want), f"{accel}: {got[len(want):]!r} is too much")


def command(arch, accel, *args, memory="64M"):
    """A command line without the program's name."""
    return [*BOARDS[arch], "-m", memory, "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
            "-device", "isa-debug-exit,iobase=0x501", "-accel", accel, *args]


def run(b, name, *args, archs=("x86_64", "i386"), make=build, how="-kernel"):
    """Build and run a payload on all engines."""
    not_on_peer("it has no such board")
    image = make(b, name)
    for arch in archs:
        for accel in engines():
            code, out, _ = b.run(*command(arch, accel, how, image, *args))
            compare(name, f"{arch}, {accel}", out)
            check(code == 1, f"{arch}, {accel}: exit code {code}, not isa-debug-exit's 1")


@case()
def test_x86_debug(b):
    """debug exceptions: breakpoints, watched words, ports, steps, shadows, general detect, with their DR6 and RF"""
    run(b, "debug", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_branches(b):
    """last branches that DEBUGCTL.LBR records, and their registers"""
    run(b, "branches", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_privilege(b):
    """what level 3 may not do (VMCALL without KVM's name), UMIP, what INVPCID, control registers and PCIDs refuse"""
    run(b, "privilege", "-cpu", "max,kvm=off", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_refused(b):
    """ends of the canonical range, time stamps, extended states, MSRs, alignment, protection keys: what is refused"""
    run(b, "refused", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_multiboot(b):
    """a multiboot kernel is told its command line, modules and memory"""
    run(b, "hello", "-append", "hello one=1")


@case()
def test_x86_faults(b):
    """exceptions of protected mode come with their vectors and error codes"""
    run(b, "faults")


@case()
def test_x86_paging(b):
    """two-level and PAE paging: rights, error codes, accessed and dirty bits, NX, SMEP, SMAP"""
    run(b, "paging", "-cpu", "max")


@case()
def test_x86_access(b):
    """page accesses of all kinds against a model: faults, error codes, accessed and dirty bits, with WP, SMEP, SMAP, PKU, NX"""
    run(b, "access", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_system(b):
    """control registers, tables, MSRs, PCIDs, CPUID, illegal encodings: what is kept and what is refused"""
    run(b, "system", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_flow(b):
    """five levels of pages, forms of IRET, steps over them and over system calls, hypercalls, strings that fault"""
    run(b, "flow", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_lapic(b):
    """the local APIC: registers, address, x2APIC, priorities, errors, the timer in all modes"""
    run(b, "lapic", "-cpu", "max", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_descriptors(b):
    """descriptors of every type, level and presence against a model: loads, LAR, LSL, VERR, VERW, far jumps, LLDT, LTR"""
    run(b, "descriptors")


@case()
def test_x86_levels(b):
    """call gates, tasks, port permissions and virtual-8086 mode"""
    run(b, "levels")


@case()
def test_x86_tasks(b):
    """switches of tasks: what makes them fail, as whose fault; links, NT, busy bits, RF, 16-bit tasks"""
    run(b, "tasks")


@case()
def test_x86_interrupts(b):
    """interrupts by PIC and local APIC, HLT, shadows, NMI, single steps and breakpoints of code"""
    run(b, "interrupts")


@case()
def test_x86_monitor_mwait(b):
    """MONITOR and MWAIT of a processor that is given them"""
    run(b, "monitor", "-cpu", "max,monitor=on")


@case()
def test_x86_smm(b):
    """system-management mode: the state in the map of either processor, SMRAM that it alone sees, RSM, HLT, NMI"""
    run(b, "smm")


@case()
def test_x86_smp(b):
    """INIT and start-up messages, interrupts between processors, locked instructions"""
    run(b, "smp", "-smp", "2")


@case()
def test_x86_long_mode(b):
    """64-bit mode from a PVH entry: exceptions, interrupt stacks, SYSCALL and SYSRET, compatibility mode"""
    run(b, "long", "-append", "one=1", archs=("x86_64",), make=build64_lib)


@case()
def test_x86_real_mode(b):
    """a flat image in real mode: segments, interrupts, A20, unreal mode"""
    run(b, "real", make=build_flat, how="-bios")


@case()
def test_x86_monitor(b):
    """registers, page tables and instructions of every mode in the monitor and in logs"""
    not_on_peer("it has no such board")
    elf, log = build64_lib(b, "long"), b.tmp / "log"
    code, _, _ = b.run(*command("x86_64", "tcg", "-kernel", elf, "-append", "one=1", "-d", "in_asm,int,cpu", "-D", log))
    text = log.read_text()
    check(code == 1, f"exit code {code}")
    for line in ("mov %edi,%cr3", "ljmp $0x8,", "iretq", "sysretq", "vector 14, error 0x2, at 8:"):
        check(line in text, f"-d does not show {line!r}")
    halted = b.tmp / "halted"
    m = b.machine("-kernel", elf, "-S", "-qmp", f"unix:{halted},server=on,wait=off", board=BOARDS["x86_64"],
                  cpu_memory=("-m", "64M"))
    control = m.connect(halted)
    control.expect('"QMP"')
    control.send('{"execute":"qmp_capabilities"}\n')
    control.expect(r'"return": ?\{\}')

    def monitor(line):
        control.send('{"execute":"human-monitor-command","arguments":{"command-line":"%s"}}\n' % line)
        return control.expect(r'"return": ?"(.*)"').group(1)
    check("EIP=00100000" in monitor("info registers"), "the kernel's entry is not in the registers")
    check("mov %ebx," in monitor("x/i 0x100000"), "x/i does not show the kernel's first instruction")
    check("Paging is off" in monitor("info mem"), "info mem does not say that there is no paging")


@case()
def test_x86_gdb(b):
    """gdb: breakpoints and steps in 32-bit code, registers of the 64-bit description"""
    not_on_peer("it has no such board")
    elf, port = build(b, "hello"), b.tmp / "gdb"
    m = b.machine("-kernel", elf, "-S", "-gdb", f"unix:{port},server=on,wait=off", "-device",
                  "isa-debug-exit,iobase=0x501", board=BOARDS["i386"], cpu_memory=("-m", "64M"))
    script = ["set pagination off", f"target remote {m.socket(port)}", "hbreak *main", "continue", "print $eip == main",
              "print/x *(unsigned *)($esp + 4)", "print $eflags", "stepi", "print $eip - (unsigned)main > 0", "info registers cs",
              "delete", "continue"]
    options = [x for line in script for x in ("-ex", line)]
    _, out, err = b.run("-batch", "-nx", *options, elf, program=need("gdb"), limit=60)
    check("unknown type" not in err, f"gdb does not understand the description: {err}")
    for want in ("= 1", "= 0x2badb002", "[ ", "cs             0x8"):
        check(want in out, f"gdb does not show {want!r}: {out} {err}")
    m.expect_exit(1)


@case()
def test_x86_x87(b):
    """x87 instructions: absent by CR0, exceptions at the next one that waits, the environment, FXSAVE"""
    run(b, "x87")


@case()
def test_x86_xsave(b):
    """the XSAVE family of level 0: what enables it, XCR0, XSAVES and XRSTORS"""
    run(b, "xsave", "-cpu", "max", archs=("x86_64",))


@case()
def test_x86_ferr(b):
    """under CR0.NE 0 x87 exceptions are interrupt 13, and port F0h has the processor ignore them"""
    run(b, "ferr")
