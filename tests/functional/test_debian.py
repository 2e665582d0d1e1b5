# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian root file system: systemd to a login, network, a disk that survives a power cycle."""
import hashlib
import os
import subprocess
import time

from guestlib import apt
from guestlib.guest import ARCH, machine_options
from guests import debian, debian_disk
from harness import TOP, Failure, case, check, is_peer, need, not_on_peer
from test_linux import Download
from test_qmp import Client

BOOT = 300
PEER = ("-cpu", "rv64") if is_peer() else ()    # QEMU of this Debian has no option sv57; the last -cpu counts
PROMPT = r"root@lyrebird:[^#]*# $"


def boot(b, guest, disk, configure=False, more=(), disk_format="raw"):
    """Boot the root file system as `scripts/guest run` does; the machine, at its login prompt."""
    append = "lyrebird.onfail=exit systemd.service_watchdogs=0" + ("" if configure else " lyrebird.configure=no")
    m = b.machine(*machine_options(guest.kernel.firmware, guest.kernel.image, guest.kernel.initrd, disk, append,
                                   disk_format=disk_format), *PEER, *more,
                  cpu_memory=("-m", "1G"))
    m.expect(r"lyrebird login: ", BOOT)
    return m


def login(m):
    m.send("root\n")
    m.expect(PROMPT, 60)
    m.command("stty -echo; bind 'set enable-bracketed-paste off' 2>/dev/null; dmesg -n 1", PROMPT, 60)


def power_off(m):
    m.send("systemctl poweroff\n")
    m.expect_exit(0, 300)


def whole_life(b, suite):
    """systemd, network, a disk that keeps what was synced when the plug is pulled."""
    guest = debian(suite)
    disk = debian_disk(b, guest)
    m = boot(b, guest, disk)
    login(m)
    check("systemd" in m.command("cat /proc/1/comm", PROMPT), "process 1 is not systemd")
    m.command("/usr/lib/systemd/systemd-networkd-wait-online --timeout=60", PROMPT, 90)
    d = Download(b, 8 << 20)
    out = m.command(f"wget -q -O /root/file {d.url} && sync && sha256sum /root/file", PROMPT, 90)
    digest = hashlib.sha256(d.data).hexdigest()
    check(digest in out, f"the download's digest differs: {out}")
    m.stop()                    # the plug is pulled: what was synced must be on the disk
    m = boot(b, guest, disk)
    login(m)
    out = m.command("sha256sum /root/file", PROMPT, 60)
    check(digest in out, f"the file differs after the power cycle: {out}")
    failed = m.command("systemctl --failed --no-legend --plain", PROMPT, 60)
    check(not failed.strip(), f"units failed: {failed}")
    # OpenJDK and others need room at the top of pointers: the guest's hart leaves Sv57 out.
    out = m.command("grep -m 1 mmu /proc/cpuinfo", PROMPT, 60)
    check(PEER or "sv48" in out, f"pages are translated by {out.strip()!r}, not by Sv48")
    power_off(m)


@case()
def test_debian_trixie(b):
    """trixie: systemd reaches a login, a download has the right checksum, a synced file survives a power cycle"""
    whole_life(b, "trixie")


@case()
def test_debian_sid(b):
    """sid: the same, with its kernel and its systemd"""
    whole_life(b, "sid")


@case(quick=False)
def test_debian_configure(b):
    """the first boot configures every package; the next finds nothing to do, and reboots by itself"""
    guest = debian()
    m = boot(b, guest, debian_disk(b, guest), configure=True)
    login(m)
    out = m.command("while ! [ -e /var/lib/lyrebird/configured ]; do systemctl is-active lyrebird-configure "
                    ">/dev/null || { journalctl -u lyrebird-configure | tail; break; }; sleep 1; done; dpkg --audit; "
                    "dpkg -l | grep -c ^ii", PROMPT, 900)
    check(out.strip().isdigit() and int(out) > 80, f"packages are not all configured: {out}")
    m.send("systemctl reboot\n")
    m.expect(r"lyrebird login: $", BOOT)
    login(m)
    failed = m.command("systemctl --failed --no-legend --plain", PROMPT, 60)
    check(not failed.strip(), f"units failed: {failed}")
    power_off(m)


@case(quick=False)
def test_debian_smp(b):
    """the same on four CPUs, with five levels of page tables"""
    guest = debian()
    m = boot(b, guest, debian_disk(b, guest), more=("-smp", "4", "-cpu", "rv64"))
    login(m)
    check(m.command("nproc", PROMPT).strip() == "4", "not four CPUs")
    check("sv57" in m.command("grep -m 1 mmu /proc/cpuinfo", PROMPT), "not Sv57")
    power_off(m)


def refused(b, disk, words, *said):
    """A root that cannot be entered: the guest explains it and ends the emulator with 1."""
    k = debian(root=False).kernel
    m = b.machine(*machine_options(k.firmware, k.image, k.initrd, disk, "lyrebird.onfail=exit " + words), *PEER)
    for text in said:
        m.expect(text, 120, refuse=None)
    m.expect_exit(1, 60)


@case()
def test_root_refused(b):
    """no disk, an empty disk, a file system without its module, a disk without a system: told, and status 1"""
    empty, data = b.tmp / "empty.img", b.tmp / "data.img"
    for image in (empty, data):
        with open(image, "wb") as f:
            f.truncate(16 << 20)
    subprocess.run([need("mke2fs"), "-q", "-t", "ext4", data], check=True)
    refused(b, None, "root=/dev/vda", r"FAILED: there is no disk /dev/vda", r"do: +give the emulator the disk")
    refused(b, empty, "", r"FAILED: cannot mount /dev/vda as ext4", r"holds: nothing that is known", r"do: ")
    refused(b, empty, "rootfstype=xfs", r"FAILED: cannot mount", r"no file system xfs: its module is missing")
    refused(b, data, "", r"FAILED: there is no program /sbin/init", r"lost\+found")


@case()
def test_rescue_shell(b):
    """at a terminal the same failure leads to a shell that says what it is; a wait for a login fails at once"""
    k = debian(root=False).kernel
    m = b.machine(*machine_options(k.firmware, k.image, k.initrd, None, "root=/dev/vda"), *PEER)
    try:
        m.expect(r"login: ", 300)
        raise Failure("a login without a disk")
    except Failure as e:
        check("there is no disk" in str(e), str(e))
    m.expect(r"this is not Debian but the rescue shell of its initramfs", refuse=None)
    m.expect(r"rescue# ", refuse=None)
    m.send("poweroff -f\n")
    m.expect_exit(0)


@case(quick=False, limit=400)
def test_debian_qcow2(b):
    """Debian on a qcow2 overlay: what was synced outlives a pulled plug, the image is sound, its backing unchanged"""
    tool = TOP / "build" / "img" / "lyrebird-img"
    guest = debian()
    base, disk = guest.root.image, b.tmp / "overlay.qcow2"
    before = base.stat().st_mtime_ns

    def img(*argv):
        p = subprocess.run([tool, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return p.returncode, p.stdout

    status, out = img("create", "-q", "-f", "qcow2", "-b", str(base), "-F", "raw", str(disk))
    check(status == 0, f"create: {out}")
    m = boot(b, guest, disk, disk_format="qcow2")
    login(m)
    digest = m.command("dd if=/dev/urandom of=/root/file bs=1M count=24 status=none; sync; sha256sum /root/file", PROMPT, 90)
    m.stop()                    # the plug is pulled
    status, out = img("check", str(disk))
    check(status in (0, 3), f"after a pulled plug the image has more than leaks: {out[-500:]}")
    m = boot(b, guest, disk, disk_format="qcow2")
    login(m)
    out = m.command("sha256sum /root/file", PROMPT, 60)
    check(digest.split()[0] in out, f"the file differs after the power cycle: {out}")
    power_off(m)
    status, out = img("check", "-r", "leaks", str(disk))
    check(status == 0, f"check -r leaks: {out[-500:]}")
    check(base.stat().st_mtime_ns == before, "the backing file was changed")


def install(b, m, guest):
    """A package that the image does not have, of the suite, by dpkg."""
    package, = apt.open_suite(guest.cache, ARCH, [guest.suite]).fetch_single(["ed"])
    d = Download(b, data=package.read_bytes())
    m.command("/usr/lib/systemd/systemd-networkd-wait-online --timeout=60", PROMPT, 90)
    m.command("dpkg --configure $(dpkg-query -W -f '${Package} ' 'gcc-*-base' libgcc-s1 libc6)", PROMPT, 120)   # what it depends on
    out = m.command(f"wget -q -O /root/p.deb {d.url} && dpkg -i /root/p.deb; ed --version", PROMPT, 120)
    check("Setting up ed" in out and "GNU ed" in out, f"the package is not installed: {out}")


@case(quick=False, limit=600)
def test_debian_savevm(b):
    """Debian on a qcow2 overlay, a package installed, saved with savevm, killed, loaded with -loadvm: processes, files and packages are those of then; how long it takes"""
    not_on_peer("its states are its own")
    tool = TOP / "build" / "img" / "lyrebird-img"
    guest = debian()
    disk, path = b.tmp / "overlay.qcow2", b.tmp / "qmp"
    subprocess.run([tool, "create", "-q", "-f", "qcow2", "-b", guest.root.image, "-F", "raw", disk], check=True)
    fetch = not os.environ.get("LYREBIRD_NO_FETCH")
    m = boot(b, guest, disk, disk_format="qcow2", more=("-qmp", f"unix:{path},server=on,wait=off"))
    c = Client(str(path))
    login(m)
    if fetch:
        install(b, m, guest)
    m.command("(while sleep 1; do echo $((n++)) > /run/count; done) & echo here > /root/before; echo cached > /root/unsynced; "
              "until [ -e /run/count ]; do sleep 1; done", PROMPT, 60)
    begun = time.monotonic()
    out = c.ask("human-monitor-command", command_line="savevm here")
    saved = time.monotonic() - begun
    check(out == "", f"savevm: {out}")
    m.command("echo gone > /root/after; rm /root/before; dpkg --purge ed; sync", PROMPT, 60)
    m.stop()                    # the plug is pulled
    listed = subprocess.run([tool, "snapshot", "-l", disk], check=True, stdout=subprocess.PIPE, text=True).stdout
    begun = time.monotonic()
    append = ("-loadvm", "here", "-qmp", f"unix:{path},server=on,wait=off")
    args = machine_options(guest.kernel.firmware, guest.kernel.image, guest.kernel.initrd, disk, "", disk_format="qcow2")
    m = b.machine(*args, *append, cpu_memory=("-m", "1G"))
    c = Client(str(path))       # it is served when the machine is loaded
    loaded = time.monotonic() - begun
    b.note(f"# savevm {saved:.2f} s, -loadvm {loaded:.2f} s\n# {listed}".encode())
    m.send("\n")
    m.expect(PROMPT, 60)
    out = m.command("cat /root/before /root/unsynced; ls /root/after", PROMPT, 60)
    check("here" in out and "cached" in out and "No such file" in out, f"files are not those of then: {out}")
    out = m.command("dpkg -V ed && dpkg -s ed | grep Status; printf '1p\\nq\\n' | ed -s /root/before", PROMPT, 60)
    check(not fetch or ("install ok installed" in out and "here" in out), f"the package is not that of then: {out}")
    first = m.command("cat /run/count", PROMPT, 60).split()[0]
    m.command("sleep 3", PROMPT, 60)
    check(int(m.command("cat /run/count", PROMPT, 60).split()[0]) > int(first), "the process does not go on")
    power_off(m)
    status = subprocess.run([tool, "check", disk], check=False, stdout=subprocess.PIPE, text=True)
    check(status.returncode == 0, f"the image is not sound: {status.stdout[-500:]}")
