#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""NBD over TLS: with qemu-nbd, qemu-img and nbdkit at the other end, with credentials that are wrong, and with peers that mean harm.

  test-nbd-tls.py LYREBIRD-NBD LYREBIRD-IMG LYREBIRD-IO"""
import atexit
import contextlib
import os
import random
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

import pki
from cases import ran as run, run_cases
from nbd_peer import FLAGS, HELLO, option, reply, request, server

NBD, IMG, IO = (os.path.abspath(p) for p in sys.argv[1:4])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SIZE = 3 << 20
STARTTLS, GO, ACK, POLICY, INVALID, TLS_REQD = 5, 7, 1, 0x80000002, 0x80000003, 0x80000005
PSK = 'psk'  # in the folder of keys


def make_keys(top):
    """Folders of credentials: both (a server's and a client's, by one authority), and what is wrong in some way."""
    os.chdir(top)
    ca, other = pki.Authority('ca'), pki.Authority('ca2', 'Another authority')
    ca.vouch('both', 'server', *pki.SERVER)
    ca.vouch('both', 'client', *pki.CLIENT, name='a client')
    os.makedirs('alone')
    shutil.copy('ca/ca-cert.pem', 'alone')
    ca.vouch('name', 'server', 'tls_www_server', 'dns_name = elsewhere.example', name='elsewhere.example')
    ca.vouch('late', 'server', *pki.SERVER, days=(-20, -10))
    ca.vouch('early', 'server', *pki.SERVER, days=(10, 20))
    ca.vouch('purpose', 'server', 'tls_www_client', 'dns_name = localhost')
    other.vouch('other', 'server', *pki.SERVER)
    other.vouch('other', 'client', *pki.CLIENT)
    shutil.copytree('other', 'mixed')
    shutil.copy('ca/ca-cert.pem', 'mixed')
    shutil.copytree('both', 'revoked')
    ca.revoke('both/client-cert.pem', 'revoked/ca-crl.pem')
    shutil.copytree('both', 'locked')
    pki.tool('certtool', '--to-p8', '--load-privkey', 'both/server-key.pem', '--password', 'sesame', '--outfile', 'locked/server-key.pem')
    os.mkdir(PSK)
    pki.tool('psktool', '-u', 'qemu', '-p', f'{PSK}/keys.psk')
    pki.tool('psktool', '-u', 'another', '-p', f'{PSK}/keys.psk')
    os.mkdir('psk2')
    pki.tool('psktool', '-u', 'qemu', '-p', 'psk2/keys.psk')
    pki.tool('psktool', '-u', 'stranger', '-p', 'psk2/keys.psk')


def creds(kind, end, folder=None, **more):
    """--object of an end's credentials, with the id tls0."""
    options = ''.join(f',{k.replace("_", "-")}={v}' for k, v in more.items())
    return f'tls-creds-{kind},id=tls0,endpoint={end}' + (f',dir={KEYS}/{folder}' if folder else '') + options


def served(tls, *argv, by=NBD, more=(), **options):
    return server(by, '-f', 'raw', '-t', '-e', '0', *more, '--object', tls, '--tls-creds', 'tls0', *argv, 'disk', **options)


def place(host=None, port=None, name='localhost'):
    """As an image of --image-opts."""
    where = f'host={host},file.port={port}' if host else f'path={os.getcwd()}/sock'
    return f'driver=raw,file.driver=nbd,file.{where},file.tls-creds=tls0' + (f',file.tls-hostname={name}' if name else '')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def content(path='raw'):
    with open(path, 'wb') as f:
        f.write(random.Random(SEED).randbytes(SIZE))


def work(program, tls, image):
    """Reads and writes at any byte through a connection; the same on the file beside."""
    rng = random.Random(SEED)
    commands = []
    for _ in range(40):
        at = rng.randrange(SIZE)
        n = min(rng.choice([1, 512, 4096, 16384, 65536, rng.randrange(1, 700000)]), SIZE - at)
        commands += ['-c', rng.choice([f'write -P {rng.randrange(256)} {at} {n}', f'write -z {at} {n}', f'read {at} {n}', 'flush'])]
    run(program, '--object', tls, *commands, '--image-opts', image)
    run('qemu-io', '-f', 'raw', *commands, 'raw')
    with open('raw', 'rb') as a, open('disk', 'rb') as b:
        assert a.read() == b.read(), f'{program}: what was written differs'


PAIRS = (('x509', 'both', {}), ('psk', PSK, {}), ('anon', None, {}), ('x509', 'both', {'priority': 'NORMAL:-VERS-ALL:+VERS-TLS1.2'}),
         ('psk', PSK, {'priority': 'NORMAL:-VERS-ALL:+VERS-TLS1.2'}))


def test_peers():
    """Each program serves each, with all kinds of credentials, in both versions of TLS"""
    for kind, folder, more in PAIRS:
        for by, client in ((NBD, IO), (NBD, 'qemu-io'), ('qemu-nbd', IO)):
            content()
            shutil.copy('raw', 'disk')
            with served(creds(kind, 'server', folder, **more), by=by):
                work(client, creds(kind, 'client', folder, **more), place(name='localhost' if kind == 'x509' else None))


def test_hosts():
    """Over TCP the name is the host's, or its address"""
    content()
    shutil.copy('raw', 'disk')
    for host in ('localhost', '127.0.0.1'):
        port = free_port()
        with served(creds('x509', 'server', 'both'), '-b', '127.0.0.1', '-p', str(port), socket=False):
            for program in (IMG, 'qemu-img'):
                run(program, 'compare', '--object', creds('x509', 'client', 'both'), '--image-opts', place(host, port, None), 'driver=raw,file.driver=file,file.filename=raw')


def test_nbdkit():
    """Serves us, and is served"""
    if not shutil.which('nbdkit'):
        print('# no nbdkit')
        return
    here = os.getcwd()
    content()
    for kind, folder, theirs, ours in (('x509', 'both', [f'--tls-certificates={KEYS}/both', '--tls-verify-peer'], [f'tls-certificates={KEYS}/both', 'tls-verify=false']),
                                       ('psk', PSK, [f'--tls-psk={KEYS}/{PSK}/keys.psk'], [f'tls-psk={KEYS}/{PSK}/keys.psk', 'tls-username=another'])):
        shutil.copy('raw', 'disk')
        with process('nbdkit', '-f', '-U', f'{here}/sock', '--tls=require', *theirs, 'file', 'disk', waits='sock'):
            work(IO, creds(kind, 'client', folder), place(name='localhost' if kind == 'x509' else None))
        with served(creds(kind, 'server', folder)), process('nbdkit', '-f', '-U', f'{here}/kit', 'nbd', f'socket={here}/sock', 'tls=require', *ours, waits='kit'):
            assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'disk', f'nbd:unix:{here}/kit')


@contextlib.contextmanager
def process(*argv, waits):
    """Until its socket is there and takes a connection."""
    p = subprocess.Popen(argv)
    try:
        while True:
            assert p.poll() is None, f'{argv} ended'
            with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                s.connect(waits)
                break
        yield
    finally:
        p.terminate()
        p.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(waits)


def test_list():
    content('disk')
    for by in (NBD, 'qemu-nbd'):
        with served(creds('x509', 'server', 'both'), '-x', 'hi', '-D', 'a text', by=by):
            where = ['-L', '-k', f'{os.getcwd()}/sock']
            told = ['--object', creds('x509', 'client', 'both'), '--tls-creds', 'tls0', '--tls-hostname', 'localhost']
            assert run(NBD, *where, *told) == run('qemu-nbd', *where, *told)
            assert 'wants TLS' in run(NBD, *where, status=1)


def refused(serves, asks, *texts, by=NBD, name='localhost'):
    """A client is refused, and says why: all of the texts."""
    with served(*serves, by=by):
        said = run(IMG, 'info', '--object', asks, '--image-opts', place(name=name), status=1)
        assert all(t in said for t in texts), f'{serves} {asks}: {said}'
        run('qemu-nbd', '-L', '-k', f'{os.getcwd()}/sock', status=1)  # and nothing without TLS


def test_wrong_credentials():
    content('disk')
    server_of = lambda folder, **more: (creds('x509', 'server', folder, **more),)  # noqa: E731
    own, unchecked = creds('x509', 'client', 'both'), {'sanity_check': 'off'}
    refused(server_of('name'), own, "the certificate of 'localhost' is not accepted", 'name in the certificate does not match')
    refused(server_of('late', **unchecked), own, 'is not accepted', 'expired')
    refused(server_of('early', **unchecked), own, 'is not accepted', 'not yet valid')
    refused(server_of('purpose', **unchecked), own, 'is not accepted', 'purpose')
    refused(server_of('other'), own, 'is not accepted', 'issuer is unknown')
    refused(server_of('both'), own, 'give tls-hostname=', name=None)
    for by, text in ((NBD, 'the server ends TLS'), ('qemu-nbd', 'NBD server')):  # that one does not always say why
        refused(server_of('both'), creds('x509', 'client', 'alone'), text, by=by)
        refused(server_of('both'), creds('x509', 'client', 'mixed', sanity_check='off'), text, by=by)
        refused((creds('psk', 'server', PSK),), creds('psk', 'client', 'psk2'), text, by=by, name=None)
        refused((creds('psk', 'server', PSK),), creds('psk', 'client', 'psk2', username='stranger'), text, by=by, name=None)
        refused((creds('psk', 'server', PSK),), creds('anon', 'client'), text, by=by, name=None)
    refused(server_of('revoked'), own, 'the server ends TLS')
    with served(creds('x509', 'server', 'both', verify_peer='off')):
        run(IMG, 'info', '--object', creds('x509', 'client', 'alone'), '--image-opts', place())
    with served(creds('x509', 'server', 'name')):
        run(IMG, 'info', '--object', creds('x509', 'client', 'both', verify_peer='off'), '--image-opts', place(name=None))
        run(IMG, 'info', '--object', own, '--image-opts', place(name='elsewhere.example'))
    with server(NBD, '-f', 'raw', '-t', 'disk'):
        assert 'has no TLS' in run(IMG, 'info', '--object', own, '--image-opts', place(), status=1)


def test_server_says_why():
    """What was wrong with a client is on the server's standard error"""
    content('disk')
    for tls, asks, text in ((creds('x509', 'server', 'both'), creds('x509', 'client', 'alone'), 'shows no certificate'),
                            (creds('x509', 'server', 'revoked'), creds('x509', 'client', 'both'), 'revoked'),
                            (creds('psk', 'server', PSK), creds('psk', 'client', 'psk2', username='stranger'), "nobody has the name 'stranger'")):
        p = subprocess.Popen([NBD, '-k', f'{os.getcwd()}/sock', '-f', 'raw', '-t', '--object', tls, '--tls-creds', 'tls0', 'disk'], stderr=subprocess.PIPE, text=True)
        try:
            # Until it listens.
            while 'Failed to connect' in run(IMG, 'info', '--object', asks, '--image-opts', place(name='localhost' if 'x509' in asks else None), status=1):
                assert p.poll() is None, 'the server ended'
            line = p.stderr.readline()
            assert line.startswith('lyrebird-nbd: a client is refused: ') and text in line, line
        finally:
            p.terminate()
            p.wait()
            p.stderr.close()


def test_own_files():
    """What is wrong with the own files is said before anybody connects"""
    content('disk')
    for tls, *texts in ((creds('x509', 'server', 'late'), 'late/server-cert.pem', 'has expired'), (creds('x509', 'server', 'early'), 'is not yet valid'),
                        (creds('x509', 'server', 'purpose'), "purpose is not that of a TLS server"), (creds('x509', 'server', 'mixed'), 'does not vouch', 'issuer is unknown'),
                        (creds('x509', 'server', 'alone'), 'server-cert.pem', 'there is no certificate of this server'), (creds('x509', 'server', PSK), 'ca-cert.pem'),
                        (creds('x509', 'server'), 'dir= is needed'), (creds('x509', 'server', 'both', priority='NORMAL:+NONSENSE'), 'priority=', "'+NONSENSE'"),
                        (creds('x509', 'server', 'locked'), 'is encrypted', 'passwordid='), (creds('psk', 'server', 'both'), 'keys.psk'),
                        (creds('psk', 'server', PSK, username='qemu'), 'username= is of a client'), (creds('psk', 'client', PSK, username='nobody'), "no key of 'nobody'"),
                        (creds('x509', 'client', 'both'), 'Expected TLS credentials for a server endpoint'), (creds('x509', 'server', 'both', passwordid='no'), "No secret with id 'no'")):
        said = run(NBD, '-k', 'sock', '--object', tls, '--tls-creds', 'tls0', '-f', 'raw', 'disk', status=1)
        assert all(t in said for t in texts), f'{tls}: {said}'
    for tls, text in ((b'qemu', 'line 1 is not NAME:KEY'), (b'qemu:00\nqemu:zz\n', 'line 2'), (b'qemu:' + b'0' * 4000, 'line 1'), (b'\xff' * 100, 'line 1')):
        with open('keys.psk', 'wb') as f:
            f.write(tls)
        assert text in run(NBD, '-k', 'sock', '--object', f'tls-creds-psk,id=tls0,endpoint=server,dir={os.getcwd()}', '--tls-creds', 'tls0', '-f', 'raw', 'disk', status=1)
    assert 'with id' in run(NBD, '-k', 'sock', '--tls-creds', 'tls0', '-f', 'raw', 'disk', status=1)
    assert 'not built' in run(NBD, '-k', 'sock', '--tls-authz', 'a', '-f', 'raw', 'disk', status=1)
    secret = ['--object', 'secret,id=s,data=sesame']
    with served(creds('x509', 'server', 'locked', passwordid='s'), more=secret):
        run(IMG, 'info', '--object', creds('x509', 'client', 'both'), '--image-opts', place())
    assert 'is another' in run(NBD, '-k', 'sock', '--object', 'secret,id=s,data=wrong', '--object', creds('x509', 'server', 'locked', passwordid='s'), '--tls-creds', 'tls0', '-f', 'raw',
                               'disk', status=1)


# ---- hand-made ends -----------------------------------------------------------------


CLOSE_NOTIFY = bytes.fromhex('15 0303 0002 01 00')     # an alert, RFC 5246, 7.2.1: its own clock, or the server's, cuts first


class Client:
    def __init__(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(60)
        self.s.connect('sock')
        assert self.read(18) == HELLO
        self.s.sendall(FLAGS)

    def read(self, n):
        data = b''
        while len(data) < n and (more := self.s.recv(n - len(data))):
            data += more
        return data

    def ask(self, number, data=b''):
        """The first reply: its type."""
        self.s.sendall(option(number, data))
        head = self.read(20)
        assert len(head) == 20, f'option {number}: {head}'
        kind, n = struct.unpack('>II', head[12:])
        self.read(n)
        return kind

    def start_tls(self):
        assert self.ask(STARTTLS) == ACK
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(f'{KEYS}/both/ca-cert.pem')
        context.load_cert_chain(f'{KEYS}/both/client-cert.pem', f'{KEYS}/both/client-key.pem')
        self.s = context.wrap_socket(self.s, server_hostname='localhost', suppress_ragged_eofs=False)


def test_forced():
    """A server with TLS tells nothing without; one without says so"""
    content('disk')
    go = struct.pack('>IH', 0, 0)
    with served(creds('x509', 'server', 'both')):
        c = Client()
        for number in (3, 6, 7, 8, 9, 10, 99):
            assert c.ask(number, go if number in (6, 7) else b'') == TLS_REQD, number
        assert c.ask(STARTTLS, b'x') == INVALID
        assert c.ask(8) == TLS_REQD
        c.start_tls()
        assert c.ask(STARTTLS) == INVALID
        assert c.ask(99) == 0x80000001
        assert c.ask(10, struct.pack('>II', 0, 0)) == INVALID  # structured replies were not agreed on
        assert c.ask(GO, go) == 3
        c.read(34 + 20)  # the rest of its replies
        c.s.sendall(request(2, 0, 0))
        assert c.read(1) == b'', 'no goodbye of TLS after DISC'  # a connection that is cut raises SSLEOFError
        c = Client()
        c.s.sendall(option(1))
        assert c.read(1) == b'', 'an export in plain'
    with server(NBD, '-f', 'raw', '-t', 'disk'):
        assert Client().ask(STARTTLS) == POLICY


def test_hostile_clients():
    """None of them keeps the server from the next"""
    content()
    shutil.copy('raw', 'disk')
    rng = random.Random(SEED)
    begin = FLAGS + option(STARTTLS)
    with served(creds('x509', 'server', 'both')):
        stalled = [Client() for _ in range(5)]
        for c in stalled:
            assert c.ask(STARTTLS) == ACK
        for data in (begin, begin + option(GO, struct.pack('>IH', 0, 0)), begin + b'\x16\x03\x01\xff\xff' + b'x' * 100, begin + b'\x16\x03\x01\x40\x00\x01\xff\xff\xff' + b'y' * 20000,
                     *(begin + b'\x16\x03\x03' + struct.pack('>H', n) + rng.randbytes(n) for n in (0, 1, 5, 500, 16384)), *(begin + rng.randbytes(300) for _ in range(10))):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(60)
                s.connect('sock')
                with contextlib.suppress(OSError):
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
        for cut in (False, True):  # in the middle of a request, with and without a goodbye
            c = Client()
            c.start_tls()
            c.ask(GO, struct.pack('>IH', 0, 0))
            c.s.sendall(request(1, 0, 1 << 20, data=b'part'))
            if cut:
                os.close(c.s.detach())
            else:
                c.s.close()
        run(IMG, 'compare', '--object', creds('x509', 'client', 'both'), '--image-opts', place(), 'driver=raw,file.driver=file,file.filename=raw')
        for c in stalled:
            with contextlib.suppress(ConnectionResetError):
                assert c.read(100) in (b'', CLOSE_NOTIFY), 'a client that stalls is not cut off'


def act(listener, say):
    """One connection after the other, until the listener is shut down."""
    while True:
        try:
            c = listener.accept()[0]
        except OSError:
            return
        with contextlib.suppress(OSError):
            c.settimeout(60)
            say(c)
        c.close()


@contextlib.contextmanager
def fake(say):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind('sock')
        listener.listen()
        t = threading.Thread(target=act, args=(listener, say))
        t.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            t.join()
    os.unlink('sock')


def take(c, n):
    while n:
        n -= len(c.recv(n)) or n


def begun(c):
    c.sendall(HELLO)
    take(c, 4 + 16)
    c.sendall(reply(STARTTLS, ACK))


def tls_of(c):
    begun(c)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f'{KEYS}/both/server-cert.pem', f'{KEYS}/both/server-key.pem')
    return context.wrap_socket(c, server_side=True, suppress_ragged_eofs=False)


def drain(c):
    c.shutdown(socket.SHUT_WR)
    while c.recv(65536):
        pass


def test_hostile_servers():
    """The client ends, with a message"""
    info = reply(7, 3, struct.pack('>HQH', 0, SIZE, 1)) + reply(7, 1)
    agreed = reply(8, 1) + reply(10, 4, struct.pack('>I', 1) + b'base:allocation') + reply(10, 1) + info

    def plain(c):
        begun(c)
        c.sendall(agreed)
        drain(c)

    def silent_end(c):
        begun(c)
        drain(c)

    def cut(n):
        def say(c):
            t = tls_of(c)
            t.sendall(agreed[:n])
            raw = socket.socket(fileno=os.dup(t.fileno()))
            raw.settimeout(60)
            if n >= len(agreed):
                raw.sendall(b'\x17\x03\x03\x40\x00half a record')
            drain(raw)
            raw.close()
            t.close()
        return say

    def goodbye(c):
        t = tls_of(c)
        t.sendall(agreed[:30])
        with contextlib.suppress(OSError):
            t.unwrap()
        t.close()

    def wrong_bytes(c):
        t = tls_of(c)
        t.sendall(agreed)
        raw = socket.socket(fileno=os.dup(t.fileno()))
        raw.settimeout(60)
        raw.sendall(b'\x17\x03\x03\x00\x40' + bytes(64))
        drain(raw)
        raw.close()
        t.close()

    def no_tls(c):
        c.sendall(HELLO)
        take(c, 20)
        c.sendall(reply(STARTTLS, 0x80000001))
        drain(c)

    def reqd(c):
        t = tls_of(c)
        t.sendall(reply(8, TLS_REQD))
        drain(t)

    for say, *texts in ((plain, 'no TLS'), (silent_end, 'no TLS', 'cut off'), (cut(0), 'cut off'), (cut(45), 'cut off'), (cut(len(agreed)), 'rror'), (goodbye, 'as it should'),
                        (wrong_bytes, 'rror'), (no_tls, 'has no TLS')):
        with fake(say):
            said = run(IMG, 'convert', '-O', 'raw', '--object', creds('x509', 'client', 'both'), '--image-opts', place(), 'out', status=1)
            assert said.startswith('lyrebird-img: ') and all(t in said for t in texts), f'{say.__name__}: {said}'
    with fake(reqd):  # of a server that breaks the rules: an error, not another try
        run(IMG, 'info', '--object', creds('x509', 'client', 'both'), '--image-opts', place(), status=1)


def test_stalled_server():
    """A handshake that does not go on is given up"""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind('sock')
        listener.listen()
        hold = []

        def stall():
            c = listener.accept()[0]
            begun(c)
            hold.append(c)

        t = threading.Thread(target=stall)
        t.start()
        said = run(IMG, 'info', '--object', creds('psk', 'client', PSK), '--image-opts', place(name=None), status=1)
        assert 'does not finish the handshake' in said, said
        t.join()
        hold[0].close()


missing = [t for t in ('certtool', 'psktool') if not shutil.which(t)]
if missing:
    print(f'1..0 # SKIP {missing[0]} is not installed (package gnutls-bin)')
    sys.exit()
KEYS = tempfile.mkdtemp(dir='/var/tmp')
atexit.register(shutil.rmtree, KEYS)
make_keys(KEYS)
os.chdir('/')
run_cases(globals(), sys.argv[4:], SEED, 'qemu-nbd')
