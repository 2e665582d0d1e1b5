#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of web servers: read by every program, through a cache; a server that fails or lies is found out.

  test-http.py LYREBIRD-IMG LYREBIRD-IO LYREBIRD-NBD LYREBIRD"""
import json
import os
import random
import subprocess
import sys

from cases import qmp, ran as run, run_cases
from web import DATE, basic, certificate, web

IMG, IO, NBD, LYREBIRD = (os.path.abspath(p) for p in sys.argv[1:5])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SIZE = (3 << 20) + 700  # no whole sectors, nor pieces
os.environ.update(no_proxy='*', NO_PROXY='*')
os.environ.pop('SSL_CERT_FILE', None)


def content(size=SIZE):
    data = random.Random(SEED).randbytes(size)
    with open('raw', 'wb') as f:
        f.write(data)
    return data


def same(url, *options):
    run(IMG, 'convert', *options, '-O', 'raw', url, 'copy')
    with open('raw', 'rb') as a, open('copy', 'rb') as b:
        padding = b'\0' * (-os.path.getsize('raw') % 512)
        assert a.read() + padding == b.read()


def refuses(text, url, *options):
    said = run(IMG, 'convert', '-f', 'raw', '-O', 'raw', *options, url, 'copy', status=1)
    assert text in said, f'{text}: {said}'


def test_read():
    with web(disk=content()) as w:
        same(w.url + '/disk', '-f', 'raw')
        same(w.url + '/disk', '-f', 'raw', '-m', '8', '-W')
        text = run(IMG, 'info', w.url + '/disk')
        assert 'disk size: unavailable' in text and 'file format: raw' in text, text
        assert f'virtual size: 3 MiB ({-(-SIZE // 512) * 512} bytes)' in text, text
        with open('raw', 'r+b') as f:  # as the disk has whole sectors
            f.truncate(-(-SIZE // 512) * 512)
        rng = random.Random(SEED)
        reads = [f'read -v {rng.randrange(SIZE - 70000)} {rng.randrange(1, 3000)}' for _ in range(30)]
        options = f'driver=http,url={w.url}/disk,readahead=1536'
        theirs = run('qemu-io', '-f', 'raw', *[x for r in reads for x in ('-c', r)], 'raw')
        ours = run(IO, '-r', '--image-opts', *[x for r in reads for x in ('-c', r)], options)
        shown = [[line for line in text.splitlines() if line.startswith('0')] for text in (ours, theirs)]
        assert shown[0] == shown[1] and len(shown[0]) > 500


def test_cache():
    """A piece is fetched once, pieces that are wanted together by one request; a small file of small pieces is evicted in turn."""
    with web(disk=content()) as w:
        run(IO, '-r', '--image-opts', *['-c', 'read 1000 5000'] * 3, '-c', 'read 0 100', '-c', 'read 260k 4k', f'driver=http,url={w.url}/disk')
        assert w.ranges() == ['bytes=0-262143', 'bytes=262144-524287'], w.ranges()
        w.requests.clear()
        run(IO, '-r', '--image-opts', '-c', 'read 0 2M', '-c', 'read 1M 2M', f'driver=http,url={w.url}/disk,readahead=64k')
        assert w.ranges() == ['bytes=0-1048575', 'bytes=1048576-2097151', f'bytes=2097152-{3 * 1048576 - 1}'], w.ranges()
        w.requests.clear()
        w.files['/large'] = bytes(64 << 20)
        commands = [x for at in (0, 16, 32, 48, 40, 0) for x in ('-c', f'read {at}M 512')]
        run(IO, '-r', '--image-opts', *commands, f'driver=http,url={w.url}/large,readahead=8M')
        assert len(w.ranges()) == 6 and w.ranges()[0] == w.ranges()[-1], w.ranges()  # at most 4 pieces of this size are kept


def test_formats_and_chains():
    data = content()
    run('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', 'raw', 'disk.qcow2')
    with open('disk.qcow2', 'rb') as f:
        image = f.read()
    with web(raw=data, **{'disk.qcow2': image}) as w:
        same(w.url + '/disk.qcow2')
        run(IMG, 'create', '-f', 'qcow2', '-b', w.url + '/disk.qcow2', '-F', 'qcow2', 'top')
        same('top')
        run(IO, '-c', 'write -P 5 0 64k', 'top')
        assert 'verification failed' not in run(IO, '-r', '-c', 'read -P 5 0 64k', 'top')
        # One on the server that names another beside it.
        run('qemu-img', 'create', '-u', '-f', 'qcow2', '-b', 'raw', '-F', 'raw', 'over', str(-(-SIZE // 512) * 512))
        with open('over', 'rb') as f:
            w.files['/over'] = f.read()
        same(w.url + '/over')
        chain = json.loads(run(IMG, 'info', '--output=json', '--backing-chain', w.url + '/over'))
        assert [i['filename'] for i in chain] == [w.url + '/over', w.url + '/raw'], chain
        assert 'can only be read' in run(IO, '-c', 'info', '-f', 'raw', w.url + '/raw', status=1)


def test_json():
    """json:{} says where the bytes are, and what format; an image may have such a name for another."""
    run('qemu-img', 'create', '-f', 'raw', 'small', '1M')
    run('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', 'small', 'small.qcow2')
    with web(disk=content(), image=open('small.qcow2', 'rb').read()) as w:
        whole = {'driver': 'raw', 'file': {'driver': 'http', 'url': w.url + '/disk', 'timeout': 9}}
        dotted = {'file.driver': 'http', 'file.url': w.url + '/disk', 'file.readahead': '64k'}
        for name in (whole, dotted, whole['file']):
            same('json:' + json.dumps(name))
        assert len([r for r in w.ranges() if r == 'bytes=0-65535']) >= 1, w.ranges()  # readahead=
        text = run(IMG, 'info', 'json:' + json.dumps({'driver': 'qcow2', 'file': {'driver': 'http', 'url': w.url + '/image'}}))
        assert 'file format: qcow2' in text, text
        patient = {'driver': 'raw', 'file': {'driver': 'nbd', 'server': {'type': 'unix', 'path': '/none'}, 'open-timeout': 4294967295}}
        assert 'does not say how long' in run(IMG, 'info', 'json:' + json.dumps(patient), status=1)
        assert 'given as' in run(IMG, 'info', '-f', 'qcow2', 'json:' + json.dumps(whole), status=1)
        run(IMG, 'create', '-f', 'qcow2', '-b', 'json:' + json.dumps(dotted), '-F', 'raw', 'top')
        same('top')
        place = f'{os.getcwd()}/small'
        run(IMG, 'compare', '-F', 'raw', 'json:' + json.dumps({'driver': 'file', 'filename': place}), 'small')
        run(IO, '-c', 'write -P 3 0 4k', 'json:' + json.dumps({'driver': 'raw', 'file.driver': 'file', 'file.filename': place}))
        run(IO, '-c', 'write -P 3 0 4k', 'json:' + json.dumps({'driver': 'raw', 'file.driver': 'file', 'file.filename': place, 'file.read-only': True}), status=1)
        with open('small', 'rb') as f:
            assert f.read(4096) == b'\3' * 4096
        qmp(LYREBIRD, '-drive', f'if=none,id=a,readonly=on,file=json:{json.dumps(whole)}'.replace(', "', ',, "'), commands=[])
        itself = 'json:' + json.dumps({'driver': 'qcow2', 'file.driver': 'file', 'file.filename': f'{os.getcwd()}/loop'})
        run('qemu-img', 'create', '-u', '-f', 'qcow2', '-b', itself, '-F', 'qcow2', 'loop', '1M')
        refuses('in its own chain', 'loop', '-f', 'qcow2')
    for name, text in (('{', ''), ('[]', 'an object'), ('{}', 'the driver'), ('{"driver": "raw", "file": "node"}', "'file'"), ('{"driver": "throttle"}', "'throttle'"),
                       ('{"driver": "raw", "offset": 512, "file.driver": "file", "file.filename": "small"}', "'offset'"),
                       ('{"driver": "raw", "file": {"driver": "qcow2", "file.driver": "file", "file.filename": "small"}}', "'qcow2'"),
                       ('{"driver": "file", "filename": "small", "x": 1}', 'x')):
        assert text in run(IMG, 'info', 'json:' + name, status=1), name


def test_options():
    with web(disk=content()) as w:
        with open('secret', 'w', encoding='ascii') as f:
            f.write('pass')
        secret = ['--object', f'secret,id=s,file={os.getcwd()}/secret']
        place = f'driver=http,url={w.url}/disk'

        def guarded(handler, _):
            if handler.headers.get('Authorization') != basic('me', 'pass'):
                handler.say(401, {'WWW-Authenticate': 'Basic realm="x"', 'Content-Length': '0'})
                return 'end'
            return 'go on'
        w.fault = guarded
        run(IO, *secret, '-r', '--image-opts', '-c', 'read 0 4k', place + ',username=me,password-secret=s')
        for wrong in ('', ',username=me', ',username=you,password-secret=s'):
            assert 'status 401' in run(IO, *secret, '-r', '--image-opts', '-c', 'read 0 4k', place + wrong, status=1), wrong
        w.fault = None
        for cookie in ('cookie=pass', 'cookie-secret=s'):
            w.requests.clear()
            run(IO, *secret, '-r', '--image-opts', '-c', 'read 0 4k', f'{place},{cookie},force-range=on')
            assert {(method, h.get('Cookie')) for method, _, _, h in w.requests} == {('GET', 'pass')}, w.requests
        for wrong, text in (('readahead=1000', 'a multiple of 512'), ('readahead=0', 'a multiple of 512'), ('timeout=0', 'seconds'),
                            ('cookie=a,cookie-secret=s', 'one thing'), ('password-secret=t', "No secret with id 't'"), ('sslverfy=on', 'sslverfy')):
            assert text in run(IO, *secret, '-r', '--image-opts', '-c', 'read 0 4k', f'{place},{wrong}', status=1), wrong
        assert 'begin with https://' in run(IO, '-r', '--image-opts', f'driver=https,url={w.url}/disk', status=1)
        assert 'status 404' in run(IMG, 'info', w.url + '/nothing', status=1)
        assert 'status 404' in run(IMG, 'info', w.url + '/nothing?disk', status=1)
        same(w.url + '/disk?x=1&y=2', '-f', 'raw')
        w.files['/empty'] = b''
        for options in ('', ',force-range=on'):
            run(IO, '-r', '--image-opts', '-c', 'length', f'driver=http,url={w.url}/empty{options}')


def test_without_head():
    """HEAD is refused, or says less than is needed: the first byte is asked for."""
    with web(disk=content()) as w:
        def no_head(handler, wanted):
            if handler.command == 'HEAD':
                handler.say(405, {})
                return 'end'
            return 'go on'

        def says_little(handler, wanted):
            handler.plain(wanted, handler.command == 'GET', Accept_Ranges=None)
            return 'end'
        for fault in (no_head, says_little):
            w.fault = fault
            same(w.url + '/disk', '-f', 'raw')


def test_lies():
    data = content()
    with web(disk=data) as w:
        def on_read(answer):
            """It fails where data is read, not before."""
            def fault(handler, wanted):
                if handler.command == 'HEAD':
                    return 'go on'
                answer(handler, wanted)
                return 'end'
            return fault
        for text, answer in (
                ("does not support 'range'", lambda h, r: h.plain(None)),
                ('another range', lambda h, r: h.plain(r, Content_Range=f'bytes 512-262655/{SIZE}')),
                ('another range', lambda h, r: h.plain(r, Content_Range=f'bytes 0-999999999/{SIZE}')),
                ('another range', lambda h, r: h.plain(r, Content_Range='bytes 99999999999999999999999-1/2')),
                ('another range', lambda h, r: h.plain(r, Content_Range='rubbish')),
                ('another range', lambda h, r: h.plain(r, Content_Range=None)),
                ('size has changed', lambda h, r: h.plain(r, Content_Range=f'bytes {r[6:]}/{SIZE + 512}')),
                ('has changed on the server', lambda h, r: h.plain(r, Last_Modified='Tue, 02 Jan 2024 00:00:00 GMT')),
                ('in place of', lambda h, r: h.plain('bytes=0-99')),
                ('more than it has announced', lambda h, r: h.plain('bytes=0-8191', Content_Range=f'bytes 0-4095/{SIZE}')),
                ('no bytes', lambda h, r: h.say(416, {'Content-Length': '0'})),
                ('status 503', lambda h, r: h.say(503, {'Content-Length': '0'})),
                ('status 302', lambda h, r: h.say(302, {'Content-Length': '0'})),
                ('headers of the server', lambda h, r: h.say(206, {f'X-{i}': 'y' * 1000 for i in range(100)})),
                ('redirects', lambda h, r: h.say(302, {'Location': '/disk', 'Content-Length': '0'})),
                ('rotocol', lambda h, r: h.say(302, {'Location': 'file:///etc/passwd', 'Content-Length': '0'})),
                ('', lambda h, r: h.wfile.write(b'\xff' * 1000)),
                ('', lambda h, r: None)):
            w.fault = on_read(answer)
            refuses(text, w.url + '/disk')
        w.fault = lambda h, r: h.plain(None, h.command == 'GET', Accept_Ranges='none')
        refuses("does not support 'range'", w.url + '/disk')
        w.fault = lambda h, r: h.say(206, {'Content-Range': 'bytes 0-0/*', 'Content-Length': '1'}, b'x')
        refuses('how large', w.url + '/disk')


def test_retries():
    """What breaks off is asked for again from there; an answer that is shorter than the range is its beginning."""
    with web(disk=content()) as w:
        broken = []

        def breaks(handler, wanted):
            if handler.command == 'HEAD' or len(broken) >= 2:
                return 'go on'
            broken.append(wanted)
            first, last = (int(x) for x in wanted[6:].split('-'))
            handler.say(206, {'Content-Range': f'bytes {first}-{last}/{SIZE}', 'Content-Length': str(last - first + 1), 'Last-Modified': DATE},
                        w.files['/disk'][first:first + 10000])
            return 'end'
        w.fault = breaks
        run(IO, '-r', '-f', 'raw', '-c', 'read 0 4k', w.url + '/disk')
        assert w.ranges() == ['bytes=0-262143', 'bytes=10000-262143', 'bytes=20000-262143'], w.ranges()
        broken.clear()
        same(w.url + '/disk', '-f', 'raw')

        def shortens(handler, wanted):
            if handler.command == 'HEAD':
                return 'go on'
            first, last = (int(x) for x in wanted[6:].split('-'))
            handler.plain(f'bytes={first}-{min(last, first + 69999)}')
            return 'end'
        w.fault = shortens
        same(w.url + '/disk', '-f', 'raw')
        w.fault = None
        moved = lambda h, r: 'go on' if h.path == '/disk' else h.say(307, {'Location': '/disk', 'Content-Length': '0'})
        w.fault = moved
        same(w.url + '/moved', '-f', 'raw')


def test_silence():
    """A server that is silent is given up after timeout= seconds, in the middle of an answer, too."""
    with web(disk=content()) as w:
        from threading import Event
        over = Event()

        def stalls(handler, wanted):
            if handler.command == 'HEAD':
                return 'go on'
            handler.say(206, {'Content-Range': f'{wanted.replace("=", " ")}/{SIZE}', 'Content-Length': '262144', 'Last-Modified': DATE}, b'x' * 100)
            over.wait(60)
            return 'end'
        w.fault = stalls
        try:
            said = run(IO, '-r', '--image-opts', '-c', 'read 0 4k', f'driver=http,url={w.url}/disk,timeout=1', status=1)
        finally:
            over.set()
        assert 'could not be read' in said and 'timed out' in said, said


def test_tls():
    good, other = certificate('good'), certificate('other', 'elsewhere')
    with web(disk=content(), tls=good) as w:
        assert 'ertificate' in run(IMG, 'info', w.url + '/disk', status=1)
        same_options = f'driver=https,url={w.url}/disk,sslverify=off'
        run(IO, '-r', '--image-opts', '-c', 'read 0 4k', same_options)
        os.environ['SSL_CERT_FILE'] = os.path.abspath(good[0])
        same(w.url + '/disk', '-f', 'raw')
    with web(disk=content(), tls=other) as w:  # of another host
        os.environ['SSL_CERT_FILE'] = os.path.abspath(other[0])
        said = run(IMG, 'info', w.url + '/disk', status=1)
        assert 'localhost' in said and 'match' in said, said
        with web(disk=content()) as plain:  # nor does it lead to one that is not encrypted
            w.fault = lambda h, r: h.say(302, {'Location': plain.url + '/disk', 'Content-Length': '0'})
            said = run(IO, '-r', '--image-opts', '-c', 'read 0 4k', f'driver=https,url={w.url}/disk,sslverify=off', status=1)
            assert 'rotocol' in said and not plain.requests, said
    del os.environ['SSL_CERT_FILE']


def test_machine():
    with web(disk=content()) as w:
        answers = qmp(LYREBIRD, '-drive', f'if=none,id=a,format=raw,readonly=on,file={w.url}/disk,file.readahead=64k',
                      '-drive', f'if=none,id=b,format=raw,readonly=on,file.driver=http,file.url={w.url}/disk,file.timeout=9',
                      '-drive', f'if=none,id=s,format=raw,snapshot=on,file={w.url}/disk',
                      '-device', 'virtio-blk-device,drive=s',
                      '-blockdev', f'driver=http,node-name=c,read-only=on,url={w.url}/disk', commands=[
                          {'execute': 'query-block'}, {'execute': 'query-named-block-nodes'},
                          {'execute': 'blockdev-add', 'arguments': {'driver': 'raw', 'node-name': 'd', 'read-only': True,
                                                                    'file': {'driver': 'http', 'url': w.url + '/disk', 'timeout': 3}}},
                          {'execute': 'blockdev-add', 'arguments': {'driver': 'http', 'node-name': 'e', 'url': w.url + '/disk'}},
                          {'execute': 'blockdev-del', 'arguments': {'node-name': 'd'}}])
        files = {b['device']: b['inserted']['file'] for b in answers[1]['return'] if b.get('inserted')}
        assert files['a'] == files['b'] == w.url + '/disk', files
        nodes = {n['node-name']: n for n in answers[2]['return']}
        assert nodes['c']['drv'] == 'http' and nodes['c']['file'] == w.url + '/disk' and nodes['c']['ro'], nodes
        assert 'return' in answers[3] and 'can only be read' in answers[4]['error']['desc'] and 'return' in answers[5], answers
    for wrong, text in ((f'file={w.url}/disk,file.readahed=1', 'readahed'), (f'file={w.url}/disk', 'read'), ('file=raw,file.readahead=64k', 'readahead'),
                        ('file.driver=https,file.url=http://x/', 'https://')):
        said = run(LYREBIRD, '-M', 'virt', '-display', 'none', '-S', '-bios', 'none', '-drive', f'if=none,id=a,format=raw,{wrong}', status=1)
        assert text in said, said


run_cases(globals(), sys.argv[5:], SEED, 'qemu-img')
