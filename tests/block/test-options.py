#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of an image on the command line holds, however the image is named; and what a running machine calls the images below
its disks names them for others, too.

  test-options.py LYREBIRD-IMG LYREBIRD-IO LYREBIRD-NBD LYREBIRD"""
import contextlib
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys

from cases import qmp, ran as run, run_cases, same_as_peer
from nbd_peer import server

IMG, IO, NBD, LYREBIRD = (os.path.abspath(p) for p in sys.argv[1:5])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
SIZE = 1 << 20
PATTERN = 'write -P 7 64k 64k'


def same(*argv, status=0):
    same_as_peer(IMG, 'qemu-img', *argv, status=status)


def image(path, *more):
    run(IMG, 'create', '-q', '-f', 'qcow2', *more, path, *([] if '-b' in more else [str(SIZE)]))


@contextlib.contextmanager
def interactive(*argv):
    """lyrebird-io that waits for commands, its image open."""
    with subprocess.Popen([IO, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        assert p.stdout.read(9) == 'qemu-io> '
        yield p
        p.stdin.close()
        p.stdout.read()
    assert p.returncode == 0


def open_flags(pid, path):
    """Of that file in a process: those of open(2)."""
    for fd in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(FileNotFoundError):
            if os.path.samefile(f'/proc/{pid}/fd/{fd}', path):
                with open(f'/proc/{pid}/fdinfo/{fd}', encoding='ascii') as f:
                    return int(re.search(r'flags:\s*(\d+)', f.read())[1], 8)
    raise AssertionError(f'{path} is not open')


def test_cache_of_options():
    """-n, -t hold for options of nodes, where those say nothing else."""
    image('disk')
    for name in ('driver=qcow2,file.filename=disk', 'driver=qcow2,file.driver=file,file.filename=disk', 'driver=raw,file.filename=disk'):
        for flags, direct in (([], False), (['-n'], True), (['-t', 'none'], True), (['-t', 'directsync'], True)):
            with interactive('--image-opts', *flags, name) as p:
                assert bool(open_flags(p.pid, 'disk') & os.O_DIRECT) == direct, (name, flags)
        with interactive('--image-opts', '-n', name + ',cache.direct=off') as p:
            assert not open_flags(p.pid, 'disk') & os.O_DIRECT, name


def test_share_of_options():
    """-U reads what another process writes, of all commands that have it, by name and by options."""
    image('disk')
    run(IO, '-c', PATTERN, 'disk')
    named, options = ['disk'], ['--image-opts', 'driver=qcow2,file.driver=file,file.filename=disk']
    with interactive('disk'):
        for how in (named, options):
            for command in (['map'], ['check'], ['measure', '-O', 'raw'], ['convert', '-O', 'raw']):
                words = [*command, *how] + (['out'] if command[0] == 'convert' else [])
                assert 'lock' in run(IMG, *words, status=1), words
                run(IMG, command[0], '-U', *words[1:])
            twice = how + [how[-1]]
            assert 'lock' in run(IMG, 'compare', *twice, status=2)
            assert 'identical' in run(IMG, 'compare', '-U', *twice)
        assert 'not for -r' in run(IMG, 'check', '-U', '-r', 'all', 'disk', status=1)
        locked = options[-1] + ',file.locking=on'
        assert 'lock' in run(IMG, 'map', '-U', '--image-opts', locked, status=1)


def test_two_places():
    """A server has one place."""
    for words in ('host=a,server.host=b,server.port=1,server.type=inet', 'path=x,server.path=y,server.type=unix', 'port=1,server.port=2'):
        said = run(IMG, 'info', '--image-opts', f'driver=nbd,{words}', status=1)
        assert 'two ways to say where the server is' in said, said


def test_map_part():
    image('disk')
    run(IO, '-c', PATTERN, '-c', 'write -P 8 512k 64k', 'disk')
    whole = json.loads(run(IMG, 'map', '--output=json', 'disk'))
    for start, length in ((0, SIZE), (65536, 65536), (66000, 100), (70000, SIZE), (SIZE, 10), (SIZE * 2, 10), (600 << 10, 512)):
        part = json.loads(run(IMG, 'map', '--output=json', '-s', str(start), '-l', str(length), 'disk'))
        assert json.loads(run(IMG, 'map', '--output=json', f'--start-offset={start}', f'--max-length={length}', 'disk')) == part
        end = min(start + length, SIZE)
        assert sum(p['length'] for p in part) == max(end - start, 0), (start, length, part)
        for p in part:
            around = next(w for w in whole if w['start'] <= p['start'] < w['start'] + w['length'])
            moved = {**p, 'start': around['start'], 'length': around['length']}
            if 'offset' in p:
                moved['offset'] -= p['start'] - around['start']
            assert moved == around, (p, around)
        same('map', '-s', str(start), '-l', str(length), 'disk')
    assert 'start offset' in run(IMG, 'map', '-s', 'x', 'disk', status=1)
    same('map', '--output=xml', 'disk', status=1)
    same('check', '--output=xml', 'disk', status=1)


def test_compare_sizes():
    """What is behind the end of the shorter one is mentioned where the content before it is the same."""
    for name, size in (('a', SIZE), ('b', 2 * SIZE)):
        run(IMG, 'create', '-q', '-f', 'raw', name, str(size))
    raw = ['-f', 'raw', '-F', 'raw']
    for where, status in ((None, 0), (SIZE + 4096, 1), (4096, 1)):
        if where:
            run(IO, '-f', 'raw', '-c', f'write -P 3 {where} 512', 'b')
        for options in ([], ['-s'], ['-q'], ['-T', 'none'], ['-U']):
            same('compare', *raw, *options, 'a', 'b', status=1 if '-s' in options else status)


def test_new_images():
    """Options that contradict each other, or would be ignored."""
    image('base')
    same('create', '-f', 'qcow2', '-o', 'size=1M', 'new', '2M', status=1)
    for words, why in ((['-u', '-b', 'base', 'new', '1M'], 'without backing format'), (['-F', 'qcow2', 'new', '1M'], 'without backing file')):
        assert why in run(IMG, 'create', '-f', 'qcow2', *words, status=1)
    assert 'without backing file' in run(IMG, 'convert', '-O', 'qcow2', '-F', 'qcow2', 'base', 'new', status=1)
    assert not os.path.exists('new')
    run(IMG, 'create', '-q', '-f', 'raw', 'raw', '1M')
    same('convert', '--bitmaps', '-f', 'raw', '-O', 'qcow2', 'raw', 'new', status=1)
    same('convert', '--bitmaps', '-O', 'raw', 'base', 'new', status=1)


def test_caches():
    """Each mode of the tools that write: the content is the same."""
    modes = ('none', 'writeback', 'unsafe', 'writethrough', 'directsync')
    for mode in modes:
        image('base')
        image('top', '-b', 'base', '-F', 'qcow2')
        run(IO, '-t', mode, '-c', PATTERN, 'top')
        run(IMG, 'commit', '-q', '-t', mode, 'top')
        run(IO, '-t', mode, '-c', 'read -P 7 64k 64k', '-c', 'close', '-c', f'open -t {mode} base', '-c', 'read -P 7 64k 64k', 'top')
        image('other')
        run(IMG, 'rebase', '-t', mode, '-T', mode, '-b', 'other', '-F', 'qcow2', 'top')
        run(IO, '-c', 'read -P 7 64k 64k', 'top')
        run(IMG, 'check', '-q', '-T', mode, 'top')
    for words in (['commit', '-t'], ['rebase', '-b', 'base', '-F', 'qcow2', '-t'], ['check', '-T']):
        assert 'ache option: fast' in run(IMG, *words, 'fast', 'top', status=1)
    assert 'ache option: fast' in run(IO, '-t', 'fast', 'top', status=1)


def test_no_room():
    """An image that does not become one leaves no file behind, whatever is to be made; one that is there stays as it is until then."""
    small = {'preexec_fn': lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))}
    run(IMG, 'create', '-q', '-f', 'raw', 'raw', '8M')
    run(IO, '-f', 'raw', '-c', 'write -P 1 0 8M', 'raw')
    for words in (['create', '-f', 'raw', 'new', '8M'], ['create', '-f', 'qcow2', '-o', 'preallocation=full', 'new', '8M'],
                  ['create', '-f', 'vdi', '-o', 'static=on', 'new', '8M'], ['convert', '-f', 'raw', '-O', 'qcow2', 'raw', 'new'],
                  ['convert', '-f', 'raw', '-O', 'raw', 'raw', 'new'], ['convert', '-f', 'raw', '-O', 'vhdx', 'raw', 'new']):
        p = subprocess.run([IMG, *words], capture_output=True, text=True, check=False, **small)
        assert p.returncode == 1 and 'too large' in p.stderr and not os.path.exists('new'), (words, p)
    image('old')
    os.link('old', 'new')
    os.symlink('old', 'link')
    for name in ('new', 'link'):         # what was there before keeps its name, whatever becomes of it
        for words in (['create', '-f', 'raw', name, '8M'], ['convert', '-f', 'raw', '-O', 'qcow2', 'raw', name]):
            p = subprocess.run([IMG, *words], capture_output=True, text=True, check=False, **small)
            assert p.returncode == 1 and 'too large' in p.stderr and os.path.exists(name) and os.path.exists('old'), (words, p)
    assert os.path.islink('link')
    for words in (['create', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', 'flat.vmdk', '8M'],
                  ['create', '-f', 'qcow2', '-o', 'data_file=flat.raw', 'flat.qcow2', '8M'],
                  ['convert', '-O', 'vmdk', '-o', 'subformat=monolithicFlat', '-f', 'raw', 'raw', 'flat.vmdk'], ['dd', '-f', 'raw', 'if=raw', 'of=flat.dd']):
        p = subprocess.run([IMG, *words], capture_output=True, text=True, check=False, **small)
        assert p.returncode == 1 and not [x for x in os.listdir() if x.startswith('flat')], (words, p, os.listdir())
    image('new')
    assert 'metadata' in run(IMG, 'create', '-q', '-f', 'raw', '-o', 'preallocation=metadata', 'new', '1M', status=1)
    run(IMG, 'check', '-q', 'new')
    with interactive('new'):
        assert 'lock' in run(IMG, 'create', '-q', '-f', 'raw', 'new', '1M', status=1)
    run(IMG, 'check', '-q', 'new')


def test_offload():
    """convert -C: the host copies what it can, zeroes among it; all else as without; the content is the same."""
    run(IMG, 'create', '-q', '-f', 'raw', 'raw', '4M')
    run(IO, '-f', 'raw', '-c', 'write -q -P 7 64k 1M', '-c', 'write -q -P 0 2M 1M', 'raw')      # zeroes with a place
    run(IMG, 'convert', '-f', 'raw', '-O', 'qcow2', 'raw', 'disk')
    run(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'disk', '-F', 'qcow2', 'top')
    run(IO, '-c', 'write -q -P 9 3M 300k', 'top')
    for source in ('raw', 'disk', 'top'):
        for fmt, *more in (('raw',), ('qcow2',), ('qcow2', '-o', 'preallocation=metadata'), ('vmdk',), ('raw', '-t', 'writethrough'), ('raw', '-m', '1')):
            run(IMG, 'convert', '-C', '-O', fmt, *more, source, 'out')
            assert 'identical' in run('qemu-img', 'compare', '-F', fmt, source, 'out'), (source, fmt, more)
    for option, kept in (('-C', True), ('-W', False)):
        run(IMG, 'convert', option, '-f', 'raw', '-O', 'raw', 'raw', 'out')
        first = json.loads(run('qemu-img', 'map', '--output=json', '-f', 'raw', '-s', '2M', '-l', '1M', 'out'))[0]
        assert first['data'] == kept, (option, first)
    for words in (['-C', '-c'], ['-C', '-S', '4k'], ['-C', '-S', '0'], ['-C', '--salvage']):
        same('convert', *words, '-f', 'raw', '-O', 'qcow2', 'raw', 'out', status=1)


def test_own_backing():
    """No image is made over what is below it."""
    image('base')
    run(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'top')
    before = open('base', 'rb').read()
    for words, why in ((['create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'base'], 'same filename'),
                       (['create', '-q', '-u', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'base', '1M'], 'same filename'),
                       (['create', '-q', '-f', 'qcow2', '-b', 'top', '-F', 'qcow2', 'base'], 'lock'),
                       (['convert', '-O', 'qcow2', '-B', 'base', '-F', 'qcow2', 'top', 'base'], 'same filename')):
        assert why in run(IMG, *words, status=1), words
        assert open('base', 'rb').read() == before, words


def test_share_is_to_read():
    """-U says that somebody may write: nobody else writes with it."""
    image('disk')
    image('below')
    with interactive('disk'):
        assert 'lock' in run(IMG, 'rebase', '-U', '-u', '-b', 'below', '-F', 'qcow2', 'disk', status=1)
    for words in ((IO, '-U', '-c', 'write 0 512', 'disk'), (IO, '-c', 'open -U disk'), (IMG, 'bench', '-w', '-U', '-c', '1', 'disk')):
        assert 'force-share=on can only be used with read-only images' in run(*words, status=1), words


def test_help():
    """It is asked for, and no error; scripts look for the formats."""
    for option in ('-h', '--help'):
        out = subprocess.run([IMG, option], capture_output=True, text=True, check=True)
        formats = re.search(r'^Supported formats: (.*)$', out.stdout, re.M)[1].split()
        assert {'raw', 'qcow2', 'vmdk', 'luks', 'nbd'} <= set(formats) and not out.stderr, out
        out = subprocess.run([IMG, 'convert', option], capture_output=True, text=True, check=True)
        assert 'usage: lyrebird-img convert ' in out.stdout and out.stdout.count('usage') == 1, out


def test_failed_conversion():
    """It takes away the file that it has made."""
    run(IMG, 'create', '-q', '-f', 'raw', 'raw', '1M')
    rules = 'driver=blkdebug,image.driver=raw,image.file.driver=file,image.file.filename=raw,inject-error.0.event=read_aio,inject-error.0.errno=5'
    run(IO, '-f', 'raw', '-c', 'write -P 1 0 64k', 'raw')
    run(IMG, 'convert', '--image-opts', '-O', 'raw', rules, 'new', status=1)
    assert not os.path.exists('new')


def snapshot(node, path):
    return {'execute': 'blockdev-snapshot-sync', 'arguments': {'node-name': node, 'snapshot-file': os.path.abspath(path), 'snapshot-node-name': 'over'}}


def test_overlay_of_nbd():
    """An overlay of a disk on a server names it so that this and the other program open it from any folder."""
    run(IMG, 'create', '-q', '-f', 'raw', 'disk', '1M')
    run(IO, '-f', 'raw', '-c', PATTERN, 'disk')
    os.mkdir('elsewhere')
    with server(NBD, '-f', 'raw', '-t', '-e', '8', '-x', 'a b%', 'disk'):
        drive = ['-blockdev', 'driver=raw,node-name=d,file.driver=nbd,file.export=a b%,file.server.type=unix,file.server.path=sock', '-device', 'virtio-blk-device,drive=d']
        answers = qmp(LYREBIRD, *drive, commands=[snapshot('d', 'over.qcow2')])
        assert 'return' in answers[1], answers
        for program, reader in ((IMG, IO), ('qemu-img', 'qemu-io')):
            info = json.loads(run(program, 'info', '--output=json', 'over.qcow2'))
            assert info['backing-filename'] == f'nbd+unix:///a%20b%25?socket={os.getcwd()}/sock', info
            os.chdir('elsewhere')
            said = run(reader, '-r', '-c', 'read -P 7 64k 64k', '../over.qcow2')
            os.chdir('..')
            assert 'verification failed' not in said, said


def test_overlay_of_part():
    """A part of a file has no name: an overlay would show another part of it."""
    run(IMG, 'create', '-q', '-f', 'raw', 'disk', '1M')
    drive = ['-blockdev', 'driver=raw,node-name=d,offset=64k,file.driver=file,file.filename=disk', '-device', 'virtio-blk-device,drive=d']
    answers = qmp(LYREBIRD, *drive, commands=[snapshot('d', 'over.qcow2')])
    assert "a part of it" in answers[1]['error']['desc'] and not os.path.exists('over.qcow2'), answers


run_cases(globals(), sys.argv[5:], SEED, 'qemu-img')
