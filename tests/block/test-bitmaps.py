#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Dirty bitmaps that images keep: made, marked, merged and copied here and by QEMU's tools, each of which reads what the other has made.

  test-bitmaps.py LYREBIRD-IMG LYREBIRD-IO LYREBIRD-NBD"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import time

from cases import ran as run, run_cases, same_as_peer

IMG, IO, NBD = map(os.path.abspath, sys.argv[1:4])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SIZE = 64 << 20


def same(*argv, status=0):
    same_as_peer(IMG, 'qemu-img', *argv, status=status)


def listed(image):
    data = json.loads(run('qemu-img', 'info', '--output=json', image))['format-specific']['data']
    return {b['name']: (sorted(b['flags']), b['granularity']) for b in data.get('bitmaps', [])}


def marked(image, name, by='qemu-nbd'):
    """The parts of the disk that the bitmap has marked, as one server says and QEMU's tool reads."""
    path = os.path.abspath(f'{image}.sock')
    server = subprocess.Popen([by, '-r', '-f', 'qcow2', '-B', name, '-k', path, '--fork', '--pid-file=pid', image])
    assert server.wait(timeout=60) == 0
    out = run('qemu-img', 'map', '--output=json', '--image-opts',
              f'driver=nbd,server.type=unix,server.path={path},x-dirty-bitmap=qemu:dirty-bitmap:{name}')
    while os.path.exists(path):  # the last client has gone
        time.sleep(0.01)
    parts = []
    for e in json.loads(out):
        if not e['data']:
            if parts and parts[-1][1] == e['start']:
                parts[-1][1] += e['length']
            else:
                parts.append([e['start'], e['start'] + e['length']])
    return parts


def parts_of(grains, grain):
    parts = []
    for g in sorted(grains):
        start, end = g * grain, min((g + 1) * grain, SIZE)
        if parts and parts[-1][1] == start:
            parts[-1][1] = end
        else:
            parts.append([start, end])
    return parts


def sound(image):
    for program in (IMG, 'qemu-img'):
        out = run(program, 'check', image)
        assert 'No errors were found' in out, out


def test_actions():
    for made, changed in ((IMG, 'qemu-img'), ('qemu-img', IMG)):
        for options in ('', 'cluster_size=512', 'cluster_size=2M', 'extended_l2=on', 'lazy_refcounts=on'):
            run('qemu-img', 'create', '-q', '-f', 'qcow2', *(['-o', options] if options else []), 'a', str(SIZE))
            run(made, 'bitmap', '--add', 'a', 'one')
            run(made, 'bitmap', '--add', '--disable', '-g', '4k', 'a', 'two')
            run(changed, 'bitmap', '--disable', 'a', 'one')
            run(changed, 'bitmap', '--enable', '--merge', 'one', 'a', 'two')
            assert {n: f for n, (f, _) in listed('a').items()} == {'one': [], 'two': ['auto']}, listed('a')
            same('info', 'a')
            ours, theirs = (json.loads(run(p, 'info', '--output=json', 'a')) for p in (IMG, 'qemu-img'))
            assert ours == theirs, f'{ours} not {theirs}'
            same('measure', '-O', 'qcow2', 'a')
            sound('a')
            run(changed, 'bitmap', '--remove', 'a', 'one')
            run(made, 'bitmap', '--remove', 'a', 'two')
            assert not listed('a')
            sound('a')


def test_marks():
    rng = random.Random(SEED)
    for options, grain in (('', 65536), ('cluster_size=512', 512), ('cluster_size=4k', 1 << 20)):
        run('qemu-img', 'create', '-q', '-f', 'qcow2', *(['-o', options] if options else []), 'm', str(SIZE))
        run(IMG, 'bitmap', '--add', '-g', str(grain), 'm', 'b')
        grains = set()
        for program in (IO, 'qemu-io') * 4:
            commands = []
            for _ in range(12):
                length = rng.randrange(1, 200) * 512
                at = rng.randrange(0, (SIZE - length) // 512) * 512
                commands += ['-c', f"{rng.choice(['write', 'write -z', 'discard'])} {at} {length}"]
                grains |= set(range(at // grain, (at + length - 1) // grain + 1))
            run(program, '-f', 'qcow2', *commands, 'm')
            assert marked('m', 'b') == parts_of(grains, grain)
        assert marked('m', 'b', NBD) == parts_of(grains, grain)
        sound('m')
        run(IMG, 'bitmap', '--clear', 'm', 'b')
        assert marked('m', 'b') == []
        run(IMG, 'bitmap', '--disable', 'm', 'b')
        run(IO, '-f', 'qcow2', '-c', 'write 0 1M', 'm')
        assert marked('m', 'b') == []


def test_copies():
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 's', str(SIZE))
    run('qemu-img', 'bitmap', '--add', '-g', '32k', 's', 'x')
    run('qemu-img', 'bitmap', '--add', '--disable', 's', 'off')
    run('qemu-io', '-c', 'write 1M 64k', '-c', 'write 40M 3M', 's')
    run(IMG, 'convert', '-O', 'qcow2', '--bitmaps', '-o', 'cluster_size=8k', 's', 't')
    assert listed('t') == listed('s')
    assert marked('t', 'x') == marked('s', 'x') == [[1 << 20, (1 << 20) + 65536], [40 << 20, 43 << 20]]
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'u', str(SIZE))
    run(IMG, 'bitmap', '--add', '-g', '1M', '--merge', 'x', '-b', 's', '-F', 'qcow2', 'u', 'all')
    assert marked('u', 'all') == [[1 << 20, 2 << 20], [40 << 20, 43 << 20]]
    sound('t')
    sound('u')


def test_changes_of_the_disk():
    """A larger disk is marked where it is new; a snapshot that is gone back to marks all."""
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'd', str(SIZE))
    run(IMG, 'bitmap', '--add', 'd', 'b')
    run(IMG, 'resize', '-q', 'd', str(SIZE + (1 << 20)))
    assert marked('d', 'b') == [[SIZE, SIZE + (1 << 20)]]
    run(IMG, 'snapshot', '-c', 'then', 'd')
    run(IMG, 'bitmap', '--clear', 'd', 'b')
    run(IMG, 'snapshot', '-a', 'then', 'd')
    assert marked('d', 'b') == [[0, SIZE + (1 << 20)]]
    sound('d')


def directory(path):
    """Where it is, and how long."""
    with open(path, 'rb') as f:
        head = f.read(65536)
    at = int.from_bytes(head[100:104], 'big')
    while True:
        kind, length = struct.unpack('>II', head[at:at + 8])
        assert kind, 'no bitmaps'
        if kind == 0x23852875:
            _, _, size, offset = struct.unpack('>IIQQ', head[at + 8:at + 32])
            return offset, size
        at += 8 + (length + 7) // 8 * 8


def poke(path, at, data):
    with open(path, 'r+b') as f:
        f.seek(at)
        f.write(data)


def test_in_use():
    """What was in use when its writer died can be removed, and nothing else."""
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'k', str(SIZE))
    run(IMG, 'bitmap', '--add', 'k', 'b')
    run(IMG, 'bitmap', '--add', 'k', 'c')
    writer = subprocess.Popen([IO, '-f', 'qcow2', 'k'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    writer.stdin.write('write 0 64k\n')
    writer.stdin.flush()
    while 'wrote' not in writer.stdout.readline():
        pass
    writer.kill()
    writer.wait()
    writer.stdin.close()
    writer.stdout.close()
    assert listed('k')['b'][0] == ['auto', 'in-use'], listed('k')
    out = run(IMG, 'bitmap', '--clear', 'k', 'b', status=1)
    assert "Bitmap 'b' is inconsistent and cannot be used" in out, out
    assert 'inconsistent bitmap' in run(IMG, 'convert', '-O', 'qcow2', '--bitmaps', 'k', 'k2', status=1)
    run(IMG, 'convert', '-O', 'qcow2', '--bitmaps', '--skip-broken-bitmaps', 'k', 'k2')
    assert not listed('k2')
    run(IMG, 'bitmap', '--remove', 'k', 'b')
    assert list(listed('k')) == ['c'] and listed('k')['c'][0] == ['auto', 'in-use']
    run('qemu-img', 'bitmap', '--remove', 'k', 'c')
    run('qemu-img', 'check', '-q', '-r', 'leaks', 'k')  # of the writer that was killed
    sound('k')


def test_damage():
    """A directory that lies is refused where it would be written, and told where the image is only read."""
    def broken(at, data, text):
        shutil.copy('good', 'bad')
        poke('bad', offset + at, data)
        out = run(IMG, 'bitmap', '--add', 'bad', 'more', status=1)
        assert text in out, out
        assert text in run(IMG, 'info', 'bad')

    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'good', str(SIZE))
    run(IMG, 'bitmap', '--add', 'good', 'name')
    offset, size = directory('good')
    assert size == 32
    broken(0, (12345).to_bytes(8, 'big'), 'not at a cluster')
    broken(0, bytes(8), 'where another table is')
    broken(8, (2).to_bytes(4, 'big'), 'not as large as the disk')
    broken(12, (8).to_bytes(4, 'big'), 'unknown flags')
    broken(16, b'\2', 'unknown type')
    broken(17, b'\50', 'granularity')
    broken(18, (2000).to_bytes(2, 'big'), 'cut off')
    broken(20, (1 << 31).to_bytes(4, 'big'), 'cut off')
    table = int.from_bytes(open('good', 'rb').read()[offset:offset + 8], 'big')
    shutil.copy('good', 'bad')
    poke('bad', table, (0x10001).to_bytes(8, 'big'))
    assert 'its table is damaged' in run(IMG, 'bitmap', '--add', 'bad', 'more', status=1)


def test_unknown_data():
    """A bitmap with data that nobody knows stays as it is, byte for byte."""
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'e', str(SIZE))
    run(IMG, 'bitmap', '--add', 'e', 'eightchr')
    offset, _ = directory('e')
    poke('e', offset + 20, (8).to_bytes(4, 'big') + b'whatever' + b'eightchr')
    head = open('e', 'rb').read()[:65536]
    at = head.index(struct.pack('>II', 0x23852875, 24))
    poke('e', at + 16, (40).to_bytes(8, 'big'))
    before = open('e', 'rb').read()[offset:offset + 40]
    run(IMG, 'bitmap', '--add', 'e', 'mine')
    offset, size = directory('e')
    assert open('e', 'rb').read()[offset:offset + 40] == before and size > 40
    run(IMG, 'bitmap', '--remove', 'e', 'mine')
    offset, size = directory('e')
    assert open('e', 'rb').read()[offset:offset + 40] == before and size == 40


def test_errors():
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'r', '1M')
    run(IMG, 'bitmap', '--add', 'r', 'b')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', 'old', '1M')
    for argv in (['--add', 'r', 'b'], ['--clear', 'r', 'none'], ['--remove', 'r', 'none'], ['r', 'b'],
                 ['--add', 'r'], ['--clear', '-g', '4k', 'r', 'b'], ['--merge', 'none', 'r', 'b'],
                 ['--add', '-g', '100', 'r', 'c'], ['--add', '-g', '4097', 'r', 'c']):
        same('bitmap', *argv, status=1)
    assert 'Cannot store dirty bitmaps in qcow2 v2 files' in run(IMG, 'bitmap', '--add', 'old', 'b', status=1)
    run('qemu-img', 'create', '-q', '-f', 'raw', 'raw', '1M')
    assert "does not support bitmap persistence" in run(IMG, 'bitmap', '--add', '-f', 'raw', 'raw', 'b', status=1)


run_cases(globals(), sys.argv[4:], SEED, 'qemu-img')
