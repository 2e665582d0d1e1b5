# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: what is listed, and how wrong values are refused."""
import os
import signal

from harness import EMULATOR, case, check, is_peer, not_on_peer


@case()
def test_version(b):
    """-version names the program and its version"""
    code, out, _ = b.run("-version")
    check(code == 0, f"exit code {code}")
    check("version" in out.lower(), f"no version in {out!r}")


@case()
def test_lists(b):
    """-M help, -cpu help, -device help and -accel help list what there is"""
    for option, wanted in (("-M", ["virt"]), ("-cpu", ["rv64", "rv32", "max"]), ("-accel", ["tcg"]),
                           ("-device", ["virtio-blk-device", "virtio-net-pci", "virtio-rng-device"])):
        code, out, err = b.run(*(["-M", "virt"] if option == "-cpu" else []), option, "help")
        check(code == 0, f"{option} help: exit code {code}: {err}")
        for w in wanted:
            check(w in out or is_peer(), f"{option} help does not list {w}")


@case()
def test_trace(b):
    """-trace help lists the events of the machine; a pattern that fits none is told; events= has many"""
    not_on_peer("events have other names there")
    code, out, err = b.run("-M", "virt", "-device", "virtio-rng-device,id=dice", "-trace", "help")
    names = out.splitlines()
    check(code == 0, f"exit code {code}: {err}")
    for name in ("memory_region_ops_read", "serial-mm.0", "virtio-mmio", "cfi.pflash01.1", "dice"):
        check(name in names, f"{name} is not listed: {out}")
    check(len(names) == len(set(names)), "a name is listed twice")
    path = str(b.tmp / "events")
    with open(path, "w") as f:
        f.write("# devices\nserial*\n\nvirtoi-mmio.0\n")
    code, out, err = b.run("-M", "virt", "-trace", f"events={path}", "-trace", "help")
    check("'virtio-mmio.0'" in err and "serial" not in err, f"no word of the misspelt name: {err}")
    code, _, err = b.run("-M", "virt", "-trace", "events=/nonexistent")
    check(code == 1 and "/nonexistent" in err, f"exit code {code}: {err}")


@case()
def test_device_properties(b):
    """-device NAME,help lists the properties of a device"""
    code, out, _ = b.run("-M", "virt", "-device", "virtio-blk-device,help")
    check(code == 0 and "drive" in out, f"exit code {code}, no property drive in {out!r}")


@case()
def test_lists_of_a_key(b):
    """KEY=help lists too, and `help` of what has one value only"""
    for args, wanted in ((["-nic", "model=help"], "virtio-net-pci"), (["-nic", "user,model=?"], "virtio-net-pci"),
                         (["-net", "nic,model=help"], "virtio-net-device"), (["-netdev", "type=help"], "user"),
                         (["-device", "driver=help"], "virtio-rng-pci"), (["-object", "qom-type=help"], "rng-random"),
                         (["-object", "memory-backend-ram,help"], "  size=<"), (["-object", "rng-random,help"], "  filename=<"),
                         (["-chardev", "backend=help"], "stdio"), (["-M", "type=help"], "virt"), (["-vga", "help"], "none"),
                         (["-drive", "file=/nonexistent,format=help"], "raw"), (["-audiodev", "help"], "none"),
                         (["-audio", "help"], "none"), (["-display", "help"], "none")):
        if is_peer() and "model" in args[1]:
            continue  # newer versions only
        code, out, err = b.run(*args)
        check(code == 0 and wanted in out, f"{args}: exit code {code}, no {wanted} in {out!r}: {err}")
    for args in (["-object", "rng-rnadom,help"], ["-audiodev", "alsa,help"], ["-device", '{"driver":"help"}']):
        code, out, err = b.run("-M", "virt", "-bios", "none", "-display", "none", *args)
        check(code == 1 or is_peer(), f"{args}: exit code {code}, {out!r}")


@case()
def test_refusals(b):
    """wrong names are refused with exit code 1, the wrong value and, by us, the nearest match"""
    wrong = (("-M", "vrit", "virt"), ("-cpu", "rv46", "rv64"), ("-device", "virtio-blk-devise", "virtio-blk-device"),
             ("-accel", "tgc", "tcg"), ("-netdev", "usre,id=n", "user"), ("-chardev", "stdoi,id=c", "stdio"))
    for option, value, nearest in wrong:
        base = [] if option == "-M" else ["-M", "virt"]
        code, _, err = b.run(*base, "-bios", "none", "-display", "none", option, value)
        check(code == 1, f"{option} {value}: exit code {code}")
        check(value.split(",")[0] in err or is_peer(), f"{option} {value}: the message does not name it: {err!r}")
        check(nearest in err or is_peer(), f"{option} {value}: the message does not offer {nearest}: {err!r}")


@case()
def test_unknown_option(b):
    """an unknown option is refused by name, and the nearest is offered"""
    code, _, err = b.run("-M", "virt", "-kernal", "x")
    check(code == 1 and "kernal" in err, f"exit code {code}, {err!r}")
    check("-kernel" in err or is_peer(), f"no nearest match in {err!r}")


@case()
def test_missing_files(b):
    """a missing kernel, initrd, firmware, disk or device tree is named, exit code 1"""
    for args in (["-kernel", "/nonexistent/k"], ["-bios", "/nonexistent/b"], ["-dtb", "/nonexistent/d"],
                 ["-drive", "file=/nonexistent/disk,format=raw,if=none,id=d"]):
        code, _, err = b.run("-M", "virt", "-display", "none", *args)
        check(code == 1 and "/nonexistent/" in err, f"{args}: exit code {code}, {err!r}")


@case()
def test_name_of_program(b):
    """under the name qemu-system-riscv64 it is the same program"""
    not_on_peer("the program under test is QEMU")
    link = b.tmp / "qemu-system-riscv64"
    link.symlink_to(os.path.abspath(EMULATOR))
    code, out, err = b.run("-M", "help", program=str(link))
    check(code == 0 and "virt" in out, f"exit code {code}: {err!r}")


@case()
def test_machine_none(b):
    """-machine none starts with nothing in it, answers, and ends; what needs a CPU is refused"""
    pidfile = b.tmp / "pid"
    code, _, err = b.run("-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", "none,accel=kvm:tcg",
                         "-serial", "none", "-monitor", "none", "-parallel", "none", "-pidfile", str(pidfile), "-daemonize")
    check(code == 0, f"as libvirt probes: exit code {code}: {err!r}")
    os.kill(int(pidfile.read_text()), signal.SIGTERM)
    for args, why in ((["-kernel", "/nonexistent"], "no CPU"), (["-cpu", "rv64"], "no CPU"), (["-smp", "2"], "max CPUs"),
                      (["-device", "virtio-blk-device"], "bus"), (["-nic", "user"], "network card")):
        code, _, err = b.run("-machine", "none", "-nodefaults", *args)
        check(code == 1 and (why in err or is_peer()), f"{args}: exit code {code}: {err!r}")


@case()
def test_help_of_kinds(b):
    """-netdev TYPE,help and the like list what a kind takes; a kind that is not there is refused"""
    not_on_peer("its lists have other forms")
    for args, wanted in ((["-netdev", "user,help"], "  hostfwd=<str...>"), (["-chardev", "socket,help"], "  port=<str>"),
                         (["-chardev", "null,help"], "  mux=<bool>"), (["-drive", "help"], "  file.locking=<OnOffAuto>"), (["-smp", "help"], "  cores=<uint64>"),
                         (["-action", "help"], "reset/shutdown")):
        code, out, err = b.run(*args)
        check(code == 0 and wanted in out, f"{args}: exit code {code}, no {wanted} in {out!r}: {err}")
    code, _, err = b.run("-netdev", "usr,help")
    check(code == 1 and "did you mean 'user'" in err, f"exit code {code}: {err!r}")


@case()
def test_add_fd(b):
    """-add-fd: a disk that only its descriptor leads to; wrong descriptors are refused"""
    path = b.tmp / "disk"
    path.write_bytes(bytes(1 << 20))
    both, one = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY)
    path.unlink()
    machine = ["-M", "virt,dumpdtb=/dev/null", "-nodefaults", "-display", "none", "-bios", "none"]
    disk = ["-drive", "file=/dev/fdset/2,format=raw,if=none,id=d", "-device", "virtio-blk-device,drive=d"]
    try:
        code, _, err = b.run(*machine, "-add-fd", f"fd={one},set=2", "-add-fd", f"fd={both},set=2,opaque=rw:disk", *disk,
                             "-chardev", "file,id=c,path=/dev/fdset/2", fds=(both, one))
        check(code == 0, f"exit code {code}: {err!r}")
        for args, fds, why in ((["-add-fd", f"fd={one},set=2", *disk], (one,), "Permission denied"),
                               (disk, (), "No such file"), (["-add-fd", "fd=1,set=2"], (), "standard I/O"),
                               (["-add-fd", f"fd={one},set=2"], (), "not valid"), (["-add-fd", "fd=x,set=1"], (), "number"),
                               (["-add-fd", f"fd={one},set=1", "-add-fd", f"fd={one},set=2"], (one,), "already in use"),
                               (["-add-fd", f"fd={one}"], (one,), "set")):
            code, _, err = b.run(*machine, *args, fds=fds)
            check(code == 1 and why in err, f"{args}: exit code {code}, no '{why}' in {err!r}")
    finally:
        os.close(both)
        os.close(one)


CONFIG = """# as Incus writes it
[machine]
  type = "virt"
dumpdtb = "{dtb}"

[memory]
size = "96M"
[smp-opts]
cpus = "2"

[chardev "c0"]
backend = "file"
path = "{log}"
[device "serial"]
driver = "virtio-serial-device"
[device]
driver = "virtconsole"
bus = "serial.0"
chardev = "c0"
[global]
driver = "virtio-mmio"
property = "force-legacy"
value = "false"
"""


@case()
def test_readconfig(b):
    """-readconfig: groups of a file are options; what is wrong is told with its line"""
    dtb, log, path = b.tmp / "dtb", b.tmp / "a, b", b.tmp / "config"
    path.write_text(CONFIG.format(dtb=dtb, log=log))
    base = ["-nodefaults", "-display", "none", "-bios", "none", "-readconfig", path]
    code, _, err = b.run(*base)
    check(code == 0 and log.exists(), f"exit code {code}: {err!r}")
    check(dtb.read_bytes().count(b"cpu@") == 2, "the device tree has not the 2 CPUs of the file")
    not_on_peer("the messages are ours")
    for text, why in (("[machine]\ntype = virt\n", ":2: expecting KEY"), ("x = \"1\"\n", ":1: 'x' stands in no group"),
                      ("[kernel]\n", ":1: there is no group 'kernel'"), ("\n[spice]\n", ":2: [spice]: it is not built"),
                      ("[device net0]\n", "stands in quotes"), ("[device\n", "a group begins"),
                      ("[device \"x\"]\n", ":1: Parameter 'driver' is missing"),
                      ("[machine]\ntype = \"a\"b\"\n", ":2: expecting KEY"), ("[machine]\n = \"x\"\n", "no key"),
                      ("[chardev \"c\"]\nbackend = \"nul\"\n", "did you mean 'null'")):
        path.write_text(text)
        code, _, err = b.run("-M", "virt", *base)
        check(code == 1 and why in err, f"{text!r}: exit code {code}, no {why!r} in {err!r}")
    path.write_bytes(b"[machine]\n\xff")
    code, _, err = b.run(*base)
    check(code == 1 and "UTF-8" in err, f"exit code {code}: {err!r}")
    code, _, err = b.run("-readconfig", "/nonexistent/x")
    check(code == 1 and "/nonexistent/x" in err, f"exit code {code}: {err!r}")
