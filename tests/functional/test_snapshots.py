# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine and its disks in snapshots: savevm, loadvm, delvm, -loadvm; judged by qemu-img, where it is there."""
import shutil
import subprocess

from guests import bare_program
from harness import TOP, accelerators, case, check, not_on_peer, until
from test_qmp import Client

IMG = TOP / "build" / "img" / "lyrebird-img"


def img(*argv, status=0):
    p = subprocess.run([IMG, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    check(p.returncode == status, f"lyrebird-img {argv}: {p.returncode}, {p.stdout}")
    return p.stdout


def sound(disk):
    check("No errors were found" in img("check", disk), "the image is not sound")
    if shutil.which("qemu-img"):
        subprocess.run(["qemu-img", "check", "-q", disk], check=True)


def start(b, disks, *more, program="echo", accel=None, qmp="qmp"):
    path = b.tmp / qmp
    drives = [a for d in disks for a in ("-drive", d if "=" in str(d) else f"file={d},format=qcow2,if=virtio")]
    m = b.machine("-bios", "none", "-kernel", bare_program(b, program), "-serial", "stdio", "-monitor", "none", *drives,
                  *(("-accel", accel) if accel else ()), "-qmp", f"unix:{path},server=on,wait=off", *more, serial=False)
    return m, Client(str(path))


def hmp(c, line):
    return c.ask("human-monitor-command", command_line=line).replace("\r\n", "\n")


def quiet(c, line):
    out = hmp(c, line)
    check(out == "", f"{line}: {out}")


def end(m, c):
    c.send('{"execute": "quit"}')
    m.expect_exit(0)


@case(limit=120)
def test_savevm(b):
    """saved, killed, loaded by another process, whichever accelerator; the disk is as it was then; STOP and RESUME are told"""
    not_on_peer("its states are its own")
    disk = b.tmp / "disk.qcow2"
    names = [n for n in accelerators() if n != "kvm"]
    img("create", "-q", "-f", "qcow2", disk, "16M")
    for first in names:
        for second in names:
            m, c = start(b, [disk], accel=first)
            m.expect("ready\n")
            m.send("a")
            m.expect("b")
            quiet(c, "savevm here")
            check([e for e, _ in c.events] == ["STOP", "RESUME"], f"events of savevm: {c.events}")
            m.send("c")
            m.expect("d")
            m.stop()                    # the plug is pulled
            m, c = start(b, [disk], "-loadvm", "here", accel=second)
            m.send("e")
            m.expect("f")               # it says ready no more
            quiet(c, "loadvm here")
            m.send("g")
            m.expect("h")
            listed = hmp(c, "info snapshots")
            check(listed.startswith("List of snapshots present on all disks:\nID      TAG ") and "\n--      here " in listed and
                  listed.count("\n") == 3, listed)
            end(m, c)
            sound(disk)
            check("here" in img("snapshot", "-l", disk), "it is not listed")
    m, c = start(b, [disk])
    quiet(c, "delvm here")
    check(hmp(c, "info snapshots") == "There is no snapshot available.\n", "one is left")
    quiet(c, "savevm")
    check("\n--      vm-2" in hmp(c, "info snapshots"), "one without a name")
    end(m, c)
    sound(disk)


@case()
def test_savevm_disks(b):
    """two disks: both go back together; snapshots of one alone are listed as such; contents are those of then"""
    not_on_peer("its states are its own")
    disks = [b.tmp / "one.qcow2", b.tmp / "two.qcow2"]
    for i, d in enumerate(disks):
        (b.tmp / "raw").write_bytes(bytes([i + 1]) * (1 << 20))
        img("convert", "-f", "raw", "-O", "qcow2", b.tmp / "raw", d)
    img("snapshot", "-c", "alone", disks[1])
    m, c = start(b, disks)
    m.expect("ready\n")
    quiet(c, "savevm both")
    listed = hmp(c, "info snapshots")
    check("\n--      both " in listed and "partial (non-loadable) snapshots on 'virtio1':\n" in listed and "alone" in listed, listed)
    check("does not exist in one or more devices" in hmp(c, "loadvm alone"), "one that is not everywhere")
    end(m, c)
    for d in disks:                 # what changes behind the machine's back is undone by loadvm
        (b.tmp / "raw").write_bytes(bytes([9]) * (1 << 20))
        img("convert", "-n", "-f", "raw", "-O", "qcow2", b.tmp / "raw", d)
    m, c = start(b, disks, "-loadvm", "both")
    m.send("a")
    m.expect("b")
    end(m, c)
    for i, d in enumerate(disks):
        sound(d)
        img("convert", "-f", "qcow2", "-O", "raw", d, b.tmp / "raw")
        check((b.tmp / "raw").read_bytes() == bytes([i + 1]) * (1 << 20), f"disk {i} is not as it was")


@case()
def test_savevm_refused(b):
    """disks that keep no snapshots, names that are not there, states of other machines: the reason; the machine goes on"""
    not_on_peer("its states are its own")
    disk, raw = b.tmp / "disk.qcow2", b.tmp / "disk.raw"
    img("create", "-q", "-f", "qcow2", disk, "16M")
    img("create", "-q", "-f", "raw", raw, "16M")

    def says(c, line, why):
        out = hmp(c, line)
        check(out.startswith("Error: ") and why in out, f"{line}: {out}")
    m, c = start(b, [])
    says(c, "savevm a", "No block device can store vmstate for snapshot")
    end(m, c)
    m, c = start(b, [disk, f"file={raw},format=raw,if=virtio"])
    says(c, "savevm a", "Device 'virtio1' is writable but does not support snapshots: its format has none")
    end(m, c)
    m, c = start(b, [f"file={disk},format=qcow2,if=virtio,snapshot=on"])
    says(c, "savevm a", "with snapshot=on its writes are in a temporary file")
    end(m, c)
    m, c = start(b, [disk])
    check(c.ask("drive-mirror", device="virtio0", target=str(b.tmp / "copy.qcow2"), sync="full", format="qcow2", job_id="j") == {}, "no job")
    for line in ("savevm a", "loadvm a", "delvm a", "info snapshots"):
        says(c, line, "Device 'virtio0' is busy: a block job has it")
    until("the job is ready", lambda: c.ask("query-block-jobs")[0]["ready"])
    check(c.ask("block-job-cancel", device="j") == {}, "it cannot be cancelled")
    until("the job has ended", lambda: not c.ask("query-block-jobs"))
    quiet(c, "savevm a")
    quiet(c, "delvm a")
    end(m, c)
    img("snapshot", "-c", "disk-only", disk)
    m, c = start(b, [disk, f"file={raw},format=raw,if=virtio,readonly=on"])
    m.expect("ready\n")
    says(c, "loadvm a", "Snapshot 'a' does not exist in one or more devices")
    says(c, "delvm a", "Snapshot 'a' does not exist in one or more devices")
    says(c, "loadvm disk-only", "This is a disk-only snapshot. Revert to it offline using qemu-img")
    quiet(c, "savevm a")
    m.send("a")
    m.expect("b")
    end(m, c)
    for more, why in ((("-m", "64M"), "see -m"), (("-smp", "2"), "see -smp")):
        code, _, err = b.run("-M", "virt", *more, "-bios", "none", "-display", "none", "-drive",
                             f"file={disk},format=qcow2,if=virtio", "-loadvm", "a")
        check(code == 1 and why in err and "-loadvm" in err, err)
    sound(disk)
