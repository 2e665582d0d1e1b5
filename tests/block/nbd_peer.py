# SPDX-License-Identifier: GPL-2.0-or-later
"""Both ends of NBD, for tests: a server of images as a process, and what a hand-made end says."""
import contextlib
import os
import select
import struct

from cases import ran

HELLO = struct.pack('>QQH', 0x4e42444d41474943, 0x49484156454f5054, 3)
FLAGS = struct.pack('>I', 3)  # a client's answer


def option(number, data=b'', length=None):
    return b'IHAVEOPT' + struct.pack('>II', number, len(data) if length is None else length) + data


def reply(number, kind, data=b''):
    return struct.pack('>QIII', 0x3e889045565a9, number, kind, len(data)) + data


def request(kind, at, n, flags=0, data=b''):
    return struct.pack('>IHHQQI', 0x25609513, flags, kind, 5, at, n) + data


@contextlib.contextmanager
def server(by, *argv, socket=True):
    """Until the socket takes connections, by --fork; ended by its pid."""
    here = os.getcwd()
    ran(by, '--fork', '--pid-file', f'{here}/pid', *(['-k', f'{here}/sock'] if socket else []), *argv)
    with open('pid', encoding='ascii') as f:
        pid = int(f.read())
    fd = os.pidfd_open(pid)
    try:
        yield f'nbd:unix:{here}/sock', fd
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 15)
        assert select.select([fd], [], [], 60)[0], 'the server does not end'
        os.close(fd)
