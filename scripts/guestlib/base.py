# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guest maker's parts share: the cache folder, messages, atomic files.

Everything that is fetched or made lives in one cache folder outside the source
tree.  A finished file appears there under its name in one rename, so whatever
has its name is complete, and an interrupted run goes on where it stopped.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time


MAKE_ROOM = "free some disk space, or set XDG_CACHE_HOME to a folder with more, and run it again"


class GuestError(Exception):
    """A failure told in three parts: what failed, why, what to do."""

    def __init__(self, what, why, todo):
        if "No space left on device" in str(why):
            todo = MAKE_ROOM
        super().__init__(f"{what}\n  why: {why}\n  do:  {todo}")
        self.why, self.todo = str(why), todo


def cache_dir():
    """The cache folder; made when missing."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(home).absolute() / "lyrebird"      # some steps run in other folders
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise GuestError(f"cannot make the cache folder {path}", e.strerror,
                         "set XDG_CACHE_HOME to a folder that you may write") from e
    return path


_start = time.monotonic()


def say(text):
    """One line of progress, with the seconds since the start."""
    print(f"[{time.monotonic() - _start:6.1f}s] {text}", file=sys.stderr, flush=True)


def run(argv, what, todo, **kw):
    """Run a host tool; GuestError with the tail of its output on failure."""
    try:
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL, text=True, errors="replace", check=False, **kw)
    except FileNotFoundError as e:
        raise GuestError(what, f"the program {argv[0]} is not installed",
                         "run scripts/setup") from e
    if p.returncode != 0:
        tail = "\n       ".join(p.stdout.strip().splitlines()[-8:])
        raise GuestError(what, f"{os.path.basename(argv[0])} ended with {p.returncode}:\n       {tail}",
                         todo)
    return p.stdout


locks = []      # descriptors of held locks: a program that works on after we were killed holds them too


@contextlib.contextmanager
def locked(path):
    """Hold an exclusive lock: two guest makers never work in one cache at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another guest maker is at work in this cache; waiting for it")
            fcntl.flock(f, fcntl.LOCK_EX)
        locks.append(f.fileno())
        try:
            yield
        finally:
            locks.remove(f.fileno())


@contextlib.contextmanager
def finished_as(path):
    """A temporary name beside `path`, renamed to it when the block succeeds.

    The file is a new one: what a killed run's tool still writes goes to the old one, which has no name."""
    tmp = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    tmp.unlink(missing_ok=True)
    try:
        yield tmp
        os.replace(tmp, path)
    finally:
        with contextlib.suppress(OSError):
            tmp.unlink()


def copy_sparse(source, dest):
    """Copy a disk image, sharing or skipping its unused parts where the host can."""
    with finished_as(dest) as tmp:
        run(["cp", "--reflink=auto", "--sparse=always", str(source), str(tmp)],
            f"cannot copy {source.name}", MAKE_ROOM)


def digest(*things):
    """A short name for a recipe: changes when any of its ingredients does."""
    h = hashlib.sha256()
    for t in things:
        h.update(json.dumps(t, sort_keys=True, default=str).encode() + b"\0")
    return h.hexdigest()[:16]


def source_digest(*names):
    """Digest of this package's own source files: a changed maker makes anew."""
    here = pathlib.Path(__file__).parent
    return digest(*[(here / n).read_text(encoding="utf-8") for n in names])


class Recipe:
    """Remembers from what a finished file was made (`NAME.recipe` beside it).

    The note is there only while the file is whole and up to date: `begin` takes it away, `done` writes it.
    So what an interrupted run or an older version of these scripts left is made anew, never used."""

    def __init__(self, path, **ingredients):
        self.path = path
        self.note = path.with_name(path.name + ".recipe")
        self.key = digest(ingredients)

    def source(self):
        """What the file was made from, or None unless it is there, of the same ingredients."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(self.note.read_text(encoding="utf-8"))
            if note["key"] == self.key and self.path.exists():
                return note["source"]
        return None

    def begin(self):
        self.note.unlink(missing_ok=True)

    def done(self, source):
        with finished_as(self.note) as tmp:
            tmp.write_text(json.dumps({"key": self.key, "source": source}) + "\n", encoding="utf-8")
