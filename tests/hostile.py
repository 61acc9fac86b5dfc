"""Foreign and damaged checkpoint files by seed: the tests open them, and so does benchmarks/hardening.py."""

import json
import random
import struct
import time
from pathlib import Path

from fashiongan import checkpoint
from fashiongan.classifiers import store
from fashiongan.errors import StudioError
from fashiongan.hub import registry

KINDS = (
    "cut", "flipped header", "huge shape", "wrong type", "declared length", "deep header", "many tensors", "odd recipe",
    "large net", "other file", "overlapping", "sparse", "pickle",
)  # fmt: skip
DTYPES = ("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "Q4", "")


def parts(data):
    """A safetensors file as its header and its bytes."""
    n = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + n]), data[8 + n :]


def packed(header, body):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def spoiled(folder, n, seed):
    """n files made of bundled ones, each with the kind of damage: (kind, path)."""
    good = [(registry.BUNDLED / f"{name}.safetensors").read_bytes() for name in ("compact", "acgan")]
    good.append((store.BUNDLED / "dense.safetensors").read_bytes())
    for i in range(n):
        rng = random.Random(f"{seed}-{i}")
        kind, data = KINDS[i % len(KINDS)], good[rng.randrange(2)]
        path = folder / f"{i}.safetensors"
        if kind == "sparse":  # a hundred gigabytes of nothing, on a disk that has not so many
            write_sparse(path, data)
        else:
            path.write_bytes(spoil(kind, data, good, rng))
        yield kind, path


def spoil(kind, data, good, rng):
    header, body = parts(data)
    names = [k for k in header if k != "__metadata__"]
    name = rng.choice(names)
    entry = header[name]
    match kind:
        case "cut":
            return data[: rng.randrange(len(data))]
        case "flipped header":  # in the part that holds offsets and shapes
            text = bytearray(json.dumps(header).encode())
            for _ in range(20):
                text[rng.randrange(len(text))] = rng.randrange(256)
            return packed(bytes(text), body)
        case "huge shape":
            entry["shape"] = rng.choice(([2**40], [2**31, 2**31], [10**9, *entry["shape"]], [-1], [2**64], ["x"]))
        case "wrong type":
            entry["dtype"] = rng.choice(DTYPES)
        case "declared length":
            length = rng.choice((2**63, 2**64 - 1, 10**8, 10**9, len(data), 0, 1))
            return struct.pack("<Q", length) + data[8:]
        case "deep header":
            return packed(rng.choice((b"[", b'{"a":')) * rng.randrange(1000, 400_000), body)
        case "many tensors":
            count = rng.choice((100_000, 400_000))
            empty = ",".join(f'"{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for i in range(count))
            return packed(b'{"__metadata__":{"format":"fashiongan 1"},' + empty.encode() + b"}", b"")
        case "odd recipe":
            fields = json.loads(header["__metadata__"]["recipe"])
            key = rng.choice(list(fields))
            fields[key] = rng.choice((None, [], {}, -1, 10**30, "x" * 100_000, "9" * 5000, float("nan"), [[]] * 1000))
            header["__metadata__"]["recipe"] = json.dumps(fields).replace('"' + "9" * 5000 + '"', "9" * 5000)
        case "large net":  # as large as a recipe can name, without its weights
            fields = json.loads(header["__metadata__"]["recipe"])
            large = {"gan": rng.choice(("stylegan", "progan", "cdcgan")), "width": 256, "z_dim": 1024, "size": 128}
            for gone in ("scale", "maps"):
                fields.pop(gone, None)
            header["__metadata__"]["recipe"] = json.dumps(fields | large | {"labels": ["a"] * 1000})
        case "other file":
            return rng.choice(
                (good[2], b"", b"{}", b"\x7fELF" + rng.randbytes(5000), b"PK\x03\x04" + rng.randbytes(5000))
            )
        case "overlapping":
            header[name]["data_offsets"] = header[rng.choice([k for k in names if k != name])]["data_offsets"]
        case "pickle":
            return b"\x80\x04cposix\nsystem\n(S'touch exploded'\ntR." + rng.randbytes(100)
    return packed(header, body)


def write_sparse(path, data):
    header, _ = parts(data)
    header["more"] = {"dtype": "F32", "shape": [25 * 10**9], "data_offsets": [0, 10**11]}
    header = {k: v for k, v in header.items() if k in ("__metadata__", "more")}
    text = json.dumps(header).encode()
    with path.open("wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + 10**11)


def peak():
    """MB of the most memory that this process has held since `forget`."""
    return int(Path("/proc/self/status").read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]) / 1000


def forget():
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def measured(path):
    """The error message for a file (None if it was accepted), the CPU seconds, and the peak memory in MB."""
    forget()
    before, begin, message = peak(), time.process_time(), None
    try:
        checkpoint.load(path)
    except StudioError as e:
        message = str(e)
    return message, time.process_time() - begin, peak() - before
