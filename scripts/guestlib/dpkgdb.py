# SPDX-License-Identifier: GPL-2.0-or-later
"""The dpkg database of a root file system whose packages tar unpacked.

Each package gets its maintainer scripts and file list in /var/lib/dpkg/info and
a record in /var/lib/dpkg/status with the state "unpacked": the truth, so that
`dpkg --configure -a` inside the guest finishes the work with the guest's own code.
Follows deb(5), dpkg(1), and the layout that dpkg itself writes.
"""
import hashlib
import io
import re
import subprocess
import tarfile

from .base import GuestError


def deb_tar(deb, part):
    """The members of a package's "fsys" or "ctrl" archive, by name."""
    option = {"fsys": "--fsys-tarfile", "ctrl": "--ctrl-tarfile"}[part]
    p = subprocess.run(["dpkg-deb", option, str(deb)], stdout=subprocess.PIPE, check=False)
    if p.returncode != 0:
        raise GuestError(f"cannot read the package {deb.name}", "dpkg-deb reports a damaged archive",
                         f"delete {deb} and run the command again")
    return tarfile.open(fileobj=io.BytesIO(p.stdout))


class DpkgDb:
    """Collects package records and writes the database below `root`."""

    def __init__(self, root):
        self.root = root
        self.dir = root / "var/lib/dpkg"
        self.records = []
        for d in ("info", "updates", "triggers", "parts", "alternatives"):
            (self.dir / d).mkdir(parents=True, exist_ok=True)
        (self.dir / "info/format").write_text("1\n", encoding="ascii")

    def add(self, deb):
        """Register one unpacked package."""
        ctrl = deb_tar(deb, "ctrl")
        files = {m.name.removeprefix("./"): ctrl.extractfile(m).read()
                 for m in ctrl.getmembers() if m.isfile()}
        control = files.pop("control").decode()
        fields = dict(re.findall(r"^([\w-]+): (.*)$", control, re.M))
        name = fields["Package"]
        stem = f"{name}:{fields['Architecture']}" if fields.get("Multi-Arch") == "same" else name
        for member, data in files.items():
            p = self.dir / "info" / f"{stem}.{member}"
            p.write_bytes(data)
            p.chmod(0o755 if data.startswith(b"#!") else 0o644)
        names = [m.name.lstrip(".").rstrip("/") or "/." for m in deb_tar(deb, "fsys").getmembers()]
        (self.dir / "info" / f"{stem}.list").write_text("\n".join(names) + "\n", encoding="utf-8")
        self.records.append(self._record(control, files.get("conffiles", b"").decode()))

    def _record(self, control, conffiles):
        """A status record: the control fields, the state, the conffiles' digests."""
        lines = []
        for line in conffiles.split("\n"):
            path = self.root / line.strip().lstrip("/")
            if line.strip().startswith("/") and path.is_file():
                lines.append(f" {line.strip()} {hashlib.md5(path.read_bytes()).hexdigest()}")
        out = control.strip() + "\n"
        out = out.replace("\n", "\nStatus: install ok unpacked\n", 1)
        return out + ("Conffiles:\n" + "\n".join(lines) + "\n" if lines else "")

    def finish(self):
        (self.dir / "status").write_text("\n".join(self.records), encoding="utf-8")
        (self.dir / "available").touch()
        (self.dir / "diversions").touch()
        (self.dir / "statoverride").touch()
