#!/usr/bin/env python3
"""Targets that know how they were scraped: what servers stored can be held against what was served.

Every page has `oracle_scrape_number`, which counts the scrapes of that target from 1, and `oracle_time_seconds`, this machine's
clock when the page was made. So a stored sample names the scrape it came from, and the record here says when that was served and to
whom. With --population, pages have the series of the Kvass demo, too: 10,000 of one metric and as many others as make 10,045.

    GET  /t/N                   the page of target N, from 0; 404 from the number of targets on
    GET  /sd                    the targets for http_sd_configs, labels kind and number
    GET  /served?from=MS&to=MS  {"N": [[number, ms, client], …]}; clients are addresses
    POST /targets?count=N       so many targets from now on
    POST /fail?targets=0,3      those answer 503 (none: all answer)

Needs Python 3.9 and nothing else.
"""

import argparse
import asyncio
import bisect
import collections
import json
import signal
import sys
import time
import urllib.parse

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
POPULATION_METRIC = "a00000000000metrics0"
POPULATION_LABELS = 4
POPULATION_VALUES = 10  # of each label
POPULATION_SERIES = 10_045  # of a page, as in the demo of Kvass
POPULATION_COUNTED = POPULATION_VALUES**POPULATION_LABELS
LABEL_LENGTH = 20
REQUEST_BYTES_MAX = 64 * 1024


def population_page():
    """10,000 series of one metric (4 labels with 10 values), and 43 others; the page's own two make 10,045."""
    values = [f"v{number:0{LABEL_LENGTH - 1}d}" for number in range(POPULATION_VALUES)]
    names = [f"l{number:0{LABEL_LENGTH - 1}d}" for number in range(POPULATION_LABELS)]
    lines = [f"# TYPE {POPULATION_METRIC} gauge"]
    for number in range(POPULATION_COUNTED):
        digits = [(number // POPULATION_VALUES**place) % POPULATION_VALUES for place in range(POPULATION_LABELS)]
        labels = ",".join(f'{name}="{values[digit]}"' for name, digit in zip(names, digits))
        lines.append(f"{POPULATION_METRIC}{{{labels}}} {number}")
    for number in range(POPULATION_SERIES - POPULATION_COUNTED - 2):
        lines.append(f"# TYPE process_figure_{number} gauge\nprocess_figure_{number} {number}")
    return ("\n".join(lines) + "\n").encode()


class Records:
    """Per target: when each scrape was served, and to whom."""

    def __init__(self):
        self.of = collections.defaultdict(list)  # number → [(ms, client)], the n-th scrape at n - 1

    def add(self, target, client):
        served = self.of[target]
        served.append((time.time() * 1000, client))
        return len(served)

    def between(self, start, end):
        """JSON of what was served in that time, in pieces, so that scrapes are answered meanwhile."""
        pieces = []
        for target, served in list(self.of.items()):
            first = bisect.bisect_left(served, (start, ""))
            numbered = enumerate(served[first:], first + 1)
            pieces.append(f'"{target}":' + json.dumps([[n, round(ms, 1), client] for n, (ms, client) in numbered if ms <= end]))
        return "{" + ",".join(pieces) + "}"


class State:
    """What is served now."""

    def __init__(self, options):
        self.count = options.targets
        self.address = options.advertise or options.listen
        self.records = Records()
        self.failing = set()
        self.rest = population_page() if options.population else b""
        self.padding = b"".join(b"oracle_padding{n=\"%d\"} %d\n" % (n, n) for n in range(options.padding))

    def page(self, target, client):
        number = self.records.add(target, client)
        return b"# TYPE oracle_scrape_number counter\noracle_scrape_number %d\n# TYPE oracle_time_seconds gauge\noracle_time_seconds %.3f\n" % (
            number,
            time.time(),
        ) + self.padding + self.rest

    def discovery(self):
        return [
            {
                "targets": [self.address],
                "labels": {"__metrics_path__": f"/t/{n}", "instance": f"t{n}", "number": str(n)},
            }
            for n in range(self.count)
        ]

    def answer(self, method, target, client):
        """(status, type, body) of one request, or a future of it."""
        path, _, query = target.partition("?")
        if path.startswith("/t/"):
            number = path[3:]
            if not number.isdigit() or int(number) >= self.count:
                return 404, TEXT, b"no such target\n"
            if int(number) in self.failing:
                return 503, TEXT, b"failing, as told\n"
            return 200, TEXT, self.page(int(number), client)
        given = {name: values[-1] for name, values in urllib.parse.parse_qs(query, keep_blank_values=True).items()}
        if path == "/sd":
            return self.json(self.discovery())
        if path == "/served":
            start, end = float(given.get("from", 0)), float(given.get("to", "inf"))
            return asyncio.get_running_loop().run_in_executor(None, self.served, start, end)
        if method == "POST" and path == "/targets":
            self.count = int(given["count"])
            return self.json(self.count)
        if method == "POST" and path == "/fail":
            self.failing = {int(number) for number in given.get("targets", "").split(",") if number}
            return self.json(sorted(self.failing))
        return 404, TEXT, b"no such page\n"

    def served(self, start, end):
        return 200, b"application/json", self.records.between(start, end).encode()

    @staticmethod
    def json(value):
        return 200, b"application/json", json.dumps(value).encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1 with connections that stay open; requests have no bodies that matter."""

    def __init__(self, state):
        self.state = state
        self.buffer = b""
        self.transport = None
        self.client = ""

    def connection_made(self, transport):
        self.transport = transport
        self.client = transport.get_extra_info("peername")[0]

    def data_received(self, data):
        self.buffer += data
        if len(self.buffer) > REQUEST_BYTES_MAX:
            self.transport.abort()
            return
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[:end], self.buffer[end + 4 :]
            self.serve(head)

    def serve(self, head):
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3:
            self.transport.abort()
            return
        answer = self.state.answer(words[0].decode(), words[1].decode("latin-1"), self.client)
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(lambda done: self.write(*done.result()))
        else:
            self.write(*answer)

    def write(self, status, kind, body):
        self.transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            % (status, b"OK" if status == 200 else b"No", kind, len(body))
            + body
        )


async def serve(options):
    loop = asyncio.get_running_loop()
    state = State(options)
    host, _, port = options.listen.rpartition(":")
    server = await loop.create_server(lambda: Connection(state), host, int(port), backlog=1024)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:9091", help="address:port (default %(default)s)")
    parser.add_argument("--advertise", help="address:port that discovery names (default: --listen)")
    parser.add_argument("--targets", type=int, default=6, help="how many (default %(default)s)")
    parser.add_argument("--padding", type=int, default=0, help="further series of each page")
    parser.add_argument("--population", action="store_true", help="pages of 10,045 series")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(serve(parse(sys.argv[1:])))
