#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lyrebird-nbd serves what qemu-io and qemu-img ask for, lyrebird-img reads and writes what qemu-nbd serves; neither trusts
the other end.

  test-nbd.py LYREBIRD-NBD LYREBIRD-IMG LYREBIRD-IO"""
import contextlib
import json
import os
import random
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading

from cases import ran as run, run_cases
from nbd_peer import HELLO, option, reply, request, server

NBD, IMG, IO = (os.path.abspath(p) for p in sys.argv[1:4])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SIZE = 3 << 20


def served(*argv, by=NBD):
    return server(by, *argv)


def content(path):
    with open(path, 'wb') as f:
        f.write(random.Random(SEED).randbytes(SIZE))


def commands(rng):
    """At any byte: the same for both."""
    for _ in range(60):
        at = rng.randrange(SIZE)
        n = min(rng.choice([1, 7, 512, 4096, 65536, rng.randrange(1, 300000)]), SIZE - at)
        yield rng.choice([f'write -P {rng.randrange(256)} {at} {n}', f'write -z {at} {n}', f'write -f -P 7 {at} {n}', 'flush'])


def test_serve():
    for fmt in ('raw', 'qcow2'):
        content('raw')
        run('qemu-img', 'convert', '-f', 'raw', '-O', fmt, 'raw', 'disk')
        work = [x for c in commands(random.Random(SEED)) for x in ('-c', c)]
        with served('-f', fmt, '-t', '-e', '3', 'disk') as (uri, _):
            run('qemu-io', '-f', 'raw', *work, uri)
            run('qemu-io', '-f', 'raw', *work, 'raw')
            for program in ('qemu-img', IMG):
                assert 'identical' in run(program, 'compare', '-f', 'raw', '-F', 'raw', 'raw', uri)
            run('qemu-img', 'map', '-f', 'raw', '--output=json', uri)
        assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', '-F', fmt, 'raw', 'disk')


def test_list():
    content('raw')
    for options in ([], ['-x', 'hi', '-D', 'a text'], ['-r']):
        texts = []
        for by in (NBD, 'qemu-nbd'):
            with served('-f', 'raw', '-t', '-e', '2', *options, 'raw', by=by) as (_, _):
                texts += [run(lister, '-L', '-k', f'{os.getcwd()}/sock') for lister in (NBD, 'qemu-nbd')]
        assert texts[0] == texts[1] and texts[2] == texts[3]
        # This one may be used over several connections, and does not say which zeroes are fast.
        plain = [re.sub(r'0x[0-9a-f]+ \(| multi| fast-zero', '', t) for t in texts]
        assert plain[0] == plain[2], texts


def chain():
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'base', '2M')
    run('qemu-io', '-c', 'write -P 1 0 256k', '-c', 'write -z 512k 64k', 'base')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'middle')
    run('qemu-io', '-c', 'write -P 2 64k 64k', 'middle')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'middle', '-F', 'qcow2', 'top')
    run('qemu-io', '-c', 'write -P 3 128k 64k', '-c', 'write -z 192k 64k', 'top')


def test_depth():
    """-A: clients see which image of the chain has what."""
    chain()
    texts = []
    for by in (NBD, 'qemu-nbd'):
        with served('-f', 'qcow2', '-t', '-e', '0', '-r', '-A', 'top', by=by):
            where = f'driver=nbd,server.type=unix,server.path={os.getcwd()}/sock'
            texts.append(run('qemu-img', 'map', '--output=json', '--image-opts', f'{where},x-dirty-bitmap=qemu:allocation-depth') +
                         run('qemu-img', 'map', '--output=json', '--image-opts', where) +
                         ''.join(re.findall('available meta(?s:.*)', run('qemu-nbd', '-L', '-k', f'{os.getcwd()}/sock'))))
            if shutil.which('nbdinfo'):
                texts[-1] += run('nbdinfo', '--map=qemu:allocation-depth', f'nbd+unix:///?socket={os.getcwd()}/sock')
    assert texts[0] == texts[1], '--- not\n'.join(texts)
    assert 'qemu:allocation-depth' in texts[0]
    with served('-f', 'qcow2', '-t', '-r', 'top'):
        assert 'allocation-depth' not in run('qemu-nbd', '-L', '-k', f'{os.getcwd()}/sock')


def test_snapshot():
    """-l: the disk as it was, which is only read."""
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'disk', '1M')
    run('qemu-io', '-c', 'write -P 1 0 64k', 'disk')
    run('qemu-img', 'snapshot', '-c', 'one', 'disk')
    run('qemu-io', '-c', 'write -P 2 0 64k', 'disk')
    for which in ('one', '1', 'snapshot.id=1,snapshot.name=one'):
        for by in (NBD, 'qemu-nbd'):
            with served('-f', 'qcow2', '-t', '-e', '2', '-l', which, 'disk', by=by) as (uri, _):
                assert 'failed' not in run('qemu-io', '-f', 'raw', '-r', '-c', 'read -P 1 0 64k', uri), (which, by)
                assert 'Permission denied' in run('qemu-io', '-f', 'raw', '-c', 'write 0 1k', uri, status=1)
    for by in (NBD, 'qemu-nbd'):
        assert 'Failed to load snapshot' in run(by, '-f', 'qcow2', '-k', f'{os.getcwd()}/sock', '-l', 'nope', 'disk', status=1), by


def test_libnbd():
    """Its programs copy an image out and in, over several connections, and see the same of both servers."""
    if not shutil.which('nbdcopy'):
        print('# nbdcopy is not installed (package libnbd-bin)')
        return
    content('raw')
    seen = []
    for by in (NBD, 'qemu-nbd'):
        run('qemu-img', 'create', '-q', '-f', 'qcow2', 'disk', str(SIZE))
        with served('-f', 'qcow2', '-t', '-e', '8', '-x', 'name', '-D', 'text', 'disk', by=by):
            uri = f'nbd+unix:///name?socket={os.getcwd()}/sock'
            run('nbdcopy', 'raw', uri)
            run('nbdcopy', uri, 'back')
            info = json.loads(run('nbdinfo', '--json', uri))
            seen.append([{k: v for k, v in e.items() if k not in ('can_fast_zero', 'can_multi_conn', 'block_size_maximum', 'content')} for e in info['exports']])
        assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'raw', 'back')
        assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', 'raw', 'disk')
    assert seen[0] == seen[1], seen


def test_caches():
    """Each mode of both programs; with writethrough a write has ended when it is durable."""
    content('raw')
    for mode in ('none', 'writeback', 'writethrough', 'directsync', 'unsafe'):
        for discard in ('ignore', 'off', 'unmap', 'on'):
            with served('-f', 'raw', '-t', f'--cache={mode}', f'--discard={discard}', 'raw') as (uri, _):
                assert 'failed' not in run('qemu-io', '-f', 'raw', '-c', 'write -P 3 1000 5000', '-c', 'read -P 3 1000 5000', uri), (mode, discard)
    for words in ('--cache=nope', '--discard=nope', '--nope', '-e -1', '-o x'):
        for by in (NBD, 'qemu-nbd'):
            run(by, '-f', 'raw', '-k', f'{os.getcwd()}/sock', *words.split(), 'raw', status=1)


def test_client():
    content('raw')
    shutil.copy('raw', 'disk')
    with served('-f', 'raw', '-t', '-e', '8', 'disk', by='qemu-nbd') as (uri, _):
        assert 'identical' in run(IMG, 'compare', '-f', 'raw', '-F', 'raw', 'raw', uri)
        with open('raw', 'r+b') as f:
            f.seek(1 << 20)
            f.write(bytes(1 << 20))
        run(IMG, 'convert', '-n', '-m', '4', '-f', 'raw', '-O', 'raw', 'raw', uri)
        run(IMG, 'convert', '-f', 'raw', '-O', 'qcow2', uri, 'copy')
    for fmt, image in (('raw', 'disk'), ('qcow2', 'copy')):
        assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', '-F', fmt, 'raw', image)


def test_readonly_and_names():
    content('raw')
    with served('-f', 'raw', '-t', '-r', '-x', 'a b', 'raw') as (uri, _):
        assert 'read-only' in run(IMG, 'bench', '-w', '-c', '1', '-f', 'raw', uri + ':exportname=a b', status=1)
        assert "no export ''" in run(IMG, 'info', uri, status=1)
        name = f'nbd+unix:///a%20b?socket={os.getcwd()}/sock'
        texts = [run(i, 'info', name).splitlines()[1:] for i in (IMG, 'qemu-img')]  # but for its name, which that one writes anew
        assert texts[0] == texts[1] and 'disk size: unavailable' in texts[0], texts
    for name in ('nbd:foo', 'nbd://h/x?socket=y', 'nbd+unix:///x', 'nbd:unix:'):
        assert 'names no disk' in run(IMG, 'info', name, status=1), name
    assert 'Failed to connect' in run(IMG, 'info', 'nbd:unix:nothere', status=1)


def test_once():
    content('raw')
    with served('-f', 'raw', 'raw') as (uri, fd):
        run(IMG, 'info', '-f', 'raw', uri)
        assert select.select([fd], [], [], 60)[0], 'the server stays after its client'
    assert not os.path.exists('sock') and not os.path.exists('pid')


def talk(data, wait=True):
    """Say this to the server, read until it closes."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect('sock')
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while wait and s.recv(65536):
                pass


def test_hostile_client():
    content('raw')
    rng, go = random.Random(SEED), struct.pack('>I', 3) + option(7, struct.pack('>IH', 0, 0))
    with served('-f', 'raw', '-t', '-e', '0', 'raw') as (uri, _):
        for data in (b'', b'\xff' * 100, struct.pack('>I', 3) + option(3, b'', 0xffffffff), struct.pack('>I', 3) + option(1, b'nope'),
                     struct.pack('>I', 3) + option(7, b'\xff' * 6) + option(9, struct.pack('>II', 0, 0xffffffff)) + option(99, b'x' * 70000),
                     go + request(1, 0, 0xffffffff), go + request(0, 0, 0xffffffff), go + request(0, 1 << 63, 1 << 20),
                     go + request(4, (1 << 64) - 512, 1024), go + request(77, 0, 0), go + request(7, 0, 512), go + request(1, 0, 1 << 20, data=b'cut'),
                     *(go + rng.randbytes(200) for _ in range(20)), *(go + request(0, 0, 1 << 20) * 50 for _ in range(3))):
            talk(data)
        talk(go + request(0, 0, 1 << 20) * 200, wait=False)  # and does not take the answers
        run(IMG, 'convert', '-f', 'raw', '-O', 'raw', uri, 'copy')  # it serves on
    assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'raw', 'copy')


@contextlib.contextmanager
def fake(data):
    """A server at the socket `fake` that says this to each client, whatever it hears."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind('fake')
        listener.listen()

        def serve():
            while True:
                try:
                    c = listener.accept()[0]
                except OSError:  # it is over
                    return
                with c, contextlib.suppress(OSError):
                    c.sendall(data)
                    c.shutdown(socket.SHUT_WR)
                    while c.recv(4096):
                        pass

        t = threading.Thread(target=serve)
        t.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            t.join()
            os.unlink('fake')


def test_hostile_server():
    """Whatever it says, the client ends with a message."""
    info = reply(7, 3, struct.pack('>HQH', 0, SIZE, 1)) + reply(7, 1)
    agreed = HELLO + reply(8, 1) + reply(10, 4, struct.pack('>I', 1) + b'base:allocation') + reply(10, 1) + info
    chunk = struct.pack('>IHHQ', 0x668e33ef, 1, 1, 0)
    for data in (b'', b'x' * 18, HELLO, HELLO + b'\xff' * 40, HELLO + reply(8, 2) * 5000, HELLO + reply(8, 1) + reply(10, 4, b'x'),
                 HELLO + reply(8, 1) + reply(10, 1) + reply(7, 3, struct.pack('>HQH', 0, 1 << 63, 1)) + reply(7, 1),
                 HELLO + reply(8, 1) + reply(10, 1) + reply(7, 1), HELLO + reply(8, 1) + reply(10, 0x80000001) + reply(7, 0x80000006, b'no'),
                 agreed, agreed + b'\xff' * 64, agreed + chunk + struct.pack('>I', 0xffffffff), agreed + chunk + struct.pack('>IQ', 12, 1 << 40) + b'abcd',
                 agreed + struct.pack('>IHHQIQI', 0x668e33ef, 1, 2, 0, 12, 0, 0xffffffff), agreed + struct.pack('>IIQ', 0x67446698, 0, 0)):
        with fake(data):
            text = run(IMG, 'convert', '-O', 'raw', '-f', 'raw', 'nbd:unix:fake', 'out', status=1)
            assert text.startswith('lyrebird-img:'), text


def test_answers_without_end():
    """An answer that never ends, or does not say all that was asked for, is none; a list has room for some names only."""
    agreed = HELLO + reply(8, 1) + reply(10, 0x80000001) + reply(7, 3, struct.pack('>HQH', 0, SIZE, 1)) + reply(7, 1)

    def chunk(kind, data=b'', done=0):
        return struct.pack('>IHHQI', 0x668e33ef, done, kind, 0, len(data)) + data

    whole = chunk(1, struct.pack('>Q', 0) + b'x' * 4096, 1)
    for answers, right in ((whole, True), (chunk(1, struct.pack('>Q', 0) + b'x' * 512, 1), False), (chunk(0, done=1), False), (chunk(0) * 100 + whole, False),
                           (chunk(1, struct.pack('>Q', 0)) * 100 + whole, False), (chunk(0x8001, struct.pack('>IH', 5, 0)) * 5000 + chunk(0, done=1), False),
                           (chunk(1, struct.pack('>Q', 0) + b'x' * 4096) * 2 + chunk(0, done=1), False)):
        with fake(agreed + answers):
            text = run(IO, '-r', '-f', 'raw', '-c', 'read -P 0x78 0 4096', 'nbd:unix:fake', status=None)
            assert ('read 4096/4096' in text and 'status 0' in text) if right else 'read failed' in text, text
    name = struct.pack('>I', 4096) + b'n' * 4096 + b't' * 60000
    for count, right in ((10, True), (400, False)):
        listed = reply(3, 2, name) * count + reply(3, 1)
        listed += (reply(6, 3, struct.pack('>HQH', 0, SIZE, 1)) + reply(6, 1)) * count
        with fake(HELLO + reply(8, 0x80000001) + listed):
            text = run(NBD, '-L', '-k', f'{os.getcwd()}/fake', status=None)
            assert (f'exports available: {count}' in text) == right and ('does not answer as it should' in text) == (not right), text[-300:]


def test_patience():
    """reconnect-delay: requests wait for a server that is gone, and go on with the next; open-timeout: for one that is to come"""
    content('raw')
    shutil.copy('raw', 'disk')
    place = f'driver=nbd,server.type=unix,server.path={os.getcwd()}/sock,open-timeout=60,reconnect-delay=60'
    client = subprocess.Popen([IO, '--image-opts', place], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def ask(command, answer):
        client.stdin.write(command + '\n')
        client.stdin.flush()
        while answer not in (line := client.stdout.readline()):
            assert line, 'the client ended'

    client.stdin.write('read 0 512\n')
    client.stdin.flush()
    for number in range(2):
        with served('-f', 'raw', '-t', '-e', '2', 'disk'):
            ask(f'write -P {number + 1} 512 512', 'wrote 512/512')
    client.kill()
    client.wait()
    with open('disk', 'rb') as f:
        assert f.read(1024)[512:] == b'\2' * 512
    text = run(IMG, 'info', '--image-opts', place.replace('60', '0'), status=1)
    assert 'Failed to connect' in text, text


def test_silent_server():
    """It takes the connection and says nothing, or a byte now and then: the client gives it up."""
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as slow:
        clients = []
        for listener, name in ((silent, 'silent'), (slow, 'slow')):
            listener.bind(name)
            listener.listen()
            clients.append(subprocess.Popen([IMG, 'info', f'nbd:unix:{name}'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        peer = slow.accept()[0]
        gone = os.pidfd_open(clients[1].pid)
        with peer, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            peer.sendall(HELLO + reply(8, 1, bytes(60000))[:20])
            while not select.select([gone], [], [], 1)[0]:
                peer.sendall(b'x')
        os.close(gone)
        for client in clients:
            text = client.communicate()[0]
            assert client.returncode == 1 and 'timed out' in text, text


run_cases(globals(), sys.argv[4:], SEED, 'qemu-nbd')
