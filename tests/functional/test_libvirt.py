# SPDX-License-Identifier: GPL-2.0-or-later
"""libvirt itself, where it is installed: it asks the program what it is, and runs a domain with it.

No daemon is started: virsh has the driver inside of its own process (qemu:///embed), in a folder of the case, as an ordinary user."""
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess

from guests import debian_kernel
from harness import TOP, EMULATOR, Machine, Skip, case, check, need, not_on_peer, until

NOBODY = 65534
DOMAIN = """<domain type='qemu'>
  <name>rv</name><memory unit='MiB'>256</memory><vcpu>2</vcpu>
  <os>
    <type arch='riscv64' machine='virt'>hvm</type>
    <loader>{tmp}/firmware</loader><kernel>{tmp}/kernel</kernel><initrd>{tmp}/initrd</initrd>
    <cmdline>console=ttyS0 quiet</cmdline>
  </os>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='raw'/><source file='{tmp}/disk'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
    <serial type='file'><source path='{tmp}/console'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


class Virsh:
    """One virsh, with the driver in it."""

    def __init__(self, b):
        not_on_peer("it is libvirt's own tests that show how it gets on with QEMU")
        self.b, self.number = b, 0
        self.emulator = b.tmp / "qemu-system-riscv64"
        shutil.copy(EMULATOR, self.emulator)        # an ordinary user may not reach it where it is
        for folder in ("root/etc", "home"):
            (b.tmp / folder).mkdir(parents=True)
        (b.tmp / "root/etc/qemu.conf").write_text('stdio_handler = "file"\n')
        argv = [need_virsh(), "-q", "-c", f"qemu:///embed?root={b.tmp}/root"]
        if os.geteuid() == 0:       # who would run domains as a user of libvirt's own
            self.hand_over()
            argv = [need("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]
        # An empty PATH: libvirt asks every emulator in it what it is, 2 s each.
        b.environment |= {"HOME": f"{b.tmp}/home", "LC_ALL": "C", "PATH": f"{b.tmp}/home"}
        b.onexit.callback(self.end_domain)
        self.line = Machine(b, ["/bin/sh", "-c", 'exec "$0" "$@" 2>&1', *argv])
        b.onexit.callback(self.line.stop)

    def hand_over(self):
        self.b.tmp.chmod(self.b.tmp.stat().st_mode | stat.S_IXOTH)
        for path in ("root", "root/etc", "home", "root/etc/qemu.conf"):
            os.chown(self.b.tmp / path, NOBODY, NOBODY)

    def give(self, name, source=None, size=0):
        """A file of the domain's."""
        path = self.b.tmp / name
        if source:
            shutil.copyfile(source, path)
        else:
            path.write_bytes(bytes(size))
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)

    def end_domain(self):
        for path in (self.b.tmp / "root").rglob("rv.pid"):
            os.kill(int(path.read_text()), signal.SIGKILL)

    def ask(self, command):
        """What it prints."""
        self.number += 1
        self.line.send(f"{command}\necho end-of-{self.number}\n")
        text = self.line.expect(rf"((?:.|\n)*?)end-of-{self.number}\n", 60)[1]
        check("error:" not in text, f"{command}: {text}")
        return text


def need_virsh():
    path = shutil.which("virsh")
    drivers = [*pathlib.Path("/usr").glob("lib*/libvirt/connection-driver/libvirt_driver_qemu.so"),
               *pathlib.Path("/usr").glob("lib/*/libvirt/connection-driver/libvirt_driver_qemu.so")]
    if not path or not drivers:
        raise Skip("libvirt is not installed (Debian: libvirt-clients, libvirt-daemon-driver-qemu)")
    return path


@case()
def test_libvirt_probe(b):
    """libvirt asks what the program is, and finds machine, disks and networks"""
    v = Virsh(b)
    text = v.ask(f"domcapabilities --emulatorbin {v.emulator} --arch riscv64 --machine virt --virttype qemu")
    for wanted in ("<vcpu max='8'/>", "<machine>virt</machine>", "<value>virtio</value>", "<value>random</value>"):
        check(wanted in text, f"{wanted} is not in {text}")


@case(quick=False, limit=180)
def test_libvirt_domain(b):
    """a domain: starts, is suspended, resumed, asked, reset, destroyed"""
    v, kernel = Virsh(b), debian_kernel()
    for name, source in (("firmware", kernel.firmware), ("kernel", kernel.image), ("initrd", kernel.initrd)):
        v.give(name, source)
    v.give("disk", size=1 << 20)
    v.give("console")
    (b.tmp / "rv.xml").write_text(DOMAIN.format(tmp=b.tmp, emulator=v.emulator))
    v.ask(f"define {b.tmp}/rv.xml")
    v.ask("start rv")
    until("user space", lambda: b"user space reached" in (b.tmp / "console").read_bytes(), 60)
    for command, wanted in (("domstate rv --reason", "running (booted)"), ("dominfo rv", "running"), ("domblklist rv", f"{b.tmp}/disk"),
                            ("domblkstat rv vda", "rd_req"), ("domstats rv", "vcpu.1.time="), ("domiflist rv", "52:54:00:00:00:01"),
                            ("suspend rv", ""), ("domstate rv --reason", "paused (user)"), ("resume rv", ""),
                            ("domstate rv", "running"), ("qemu-monitor-command rv --hmp info status", "VM status: running"),
                            ("qemu-monitor-command rv '{\"execute\": \"query-name\"}'", '"name":"rv"'), ("setmem rv 200M", ""),
                            ("domif-setlink rv 52:54:00:00:00:01 down", ""), ("reset rv", ""), ("shutdown rv", ""),
                            ("destroy rv", ""), ("domstate rv --reason", "shut off (destroyed)"), ("undefine rv", "")):
        text = v.ask(command)
        check(wanted in text, f"{command}: {text}")


@case(quick=False, limit=180)
def test_libvirt_disks(b):
    """disks of a domain that runs: an external snapshot, committed and pivoted; pulled; copied and pivoted; resized"""
    if not [*pathlib.Path("/usr").glob("lib/*/libvirt/storage-file/libvirt_storage_file_fs.so")]:
        raise Skip("libvirt's driver for files is not installed (Debian: libvirt-daemon)")
    v, kernel = Virsh(b), debian_kernel()
    for name, source in (("firmware", kernel.firmware), ("kernel", kernel.image), ("initrd", kernel.initrd)):
        v.give(name, source)
    img = TOP / "build" / "img" / "lyrebird-img"

    def make(name, *more):
        subprocess.run([img, "create", "-q", "-f", "qcow2", *more, b.tmp / name, *(() if "-b" in more else ("1M",))], check=True)
        if os.geteuid() == 0:
            os.chown(b.tmp / name, NOBODY, NOBODY)
    make("disk")
    make("over", "-b", str(b.tmp / "disk"), "-F", "qcow2")
    make("copy")
    v.give("console")
    (b.tmp / "rv.xml").write_text(DOMAIN.format(tmp=b.tmp, emulator=v.emulator).replace("type='raw'", "type='qcow2'"))
    v.ask(f"define {b.tmp}/rv.xml")
    v.ask("start rv")
    until("user space", lambda: b"user space reached" in (b.tmp / "console").read_bytes(), 60)

    def disk(wanted):
        text = v.ask("domblklist rv")
        check(f"{b.tmp}/{wanted}\n" in text, text)
    take = "snapshot-create-as rv {0} --disk-only --no-metadata --reuse-external --diskspec vda,snapshot=external,file={1}/{0}"
    v.ask(take.format("over", b.tmp))
    disk("over")
    v.ask("blockcommit rv vda --active --pivot --wait")
    disk("disk")
    b.tmp.chmod(0o777)              # libvirt asks for a new file: the domain's user makes it
    v.ask(take.format("over2", b.tmp).replace(" --reuse-external", ""))
    v.ask("blockpull rv vda --wait")
    disk("over2")
    v.ask(f"blockcopy rv vda {b.tmp}/copy --reuse-external --transient-job --wait --pivot")
    disk("copy")
    v.ask("blockresize rv vda 2M")
    check("2097152" in v.ask("domblkinfo rv vda"), "it has not the new size")
    v.ask("destroy rv")
    v.ask("undefine rv")
    for name in ("disk", "over", "over2", "copy"):
        subprocess.run([img, "check", "-q", b.tmp / name], check=True)


class Wire:
    """The domain's serial line, a socket that the domain makes anew whenever it starts."""

    def __init__(self, path):
        until("the serial line", path.exists)
        self.sock, self.text = socket.socket(socket.AF_UNIX), b""
        self.sock.settimeout(60)
        self.sock.connect(str(path))

    def expect(self, text):
        while text not in self.text:
            piece = self.sock.recv(4096)
            check(piece, f"the line ended before {text}: {self.text[-500:]}")
            self.text += piece
        self.text = self.text[self.text.index(text) + len(text):]

    def ask(self, command, answer):
        self.sock.sendall(command + b"\n")
        self.expect(answer)


@case(quick=False, limit=240)
def test_libvirt_saved(b):
    """a domain is saved to a file and restored, saved by libvirt and started again, and goes on where it was"""
    v, kernel = Virsh(b), debian_kernel()
    for name, source in (("firmware", kernel.firmware), ("kernel", kernel.image), ("initrd", kernel.initrd)):
        v.give(name, source)
    v.give("disk", size=1 << 20)
    b.tmp.chmod(0o777)              # the domain's user makes files there
    serial = f"<serial type='unix'><source mode='bind' path='{b.tmp}/serial'/></serial>"
    xml = DOMAIN.format(tmp=b.tmp, emulator=v.emulator).replace(f"<serial type='file'><source path='{b.tmp}/console'/></serial>", serial)
    (b.tmp / "rv.xml").write_text(xml)
    v.ask(f"define {b.tmp}/rv.xml")
    v.ask("start rv")
    line = Wire(b.tmp / "serial")
    line.expect(b"user space reached")
    line.ask(b"mark=$((6*7)); echo is-$mark", b"is-42")
    for save, back in ((f"save rv {b.tmp}/saved", f"restore {b.tmp}/saved"), ("managedsave rv", "start rv"),
                       (f"save rv {b.tmp}/paused --paused", f"restore {b.tmp}/paused --running")):
        v.ask(save)
        check("shut off (saved)" in v.ask("domstate rv --reason"), f"{save}: it is not off")
        until("its serial line's end", lambda: not (b.tmp / "serial").exists())
        v.ask(back)
        check("running" in v.ask("domstate rv"), f"{back}: it does not run")
        line = Wire(b.tmp / "serial")
        line.ask(b"echo still-$mark", b"still-42")
        line.ask(b"dd if=/dev/vda of=/dev/null bs=64k count=4 2>/dev/null && echo disk-$mark", b"disk-42")
    v.ask("destroy rv")
    v.ask("undefine rv --managed-save")
