# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian packages of a foreign architecture through a private apt state.

apt resolves, fetches and verifies, with the host's own settings (proxies and
the like); nothing of the host's package state is touched and no guest code
runs.  Verification is never switched off: a suite whose files do not match its
signed index is passed over, and the reason is told.  LYREBIRD_OLD_INDEX=1
accepts a mirror that stands still: its index is signed, but past its date.
LYREBIRD_KEYRING names the key of a mirror that signs its indexes itself.
"""
import hashlib
import os
import pathlib
import re
import subprocess

from .base import GuestError, locks, run, say
from .mirror import find_mirrors

SUITES = ("trixie", "sid")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class NoSuite(GuestError):
    """None of the suites asked for has an index that verifies today."""


class Apt:
    """A private apt state for one suite and architecture."""

    def __init__(self, cache, suite, arch):
        self.suite, self.arch = suite, arch
        self.dir = cache / "apt" / f"{suite}-{arch}"
        self.stamp = self.dir / "updated"
        self.is_new = False         # the index was fetched by this run
        for d in ("lists/partial", "cache/archives/partial", "etc/preferences.d",
                  "etc/sources.list.d", "single"):
            (self.dir / d).mkdir(parents=True, exist_ok=True)
        for f in ("status", "etc/preferences"):
            (self.dir / f).touch()

    def _options(self):
        d = self.dir
        pairs = {
            "APT::Architecture": self.arch, "APT::Install-Recommends": "false",
            "APT::Get::Assume-Yes": "true", "APT::Sandbox::User": "",
            "Dir::State": d, "Dir::State::lists": d / "lists", "Dir::State::status": d / "status",
            "Dir::Cache": d / "cache", "Dir::Cache::archives": d / "cache/archives", "Dir::Etc": d / "etc",
            # Containers often switch off the parsed index, which makes each call take seconds.
            "Dir::Cache::pkgcache": "pkgcache.bin", "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
            "Acquire::GzipIndexes": "false", "APT::Update::Error-Mode": "any",
            "Dir::Etc::sourcelist": d / "etc/sources.list",
            "Dir::Etc::sourceparts": d / "etc/sources.list.d",
            "Dir::Etc::preferences": d / "etc/preferences",
            "Dir::Etc::preferencesparts": d / "etc/preferences.d", "Dir::Log": d,
            "Acquire::Languages": "none", "Acquire::Retries": "3", "Debug::NoLocking": "true",
            "APT::Update::Post-Invoke-Success::": "", "Dpkg::Use-Pty": "0",
        }
        if os.environ.get("LYREBIRD_OLD_INDEX"):
            pairs["Acquire::Check-Valid-Until"] = "false"
        argv = ["-o", "APT::Architectures::=", "-o", f"APT::Architectures={self.arch}"]
        for k, v in pairs.items():
            argv += ["-o", f"{k}={v}"]
        return argv

    def _apt(self, tool, *args, what, show=False, cwd=None,
             todo="read the reason above; `scripts/guest update` fetches the package index anew"):
        """Run apt-get or apt-cache on the private state and return its output."""
        argv = [tool, *self._options(), "-q", *args]
        if not show:
            return run(argv, what, todo, cwd=cwd)
        lines = []
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, errors="replace", cwd=cwd, pass_fds=locks) as p:
            for line in p.stdout:
                lines.append(line.rstrip())
                m = re.match(r"Get:(\d+) \S+ (.*)", line)
                if m:
                    say("  fetching " + m.group(2))
        if p.returncode != 0:
            errors = [s for s in lines if re.match(r"(E|W): ", s) and "have been ignored" not in s]
            why = "; ".join(errors[:2]) or (lines or ["apt says nothing"])[-1]
            raise GuestError(what, why, todo)
        return "\n".join(lines)

    def update(self, again=False):
        """Fetch and verify the suite's index (once; `again` for the newest)."""
        if self.stamp.exists() and not again:
            return
        keyring = os.environ.get("LYREBIRD_KEYRING") or KEYRING
        if not pathlib.Path(keyring).exists():
            raise GuestError("cannot verify Debian's package index", f"{keyring} is missing",
                             "install the package debian-archive-keyring (scripts/setup does)")
        failures = []
        for mirror in find_mirrors():
            (self.dir / "etc/sources.list").write_text(
                f"deb [arch={self.arch} signed-by={keyring}] {mirror} {self.suite} main\n", encoding="utf-8")
            self.stamp.unlink(missing_ok=True)
            try:
                self._apt("apt-get", "update", what=f"there is no index of {self.suite} that verifies", show=True,
                          todo="check the network, the mirror and the suite's name, then run the command again")
            except GuestError as e:
                failures.append(e)
                continue
            self.stamp.write_text(self._index_digest() + "\n", encoding="ascii")
            self.is_new = True
            return
        raise failures[0]

    def _fetching(self, fetch):
        """Call `fetch`; if that fails with an index from an earlier day, whose packages the mirror may have
        replaced since, once more with a new index."""
        try:
            return fetch()
        except GuestError as e:
            if self.is_new or "space" in str(e).lower():
                raise
            say(f"fetching failed ({e.why.splitlines()[0]}); trying once more with a new index")
            self.update(again=True)
            return fetch()

    def _index_digest(self):
        """The digest of the verified Release file."""
        release = sorted((self.dir / "lists").glob("*Release"))
        return hashlib.sha256(b"".join(f.read_bytes() for f in release)).hexdigest()[:16]

    def source(self):
        """Names the suite and the very index that packages came from."""
        return f"{self.suite} {self.stamp.read_text(encoding='ascii').strip()}"

    def mirror_uri(self):
        return re.search(r"\] (\S+) ", (self.dir / "etc/sources.list").read_text(encoding="utf-8")).group(1)

    def show(self, package):
        """The newest control record of a package, as a dict."""
        out = self._apt("apt-cache", "show", "--no-all-versions", package,
                        what=f"{self.suite} has no package {package} for {self.arch}")
        return dict(re.findall(r"^([\w-]+): (.*)$", out, re.M))

    def plan(self, packages):
        """[(name, version)] of the packages and all that they depend on."""
        out = self._apt("apt-get", "-s", "install", *packages,
                        what="cannot resolve the package set")
        return re.findall(r"^Inst (\S+) \(([^ ]+) ", out, re.M)

    def fetch_closure(self, packages):
        """Fetch packages and dependencies; the paths of the .deb files."""
        return self._fetching(lambda: self._fetch_closure(packages))

    def _fetch_closure(self, packages):
        self._apt("apt-get", "--download-only", "install", *packages, show=True,
                  what=f"cannot fetch the packages from {self.suite}")
        debs = []
        for name, version in self.plan(packages):
            stem = f"{name.split(':')[0]}_{version.replace(':', '%3a')}_"
            found = list((self.dir / "cache/archives").glob(stem + "*.deb"))
            if not found:
                raise GuestError(f"the package {name} {version} is not in the cache",
                                 "apt fetched another version", "run `scripts/guest update`")
            debs.append(found[0])
        return debs

    def fetch_single(self, packages):
        """Fetch just these packages; the paths of the .deb files."""
        return self._fetching(lambda: [self._fetch_one(p) for p in packages])

    def _fetch_one(self, package):
        """One package file with the digest that the index names.

        `apt-get download` writes under the final name: what an interrupted run left has another digest."""
        where, record = self.dir / "single", self.show(package)
        stem = f"{package}_{record['Version'].replace(':', '%3a')}_*.deb"
        for attempt in (1, 2):
            for deb in where.glob(stem):
                if hashlib.sha256(deb.read_bytes()).hexdigest() == record.get("SHA256"):
                    return deb
                deb.unlink()
            if attempt == 1:
                self._apt("apt-get", "download", package, show=True, cwd=where,
                          what=f"cannot fetch {package} from {self.suite}")
        raise GuestError(f"cannot fetch {package} from {self.suite}", "the file has not the digest of the index",
                         "run `scripts/guest update`")


def open_suite(cache, arch, names, again=False):
    """The first of the suites whose index verifies, its index at hand."""
    reasons, todo = [], ""
    for name in names:
        apt = Apt(cache, name, arch)
        try:
            apt.update(again)
            return apt
        except GuestError as e:
            why = " ".join(e.why.split())
            reasons.append(f"{name}: {why}")
            todo = todo or e.todo
            say(f"{name}: there is no index that verifies, so this suite is not used ({why})")
    if any("is expired" in r for r in reasons):
        todo = ("name a mirror that is kept up to date with LYREBIRD_MIRROR, or accept the signed but old index "
                "with LYREBIRD_OLD_INDEX=1")
    raise NoSuite("no Debian suite can be used", "\n       ".join(reasons), todo)
