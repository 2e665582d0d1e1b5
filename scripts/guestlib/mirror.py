# SPDX-License-Identifier: GPL-2.0-or-later
"""Which Debian archive the host's apt uses, in whatever form its sources are written.

apt itself says which files it would fetch (`apt-get update --print-uris`, no network): one-line and deb822
sources, options in brackets, several components and mirror lists come out alike, also before the first update.
"""
import os
import pathlib
import re

from .base import GuestError, run

# A row of apt's answer for the component main: 'URI/dists/SUITE/main/binary-ARCH/Packages.xz' ...
# Suites of Debian's main archive; others (bookworm-security, bookworm-pgdg) lie in archives of their own.
ROW = re.compile(r"'(?!cdrom:)(\S+?)/dists/[a-z]+(?:-updates|-proposed-updates|-backports)?/main/binary-[^/']+/[^']*'",
                 re.M)


def archives(answer):
    """The archives in apt's answer that may be Debian's, the likeliest first."""
    uris = list(dict.fromkeys(m.group(1) for m in ROW.finditer(answer)))
    named = [u for u in uris if re.search(r"/debian/?$", u)]
    likely = [u for u in uris if "debian" in u.rpartition("//")[2].partition("/")[2] or u.startswith("mirror")]
    return list(dict.fromkeys(named + likely)) or uris


def find_mirrors():
    """Archives to try, in order: LYREBIRD_MIRROR, or those that the host's apt is set up to use."""
    if os.environ.get("LYREBIRD_MIRROR"):
        return [os.environ["LYREBIRD_MIRROR"]]
    out = run(["apt-get", "-o", "Debug::NoLocking=true", "update", "--print-uris"], "cannot ask apt for its mirror",
              "use a Debian host, or set LYREBIRD_MIRROR to a Debian archive")
    found = archives(out)
    if not found:
        raise GuestError("no Debian mirror known", "apt's sources name no Debian archive",
                         "set LYREBIRD_MIRROR to a Debian archive")
    return found


def inside_guest(uri):
    """The archive as a guest can reach it; None if it cannot (a folder or a list on the host)."""
    if uri.startswith("mirror+file:"):
        path = pathlib.Path(uri.removeprefix("mirror+file:").replace("//", "/"))
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        uris = [s.split()[0] for s in lines if s.strip() and not s.startswith("#")]
        uri = next((u for u in uris if re.match(r"https?:", u)), "")
    return uri if re.match(r"https?:", uri) else None
