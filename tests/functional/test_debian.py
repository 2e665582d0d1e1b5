# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian root file system: systemd to a login, network, a disk that survives a power cycle."""
import hashlib

from guests import debian_kernel, debian_root
from harness import case, check
from test_linux import Download

BOOT = 300
PROMPT = r"root@lyrebird:[^#]*# $"


def boot(b, disk, configure=False, more=()):
    """Boot the root file system; the machine, at its login prompt."""
    k = debian_kernel()
    append = "console=ttyS0 root=/dev/vda" + ("" if configure else " lyrebird.configure=no")
    m = b.machine("-kernel", k.image, "-initrd", k.initrd, "-append", append,
                  "-drive", f"file={disk},format=raw,if=none,id=d0", "-device", "virtio-blk-device,drive=d0",
                  "-netdev", "user,id=n0", "-device", "virtio-net-device,netdev=n0",
                  "-device", "virtio-rng-device", *more, cpu_memory=("-m", "1G"))
    m.expect(r"lyrebird login: $", BOOT)
    return m


def login(m):
    m.send("root\n")
    m.expect(PROMPT, 60)
    m.command("stty -echo; bind 'set enable-bracketed-paste off' 2>/dev/null; dmesg -n 1", PROMPT, 60)


def power_off(m):
    m.send("systemctl poweroff\n")
    m.expect_exit(0, 120)


@case()
def test_debian(b):
    """systemd reaches a login, a download has the right checksum, a synced file survives a power cycle"""
    disk = debian_root(b)
    m = boot(b, disk)
    login(m)
    check("systemd" in m.command("cat /proc/1/comm", PROMPT), "process 1 is not systemd")
    m.command("/usr/lib/systemd/systemd-networkd-wait-online --timeout=60", PROMPT, 90)
    d = Download(b, 8 << 20)
    out = m.command(f"wget -q -O /root/file {d.url} && sync && sha256sum /root/file", PROMPT, 90)
    digest = hashlib.sha256(d.data).hexdigest()
    check(digest in out, f"the download's digest differs: {out}")
    m.stop()                    # the plug is pulled: what was synced must be on the disk
    m = boot(b, disk)
    login(m)
    out = m.command("sha256sum /root/file", PROMPT, 60)
    check(digest in out, f"the file differs after the power cycle: {out}")
    failed = m.command("systemctl --failed --no-legend --plain", PROMPT, 60)
    check(not failed.strip(), f"units failed: {failed}")
    power_off(m)


@case(quick=False)
def test_debian_configure(b):
    """the first boot configures every package; the next finds nothing to do, and reboots by itself"""
    disk = debian_root(b)
    m = boot(b, disk, configure=True)
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
    """the same on four CPUs"""
    m = boot(b, debian_root(b), more=("-smp", "4"))
    login(m)
    check(m.command("nproc", PROMPT).strip() == "4", "not four CPUs")
    power_off(m)
