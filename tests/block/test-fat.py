#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Folders as FAT disks (vvfat): fsck.fat finds nothing, mtools read what is in the folder, and what lies outside of it is not read.

  test-fat.py LYREBIRD-IMG LYREBIRD-IO"""
import os
import random
import re
import shutil
import subprocess
import sys
import time

from cases import run, run_cases

IMG, IO = (os.path.abspath(p) for p in sys.argv[1:3])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
RANDOM = random.Random(SEED)
os.environ['PATH'] += ':/usr/sbin:/sbin'
os.environ['TZ'] = 'UTC'
os.environ['MTOOLS_SKIP_CHECK'] = '0'
KINDS = ['', '12:', '16:', '32:', 'floppy:', 'floppy:12:', '12:floppy:', 'floppy:16:']
NAMES = ['A.TXT', 'lower.txt', 'Mixed Case.Html', 'no_extension', 'a.b.c.d', '.hidden', 'exactly8.abc', 'toolong12345.text', 'toolong12346.text',
         'umlaut-\u00e4\u00f6\u00fc.txt', '\u65e5\u672c\u8a9e', 'plus+equals=.x', 'x' * 255, 'x' * 13, 'x' * 26, 'trail..x']


def write(path, data):
    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)
    os.utime(path, (0, 1_600_000_000 + 2 * RANDOM.randrange(1 << 24)))


def fill(folder, large):
    sizes = [0, 1, 511, 512, 513, 2048, 8191, 8192, 8193, large]
    for name in NAMES:
        write(f'{folder}/{name}', RANDOM.randbytes(RANDOM.choice(sizes)))
    for i in range(40):
        write(f'{folder}/deep/a/b/c/file number {i:03}.data', RANDOM.randbytes(RANDOM.choice(sizes)))
    os.makedirs(f'{folder}/empty')


def show(name, folder='d'):
    """The file system of the disk as a file of its own."""
    run(IMG, 'convert', '-O', 'raw', f'fat:{name}{folder}', 'whole.img')
    with open('whole.img', 'r+b') as f:
        if 'floppy' not in name:
            f.seek(446)
            entry = f.read(16)
            start, size = (int.from_bytes(entry[i:i + 4], 'little') for i in (8, 12))
            assert (start + size) * 512 == os.path.getsize('whole.img') and entry[0] == 0x80, entry
            assert start == 63
            run('dd', 'if=whole.img', 'of=fs.img', f'bs={start * 512}', 'skip=1', 'conv=sparse')
            os.truncate('fs.img', size * 512)
        else:
            shutil.copy('whole.img', 'fs.img')
    said = run('fsck.fat', '-n', '-v', 'fs.img')
    assert 'Warning' not in said and 'differ' not in said, said
    return int(re.search(r'(\d+) bit entries', said).group(1))


def tree(folder):
    files = {}
    for base, folders, names in os.walk(folder):
        for n in names:
            path = os.path.join(base, n)
            with open(path, 'rb') as f:
                files[os.path.relpath(path, folder)] = (f.read(), int(os.stat(path).st_mtime))
        for n in folders:
            files[os.path.relpath(os.path.join(base, n), folder)] = None
    return files


def extract(to='out'):
    shutil.rmtree(to, ignore_errors=True)
    os.makedirs(to)
    env = dict(os.environ, MTOOLSRC='/dev/null', LC_ALL='C.UTF-8')
    p = subprocess.run(['mcopy', '-s', '-n', '-m', '-i', 'fs.img', '::*', to], capture_output=True, text=True, env=env, timeout=120, check=False)
    assert p.returncode == 0, p.stdout + p.stderr
    return tree(to)


def test_kinds():
    """All files of all kinds come back, byte for byte, with their times; fsck finds the kind that was asked for."""
    fill('d', 20000)
    for kind in KINDS:
        bits = show(kind)
        assert bits == int((re.findall(r'\d+', kind) or ['12' if 'floppy' in kind else '16'])[0]), (kind, bits)
        ours, theirs = extract(), tree('d')
        assert ours.keys() == theirs.keys(), (kind, sorted(ours.keys() ^ theirs.keys()))
        for name in ours:
            assert ours[name] == theirs[name], (kind, name, ours[name] and ours[name][1], theirs[name] and theirs[name][1])
        os.remove('whole.img')
        os.remove('fs.img')


def test_sizes():
    """As other programs have them; more than 504 MiB make a larger disk, of FAT32."""
    os.mkdir('d')
    for kind in KINDS:
        sizes = {re.search(r'virtual size: .*', run(p, 'info', f'fat:{kind}d')).group(0) for p in (IMG, 'qemu-img') if 'floppy:16' not in kind or p == IMG}
        assert len(sizes) == 1, (kind, sizes)
    with open('d/large', 'wb') as f:
        os.truncate(f.fileno(), 600 << 20)
        os.pwrite(f.fileno(), b'lyrebird', (600 << 20) - 8)
    assert show('') == 32
    run('mcopy', '-n', '-i', 'fs.img', '::large', 'large')
    run('cmp', 'large', 'd/large')
    os.remove('large')
    os.truncate('d/large', 3 << 30)
    run(IMG, 'info', 'fat:16:d', fails='does not fit on a disk with FAT16')
    run(IMG, 'info', 'fat:floppy:d', fails='does not fit on a floppy')
    os.truncate('d/large', 4 << 30)
    run(IMG, 'info', 'fat:d', fails="'large' has 4 GiB or more")


def test_many():
    """Short names that collide, and more in the disk's folder than FAT16 usually has."""
    for i in range(1500):
        write(f'd/a rather long name, number {i}', b'%d' % i)
    for kind in ('', '32:'):
        show(kind)
        assert {k: v[0] for k, v in extract().items()} == {k: v[0] for k, v in tree('d').items()}


def test_outside():
    """Links, pipes and names that FAT cannot have are not there, and what takes a file's place later is not followed."""
    write('secret', b'SECRET' * 1000)
    write('d/a', b'A' * 6000)
    write('d/sub/b', b'B' * 6000)
    write('d/c', b'C' * 6000)
    write('d/e', b'E' * 6000)
    for name in ('wrong:colon', 'back\\slash', 'dot.', 'UPPER', 'upper'):
        write(f'd/{name}', b'x')
    write(b'd/\xff\xfe'.decode('utf-8', 'surrogateescape'), b'x')
    os.symlink('../secret', 'd/link')
    os.symlink('..', 'd/sub/up')
    os.mkfifo('d/pipe')
    show('')
    assert sorted(extract()) == ['UPPER', 'a', 'c', 'e', 'sub', 'sub/b']
    with open('whole.img', 'rb') as f:
        before = f.read()
    # The disk stays open while its files change.
    p = subprocess.Popen([IO, '-r', '-f', 'raw', 'fat:d'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        p.stdin.write('read 0 512\n')
        p.stdin.flush()
        assert 'read 512/512' in ''.join(p.stdout.readline() for _ in range(1))
        os.remove('d/a')
        os.symlink('../secret', 'd/a')
        os.rename('d/sub', 'd/gone')
        os.symlink('gone', 'd/sub')
        os.truncate('d/c', 100)
        os.remove('d/e')
        os.mkfifo('d/e')
        said, _ = p.communicate(''.join(f'read {"-P 0x43" if c == b"C" else ""} {before.index(c * 6000)} {100 if c == b"C" else 6000}\n' for c in (b'A', b'B', b'C', b'E'))
                                + f'read -P 0 {before.index(b"C" * 6000) + 100} 5900\n', timeout=60)
    finally:
        p.kill()
    assert said.count('read failed: Input/output error') == 3 and 'read 100/100' in said and 'read 5900/5900' in said and 'verification' not in said, said


def test_refused():
    write('d/f', b'f')
    for name, why in (('fat:none', 'No such file'), ('fat:d/f', 'Not a directory'), ('fat:floppy:32:d', 'too few clusters')):
        run(IMG, 'info', name, fails=why)
    for options, why in (('driver=vvfat,dir=d,fat-type=13', 'Valid FAT types'), ('driver=vvfat,dir=d,label=123456789012', 'longer than 11'),
                         ('driver=vvfat', "'dir'")):
        run(IMG, 'info', '--image-opts', options, fails=why)
    run(IO, '-f', 'raw', '-r', '-c', 'write 0 512', 'fat:d', fails='')
    run(IMG, 'convert', '--image-opts', '-O', 'raw', 'driver=vvfat,dir=d,label=MINE,fat-type=32', 'whole.img')
    with open('whole.img', 'rb') as f:
        assert b'MINE       FAT32   ' in f.read(1 << 20)


def test_time():
    """A time that FAT cannot have is its first one."""
    write('d/old', b'x')
    os.utime('d/old', (0, 0))
    show('')
    assert extract()['old'][1] == 315532800
    assert time.gmtime(315532800).tm_year == 1980


if __name__ == '__main__':
    missing = [p for p in ('fsck.fat', 'mcopy') if not shutil.which(p)]
    if missing:
        print(f'1..0 # SKIP {missing[0]} is not installed (packages dosfstools, mtools)')
    else:
        run_cases(globals(), sys.argv[3:], SEED, 'qemu-img')
