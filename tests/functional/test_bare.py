# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs on the bare machine: the UART, the test finisher, resets, the loader device."""
import re

from guests import assemble, bare_program
from harness import accelerators, case, check, is_peer, not_on_peer


@case()
def test_exit_code(b):
    """a bare ELF under -bios none speaks and ends with the test finisher's code"""
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "exit"))
    m.expect("bare metal speaks\n")
    m.expect_exit(42)


@case()
def test_trace_lines(b):
    """a trace names device, register, value and the instruction, by the JIT and the interpreter alike"""
    not_on_peer("its traces have another form")
    traces = []
    for accel in accelerators():
        log = b.tmp / accel
        m = b.machine("-bios", "none", "-kernel", bare_program(b, "exit"), "-accel", accel, "-D", str(log),
                      "-trace", "serial-mm.0/thr", "-trace", "riscv.sifive.test*")
        m.expect_exit(42)
        traces.append(log.read_text())
        lines = traces[-1].splitlines()
        sent = [re.fullmatch(r"serial-mm\.0: write thr (0x[0-9a-f]+) \(serial\+0x0/1, cpu 0, pc 0x800\w+\)", line)
                for line in lines[:-1]]
        check(all(sent), f"a line of another form in {traces[-1]}")
        text = "".join(chr(int(s.group(1), 16)) for s in sent)
        check("bare metal speaks" in text, f"the bytes are not what was printed: {text!r}")
        check(re.match(r"riscv\.sifive\.test\.0: write finish 0x2a3333 code=42 ", lines[-1]), lines[-1])
    check(all(t == traces[0] for t in traces), "the two differ")


@case()
def test_exit_pass(b):
    """the finisher's pass is exit code 0"""
    b.machine("-bios", "none", "-kernel", bare_program(b, "pass")).expect_exit(0)


@case()
def test_elf_as_firmware(b):
    """the same ELF works as -bios FILE"""
    m = b.machine("-bios", bare_program(b, "exit"))
    m.expect("bare metal speaks\n")
    m.expect_exit(42)


@case()
def test_interpreter(b):
    """-accel interp runs the same program"""
    not_on_peer("QEMU has no accelerator of that name")
    m = b.machine("-accel", "interp", "-bios", "none", "-kernel", bare_program(b, "exit"))
    m.expect("bare metal speaks\n")
    m.expect_exit(42)


@case()
def test_flash_mode(b):
    """a flash bank changes between array and status within one block"""
    not_on_peer("QEMU's flash shows no status before the first command")
    for accel in accelerators():
        b.machine("-accel", accel, "-bios", "none", "-kernel", bare_program(b, "romd")).expect_exit(0)


@case()
def test_reset(b):
    """the finisher resets the machine; with -no-reboot that ends it"""
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "reset"))
    m.expect("run\nrun\nrun\n")
    m.stop()
    m = b.machine("-no-reboot", "-bios", "none", "-kernel", bare_program(b, "reset"))
    m.expect_exit(0)
    check(m.console.pending.count("run") == 1, f"{m.console.pending!r} instead of one run")


@case()
def test_console_input(b):
    """bytes from standard input reach the guest's UART, in order"""
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "echo"))
    m.expect("ready\n")
    for text in ("HAL", "abcdefghijklmnopqrstuvwxy" * 8):
        m.send(text)
        m.expect("".join(chr(ord(c) + 1) for c in text))


@case()
def test_loader_device(b):
    """-device loader puts a program into memory and starts the CPU there"""
    elf = bare_program(b, "exit")
    m = b.machine("-bios", "none", "-device", f"loader,file={elf},cpu-num=0")
    m.expect("bare metal speaks\n")
    m.expect_exit(42)


@case()
def test_serial_file(b):
    """-serial file: keeps what the guest says"""
    out = b.tmp / "serial.txt"
    m = b.machine("-bios", "none", "-kernel", bare_program(b, "exit"), "-serial", f"file:{out}",
                  "-monitor", "none", serial=False)
    m.expect_exit(42)
    check(out.read_text(encoding="utf-8") == "bare metal speaks\n", f"the file has {out.read_bytes()!r}")


@case()
def test_rv32(b):
    """-cpu rv32 runs a 32-bit program"""
    not_on_peer("QEMU has a program of its own for 32-bit guests")
    m = b.machine("-cpu", "rv32", "-bios", "none", "-kernel", bare_program(b, "exit", bits=32))
    m.expect("bare metal speaks\n")
    m.expect_exit(42)


@case()
def test_elf_of_another_width(b):
    """a 32-bit ELF runs on a 64-bit CPU by -kernel, -bios and the loader device; the first two warn"""
    elf = b.tmp / "narrow.elf"
    assemble(elf, "pass", "-march=rv32ima", "-mabi=ilp32", "-Wl,-melf32lriscv", "-Wl,-Ttext=0x80000000")
    warns = (["-bios", "none", "-kernel", elf], True), (["-bios", elf], True), \
            (["-bios", "none", "-device", f"loader,file={elf}"], False)
    for how, warn in warns:
        code, _, err = b.run("-M", "virt", "-display", "none", *how)
        check(code == 0, f"{how}: exit code {code}: {err!r}")
        check(is_peer() or ("is a 32-bit executable, the CPU is a 64-bit one" in err) == warn, f"{how}: said {err!r}")


@case()
def test_unanswered_uart_interrupt(b):
    """a driver that never reads IIR does not starve the rest of its hart"""
    for accel in ((), ("-accel", "interp")):
        if accel and is_peer():
            continue
        m = b.machine(*accel, "-bios", "none", "-kernel", bare_program(b, "uart-no-iir"))
        m.expect("sent by interrupts\nand on\n")
        m.expect_exit(0)


@case()
def test_headers_outside_memory(b):
    """an ELF whose headers a plain linker puts below memory runs, by -kernel, -bios and the loader device"""
    kinds = {"plain": [], "pie": ["-static-pie"], "rv32": ["-march=rv32ima", "-mabi=ilp32", "-Wl,-melf32lriscv"]}
    for name, options in kinds.items():
        if is_peer() and name == "rv32":
            continue  # QEMU has a program of its own for 32-bit guests
        elf = b.tmp / f"{name}.elf"
        assemble(elf, "pass", *options, "-Wl,-Ttext=0x80000000")
        cpu = ["-cpu", "rv32"] if name == "rv32" else []
        for how in (["-bios", "none", "-kernel", elf], ["-bios", elf], ["-bios", "none", "-device", f"loader,file={elf}"]):
            b.machine(*cpu, *how).expect_exit(0)
