# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a Debian root that its maintainer scripts would write.

Only what systemd needs to reach a login on the serial console before the
packages are configured: accounts, PAM's common files, network, units switched
on by links.  Every file has the content that the package's own script would
give it, so configuring the packages in the guest later finds nothing odd.
"""
import os
import re
import shlex

HOSTNAME = "lyrebird"

CONFIGURE_UNIT = """\
[Unit]
Description=Finish the installation of unpacked Debian packages
ConditionPathExists=!/var/lib/lyrebird/configured
ConditionKernelCommandLine=!lyrebird.configure=no
After=getty.target network.target

[Service]
Type=exec
ExecStart=/usr/lib/lyrebird/configure
Nice=10

[Install]
WantedBy=multi-user.target
"""

CONFIGURE_SCRIPT = """\
#!/bin/sh
# The packages of this image were unpacked on a foreign host, which could not run
# their scripts.  Runs in the background at each boot until all are configured.
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /var/lib/lyrebird
if dpkg --configure -a --force-confdef --force-confold; then
    : > /var/lib/lyrebird/configured
    rm -f /etc/motd.d/configuring
    sync
    echo "all packages are configured"
else
    echo "some packages are not configured; as root, run: dpkg --configure -a" | tee /etc/motd.d/configuring
    exit 1
fi
"""

CONFIGURE_MOTD = """\
The packages of this fresh image are being configured in the background (a minute or two);
follow it with: journalctl -fu lyrebird-configure
"""

# systemd counts wall-clock time; on a busy host the machine that is emulated gets little of it.
PATIENCE = """\
[Manager]
DefaultTimeoutStartSec=15min
DefaultTimeoutStopSec=5min
DefaultDeviceTimeoutSec=15min
"""

NETWORK = """\
[Match]
Type=ether

[Network]
DHCP=yes

[DHCPv4]
UseDomains=yes
"""


class RootFiles:
    """Writes into the folder `root` of an image that is being made."""

    def __init__(self, root):
        self.root = root

    def write(self, name, text, mode=0o644):
        p = self.root / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(text, encoding="utf-8")
        p.chmod(mode)

    def link(self, name, target):
        p = self.root / name
        p.parent.mkdir(parents=True, exist_ok=True)
        if not p.is_symlink() and not p.exists():
            p.symlink_to(target)

    def accounts(self):
        """passwd, group and shadow: base-passwd's masters, then what sysusers.d asks for.

        Root has no password."""
        master = self.root / "usr/share/base-passwd"
        users = [u.split(":") for u in (master / "passwd.master").read_text(encoding="utf-8").splitlines()]
        groups = [g.split(":") for g in (master / "group.master").read_text(encoding="utf-8").splitlines()]
        self._sysusers(users, groups)
        self.write("etc/passwd", "".join(":".join([u[0], "x", *u[2:]]) + "\n" for u in users))
        self.write("etc/group", "".join(":".join(g) + "\n" for g in groups))
        shadow = [f"{u[0]}:{'' if u[0] == 'root' else '!*' if int(u[2]) > 900 else '*'}:20000:0:99999:7:::\n"
                  for u in users]
        self.write("etc/shadow", "".join(shadow), 0o640)

    def _sysusers(self, users, groups):
        """Add the system users and groups of sysusers.d(5); numbers count down from 999.

        Not modelled: numbers taken from a path, ranges, membership ("m", "r")."""
        known_u, known_g, number = {u[0] for u in users}, {g[0] for g in groups}, 999
        for conf in sorted((self.root / "usr/lib/sysusers.d").glob("*.conf")):
            for line in conf.read_text(encoding="utf-8").splitlines():
                f = shlex.split(line, comments=True)
                if len(f) < 2 or f[0] not in ("u", "u!", "g"):
                    continue
                name, wanted = f[1], (f[2] if len(f) > 2 else "-").split(":")[0]
                user = f[0] != "g" and name not in known_u
                group = name not in known_g
                if not (user or group) or (f[0] != "g" and not user):
                    continue
                ident = wanted if wanted.isdigit() else str(number)
                number -= not wanted.isdigit()
                if group:
                    groups.append([name, "x", ident, ""])
                    known_g.add(name)
                if user:
                    gecos = f[3] if len(f) > 3 and f[3] != "-" else ""
                    home = f[4] if len(f) > 4 and f[4] != "-" else "/"
                    users.append([name, "x", ident, ident, gecos, home, "/usr/sbin/nologin"])
                    known_u.add(name)

    def pam(self):
        """/etc/pam.d/common-*, as pam-auth-update makes them of the one profile "unix"."""
        profile = (self.root / "usr/share/pam-configs/unix").read_text(encoding="utf-8")
        for kind in ("account", "auth", "password", "session", "session-noninteractive"):
            title = kind.split("-")[0].capitalize()
            m = re.search(rf"^{title}-Initial:\n((?:\t.*\n?)+)", profile, re.M)
            rows = [f"{title.lower()}\t{r.strip()}" for r in m.group(1).strip().split("\n")]
            primary = f"{title}-Type: Primary" in profile
            rules = "\n".join(rows).replace("success=end", f"success={len(rows)}")
            template = (self.root / "usr/share/pam" / f"common-{kind}").read_text(encoding="utf-8")
            name = kind.replace("-", "_").split("_")[0]
            text = re.sub(rf"^\${name}\w*_primary\s*$", (rules if primary else
                          f"{title.lower()}\t[default=1]\t\t\tpam_permit.so") + "\n", template, flags=re.M)
            text = re.sub(rf"^\${name}\w*_additional\s*$", "" if primary else rules + "\n", text, flags=re.M)
            self.write(f"etc/pam.d/common-{kind}", text)

    def shell(self):
        """What base-files installs once: the login shell's start-up files."""
        base = self.root / "usr/share/base-files"
        for source, dest in (("profile", "etc/profile"), ("dot.profile", "root/.profile"),
                             ("dot.bashrc", "root/.bashrc"), ("motd", "etc/motd")):
            if (base / source).exists():
                self.write(dest, (base / source).read_text(encoding="utf-8"))

    def network(self):
        self.write("etc/hostname", HOSTNAME + "\n")
        self.write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {HOSTNAME}\n::1 localhost ip6-localhost\n")
        self.write("etc/systemd/network/80-dhcp.network", NETWORK)
        # The address of the resolver inside the emulator's user network.
        self.write("etc/resolv.conf", "nameserver 10.0.2.3\n")

    def units(self):
        """Switch on what `systemctl enable` would, and the first-boot configuration."""
        units, lib = "etc/systemd/system", "/usr/lib/systemd/system"
        for wants, unit in (("multi-user.target.wants", "systemd-networkd.service"),
                            ("sockets.target.wants", "systemd-networkd.socket"),
                            ("getty.target.wants", "serial-getty@ttyS0.service"),
                            ("network-online.target.wants", "systemd-networkd-wait-online.service")):
            source = re.sub(r"@\w+", "@", unit)
            if (self.root / "usr/lib/systemd/system" / source).exists():
                self.link(f"{units}/{wants}/{unit}", f"{lib}/{source}")
        self.write("etc/systemd/system.conf.d/lyrebird.conf", PATIENCE)
        # Six more consoles on a machine without a screen cost time and memory.
        self.link(f"{units}/getty-static.service", "/dev/null")
        self.link(f"{units}/dbus-org.freedesktop.network1.service", f"{lib}/systemd-networkd.service")
        self.write(f"{units}/lyrebird-configure.service", CONFIGURE_UNIT)
        self.link(f"{units}/multi-user.target.wants/lyrebird-configure.service",
                  f"/{units}/lyrebird-configure.service")
        self.write("usr/lib/lyrebird/configure", CONFIGURE_SCRIPT, 0o755)
        self.write("etc/motd.d/configuring", CONFIGURE_MOTD)

    def system(self, suite, mirror):
        self.write("etc/fstab", "/dev/vda / ext4 defaults,errors=remount-ro 0 1\n")
        self.write("etc/machine-id", "")
        self.write("etc/default/locale", "LANG=C.UTF-8\n")
        self.write("etc/apt/sources.list", f"deb {mirror} {suite} main\n" if mirror else
                   f"# The image came from an archive on its host; name one here: deb URI {suite} main\n")
        self.link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
        self.link("etc/mtab", "../proc/self/mounts")
        for d in ("dev", "proc", "sys", "run", "tmp", "root", "mnt", "srv"):
            (self.root / d).mkdir(exist_ok=True)
        (self.root / "tmp").chmod(0o1777)
        (self.root / "root").chmod(0o700)
        if not (self.root / "usr/bin/awk").exists():
            self.link("usr/bin/awk", "mawk")

    def up_to_date(self):
        """/etc and /var are as new as /usr: systemd rebuilds no cache at the first boot.

        The packages' own scripts build them when they are configured."""
        when = (self.root / "usr").stat().st_mtime_ns
        for d in ("etc", "var"):
            self.write(f"{d}/.updated", f"# Made with the image.\nTIMESTAMP_NSEC={when}\n")
            os.utime(self.root / d / ".updated", ns=(when, when))

    def write_all(self, suite, mirror):
        """`mirror`: an archive that the guest can reach, or an empty string."""
        self.accounts()
        self.pam()
        self.shell()
        self.network()
        self.units()
        self.system(suite, mirror)
