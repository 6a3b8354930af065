"""Reads a write-ahead log in Prometheus' format as far as the tests need it: which samples its whole records hold.

Only uncompressed records are read (the tests switch compression off)."""

import os
import struct

PAGE = 32 * 1024
HEADER = 7
_COMPRESSED = 0x18
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


def crc32c_table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ 0x82F63B78 if number & 1 else number >> 1
        table.append(number)
    return table


_TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


class Record:
    def __init__(self, segment, begin, end, payload):
        self.segment = segment  # path
        self.begin = begin  # offset of its first fragment's header
        self.end = end  # offset behind its last fragment
        self.payload = payload


def segments(data_folder):
    folder = os.path.join(data_folder, "wal")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.isdigit()]


def records(path):
    """The whole records of one segment; stops at the first thing that is none."""
    with open(path, "rb") as file:
        data = file.read()
    position, parts, begin = 0, [], 0
    while position + HEADER <= len(data):
        rest = PAGE - position % PAGE
        kind = data[position]
        if kind == 0 or rest < HEADER:
            position += rest
            continue
        length, crc = struct.unpack_from(">HI", data, position + 1)
        body = data[position + HEADER : position + HEADER + length]
        if kind & _COMPRESSED:
            raise AssertionError(f"{path} has compressed records at {position}")
        if len(body) < length or length > rest - HEADER or crc32c(body) != crc:
            return
        if kind & 7 in (_FULL, _FIRST):
            parts, begin = [], position
        parts.append(body)
        position += HEADER + length
        if kind & 7 in (_FULL, _LAST):
            yield Record(path, begin, position, b"".join(parts))


class _Bytes:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def fixed(self, layout):
        (value,) = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return value

    def uvarint(self):
        shift = value = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def varint(self):
        value = self.uvarint()
        return (value >> 1) ^ -(value & 1)

    def text(self):
        length = self.uvarint()
        self.at += length
        return self.data[self.at - length : self.at].decode()

    def more(self):
        return self.at < len(self.data)


def samples_of(all_records):
    """{labels as sorted tuple: {ms: value}} of series and float sample records, read in their order."""
    labels, found = {}, {}
    for record in all_records:
        body = _Bytes(record.payload)
        kind = body.fixed("B")
        if kind == 1:
            while body.more():
                ref = body.fixed(">Q")
                labels[ref] = tuple(sorted((body.text(), body.text()) for _ in range(body.uvarint())))
        elif kind == 2 and body.more():
            ref0, at0 = body.fixed(">Q"), body.fixed(">q")
            while body.more():
                ref, at, value = ref0 + body.varint(), at0 + body.varint(), body.fixed(">d")
                if ref in labels:
                    found.setdefault(labels[ref], {})[at] = value
        elif kind == 11:
            raise AssertionError("samples with start timestamps are not read here")
    return found
