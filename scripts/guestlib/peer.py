# SPDX-License-Identifier: GPL-2.0-or-later
"""The newest Debian QEMU beside the system's own, for comparison.

sid's packages of the host's architecture are unpacked into the cache and started
through their own loader and libraries, so nothing of the host changes.
"""
import os
import platform
import shlex
import shutil
import subprocess

from . import apt
from .base import GuestError, finished_as, say

PACKAGES = ["qemu-system-riscv", "qemu-system-x86", "qemu-system-data", "opensbi", "seabios"]
ARCHS = ("x86_64", "riscv64")     # riscv64 last: the one that make() tells
LOADERS = {"x86_64": ("amd64", "usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu")}

WRAPPER = """\
#!/bin/sh
# sid's QEMU through its own loader; one process (exec), so its pid is the emulator's.
r={root}
exec "$r/{loader}" --library-path "$r/{libs}" --argv0 qemu-system-{arch} \\
    "$r/usr/bin/qemu-system-{arch}" -L "$r/usr/share/qemu" -L "$r/usr/share/seabios" "$@"
"""


def make(cache, suite="sid"):
    """Fetch and unpack it; the path of the program for riscv64, beside which the others are."""
    machine = platform.machine()
    if machine not in LOADERS:
        raise GuestError("cannot set up sid's QEMU", f"hosts of type {machine} are not known here",
                         "name a QEMU with --peer PATH")
    arch, loader, libs = LOADERS[machine]
    where = cache / "peer"
    root, programs = where / "root", {arch: where / f"qemu-system-{arch}" for arch in ARCHS}
    if all(program.exists() for program in programs.values()):
        return programs["riscv64"]
    source = apt.open_suite(cache, arch, [suite])
    debs = source.fetch_closure(PACKAGES)
    shutil.rmtree(root, ignore_errors=True)
    for d in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / d).mkdir(parents=True)
        (root / d).symlink_to("usr/" + d)
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as p:
            subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", str(root)], stdin=p.stdout, check=True)
    for guest, program in programs.items():
        with finished_as(program) as tmp:
            tmp.write_text(WRAPPER.format(root=shlex.quote(str(root)), loader=loader, libs=libs, arch=guest), encoding="utf-8")
            os.chmod(tmp, 0o755)
        out = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
        say(f"{program}: {out.splitlines()[0] if out else 'does not start'}")
    return programs["riscv64"]
