#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Encrypted qcow2 images beside qemu-img: what one program made, the other reads, checks and writes.

usage: test-encryption.py LYREBIRD-IMG LYREBIRD-IO [CASE ...]"""
import json, os, pathlib, random, struct, subprocess, sys

from cases import run, run_cases

OURS, OUR_IO = map(os.path.abspath, sys.argv[1:3])
SEED = int(os.environ.get("LYREBIRD_IMAGE_SEED", random.randrange(1 << 32)))
SIZE = 4 << 20
SECRET = ["--object", "secret,id=s,data=pass word"]
WRONG = ["--object", "secret,id=s,data=password"]
NEW = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"
KINDS = ["", "cluster_size=4k", "extended_l2=on,cluster_size=16k", "compat=0.10", "refcount_bits=1", "lazy_refcounts=on",
         "encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256",
         "encrypt.cipher-alg=serpent-256,encrypt.hash-alg=sha512,encrypt.ivgen-alg=plain"]


def image(path, more=""):
    return f"driver=qcow2,encrypt.format=luks,encrypt.key-secret=s,file.driver=file,file.filename={path}{more}"


def options(kind):
    return ",".join(filter(None, [NEW, kind]))


def contents(program, path):
    run(program, "convert", *SECRET, "--image-opts", image(path), "-O", "raw", "back")
    return pathlib.Path("back").read_bytes()


def both_check(path):
    run(OURS, "check", path)
    run("qemu-img", "check", *SECRET, "--image-opts", image(path))


def both(kind, maker, reader):
    """What the maker makes and fills, the reader reads."""
    data = random.randbytes(SIZE // 2) + bytes(SIZE // 4) + random.randbytes(SIZE // 4)
    pathlib.Path("raw").write_bytes(data)
    run(maker, "convert", *SECRET, "-f", "raw", "-O", "qcow2", "-o", options(kind), "raw", "image")
    assert contents(reader, "image") == data, f"{kind}: the disk differs"
    assert data[:512] not in pathlib.Path("image").read_bytes(), f"{kind}: it is not encrypted"
    run(reader, "convert", *WRONG, "--image-opts", image("image"), "-O", "raw", "back", fails="nvalid password")
    both_check("image")


def test_theirs():
    for kind in KINDS:
        both(kind, "qemu-img", OURS)


def test_ours():
    for kind in KINDS:
        both(kind, OURS, "qemu-img")


def random_writes(model, count):
    commands = []
    for _ in range(count):
        length = random.randrange(1, 256) * 512
        at = random.randrange((SIZE - length) // 512) * 512
        byte = random.randrange(256)
        discard = random.random() < 0.1
        commands += ["-c", f"write -P {byte} {at} {length}" if byte else f"write -z {at} {length}"]
        model[at:at + length] = bytes([byte]) * length
        if discard:
            at = at // 65536 * 65536
            commands += ["-c", f"write -z -u {at} 65536"]
            model[at:at + 65536] = bytes(65536)
    return commands


def test_writes():
    """random writes, zeroes and unmaps of both programs in turns, in one image"""
    for kind in KINDS:
        model = bytearray(SIZE)
        run(random.choice([OURS, "qemu-img"]), "create", "-q", *SECRET, "-f", "qcow2", "-o", options(kind), "image", SIZE)
        for turn in range(4):
            io = OUR_IO if turn % 2 else "qemu-io"
            run(io, *SECRET, "--image-opts", image("image"), *random_writes(model, 40))
        assert contents("qemu-img", "image") == model and contents(OURS, "image") == model, f"{kind}: the disk differs"
        both_check("image")


def test_snapshots():
    """what a snapshot has stays what it is, whoever writes meanwhile"""
    for maker, user in ((OURS, "qemu-img"), ("qemu-img", OURS)):
        before, after = bytearray(SIZE), bytearray(SIZE)
        run(maker, "create", "-q", *SECRET, "-f", "qcow2", "-o", NEW, "image", SIZE)
        run(OUR_IO, *SECRET, "--image-opts", image("image"), *random_writes(before, 50))
        run(OURS, "snapshot", "-c", "one", "image")
        after[:] = before
        run("qemu-io" if user == OURS else OUR_IO, *SECRET, "--image-opts", image("image"), *random_writes(after, 50))
        assert contents(user, "image") == after, "the disk differs"
        run(OURS, "snapshot", "-a", "one", "image")
        assert contents(user, "image") == before, "the snapshot differs"
        run(OURS, "snapshot", "-d", "one", "image")
        both_check("image")


def test_backing():
    """an encrypted image on a plain one, committed and rebased"""
    base = random.randbytes(SIZE)
    pathlib.Path("base").write_bytes(base)
    model = bytearray(base)
    run(OURS, "create", "-q", *SECRET, "-f", "qcow2", "-b", "base", "-F", "raw", "-o", NEW, "image")
    run(OUR_IO, *SECRET, "--image-opts", image("image"), *random_writes(model, 50))
    assert contents("qemu-img", "image") == model and contents(OURS, "image") == model, "the disk differs"
    both_check("image")
    run(OURS, "rebase", *SECRET, "-u", "-b", "", "--image-opts", image("image"))
    run(OURS, "convert", *SECRET, "-O", "qcow2", "-o", NEW, "-B", "base", "-F", "raw", "base", "over")
    assert contents("qemu-img", "over") == base, "the copy differs"


def test_resize():
    for size in (SIZE + 70000 // 512 * 512, SIZE // 2 + 512):
        data = random.randbytes(SIZE)
        pathlib.Path("raw").write_bytes(data)
        run(OURS, "convert", *SECRET, "-f", "raw", "-O", "qcow2", "-o", NEW, "raw", "image")
        run(OURS, "resize", *SECRET, "--shrink", "--image-opts", image("image"), size)
        assert contents("qemu-img", "image") == (data + bytes(size))[:size], "the disk differs"
        both_check("image")


def test_info():
    """create, info and map print what qemu-img prints"""
    text = run(OURS, "create", *SECRET, "-f", "qcow2", "-o", NEW, "image", SIZE)
    theirs = run("qemu-img", "create", *SECRET, "-f", "qcow2", "-o", NEW, "image", SIZE)
    assert sorted(text.split()) == sorted(theirs.split()), text + theirs
    for kind in ("", "encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256"):
        run(OURS, "create", "-q", *SECRET, "-f", "qcow2", "-o", options(kind), "image", SIZE)

        def lines(program):
            return [line for line in run(program, "info", "image").splitlines() if not line.startswith("disk size")]
        assert lines(OURS) == lines("qemu-img"), "\n".join(lines(OURS) + lines("qemu-img"))
        ours, theirs = (json.loads(run(p, "info", "--output=json", "image")) for p in (OURS, "qemu-img"))
        assert ours["format-specific"] == theirs["format-specific"] and ours["encrypted"] is True, ours
    run(OUR_IO, *SECRET, "--image-opts", image("image"), "-c", "write 0 64k")
    maps = [json.loads(run(p, "map", *SECRET, "--output=json", "--image-opts", image("image"))) for p in (OURS, "qemu-img")]
    for extent in maps[0]:
        del extent["compressed"]  # which qemu-img of Debian 12 does not say
    assert maps[0] == maps[1], maps
    sizes = [json.loads(run(p, "measure", *SECRET, "--output=json", "-O", "qcow2", "-o", NEW, "--size", SIZE)) for p in (OURS, "qemu-img")]
    assert sizes[0] == sizes[1], sizes


PASSWORDS = {name: ["--object", f"secret,id=s,data={name}", "--object", "secret,id=a,data=pass word", "--object", "secret,id=b,data=second",
                    "--object", "secret,id=x,data=other"] for name in ("pass word", "second", "other")}
AMENDMENTS = [  # password it is opened by, options, does it work?
    ("pass word", "state=inactive,keyslot=0", "refus"), ("pass word", "state=inactive,old-secret=a", "refus"),
    ("pass word", "state=inactive", "To erase keyslot(s)"), ("pass word", "state=active", "'new-secret' is required"),
    ("pass word", "new-secret=b", "'state' is missing"), ("pass word", "state=active,new-secret=b,old-secret=a", "must not be given"),
    ("pass word", "state=active,new-secret=b,iter-time=10,keyslot=0", "Refusing to overwrite active keyslot 0"),
    ("pass word", "state=active,new-secret=b,iter-time=10,keyslot=9", "Invalid keyslot 9"),
    ("pass word", "state=active,new-secret=b,iter-time=10", None), ("second", "state=active,new-secret=a,iter-time=10,keyslot=5", None),
    ("second", "state=inactive,old-secret=x", "No keyslots match"), ("second", "state=inactive,keyslot=7", "already erased"),
    ("second", "state=inactive,old-secret=a", None), ("pass word", "state=inactive,keyslot=1", "nvalid password"),
    ("second", "state=inactive,keyslot=1", "refus"), ("second", "state=inactive,new-secret=a,keyslot=1", "must not be given"),
    ("second", "state=active,new-secret=x,iter-time=10,keyslot=0", None), ("other", "state=inactive,keyslot=1", None)]


def amendable(kind, path):
    return (f"driver=luks,key-secret=s,file.driver=file,file.filename={path}", "key-secret=a,iter-time=10", "") if kind == "luks" else (image(path), NEW.replace("=s,", "=a,"), "encrypt.")


def test_amend():
    """passwords are added and erased as qemu-img does it, by both in turns, and the disk stays"""
    data = random.randbytes(1 << 20)
    pathlib.Path("raw").write_bytes(data)
    for kind in ("luks", "qcow2"):
        name, new, prefix = amendable(kind, "image")
        for programs in ([OURS], ["qemu-img", OURS]):
            run(OURS, "convert", *PASSWORDS["other"], "-f", "raw", "-O", kind, "-o", new, "raw", "image")
            for i, (password, changes, fails) in enumerate(AMENDMENTS):
                words = ",".join(prefix + o for o in changes.split(","))
                run(programs[i % len(programs)], "amend", *PASSWORDS[password], "-o", words, "--image-opts", name, fails=fails)
                if not fails:
                    both_opened = {p: [n for n in PASSWORDS if opens(p, PASSWORDS[n], name)] for p in (OURS, "qemu-img")}
                    assert both_opened[OURS] == both_opened["qemu-img"] and both_opened[OURS], f"{kind} {changes}: {both_opened}"
            assert both_opened[OURS] == ["other"], both_opened
            run("qemu-img", "convert", *PASSWORDS["other"], "--image-opts", name, "-O", "raw", "back")
            assert pathlib.Path("back").read_bytes() == data, f"{kind}: the disk differs"
        run(OURS, "amend", "--force", *PASSWORDS["other"], "-o", ",".join(prefix + o for o in ("state=inactive", "keyslot=0")), "--image-opts", name)
        assert not any(opens(OURS, PASSWORDS[n], name) for n in PASSWORDS), "it opens without a password"
    run(OURS, "create", "-q", "-f", "qcow2", "plain", SIZE)
    run(OURS, "amend", *SECRET, "-o", "encrypt.state=inactive,encrypt.keyslot=0", "plain", fails="encryption not present")


def opens(program, secrets, name):
    p = subprocess.run([program, "convert", *secrets, "--image-opts", name, "-O", "raw", "back"], capture_output=True, text=True, timeout=120)
    assert p.returncode == 0 or "nvalid password" in p.stderr, p.stderr
    return p.returncode == 0


def test_refused():
    run(OURS, "create", "-q", *SECRET, "-f", "qcow2", "-o", NEW, "image", SIZE)
    run(OURS, "create", "-q", "-f", "qcow2", "plain", SIZE)
    run(OURS, "convert", "-O", "raw", "image", "back", fails="Parameter 'encrypt.key-secret' is required")
    run(OUR_IO, *SECRET, "--image-opts", image("plain"), "-c", "read 0 512", fails="No encryption in image header")
    run(OUR_IO, *SECRET, "--image-opts", image("image").replace("=luks", "=aes"), "-c", "read 0 512", fails="aes")
    run(OURS, "convert", "-c", *SECRET, "-O", "qcow2", "-o", NEW, "plain", "back", fails="Compression and encryption")
    for wrong, why in (("encrypt.format=aes", "aes"), ("encryption=on", "encrypt.format=luks"), ("encrypt.format=luks", "'encrypt.key-secret' is required"),
                       ("encrypt.key-secret=s", "encrypt.format=luks"), (NEW + ",preallocation=metadata", "preallocation"),
                       (NEW + ",data_file=data", "data_file"), (NEW.replace("=s,", "=t,"), "No secret with id 't'")):
        run(OURS, "create", "-q", *SECRET, "-f", "qcow2", "-o", wrong, "refused", SIZE, fails=why)
        assert not os.path.exists("refused"), wrong
    good = pathlib.Path("image").read_bytes()
    head = good[:65536]
    pointer = head.index(struct.pack(">II", 0x0537be77, 16)) + 8
    place, length = struct.unpack_from(">QQ", head, pointer)
    for at, kind, value, why in ((32, ">I", 1, "old AES"), (32, ">I", 3, "Unsupported encryption method"), (32, ">I", 0, "says that it is not encrypted"),
                                 (pointer, ">Q", place + 512, "not a multiple"), (pointer, ">Q", 1 << 62, "too few"), (pointer, ">Q", 0, "Missing"),
                                 (pointer + 8, ">Q", 1 << 60, "too large"), (pointer + 8, ">Q", 512, "LUKS header"), (pointer + 8, ">Q", 0, "no place"),
                                 (pointer + 8, ">Q", length + 1, "multiples"), (pointer - 4, ">I", 8, "extension"), (place, ">I", 0, "not in LUKS format"),
                                 (place + 164, ">I", 0xffffffff, "more iterations"), (place + 248, ">I", 0xffffffff, "between the header")):
        bad = bytearray(good)
        struct.pack_into(kind, bad, at, value)
        pathlib.Path("bad").write_bytes(bad)
        run(OUR_IO, *SECRET, "--image-opts", image("bad"), "-c", "read 0 512", fails=why)


random.seed(SEED)
sys.exit(run_cases(globals(), sys.argv[3:], SEED, "qemu-img"))
