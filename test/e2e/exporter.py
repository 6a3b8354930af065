"""Targets for the end-to-end tests: an HTTP server in this process whose pages are functions."""

import http.server
import socket
import threading
import time

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is part of these tests."""


class Exporter:
    """Pages by path. A page is a function of the request that returns text, bytes, (status, headers, body), or
    None when it wrote to request.wfile itself. Each request is noted as (path, Unix seconds)."""

    def __init__(self):
        self.pages = {}
        self.seen = []
        self.headers = {}  # path → headers of the last request
        self.stopped = False
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One answer leaves in one piece; a delayed acknowledgement would cost 40 ms each.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_GET(self):  # pylint: disable=invalid-name
                exporter._serve(self)

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def _serve(self, request):
        if self.stopped:
            shut_hard(request)
            return
        path = request.path.split("?")[0]
        self.seen.append((path, time.time()))
        self.headers[path] = request.headers
        page = self.pages.get(path)
        reply = page(request) if page else (404, {}, "no such page\n")
        if reply is None:
            request.close_connection = True
            return
        if not isinstance(reply, tuple):
            reply = (200, {}, reply)
        status, headers, body = reply
        if isinstance(body, str):
            body = body.encode()
        request.send_response(status)
        for name, value in {"Content-Type": TEXT, "Content-Length": str(len(body)), **headers}.items():
            if value is not None:
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)
        request.wfile.flush()

    def page(self, path, function):
        self.pages[path] = function
        return self

    def requests_of(self, path):
        return [at for where, at in list(self.seen) if where == path]

    def stop(self):
        """The port refuses, and connections that are still open are reset at their next request."""
        self.stopped = True
        self._server.shutdown()
        self._server.server_close()


def shut_hard(request):
    """Closes a connection with a reset."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    request.close_connection = True
    request.wfile = request.rfile
    request.connection.close()
