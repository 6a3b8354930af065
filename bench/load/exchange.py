"""HTTP exchanges with as little of a client as there can be: it shares the machine with the server
that is measured."""
import selectors
import socket
import time
import urllib.parse

from .process import BenchError

BUFFER_BYTES = 1 << 20


class Exchange:
    """GETs of one server at the same time, each on a connection of its own. Whole answers are read;
    only their status is looked at."""

    def __init__(self, port, calls, timeout_s):
        """calls: [(endpoint of the API, parameters)]"""
        self.port = port
        self.timeout_s = timeout_s
        self.buffer = bytearray(BUFFER_BYTES)
        self.requests = [
            f"GET /api/v1/{endpoint}?{urllib.parse.urlencode(parameters)} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
            for endpoint, parameters in calls]

    def run(self):
        """Seconds from the first connection's beginning to the last answer's end."""
        heads = {}
        begin = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            for request in self.requests:
                connection = socket.create_connection(("127.0.0.1", self.port), self.timeout_s)
                connection.sendall(request)
                selector.register(connection, selectors.EVENT_READ)
                heads[connection] = b""
            while selector.get_map():
                ready = selector.select(self.timeout_s)
                if not ready:
                    raise BenchError(f"no answer within {self.timeout_s} s")
                for key, _ in ready:
                    self.read(key.fileobj, heads, selector)
        seconds = time.perf_counter() - begin
        for head in heads.values():
            if b" 200 " not in head.partition(b"\r\n")[0]:
                raise BenchError(f"not answered with 200: {head[:200]!r}")
        return seconds

    def read(self, connection, heads, selector):
        length = connection.recv_into(self.buffer)
        if length == 0:
            selector.unregister(connection)
            connection.close()
        elif not heads[connection]:
            heads[connection] = bytes(self.buffer[:min(length, 256)])
