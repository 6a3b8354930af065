"""Reads a write-ahead log in Prometheus' format as far as the tests need it: which samples its whole records hold.
And writes one, as an earlier owner of a folder would have left it.

Only uncompressed records are read and written (the tests switch compression off)."""

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


def write_segment(data_folder, payloads, number=0):
    """A segment with these records, each small enough to stand whole in the rest of its page."""
    folder = os.path.join(data_folder, "wal")
    os.makedirs(folder, exist_ok=True)
    data = bytearray()
    for payload in payloads:
        rest = PAGE - len(data) % PAGE
        if HEADER + len(payload) > rest:
            data += bytes(rest)
        data += struct.pack(">BHI", _FULL, len(payload), crc32c(payload)) + payload
    with open(os.path.join(folder, f"{number:08}"), "wb") as file:
        file.write(data)


def _uvarint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _varint(value):
    return _uvarint(value << 1 ^ value >> 63)


def _text(text):
    data = text.encode()
    return _uvarint(len(data)) + data


def series_record(series):
    """Of {ref: {label: value}}."""
    out = b"\x01"
    for ref, labels in series.items():
        out += struct.pack(">Q", ref) + _uvarint(len(labels))
        out += b"".join(_text(name) + _text(value) for name, value in sorted(labels.items()))
    return out


def samples_record(samples):
    """Of [(ref, ms, value)]."""
    ref0, at0, _ = samples[0]
    out = b"\x02" + struct.pack(">Qq", ref0, at0)
    for ref, at, value in samples:
        out += _varint(ref - ref0) + _varint(at - at0) + struct.pack(">d", value)
    return out


def metadata_record(entries):
    """Of [(ref, type's number, unit, help)]."""
    out = b"\x06"
    for ref, kind, unit, text in entries:
        out += _uvarint(ref) + bytes([kind]) + _uvarint(2)
        out += _text("UNIT") + _text(unit) + _text("HELP") + _text(text)
    return out


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
