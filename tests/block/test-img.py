#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""lyrebird-img beside qemu-img: the same options give images that both take for sound and equal, and the same texts.

  test-img.py LYREBIRD-IMG"""
import json
import os
import random
import re
import shutil
import sys
import time

from cases import ran as run, run_cases, same_as_peer, settle

IMG = os.path.abspath(sys.argv[1])
SEED = int(os.environ.get('LYREBIRD_IMAGE_SEED', random.randrange(1 << 30)))
OPTIONS = ['', 'cluster_size=512', 'cluster_size=2M', 'compat=0.10', 'extended_l2=on', 'compression_type=zstd',
           'lazy_refcounts=on', *[f'refcount_bits={b}' for b in (1, 2, 4, 8, 32, 64)]]


FORMATS = [('vdi', ''), ('vdi', 'static=on'), ('vpc', ''), ('vpc', 'force_size=on'), ('vpc', 'subformat=fixed'),
           ('parallels', ''), ('parallels', 'cluster_size=64k'), ('qcow', ''),
           ('vhdx', ''), ('vhdx', 'subformat=fixed,block_size=1M'), ('vhdx', 'block_state_zero=off'),
           *[('vmdk', s and f'subformat={s}') for s in ('', 'monolithicFlat', 'twoGbMaxExtentSparse', 'twoGbMaxExtentFlat')]]


def same(*argv, status=0, by=None):
    """Both programs say the same, or what by makes of it is the same."""
    if by is None:
        same_as_peer(IMG, 'qemu-img', *argv, status=status)
    else:
        settle(argv[-1])
        ours, theirs = by(IMG, *argv), by('qemu-img', *argv)
        assert ours == theirs, f"{' '.join(argv)}:\n{ours}--- not\n{theirs}"


def content(path):
    rng = random.Random(SEED)
    with open(path, 'wb') as f:
        for _ in range(60):
            n = rng.randrange(1, 200) * 512
            f.write([bytes(n), (b'lyrebird %d ' % n * n)[:n], rng.randbytes(n)][rng.randrange(3)])


def test_create():
    for options in OPTIONS:
        o = ['-o', options] if options else []
        ours = run(IMG, 'create', '-f', 'qcow2', *o, 'new', '64M')
        theirs = run('qemu-img', 'create', '-f', 'qcow2', *o, 'new2', '64M').replace('new2', 'new')
        assert ours == theirs, f'{ours}--- not\n{theirs}'
        run('qemu-img', 'check', 'new')
        same('info', 'new')
        same('check', 'new')
    run(IMG, 'create', 'new.raw', '5M')
    assert os.path.getsize('new.raw') == 5 << 20


def test_convert():
    for options in OPTIONS:
        o = ['-o', options] if options else []
        run(IMG, 'convert', '-f', 'raw', '-O', 'qcow2', *o, 'raw', 'ours')
        run('qemu-img', 'check', 'ours')
        same('compare', '-f', 'raw', '-F', 'qcow2', 'raw', 'ours')
        run('qemu-img', 'convert', '-c', '-O', 'qcow2', *o, 'raw', 'theirs')
        run(IMG, 'check', 'theirs')
        run(IMG, 'convert', '-O', 'raw', 'theirs', 'back')
        run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'raw', 'back')


def test_pack():
    """Compressed: by both programs, read by both."""
    for options in OPTIONS:
        o = ['-o', options] if options else []
        run(IMG, 'convert', '-c', '-f', 'raw', '-O', 'qcow2', *o, 'raw', 'ours')
        run('qemu-img', 'convert', '-c', '-f', 'raw', '-O', 'qcow2', *o, 'raw', 'theirs')
        for image in ('ours', 'theirs'):
            assert 'No errors' in run('qemu-img', 'check', image)
            same('compare', '-f', 'raw', '-F', 'qcow2', 'raw', image)
        counts = [json.loads(run('qemu-img', 'check', '--output=json', i))['compressed-clusters'] for i in ('ours', 'theirs')]
        assert counts[0] == counts[1] > 0, counts
        sizes = [os.path.getsize(i) for i in ('ours', 'theirs')]
        assert sizes[0] <= sizes[1] * 1.05 + 65536, (options, sizes)
        run(IMG, 'check', 'ours')
        run(IMG, 'convert', '-n', '-O', 'qcow2', 'theirs', 'ours')  # over what is compressed
        assert 'No errors' in run('qemu-img', 'check', 'ours')
    assert 'Compression not supported' in run(IMG, 'convert', '-c', '-O', 'vdi', 'raw', 'x', status=1)
    assert not os.path.exists('x')


def test_convert_options():
    size = (os.path.getsize('raw') + 511) // 512 * 512
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'raw', '-F', 'raw', 'over', str(size))
    pattern(random.Random(SEED), 'over', size)
    run(IMG, 'convert', '-O', 'qcow2', '-B', 'raw', '-F', 'raw', 'over', 'diff')  # what differs alone
    assert 'identical' in run('qemu-img', 'compare', 'over', 'diff')
    rows = [json.loads(run('qemu-img', 'map', '--output=json', i)) for i in ('over', 'diff')]
    written = [sum(r['length'] for r in m if r['depth'] == 0) for m in rows]
    assert 0 < written[1] <= written[0], written
    run(IMG, 'convert', '-f', 'raw', '-O', 'raw', '-S', '0', 'raw', 'full')
    assert os.stat('full').st_blocks * 512 >= size
    run(IMG, 'convert', '-f', 'raw', '-O', 'raw', '-t', 'writethrough', '-T', 'none', '-m', '3', '-W', '-r', '1G', 'raw', 'raw', 'twice')
    with open('raw', 'rb') as f, open('twice', 'rb') as t:
        one = f.read().ljust(size, b'\0')
        assert t.read() == one * 2
    text = run(IMG, 'convert', '-p', '-f', 'raw', '-O', 'raw', 'raw', 'p')
    assert text.endswith('    (100.00/100%)\n'), text
    with open('p', 'r+b') as f:
        f.write(b'x' * 4096)
    run(IMG, 'convert', '-n', '-f', 'raw', '-O', 'raw', 'raw', 'p')
    run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'raw', 'p')
    for argv, why in ((['-S', '100'], 'multiples of 512'), (['-t', 'foo'], 'Invalid cache option: foo'),
                      (['-T', 'foo'], 'Invalid source cache option: foo'), (['-m', '17'], 'between 1 and 16'),
                      (['-r', 'foo'], 'Invalid rate limit'), (['--target-is-zero'], 'requires use of -n'),
                      (['-B', 'over'], 'requires explicit backing format'), (['-n', '-o', 'size=1M'], '-o has no effect'),
                      (['-c', '-o', 'preallocation=full'], 'not supported at the same time')):
        assert why in run(IMG, 'convert', *argv, '-O', 'qcow2', 'raw', 'x', status=1), argv
        assert not os.path.exists('x')
    run('qemu-img', 'convert', '-O', 'qcow2', '-o', 'cluster_size=4k', 'raw', 'bad')
    with open('bad', 'r+b') as f:  # the first L2 table is nowhere
        f.seek(40)
        f.seek(int.from_bytes(f.read(8), 'big'))
        f.write((1 << 63 | 1 << 9).to_bytes(8, 'big'))
    run(IMG, 'convert', '-O', 'raw', 'bad', 'x', status=1)
    assert not os.path.exists('x')
    assert 'error while reading offset' in run(IMG, 'convert', '--salvage', '-O', 'raw', 'bad', 'x')


def test_preallocation():
    for options in ('off', 'metadata', 'falloc', 'full', 'metadata,extended_l2=on', 'metadata,data_file=data', 'full,cluster_size=4k'):
        same('create', '-f', 'qcow2', '-o', f'preallocation={options}', 'new', '5000k')
        assert 'No errors' in run('qemu-img', 'check', 'new')
        ours = run(IMG, 'create', '-f', 'qcow2', '-o', f'preallocation={options}', 'new', '5000k')
        rows, full = run('qemu-img', 'map', '--output=json', 'new'), options.startswith(('falloc', 'full'))
        assert not full or os.stat('new').st_blocks * 512 >= 5000 << 10, options
        assert ours == run('qemu-img', 'create', '-f', 'qcow2', '-o', f'preallocation={options}', 'new', '5000k')
        assert 'cluster' in options or rows == run('qemu-img', 'map', '--output=json', 'new'), options
    for how in ('falloc', 'full'):
        run(IMG, 'create', '-q', '-f', 'raw', '-o', f'preallocation={how}', 'flat', '1M')
        assert os.stat('flat').st_blocks * 512 >= 1 << 20
    assert 'Unsupported preallocation mode: metadata' in run(IMG, 'create', '-o', 'preallocation=metadata', 'x', '1M', status=1)
    assert 'extended_l2 is on' in run(IMG, 'create', '-f', 'qcow2', '-o', 'preallocation=full', '-b', 'raw', '-F', 'raw', 'x', status=1)


def test_measure():
    for options in ['', 'cluster_size=512', 'cluster_size=2M', 'refcount_bits=64', 'refcount_bits=1', 'extended_l2=on', 'preallocation=full']:
        for size in ('0', '512', '1M', '5M', '1G', '70G'):
            same('measure', '-O', 'qcow2', *(['-o', options] if options else []), '--size', size)
    run('qemu-img', 'convert', '-c', '-O', 'qcow2', 'raw', 'packed')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'packed', '-F', 'qcow2', 'over')
    for argv in (['-O', 'raw', 'packed'], ['-O', 'qcow2', 'packed'], ['-O', 'qcow2', '--output=json', 'over'], ['-O', 'vdi', '--size', '1M'],
                 ['-O', 'foo', '--size', '1M'], ['--size', '1M', 'packed'], []):
        same('measure', *argv, status=None)


def test_dd():
    for operands in (['bs=1M'], ['bs=3000'], ['bs=1k', 'count=3', 'skip=2'], ['bs=700', 'count=40', 'skip=3'], ['count=0'], ['bs=1M', 'skip=200']):
        for fmt in ('raw', 'qcow2'):
            same('dd', '-f', 'raw', '-O', fmt, 'if=raw', f'of=new-{fmt}', *operands)
            run(IMG, 'dd', '-f', 'raw', '-O', fmt, 'if=raw', 'of=ours', *operands)
            assert 'identical' in run('qemu-img', 'compare', '-f', fmt, '-F', fmt, 'ours', f'new-{fmt}')
    for argv in (['if=raw'], ['bs=0', 'if=raw', 'of=x'], ['if=raw', 'of=x', 'foo=3']):
        same('dd', *argv, status=1)


def test_amend():
    """What follows is done by the image's new rules."""
    for options in ('', 'compat=0.10', 'lazy_refcounts=on'):
        run('qemu-img', 'convert', '-O', 'qcow2', *(['-o', options] if options else []), 'raw', 'disk')
        same('amend', '-f', 'qcow2', '-o', 'size=20M', 'disk')
        assert 'virtual size: 20 MiB' in run('qemu-img', 'info', 'disk')
        for lazy in ('on', 'off'):
            if options == 'compat=0.10' and lazy == 'on':
                assert 'compatibility level' in run(IMG, 'amend', '-o', 'lazy_refcounts=on', 'disk', status=1)
                continue
            run(IMG, 'amend', '-o', f'lazy_refcounts={lazy}', 'disk')
            same('info', 'disk')
            run(IMG, 'bench', '-w', '-c', '64', '-o', '10M', 'disk')
            assert 'No errors' in run('qemu-img', 'check', 'disk')
    assert 'does not support option amendment' in run(IMG, 'amend', '-f', 'raw', '-o', 'size=1M', 'raw', status=1)
    for options, why in (('cluster_size=4k', 'only supported for image creation'), ('backing_file=x', 'use rebase'), ('foo=1', 'foo'), ('refcount_bits=8', 'other widths')):
        assert why in run(IMG, 'amend', '-o', options, 'disk', status=1), options
    assert 'Must specify options' in run(IMG, 'amend', 'disk', status=1)


def test_amend_version():
    """An image becomes newer, with all that its header names; then it may have what the old version has not."""
    for more in ([], ['-b', 'base', '-F', 'qcow2']):
        run('qemu-img', 'convert', '-O', 'qcow2', 'raw', 'base')
        run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', *more, 'disk', '8M')
        run('qemu-io', '-c', 'write -P 9 1M 100k', 'disk')
        shutil.copy('disk', 'before')
        same('amend', '-o', 'compat=0.10', 'disk')
        run(IMG, 'amend', '-o', 'compat=1.1,lazy_refcounts=on', 'disk')
        for program in ('qemu-img', IMG):
            assert 'No errors' in run(program, 'check', 'disk')
            assert 'identical' in run(program, 'compare', 'before', 'disk')
        run('qemu-img', 'amend', '-o', 'compat=1.1,lazy_refcounts=on', 'before')
        assert run('qemu-img', 'info', 'disk').split('Format specific')[1] == run('qemu-img', 'info', 'before').split('Format specific')[1]
        run(IMG, 'bitmap', '--add', 'disk', 'b')
        run('qemu-io', '-c', 'write -z 1M 64k', 'disk')
        assert 'No errors' in run(IMG, 'check', 'disk')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', 'disk', '1M')
    run('qemu-img', 'snapshot', '-c', 'one', 'disk')
    assert 'snapshots prevent' in run(IMG, 'amend', '-o', 'compat=1.1', 'disk', status=1)


def test_amend_older():
    """An image becomes older: zeroes by a flag become zeroes without a place, or data where a backing would show."""
    run('qemu-img', 'convert', '-O', 'qcow2', 'raw', 'base')
    for more in ([], ['-b', 'base', '-F', 'qcow2']):
        for options in ('lazy_refcounts=on', 'cluster_size=4k'):
            run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, *more, 'disk', '9000k')
            run('qemu-io', '-c', 'write -P 9 1M 100k', '-c', 'write -z 1M 64k', '-c', 'write -z 64k 256k', '-c', 'write -z 8999k 1k', '-c', 'write -P 3 64k 4k', 'disk')
            shutil.copy('disk', 'before')
            run(IMG, 'amend', '-o', 'compat=0.10', 'disk')
            for program in ('qemu-img', IMG):
                assert 'No errors' in run(program, 'check', 'disk')
                assert 'identical' in run(program, 'compare', 'before', 'disk')
                assert 'compat: 0.10' in run(program, 'info', 'disk')
            pattern(random.Random(SEED), 'disk', 9000 << 10)
            assert 'No errors' in run(IMG, 'check', 'disk')
    for options in ('extended_l2=on', 'refcount_bits=8', 'compression_type=zstd', 'data_file=data'):
        run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, 'disk', '1M')
        assert 'Cannot downgrade' in run(IMG, 'amend', '-o', 'compat=0.10', 'disk', status=1), options
        assert 'compat: 1.1' in run(IMG, 'info', 'disk')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'disk', '1M')
    run('qemu-img', 'snapshot', '-c', 'one', 'disk')
    assert 'snapshots prevent downgrade' in run(IMG, 'amend', '-o', 'compat=0.10', 'disk', status=1)


def options_of(program, *argv):
    return set(re.findall(r'(?m)^  ([\w.-]+)=', run(program, *argv, '-o', 'help')))


def test_options_help():
    """All options that are listed are those of the other program; those that are not are refused."""
    for fmt in ('raw', 'qcow2', 'luks', 'vdi', 'vpc', 'vmdk', 'vhdx', 'parallels', 'qcow'):
        ours, theirs = (options_of(p, 'create', '-f', fmt) for p in (IMG, 'qemu-img'))
        assert 'size' in ours and not ours - theirs - {'preallocation'}, (fmt, ours - theirs)
        for name in theirs - ours:
            run(IMG, 'create', '-q', '-f', fmt, '-o', f'{name}=x', 'new', '1M', status=1)
    assert options_of(IMG, 'convert', '-O', 'qcow2') == options_of(IMG, 'create', '-f', 'qcow2')
    for fmt in ('qcow2', 'luks'):
        ours, theirs = (options_of(p, 'amend', '-f', fmt) for p in (IMG, 'qemu-img'))
        assert ours and not ours - theirs - {'encrypt.format'}, (fmt, ours - theirs)
    assert 'does not support option amendment' in run(IMG, 'amend', '-f', 'raw', '-o', 'help', status=1)
    assert 'Unknown file format' in run(IMG, 'create', '-f', 'nope', '-o', 'help', status=1)


def test_bench():
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'disk', '10M')
    for argv in (['-c', '100'], ['-c', '50', '-d', '4', '-w', '--pattern=5', '-s', '64k'], ['-c', '20', '-o', '1M', '-S', '4M', '-q'],
                 ['-c', '64', '-d', '4', '-w', '--flush-interval=8'], ['-c', '64', '-d', '4', '-w', '--flush-interval=8', '--no-drain']):
        texts = [re.sub(r'[0-9.]+ seconds', 'N seconds', run(p, 'bench', *argv, '-f', 'qcow2', 'disk')) for p in (IMG, 'qemu-img')]
        assert texts[0] == texts[1], texts
    assert 'Pattern' not in run('qemu-io', '-c', 'read -P 5 1M 2M', 'disk')
    assert 'Sending 2 read' in run(IMG, 'bench', '-i', 'threads', '-c', '2', 'disk')
    for argv, why in ((['-n'], 'not built'), (['-i', 'io_uring'], 'not built'), (['-i', 'foo'], 'Invalid aio option')):
        assert why in run(IMG, 'bench', *argv, 'disk', status=1)
    same('bench', '--flush-interval=5', 'disk', status=1)
    same('bench', '-w', '--flush-interval=5', 'disk', status=1)
    assert 'Failed request' in run(IMG, 'bench', '-o', '5G', '-c', '2', 'disk', status=1)


def json_of(program, *argv):
    rows = json.loads(run(program, *argv))
    for row in rows if isinstance(rows, list) else [rows]:
        for key in ('compressed', 'dirty-flag', 'format-specific', *(('actual-size', 'cluster-size') if row.get('format') == 'vmdk' else ())):
            row.pop(key, None)
    return rows


def info_of(program, *argv):
    """Nothing of extents that we do not open."""
    text = run(program, *argv)
    several = 'create type: twoGb' in text or 'create type: monolithicFlat' in text
    return re.sub('(?m)^ *(cluster.size|disk size):.*\n', '', text) if several else text


def check_both(fmt, image):
    if fmt in ('vpc', 'qcow'):  # qemu-img has no check of these
        text = run(IMG, 'check', '-f', fmt, image, status=None)
        assert 'No errors' in text or 'does not support' in text, text
    else:
        same('check', image, status=None)


def map_of(program, fmt, image):
    """Without the holes of the file that it finds in data."""
    rows = []
    for row in json_of(program, 'map', '-f', fmt, '--output=json', image):
        if fmt == 'vhdx':  # it does not say where
            row.pop('offset', None)
        if row.get('data') and 'offset' in row:
            row['zero'] = False
        last = rows[-1] if rows else {}
        if 'offset' in row and last.get('offset', -1) + last.get('length', 0) == row['offset'] and row['data'] == last['data']:
            last['length'] += row['length']
        else:
            rows.append(row)
    return rows


def test_formats():
    """Formats beside qcow2: texts, and content both ways."""
    for fmt, options in FORMATS:
        o = ['-f', fmt, *(['-o', options] if options else [])]
        for size in ('0', '1536', '5M', '70G'):
            # Large; not opened by qemu-img; it finds leaks in what it has made.
            if (options, size) not in (('static=on', '70G'), ('subformat=fixed', '0'), ('cluster_size=64k', '70G'),
                                       ('subformat=fixed,block_size=1M', '70G')) and (fmt, size) not in (('qcow', '0'), ('vmdk', '0')):
                same('create', *o, 'new', size)
                same('info', 'new', by=info_of)
                same('info', '--output=json', 'new', by=json_of)
                check_both(fmt, 'new')
        run(IMG, 'convert', '-m', '1', '-f', 'raw', '-O', *o[1:], 'raw', 'ours')
        check_both(fmt, 'ours')
        same('info', 'ours', by=info_of)
        run('qemu-img', 'convert', '-f', 'raw', '-O', *o[1:], 'raw', 'theirs')
        run(IMG, 'convert', '-f', fmt, '-O', 'raw', 'theirs', 'back')
        for image in ('ours', 'theirs'):
            same('compare', '-f', 'raw', '-F', fmt, 'raw', image)
            same(fmt, image, by=map_of)
        with open('raw', 'rb') as was, open('back', 'rb') as now:
            assert now.read().rstrip(b'\0') == was.read().rstrip(b'\0')  # vpc is larger


def test_vmdk_parent():
    for subformat in ('monolithicSparse', 'monolithicFlat', 'twoGbMaxExtentSparse'):
        for cid in (b'1', b'1234567', b'12345678'):  # some write no zeroes before it
            run('qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=' + subformat, 'raw', 'base.vmdk')
            with open('base.vmdk', 'r+b') as f:
                text = f.read()
                line = re.search(rb'\nCID=[0-9a-f]+\n', text)
                f.seek(line.start())
                f.write((b'\nCID=' + cid)[:len(line.group()) - 1].ljust(len(line.group()) - 1) + b'\n')
            run('qemu-img', 'create', '-q', '-f', 'vmdk', '-b', 'base.vmdk', '-F', 'vmdk', 'over.vmdk')
            run('qemu-io', '-f', 'vmdk', '-c', 'write -P 7 100k 100k', 'over.vmdk')
            same('info', 'over.vmdk')
            run('qemu-img', 'convert', '-O', 'raw', 'over.vmdk', 'theirs')
            run(IMG, 'convert', '-O', 'raw', 'over.vmdk', 'ours')
            run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'ours', 'theirs')
            run(IMG, 'convert', '-n', '-f', 'raw', '-O', 'vmdk', 'raw', 'base.vmdk')  # writes to it
            assert 'another content' in run(IMG, 'convert', '-O', 'raw', 'over.vmdk', 'ours', status=1)
            if subformat == 'monolithicSparse':  # so do others see it
                run('qemu-img', 'convert', '-O', 'raw', 'over.vmdk', 'theirs', status=1)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return ~crc & 0xffffffff


def sealed(data):
    """With its checksum."""
    data = data[:4] + bytes(4) + data[8:]
    return data[:4] + crc32c(data).to_bytes(4, 'little') + data[8:]


def leave_log(path, cut):
    """As it would be after a power cut: the first sector of its table of blocks stands in the log alone."""
    guid, sequence, table, log = bytes(range(1, 17)), 7, 2 << 20, 1 << 20
    with open(path, 'r+b') as f:
        f.seek(table)
        sector = f.read(4096)
        f.seek(table)
        f.write(bytes(4096))
        numbers = [(8192, 4), (0, 4), (sequence, 8), (1, 4), (0, 4)]
        entry = b'loge' + bytes(4) + b''.join(v.to_bytes(n, 'little') for v, n in numbers) + guid
        entry += os.path.getsize(path).to_bytes(8, 'little') * 2
        entry += b'desc' + sector[-4:] + sector[:8] + table.to_bytes(8, 'little') + sequence.to_bytes(8, 'little')
        entry = entry.ljust(4096, b'\0') + b'data' + bytes(4) + sector[8:-4] + sequence.to_bytes(4, 'little')
        f.seek(log)
        f.write(sealed(entry)[:8192 - cut])
        f.seek(128 << 10)
        header = f.read(4096)
        f.seek(128 << 10)
        f.write(sealed(header[:48] + guid + header[64:]))


def test_vhdx_log():
    run('qemu-img', 'convert', '-f', 'raw', '-O', 'raw', 'raw', 'padded')
    os.truncate('padded', 5 << 20)
    run(IMG, 'convert', '-f', 'raw', '-O', 'vhdx', '-o', 'block_size=1M', 'padded', 'disk')
    shutil.copy('disk', 'sound')
    leave_log('disk', 0)
    shutil.copy('disk', 'theirs')
    before = os.stat('disk').st_mtime_ns
    assert 'identical' in run(IMG, 'compare', 'disk', 'padded')  # read-only: the log stays
    assert os.stat('disk').st_mtime_ns == before
    run('qemu-img', 'check', '-r', 'all', 'theirs')  # is it a log to others, too?
    run('qemu-img', 'compare', '-F', 'raw', 'theirs', 'padded')
    run(IMG, 'check', '-r', 'all', 'disk')
    run('qemu-img', 'compare', '-F', 'raw', 'disk', 'padded')
    shutil.copy('sound', 'disk')
    leave_log('disk', 5000)  # torn: its sectors were not yet to be written
    run(IMG, 'check', '-r', 'all', 'disk')
    run('qemu-img', 'check', 'disk')
    shutil.copy('sound', 'disk')
    leave_log('disk', 0)
    os.truncate('disk', 5 << 20)
    assert 'cut off' in run(IMG, 'compare', 'disk', 'padded', status=2)


def test_chain():
    run('qemu-img', 'convert', '-O', 'qcow2', 'raw', 'base')
    run(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', 'over')
    same('info', 'over')
    same('info', '--backing-chain', 'over')
    same('map', 'over')
    ours, theirs = (json.loads(run(p, 'map', '--output=json', 'over')) for p in (IMG, 'qemu-img'))
    assert [{k: v for k, v in row.items() if k != 'compressed'} for row in ours] == theirs
    same('compare', 'raw', 'over')
    run(IMG, 'convert', '-O', 'raw', 'over', 'flat')
    run('qemu-img', 'compare', 'raw', 'flat')
    text = run(IMG, 'create', '-f', 'qcow2', '-b', 'base', 'over2', status=1)
    assert 'Backing file specified without backing format\nDetected format of qcow2.' in text
    run('qemu-img', 'rebase', '-u', '-b', 'over', '-F', 'qcow2', 'base')
    assert 'in its own chain' in run(IMG, 'compare', 'over', 'raw', status=2)
    same('info', 'over')


class Disk:
    """An image, changed by both programs, and what must be in it."""

    def __init__(self, options):
        self.bytes, self.kept, self.v2 = bytearray(1 << 20), {}, 'compat=0.10' in options
        run('qemu-img', 'create', '-q', '-f', 'qcow2', *(['-o', options] if options else []), 'disk', str(len(self.bytes)))

    def write(self, rng):
        at, n = rng.randrange(len(self.bytes) // 512) * 512, rng.randrange(1, 300) * 512
        n, value = min(n, len(self.bytes) - at), rng.randrange(1, 255)
        run('qemu-io', '-f', 'qcow2', '-c', f'write -P {value} {at} {n}', 'disk')
        self.bytes[at:at + n] = bytes([value]) * n

    def take(self, name):
        program = (IMG, 'qemu-img')[len(self.kept) % 2]
        run(program, 'snapshot', '-c', name, 'disk')
        self.kept[name] = bytes(self.bytes)

    def go_back(self, name):
        run(IMG, 'snapshot', '-a', name, 'disk')
        self.bytes = bytearray(self.kept[name])

    def drop(self, name):
        run(IMG, 'snapshot', '-d', name, 'disk')
        del self.kept[name]

    def resize(self, rng):
        size = rng.randrange(1, 8192) * 512
        if self.v2 and self.kept:
            return
        run(IMG, 'resize', '-q', '--shrink', 'disk', str(size))
        self.bytes = self.bytes[:size] + bytes(max(0, size - len(self.bytes)))

    def check(self):
        assert 'No errors' in run('qemu-img', 'check', 'disk')
        with open('flat', 'wb') as f:
            f.write(self.bytes)
        assert 'mismatch' not in run('qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', 'flat', 'disk')


def test_snapshots():
    rng = random.Random(SEED)
    for options in OPTIONS:
        d = Disk(options)
        for n in range(12):
            d.write(rng)
            what, name = rng.randrange(4), rng.choice([*d.kept, None])
            if options == 'refcount_bits=2' and d.kept:  # 3 references at most
                what, name = rng.randrange(1, 4), [*d.kept][0]
            if 'refcount_bits=1' in options.split(','):
                assert 'too narrow' in run(IMG, 'snapshot', '-c', 'x', 'disk', status=1)
                d.resize(rng)
            elif what == 3:
                d.resize(rng)
            elif not name or what == 0:
                d.take(f's{n}')
            elif what == 1:
                d.go_back(name)
            else:
                d.drop(name)
            d.check()
        lists = [json.loads(run(p, 'info', '--output=json', 'disk')).get('snapshots') for p in (IMG, 'qemu-img')]
        assert lists[0] == lists[1]


def test_shown_snapshot():
    """What convert -l and measure -l read is the disk as it was, with its size then."""
    rng = random.Random(SEED)
    for options in OPTIONS:
        if 'refcount_bits=1' in options.split(','):
            continue
        d = Disk(options)
        for name in ('one', 'two'):
            d.write(rng)
            d.take(name)
            d.resize(rng)
        d.write(rng)
        for argv, name in ((['-l', 'one'], 'one'), (['-l', '2'], 'two'), (['-l', 'snapshot.id=1'], 'one'), (['-l', 'snapshot.id=2,snapshot.name=two'], 'two')):
            run(IMG, 'convert', '-O', 'raw', *argv, 'disk', 'then')
            with open('then', 'rb') as f:
                assert f.read() == bytes(d.kept[name]), argv
        assert 'required size' in run(IMG, 'measure', '-l', 'one', '-O', 'qcow2', 'disk')
    for argv in (['convert', '-l', 'nope', '-O', 'raw', 'disk', 'out'], ['convert', '-l', 'snapshot.id=1,snapshot.name=two', '-O', 'raw', 'disk', 'out'],
                 ['convert', '-l', 'one', '-O', 'raw', 'disk', 'disk', 'out'], ['convert', '-l', 'one', '-O', 'raw', 'then', 'out'],
                 ['measure', '-l', 'nope', '-O', 'qcow2', 'disk'], ['measure', '-l', 'one', '--size', '1M']):
        same(*argv, status=1)
    assert 'snapshot.foo' in run(IMG, 'convert', '-l', 'snapshot.foo=1', '-O', 'raw', 'disk', 'out', status=1)


def test_resize():
    run(IMG, 'resize', '-f', 'raw', 'raw', '100M')
    assert os.path.getsize('raw') == 100 << 20
    assert 'Use the --shrink option' in run(IMG, 'resize', '-f', 'raw', 'raw', '-512k', status=1)
    same('resize', '-f', 'raw', '--shrink', 'raw', '1M')
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'raw', '-F', 'raw', 'over', '64k')
    same('resize', 'over', '+1M')
    text = run(IMG, 'map', '--output=json', 'over')
    assert all(row['zero'] for row in json.loads(text) if row['start'] >= 65536), text  # not what the backing has there
    run('qemu-img', 'check', 'over')
    assert "Can't resize" not in run(IMG, 'resize', 'over', '1T')
    run('qemu-img', 'check', 'over')
    assert 'cannot be so large' in run(IMG, 'resize', 'over', '8E', status=1)


def test_resize_preallocation():
    """What an image grows by has a place, and reads as zeroes, also where old data was freed before."""
    for options in ('', 'cluster_size=512', 'extended_l2=on', 'refcount_bits=1', 'compat=0.10'):
        for how in ('metadata', 'falloc', 'full'):
            run(IMG, 'create', '-q', '-f', 'qcow2', '-o', options or 'cluster_size=64k', 'new', '2M')
            run('qemu-io', '-c', 'write -P 7 0 2M', 'new')
            same('resize', '--shrink', 'new', '300k')
            run(IMG, 'resize', '-q', f'--preallocation={how}', 'new', '3M')
            run('qemu-img', 'check', 'new')
            run('qemu-io', '-c', 'read -P 7 0 300k', '-c', f'read -P 0 300k {3072 - 300}k', 'new')
            rows = json.loads(run('qemu-img', 'map', '--output=json', 'new'))
            assert all('offset' in row for row in rows if row['start'] >= 320 << 10), (options, how, rows)
            settle('new')
            assert how == 'metadata' or os.stat('new').st_blocks * 512 >= 3 << 20, (options, how)
    run(IMG, 'create', '-q', '-f', 'raw', 'flat', '1M')
    for how in ('falloc', 'full'):
        run(IMG, 'resize', '-q', '-f', 'raw', f'--preallocation={how}', 'flat', '+1M')
    settle('flat')
    assert os.stat('flat').st_blocks * 512 >= 2 << 20
    for words in (['--preallocation=metadata', '-f', 'raw', 'flat', '+1M'], ['--preallocation=some', '-f', 'raw', 'flat', '+1M'],
                  ['--preallocation=full', '-f', 'raw', 'flat', '+0'], ['--preallocation=full', '--shrink', '-f', 'raw', 'flat', '1M']):
        ours, theirs = (run(program, 'resize', *words, status=1).split(': ', 1)[1] for program in (IMG, 'qemu-img'))
        assert ours == theirs, (words, ours, theirs)
        assert os.path.getsize('flat') == 3 << 20


def pattern(rng, image, size):
    for _ in range(4):
        at = rng.randrange(size // 512 - 1) * 512
        n = min(rng.randrange(1, 500) * 512, size - at)
        run('qemu-io', '-f', 'qcow2', '-c', rng.choice([f'write -P {rng.randrange(1, 255)} {at} {n}', f'write -z {at} {n}']), image)


def three(rng):
    """raw (3 MiB or so) below one (of another size) below two."""
    size = os.path.getsize('raw') // 512 * 512
    sizes = size, size + rng.randrange(-100, 100) * 512
    for name, below, form, n in (('one', 'raw', 'raw', sizes[0]), ('two', 'one', 'qcow2', sizes[1])):
        run('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', below, '-F', form, name, str(n))
        pattern(rng, name, n)
    run('qemu-img', 'convert', '-O', 'raw', 'two', 'before')
    return sizes


def test_commit():
    rng = random.Random(SEED)
    for base in ([], ['-b', 'raw'], ['-d']):
        content('raw')
        sizes = three(rng)
        assert 'Image committed.' in run(IMG, 'commit', *base, 'two')
        for name in ('one', 'two'):
            assert 'No errors' in run('qemu-img', 'check', name)
        for name, form in (('two', 'qcow2'), ('raw', 'raw') if '-b' in base else ('one', 'qcow2')):
            run('qemu-img', 'convert', '-f', form, '-O', 'raw', name, 'after')
            with open('before', 'rb') as was, open('after', 'rb') as now:
                assert now.read(sizes[1]) == was.read(), (base, name)
        empty = not json.loads(run('qemu-img', 'check', '--output=json', 'two')).get('allocated-clusters')
        assert empty == (not base), base
    assert 'does not have a backing file' in run(IMG, 'commit', '-f', 'raw', 'raw', status=1)
    run(IMG, 'create', '-q', '-f', 'qcow2', '-b', 'raw', '-F', 'raw', 'slow')
    run('qemu-io', '-c', 'write -P 3 0 2M', 'slow')
    begun = time.monotonic()
    run(IMG, 'commit', '-r', '4M', 'slow')
    assert time.monotonic() - begun >= 0.5
    assert "Did not find 'nope' in the backing chain" in run(IMG, 'commit', '-b', 'nope', 'two', status=1)


def test_rebase():
    rng = random.Random(SEED)
    for backing in (['-b', ''], ['-b', 'raw', '-F', 'raw'], ['-b', 'other', '-F', 'qcow2']):
        three(rng)
        run('qemu-img', 'create', '-q', '-f', 'qcow2', 'other', '1M')
        pattern(rng, 'other', 1 << 20)
        run(IMG, 'rebase', *backing, 'two')
        assert 'No errors' in run('qemu-img', 'check', 'two')
        assert 'identical' in run('qemu-img', 'compare', '-f', 'raw', 'before', 'two')
        same('info', 'two')
    run(IMG, 'rebase', '-u', '-b', 'nothere', '-F', 'raw', 'two')
    same('info', 'two')
    assert 'backing format must be specified' in run(IMG, 'rebase', '-u', '-b', 'raw', 'two', status=1)
    assert 'does not fit' in run(IMG, 'rebase', '-u', '-F', 'raw', '-b', 'x' * 1024, 'two', status=1)


def damage(path, offset, data):
    with open(path, 'r+b') as f:
        f.seek(offset)
        f.write(data)


def test_repair():
    for what, status in (('leak', 3), ('missing', 2), ('dirty', 0)):
        run('qemu-img', 'convert', '-O', 'qcow2', '-o', 'lazy_refcounts=on', 'raw', 'broken')
        if what == 'dirty':
            damage('broken', 79, b'\1')
        with open('broken', 'rb') as f:
            f.seek(48)
            f.seek(int.from_bytes(f.read(8), 'big'))
            block = int.from_bytes(f.read(8), 'big')
        damage('broken', block + 2 * (60 if what == 'leak' else 6), b'\0\1' if what == 'leak' else b'\0\0')
        run(IMG, 'check', 'broken', status=2 if what == 'dirty' else status)
        run(IMG, 'check', '-r', 'all', 'broken')
        assert 'No errors' in run('qemu-img', 'check', 'broken')
        run('qemu-img', 'compare', 'raw', 'broken')


def test_errors():
    run('qemu-img', 'create', '-q', '-f', 'qcow2', 'empty', '1M')
    for argv, status, why in (
            (['info', 'nope'], 1, "Could not open 'nope': No such file"),
            (['foo'], 1, 'Command not found: foo'),
            (['bitmap', 'raw'], 1, 'Expecting filename and bitmap name'),
            (['rebase', 'raw'], 1, 'Use backing file (-b) option'),
            (['check', 'raw'], 63, 'does not support checks'),
            (['create', '-f', 'foo', 'x', '1M'], 1, "Unknown file format 'foo'"),
            (['create', '-f', 'qcow2', '-o', 'foo=1', 'x', '1M'], 1, 'foo'),
            (['create', '-f', 'qcow2', 'x'], 1, 'size'),
            (['create', '-f', 'qcow2', 'x', '1Z'], 1, 'Invalid image size'),
            (['create', '-f', 'qcow2', '-o', 'cluster_size=3k', 'x', '1M'], 1, 'power of two'),
            (['compare', 'raw', 'nope'], 2, 'nope'),
            (['snapshot', '-c', 'x', 'raw'], 1, 'this format of images has none'),
            (['snapshot', '-d', 'x', 'empty'], 1, "Could not delete snapshot 'x': snapshot not found"),
            (['snapshot', '-a', 'x', 'empty'], 1, "Could not apply snapshot 'x': snapshot not found"),
            (['snapshot', '-l', '-c', 'x', 'empty'], 1, 'Cannot mix'),
            (['resize', 'empty', 'abc'], 1, 'non-negative number'),
            (['resize', 'empty', '-2M'], 1, 'New image size must be positive'),
            (['resize', 'empty'], 1, 'Not enough arguments'),
            (['convert', '-O', 'qed', 'raw', 'x'], 1, "Unknown file format 'qed'")):
        assert why in run(IMG, *argv, status=status), argv
        assert not os.path.exists('x'), argv


run_cases(globals(), sys.argv[2:], SEED, 'qemu-img', lambda: content('raw'))
