# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian root file system as an ext4 image, made from packages.

No guest code runs on the host: packages are unpacked with tar, registered with
dpkg as "unpacked", and configured by dpkg inside the guest at its first boot.
Owners and modes are right without being root on the host: the work is done by
one child under fakeroot.
"""
import importlib
import os
import pathlib
import shutil
import subprocess
import sys

from . import rootfiles
from .base import MAKE_ROOM, GuestError, Recipe, finished_as, locked, run, say, source_digest
from .dpkgdb import DpkgDb
from .kernel import ROOT_MODULES
from .mirror import inside_guest
from .modules import SBIN, ModuleTree

PACKAGES = """
base-files base-passwd bash bsdutils coreutils dash debianutils diffutils dpkg findutils grep gzip hostname
init-system-helpers libc-bin login mount ncurses-base ncurses-bin passwd perl-base sed sysvinit-utils tar
util-linux mawk systemd systemd-sysv udev kmod procps less netbase iproute2 iputils-ping wget
apt debian-archive-keyring
""".split()
SIZE_MIB = 2048
NEEDED_MIB = 900      # of free disk: packages, their unpacked files, what the image uses


class Root:
    """The image of one suite, made when missing.  Other kinds of root are classes of their own that say what they hold."""
    name, title = "root", "Debian root"
    packages, modules = PACKAGES, ROOT_MODULES
    size, needed = SIZE_MIB, NEEDED_MIB
    files = rootfiles.RootFiles     # writes what maintainer scripts would
    makers = ("root.py", "rootfiles.py", "dpkgdb.py", "modules.py", "modindex.py")

    def __init__(self, kernel):
        self.kernel = kernel
        self.dir = kernel.dir
        self.image = self.dir / f"{self.name}.ext4"
        self.recipe = Recipe(self.image, packages=self.packages, size=self.size, modules=self.modules,
                             maker=source_digest(*self.makers))

    def _with_kernel(self, source):
        """The root holds modules of one kernel: another kernel makes it stale."""
        return f"{source} {self.kernel.version()}"

    def fresh(self):
        made_of = self.kernel.recipe.source()
        return bool(made_of) and self.recipe.source() == self._with_kernel(made_of)

    def make(self, apt):
        if self.recipe.source() == self._with_kernel(apt.source()):
            return
        say(f"{self.title} from {apt.suite}: {len(self.packages)} packages and what they need")
        mirror = inside_guest(apt.mirror_uri()) or ""
        debs = apt.fetch_closure(self.packages + (["ca-certificates"] if mirror.startswith("https:") else []))
        self.recipe.begin()
        todo = self.dir / f"{self.name}.todo"
        todo.write_text("".join(f"{d}\n" for d in debs), encoding="utf-8")
        argv = [sys.executable, "-m", "guestlib.root", type(self).__module__, type(self).__name__, str(todo), str(self.image),
                str(self.kernel.tree_dir), apt.suite, mirror]
        if os.geteuid() != 0:
            argv = ["fakeroot", "--", *argv]
        try:
            code = subprocess.run(argv, cwd=pathlib.Path(__file__).parents[1], check=False).returncode
        except FileNotFoundError as e:
            raise GuestError("cannot make the root image", "you are not root and fakeroot is not installed",
                             "run scripts/setup") from e
        if code != 0:
            raise GuestError("cannot make the root image", "see the message above",
                             "mend its cause and run the command again: it goes on from here")
        todo.unlink()
        self.finish(len(debs))
        self.recipe.done(self._with_kernel(apt.source()))

    def finish(self, packages):
        """What is left to do with the image, which holds that many packages."""


def unpack_all(debs, tree):
    """Unpack and register every package, on merged /usr."""
    for d in ("bin", "sbin", "lib"):
        (tree / "usr" / d).mkdir(parents=True)
        (tree / d).symlink_to("usr/" + d)
    db = DpkgDb(tree)
    for i, deb in enumerate(debs, 1):
        if i % 20 == 0 or i == len(debs):
            say(f"  unpacked {i} of {len(debs)} packages")
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as p:
            tar = subprocess.run(["tar", "-xp", "--keep-directory-symlink", "-C", str(tree)], stdin=p.stdout,
                                 stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        if tar.returncode or p.returncode:
            raise GuestError(f"cannot unpack {deb.name}",
                             next(iter(tar.stderr.splitlines()), f"dpkg-deb ended with {p.returncode}"),
                             f"delete {deb} and run the command again")
        db.add(deb)
    db.finish()


def make_image(tree, image, size):
    """An ext4 file system with the tree's content; sparse, so small on disk."""
    say("making the ext4 image")
    with finished_as(image) as tmp:
        run(["mke2fs", "-q", "-t", "ext4", "-L", "lyrebird", "-E", "lazy_itable_init=0,lazy_journal_init=0",
             "-J", "size=16", "-d", str(tree), str(tmp), f"{size}M"],
            "cannot make the ext4 image", MAKE_ROOM, env=SBIN)


def main(argv):
    """The child, told the kind of root (module, class): root, or root's likeness under fakeroot.  Its lock outlives a parent that is killed."""
    kind = getattr(importlib.import_module(argv[0]), argv[1])
    todo, image, kernel_tree = (pathlib.Path(a) for a in argv[2:5])
    debs = [pathlib.Path(s) for s in todo.read_text(encoding="utf-8").splitlines()]
    tree = image.with_suffix(".tree")
    with locked(image.with_suffix(".lock")):
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        try:
            unpack_all(debs, tree)
            files = kind.files(tree)
            files.write_all(argv[5], argv[6])
            run(["chown", "0:42", str(tree / "etc/shadow")], "cannot set an owner", "run as root or with fakeroot")
            ModuleTree(kernel_tree).install(kind.modules, tree)
            files.up_to_date()
            make_image(tree, image, kind.size)
        finally:
            shutil.rmtree(tree, ignore_errors=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (GuestError, OSError) as error:
        print(f"guest: {error}", file=sys.stderr)
        sys.exit(1)
