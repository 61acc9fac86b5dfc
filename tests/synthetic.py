"""Ten synthetic garments, and the form of Fashion-MNIST's files."""

import struct
import zlib

import numpy as np


def shape(kind):
    """(28, 28) uint8: one of ten shapes that are easy to distinguish."""
    im = np.zeros((28, 28), np.uint8)
    row, column = np.mgrid[:28, :28]
    inside = [
        (row > 3) & (row < 24) & (column > 8) & (column < 19),
        (row > 3) & (abs(abs(column - 13.5) - 5) < 2),
        (row > 12) & (row < 24) & (column > 3) & (column < 24),
        abs(column - 13.5) < row / 2,
        (row - 13.5) ** 2 + (column - 13.5) ** 2 < 100,
        abs(row - 20) < 3,
        abs((row - 13.5) ** 2 + (column - 13.5) ** 2 - 90) < 35,
        abs(row - column) < 3,
        (row < 14) & (column < 14),
        (abs(row - 13.5) < 3) | (abs(column - 13.5) < 3),
    ][kind]
    im[inside] = 200
    return im


def pictures_and_labels(n, seed):
    """(n, 28, 28) and (n,) uint8: the classes in turn, each picture with noise of its own."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 10).astype(np.uint8)
    noise = rng.integers(0, 50, (n, 28, 28), dtype=np.uint8)
    return np.stack([shape(k) for k in labels]) + noise, labels


def idx_bytes(values):
    """The IDX form of a uint8 array."""
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def black_png(width, height, bits=1):
    """A whole PNG of black pixels, however many, in no time: the same few packed bytes again and again."""
    piece, n = 1_000_000, height * (1 + -(-width * bits // 8))  # each row begins with the byte of its filter
    packer = zlib.compressobj(1, wbits=-15)
    whole = packer.compress(bytes(piece)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(1, wbits=-15)
    last = rest.compress(bytes(n % piece)) + rest.flush()
    adler = struct.pack(">I", n % 65521 << 16 | 1)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", b"\x78\x01" + whole * (n // piece) + last + adler), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
