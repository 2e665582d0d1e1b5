#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""LUKS images beside qemu-img: what one program made, the other reads; who has another password reads nothing.

usage: test-luks.py LYREBIRD-IMG LYREBIRD-IO"""
import base64, json, os, pathlib, random, subprocess, sys, tempfile

from cases import run

OURS, OUR_IO = map(os.path.abspath, sys.argv[1:3])
SIZE = 1 << 20
SEED = random.randrange(1 << 32)
SECRET = ["--object", "secret,id=s,data=pass word"]
KINDS = ["", "cipher-alg=aes-128", "cipher-alg=aes-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256",
         "cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=plain", "cipher-alg=serpent-256,hash-alg=sha512",
         "cipher-alg=twofish-128,cipher-mode=cbc,hash-alg=sha1", "hash-alg=ripemd160,ivgen-alg=plain"]


def image(path, secret="s"):
    return f"driver=luks,key-secret={secret},file.filename={path}"


def both(tmp, kind, maker, reader):
    """What the maker makes and fills, the reader reads."""
    raw, luks, back = tmp / "raw", tmp / "luks", tmp / "back"
    raw.write_bytes(random.randbytes(SIZE // 2) + bytes(SIZE // 2))
    options = ",".join(filter(None, ["key-secret=s,iter-time=10", kind]))
    run(maker, "convert", *SECRET, "-f", "raw", "-O", "luks", "-o", options, raw, luks)
    run(reader, "convert", *SECRET, "--image-opts", image(luks), "-O", "raw", back)
    assert back.read_bytes() == raw.read_bytes(), f"{kind}: the disk differs"
    assert raw.read_bytes()[:512] not in luks.read_bytes(), f"{kind}: it is not encrypted"
    run(reader, "convert", "--object", "secret,id=s,data=password", "--image-opts", image(luks), "-O", "raw", back, fails="nvalid password")


def test_theirs(tmp):
    """what qemu-img makes of every kind is read here"""
    for kind in KINDS:
        both(tmp, kind, "qemu-img", OURS)


def test_ours(tmp):
    """what is made here of every kind is read by qemu-img"""
    for kind in KINDS:
        both(tmp, kind, OURS, "qemu-img")


def test_writes(tmp):
    """random writes and zeroes here, in an image of qemu-img's, are there for it"""
    luks, back = tmp / "luks", tmp / "back"
    model = bytearray(SIZE)
    run("qemu-img", "create", "-q", *SECRET, "-f", "luks", "-o", "key-secret=s,iter-time=10", luks, SIZE)
    run(OUR_IO, *SECRET, "--image-opts", image(luks), "-c", f"write -z 0 {SIZE}")
    commands = []
    for _ in range(300):
        length = random.randrange(1, 128) * 512
        at = random.randrange((SIZE - length) // 512) * 512
        byte = random.randrange(256)
        commands += ["-c", f"write -P {byte} {at} {length}" if byte else f"write -z {at} {length}"]
        model[at:at + length] = bytes([byte]) * length
    run(OUR_IO, *SECRET, "--image-opts", image(luks), *commands)
    run("qemu-img", "convert", *SECRET, "--image-opts", image(luks), "-O", "raw", back)
    assert back.read_bytes() == model, "the disk differs"


def test_target(tmp):
    """--target-image-opts, into an image that is there"""
    raw, luks, back = tmp / "raw", tmp / "luks", tmp / "back"
    raw.write_bytes(random.randbytes(SIZE))
    run(OURS, "create", "-q", *SECRET, "-f", "luks", "-o", "key-secret=s,iter-time=10", luks, SIZE)
    run(OURS, "convert", *SECRET, "-f", "raw", raw, "--target-image-opts", image(luks), fails="requires use of -n")
    run(OURS, "convert", *SECRET, "-n", "-f", "raw", raw, "--target-image-opts", image(luks))
    run("qemu-img", "convert", *SECRET, "--image-opts", image(luks), "-O", "raw", back)
    assert back.read_bytes() == raw.read_bytes(), "the disk differs"


def test_info(tmp):
    """create and info print what qemu-img prints"""
    luks = tmp / "luks"
    text = run(OURS, "create", *SECRET, "-f", "luks", "-o", "key-secret=s,iter-time=10,cipher-alg=aes-128", luks, SIZE)
    assert text == f"Formatting '{luks}', fmt=luks size={SIZE} key-secret=s cipher-alg=aes-128 iter-time=10\n", text
    for options in ([], ["-f", "luks"]):
        def lines(program):
            return [line for line in run(program, "info", *options, luks).splitlines() if not line.startswith("disk size")]
        assert lines(OURS) == lines("qemu-img"), lines(OURS)
    ours, theirs = (json.loads(run(p, "info", "--output=json", luks)) for p in (OURS, "qemu-img"))
    assert ours["format-specific"] == theirs["format-specific"] and ours["encrypted"] is True, ours


def test_secrets(tmp):
    """a secret in a file, in base64, encrypted by another; and wrong ones"""
    luks, file = tmp / "luks", tmp / "secret"
    run(OURS, "create", "-q", *SECRET, "-f", "luks", "-o", "key-secret=s,iter-time=10", luks, SIZE)
    key, iv = random.randbytes(32), random.randbytes(16)
    sealed = subprocess.run(["openssl", "enc", "-aes-256-cbc", "-a", "-A", "-K", key.hex(), "-iv", iv.hex()], input=b"pass word",
                            capture_output=True, check=True).stdout.decode()
    master = f"secret,id=m,format=base64,data={base64.b64encode(key).decode()}"
    initial = base64.b64encode(iv).decode()
    file.write_text("pass word")
    for objects in ([f"secret,id=s,file={file}"], ["secret,id=s,format=base64,data=cGFzcyB3b3Jk"],
                    [master, f"secret,id=s,format=base64,keyid=m,iv={initial},data={sealed}"]):
        words = [w for o in objects for w in ("--object", o)]
        run(OUR_IO, *words, "--image-opts", image(luks), "-c", "read 0 512")
    for objects, why in (([f"secret,id=s,format=base64,keyid=m,iv={initial},data={sealed}"], "No secret with id 'm'"),
                         ([master, f"secret,id=s,format=base64,keyid=m,data={sealed}"], "iv of 16"),
                         ([master, f"secret,id=s,format=base64,keyid=m,iv={initial},data=AAAA"], "whole blocks"),
                         (["secret,id=s,format=base64,data=a"], "not valid base64"), (["secret,id=s"], "Must provide"),
                         (["secret,id=other,data=x"], "No secret with id 's'"), (["iothread,id=s"], "secret"),
                         (["secret,id=s,data=a", "secret,id=s,data=b"], "duplicate")):
        words = [w for o in objects for w in ("--object", o)]
        run(OUR_IO, *words, "--image-opts", image(luks), "-c", "read 0 512", fails=why)
    run(OURS, "convert", "-f", "luks", "-O", "raw", luks, tmp / "back", fails="'key-secret' is required")


def main():
    random.seed(SEED)
    tests = [f for name, f in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}\n# seed {SEED}")
    failed = 0
    for number, test in enumerate(tests, 1):
        with tempfile.TemporaryDirectory(prefix="lyrebird-luks-", dir="/var/tmp") as folder:
            try:
                test(pathlib.Path(folder))
                print(f"ok {number} - {test.__name__}: {test.__doc__}", flush=True)
            except Exception as e:  # of any kind: the test's
                failed += 1
                print(f"not ok {number} - {test.__name__}: {test.__doc__}\n# {type(e).__name__}: {e}", flush=True)
    return failed != 0


sys.exit(main())
