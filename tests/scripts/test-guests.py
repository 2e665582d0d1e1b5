#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The maker of guests: mirrors, suites, interrupted runs, caches of older versions, disks that are kept."""
import collections
import errno
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys

from checks import TOP, Skip, equal, main
from guestlib import apt, base, guest, kernel, mirror, root
from guestlib.disk import Disk

SOURCES = {
    "one line, options, components": (
        "sources.list", "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        "https://mirror.example/debian bookworm main contrib non-free-firmware\n"
        "deb http://security.example/debian-security bookworm-security main\n", ["https://mirror.example/debian"]),
    "deb822": ("sources.list.d/debian.sources", "Types: deb deb-src\nURIs: http://mirror.example/pub/debian/\n"
               "Suites: bookworm bookworm-updates\nComponents: main contrib\n"
               "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n", ["http://mirror.example/pub/debian"]),
    "a list of mirrors": ("sources.list.d/debian.sources", "Types: deb\nURIs: mirror+file:/etc/apt/mirrors.list\n"
                          "Suites: bookworm\nComponents: main\n", ["mirror+file:/etc/apt/mirrors.list"]),
    "others beside it": (
        "sources.list", "deb cdrom:[Debian 12]/ bookworm main\ndeb http://apps.example/linux/debian bookworm stable\n"
        "deb http://db.example/apt bookworm-pgdg main\ndeb-src http://src.example/debian bookworm main\n"
        "deb http://snapshot.example/archive/debian/20250520T000000Z bookworm main\n",
        ["http://snapshot.example/archive/debian/20250520T000000Z"]),
    "none": ("sources.list", "deb http://apps.example/linux/debian bookworm stable\n", []),
}


def test_mirrors(tmp):
    """the Debian archive is found in every form of apt's sources, before the first update too"""
    if not shutil.which("apt-get"):
        raise Skip("this host has no apt-get")
    for i, (name, text, wanted) in enumerate(SOURCES.values()):
        d = tmp / str(i)
        (d / "sources.list.d").mkdir(parents=True)
        (d / "lists/partial").mkdir(parents=True)
        (d / name).write_text(text, encoding="utf-8")
        pairs = {"Dir::Etc::sourcelist": d / "sources.list", "Dir::Etc::sourceparts": d / "sources.list.d",
                 "Dir::State::lists": d / "lists", "Debug::NoLocking": "true"}
        argv = ["apt-get", *(w for k, v in pairs.items() for w in ("-o", f"{k}={v}")), "update", "--print-uris"]
        out = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
        equal([u.rstrip("/") for u in mirror.archives(out)], wanted)


def test_inside_guest(tmp):
    """the guest's own sources name an archive that it can reach"""
    (tmp / "list").write_text("# local\nfile:/srv/debian\nhttp://mirror.example/debian/\tpriority:1\n", encoding="utf-8")
    equal(mirror.inside_guest(f"mirror+file:{tmp}/list"), "http://mirror.example/debian/")
    equal(mirror.inside_guest("https://mirror.example/debian"), "https://mirror.example/debian")
    for uri in ("file:/srv/debian", "copy:/srv/debian", f"mirror+file:{tmp}/nothing"):
        equal(mirror.inside_guest(uri), None)


def test_recipe(tmp):
    """a file counts as made only between done and begin, with the same ingredients"""
    made = tmp / "file"
    r = base.Recipe(made, a=1)
    made.write_text("x", encoding="ascii")
    equal(r.source(), None)
    r.done("trixie 1")
    equal(r.source(), "trixie 1")
    equal(base.Recipe(made, a=2).source(), None)
    r.begin()
    equal(r.source(), None)
    for note in ("", "{", "[]", "{}", '{"key": 1}'):        # what other versions or a full disk left
        r.note.write_text(note, encoding="ascii")
        equal(r.source(), None)


def test_old_cache(tmp):
    """files of a version with one folder for all suites are not taken for a guest, and are listed"""
    old = tmp / "guest/riscv64"
    (old / "kernel").mkdir(parents=True)
    for name in ("Image", "Image.recipe", "root.ext4", "root.ext4.recipe"):
        (old / name).write_text('{"key": "k", "source": "sid 1"}', encoding="ascii")
    equal(guest.made(tmp), [])
    equal(len(guest.leftovers(tmp)), 5)
    equal(guest.Guest(tmp, "sid").fresh(), False)


class FakeApt(apt.Apt):
    """Suites of which only some verify, without a network."""
    good = {"sid"}

    def update(self, again=False):
        if self.suite not in self.good:
            raise base.GuestError("the index does not verify", "apt-get ended with 100:\n    E: NO_PUBKEY", "import the key")
        self.stamp.write_text("1\n", encoding="ascii")


def suites(call, good):
    real, apt.Apt = apt.Apt, FakeApt
    FakeApt.good = good
    try:
        return call()
    finally:
        apt.Apt = real


def test_suites(tmp):
    """the first suite that verifies is used; none: one error with each reason and what to do"""
    equal(suites(lambda: apt.open_suite(tmp, "riscv64", apt.SUITES), {"sid"}).suite, "sid")
    equal(suites(lambda: apt.open_suite(tmp, "riscv64", apt.SUITES), {"sid", "trixie"}).suite, "trixie")
    try:
        suites(lambda: apt.open_suite(tmp, "riscv64", apt.SUITES), set())
    except apt.NoSuite as e:
        for word in ("no Debian suite", "why: trixie: apt-get ended with 100: E: NO_PUBKEY",
                     "sid: apt-get ended with 100: E: NO_PUBKEY", "do:  import the key"):
            assert word in str(e), str(e)
        return
    raise AssertionError("no error")


def guest_script(tmp, *args):
    return subprocess.Popen([sys.executable, TOP / "scripts/guest", *args], stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "XDG_CACHE_HOME": str(tmp / "cache"), "LC_ALL": "C"})


def test_suite_names(tmp):
    """what cannot be a suite's name is refused before anything is made or fetched"""
    for name in ("../../sid", "", "sid main", "-"):
        with guest_script(tmp, "make", f"--suite={name}") as p:
            assert f"{name!r} is not the name of a suite" in p.communicate()[1]
        equal((p.returncode, list(tmp.iterdir())), (2, []))


def test_terminated(tmp):
    """SIGTERM is told like an interrupt"""
    with base.locked(tmp / "cache/lyrebird/lock"), guest_script(tmp, "clean") as p:
        assert "waiting" in p.stderr.readline()
        p.terminate()
        assert "interrupted; the next run goes on from here" in p.communicate()[1]
    equal(p.returncode, 1)


KILLED = """
import os, pathlib, signal, sys
from guestlib import apt, base
a = apt.Apt(pathlib.Path(sys.argv[1]), "sid", "riscv64")
a._options = lambda: ["-c", "echo $$; exec sleep 600"]
apt.re.match = lambda pattern, line: print(line, flush=True) or os.kill(os.getpid(), signal.SIGKILL)
with base.locked(a.dir / "lock"):
    a._apt("sh", what="", show=True)
"""


def test_killed(tmp):
    """what a killed run has started keeps the cache locked while it works, and its file is not the next run's"""
    p = subprocess.run([sys.executable, "-c", KILLED, tmp], cwd=TOP / "scripts", stdout=subprocess.PIPE, check=False)
    equal(p.returncode, -signal.SIGKILL)
    with open(apt.Apt(tmp, "sid", "riscv64").dir / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            raise AssertionError("the lock is free while apt works")
        except BlockingIOError:
            os.kill(int(p.stdout), signal.SIGKILL)
        fcntl.flock(lock, fcntl.LOCK_EX)
    disk = tmp / "disk"
    with open(tmp / "disk.part", "w", encoding="ascii") as left:
        with base.finished_as(disk) as part:
            part.write_text("new", encoding="ascii")
        left.write("what cp of the killed run still writes")
    equal(disk.read_text(encoding="ascii"), "new")


def test_choice(tmp):
    """the suite that was named last is the default; a name that means nothing here is none"""
    equal(guest.chosen(tmp), None)
    guest.choose(tmp, "sid")
    equal(guest.chosen(tmp), "sid")
    guest.choose(tmp, "hamm")
    equal(guest.chosen(tmp), None)


def test_cut_download(tmp):
    """a package that an interrupted run left half is fetched again; one that never fits the index is refused"""
    good, sent = b"whole package", []
    a = apt.Apt(tmp, "sid", "riscv64")
    a.is_new = True
    a.show = lambda package: {"Version": "1:2", "SHA256": hashlib.sha256(good).hexdigest()}
    deb = a.dir / "single/p_1%3a2_riscv64.deb"

    def send(*_args, **_kw):
        sent.append(1)
        deb.write_bytes(good if len(sent) == 1 else b"evil")
    a._apt = send
    deb.write_bytes(good[:5])
    equal(a.fetch_single(["p"]), [deb])
    equal((deb.read_bytes(), len(sent)), (good, 1))
    a.fetch_single(["p"])
    equal(len(sent), 1)
    deb.unlink()
    try:
        a.fetch_single(["p"])
    except base.GuestError as e:
        assert "digest" in str(e)
        return
    raise AssertionError("a package with another digest was taken")


def test_stale_index(tmp):
    """when the mirror has replaced the packages of an older index, a new index is fetched, once"""
    a, calls = apt.Apt(tmp, "sid", "riscv64"), []

    def update(again=False):
        calls.append(again)
        a.is_new = True
    a.update = update

    def fetch():
        if not a.is_new:
            raise base.GuestError("cannot fetch", "404  Not Found", "nothing")
        return "fetched"
    equal(a._fetching(fetch), "fetched")
    equal(calls, [True])


def test_full_disk(tmp):
    """too little room is told before anything is fetched"""
    real, guest.KERNEL_MIB = guest.KERNEL_MIB, 1 << 40
    try:
        guest.check_space(guest.Guest(tmp, "sid"), root=True)
        raise AssertionError("it went on")
    except base.GuestError as e:
        assert "no room" in str(e) and "do:" in str(e), str(e)
    finally:
        guest.KERNEL_MIB = real
    e = base.GuestError("cannot unpack p", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "f"), "delete it")
    assert str(e).endswith("do:  " + base.MAKE_ROOM), str(e)


def test_nearly_full_disk(tmp):
    """what an interrupted run has fetched and made counts as room"""
    apt.Apt(tmp, "sid", "riscv64")
    (tmp / "apt/sid-riscv64/single/kernel.deb").write_bytes(os.urandom(8 << 20))
    real, guest.KERNEL_MIB = guest.KERNEL_MIB, 100 - root.NEEDED_MIB
    usage = collections.namedtuple("usage", "free")(95 << 20)
    real_usage, shutil.disk_usage = shutil.disk_usage, lambda path: usage
    try:
        guest.check_space(guest.Guest(tmp, "sid"), root=True)
        try:
            guest.check_space(guest.Guest(tmp, "trixie"), root=True)
        except base.GuestError:
            return
        raise AssertionError("trixie has fetched nothing")
    finally:
        guest.KERNEL_MIB, shutil.disk_usage = real, real_usage


def test_disk(tmp):
    """a disk goes on booting with the kernel it was made with; --fresh and a torn copy make it anew"""
    g = guest.Guest(tmp, "sid")
    modules = g.kernel.tree_dir / "usr/lib/modules"

    def release(version):
        shutil.rmtree(modules, ignore_errors=True)
        (modules / version).mkdir(parents=True)
        for path in (g.kernel.image, g.kernel.initrd, g.root.image):
            with base.finished_as(path) as tmp_path:
                tmp_path.write_text(f"{path.name} {version}", encoding="ascii")
    release("1")
    d = Disk(g)
    equal(d.prepare()[0].read_text(), "Image 1")
    d.image.write_text("my data", encoding="ascii")
    release("2")
    equal((d.prepare()[0].read_text(), d.image.read_text()), ("Image 1", "my data"))
    equal((d.prepare(fresh=True)[0].read_text(), d.image.read_text()), ("Image 2", "root.ext4 2"))
    d.note.unlink()
    equal((d.prepare()[1].read_text(), d.image.read_text()), ("initramfs.cpio.gz 2", "root.ext4 2"))


def test_options(_tmp):
    """what `scripts/guest run` starts: Sv48 for OpenJDK, the root only with a disk"""
    argv = guest.machine_options("F", "K", "I", "D", "more")
    equal((argv[argv.index("-cpu") + 1], argv[argv.index("-bios") + 1]), ("rv64,sv57=off", "F"))
    equal(argv[-1], "console=ttyS0 root=/dev/vda more")
    assert "file=/a,,b/disk.img,format=raw,if=none,id=disk0" in guest.machine_options("F", "K", "I", "/a,b/disk.img")
    argv = guest.machine_options("F", "K", "I", cpu="rv64")
    equal((argv[argv.index("-cpu") + 1], argv[-1], "-drive" in argv), ("rv64", "console=ttyS0", False))


def test_required_modules(_tmp):
    """what the kernel must have is among what is loaded"""
    equal(set(kernel.REQUIRED) - set(kernel.DEVICE_MODULES + kernel.DISK_MODULES), set())


if __name__ == "__main__":
    sys.exit(main(__name__))
