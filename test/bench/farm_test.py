#!/usr/bin/env python3
"""skein-farm from outside. SKEIN_FARM names the binary."""
import gzip
import json
import math
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

FARM = os.environ["SKEIN_FARM"]
DAY_MS = 86_400_000
LINE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)(?: (\d+))?')


def go_g(value):
    """strconv.FormatFloat(value, 'g', -1, 64), worked out from Python's repr."""
    digits, exponent = f"{value:e}", 0
    for precision in range(17):
        digits, _, exponent = f"{value:.{precision}e}".partition("e")
        if float(f"{digits}e{exponent}") == value:
            break
    exponent = int(exponent)
    if exponent < -4 or exponent >= 6:
        return f"{digits}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    plain = f"{value:.{max(0, len(digits.replace('.', '').lstrip('-')) - 1 - exponent)}f}"
    return plain


def parse(text):
    """{series: (value, timestamp)} and {family: type}; checks the grammar on the way."""
    series, types, current = {}, {}, None
    assert text.endswith("\n")
    for line in text[:-1].split("\n"):
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current not in types, f"family {current} comes twice"
            types[current] = kind
        elif not line.startswith("# HELP "):
            match = LINE.fullmatch(line)
            assert match, f"no exposition line: {line}"
            name, labels, value, timestamp = match.groups()
            assert name.startswith(current), f"{name} in family {current}"
            key = f"{name}{{{labels or ''}}}"
            assert key not in series, f"series {key} comes twice"
            assert math.isfinite(float(value)) and go_g(float(value)) == value, line
            series[key] = (float(value), timestamp)
    return series, types


class Farm:
    """A farm on a free port, ended with the with-block."""

    def __init__(self, *options, command="serve"):
        self._process = subprocess.Popen([FARM, command, *map(str, options)],
                                         stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline()
        self.port = int(re.search(r":(\d+):", line)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        self.exit_code = self._process.wait(30)
        self._process.stdout.close()

    def send(self, number):
        self._process.send_signal(number)

    def json(self, path):
        status, _, body = self.get(path)
        assert status == 200
        return json.loads(body)

    def connect(self, port=None):
        connection = socket.create_connection(("127.0.0.1", port or self.port), timeout=30)
        return connection, connection.makefile("rb")

    def get(self, path, headers=None, port=None):
        connection, stream = self.connect(port)
        with connection, stream:
            connection.sendall(request(path, headers))
            return read_answer(stream)

    def metrics(self, target):
        status, _, body = self.get(f"/t/{target}/metrics")
        assert status == 200
        return parse(body.decode())


def request(path, headers=None, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: farm"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_answer(stream):
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers["content-length"]))


def labels_of(key):
    return dict(re.findall(r'(\w+)="([^"]*)"', key))


class FarmTest(unittest.TestCase):
    def test_every_kind_of_target_has_exactly_the_series_asked_for(self):
        with Farm("--targets", 10, "--series", 500) as farm:
            for target in range(10):
                series, types = farm.metrics(target)
                self.assertEqual(len(series), 500)
                self.assertLessEqual(set(types.values()), {"counter", "gauge", "histogram"})

    def test_counters_never_fall(self):
        with Farm("--targets", 10, "--series", 500, "--restart-hours", 0) as farm:
            for target in (0, 3):
                first, types = farm.metrics(target)
                time.sleep(1.1)
                second, _ = farm.metrics(target)
                self.assertEqual(first.keys(), second.keys())
                moved = 0
                for key, (value, _) in first.items():
                    name = key.partition("{")[0]
                    if types.get(name) == "counter" or name.endswith(("_bucket", "_sum", "_count")):
                        self.assertGreaterEqual(second[key][0], value, key)
                        moved += second[key][0] > value
                self.assertGreater(moved, 50)

    def test_histograms_are_cumulative_and_end_in_their_count(self):
        with Farm("--targets", 1, "--series", 1000, "--quantum-ms", 1000) as farm:
            series, _ = farm.metrics(0)
        buckets = {}
        for key, (value, _) in series.items():
            if "_bucket{" in key:
                group = re.sub(r',?le="[^"]*"', "", key).replace("_bucket", "_count")
                buckets.setdefault(group, []).append((float(labels_of(key)["le"]), value))
        self.assertGreater(len(buckets), 20)
        for group, values in buckets.items():
            self.assertEqual(values, sorted(values), group)
            self.assertEqual([value for _, value in values],
                             sorted(value for _, value in values), group)
            self.assertEqual(values[-1][0], math.inf)
            self.assertEqual(values[-1][1], series[group][0], group)

    def test_same_seed_same_exposition(self):
        options = ["--targets", 4, "--series", 300, "--quantum-ms", DAY_MS]
        with Farm(*options) as one, Farm(*options) as two, Farm(*options, "--seed", 7) as other:
            bodies = [farm.get("/t/1/metrics")[2] for farm in (one, two, other)]
        self.assertEqual(bodies[0], bodies[1])
        self.assertNotEqual(bodies[0], bodies[2])

    def test_gzip_holds_the_same_body(self):
        with Farm("--targets", 2, "--series", 1000, "--gzip", "--quantum-ms", DAY_MS) as farm:
            plain = farm.get("/t/1/metrics")
            for _ in range(2):  # compressed now, then kept
                zipped = farm.get("/t/1/metrics", {"Accept-Encoding": "gzip"})
                self.assertEqual(zipped[1]["content-encoding"], "gzip")
                self.assertEqual(gzip.decompress(zipped[2]), plain[2])
            self.assertNotIn("content-encoding", plain[1])
            self.assertLess(len(zipped[2]) * 4, len(plain[2]))

    def test_delayed_answers_do_not_hold_up_one_another(self):
        with Farm("--targets", 20, "--series", 10, "--delay-min-ms", 200,
                  "--delay-max-ms", 210) as farm:
            clients = [farm.connect() for _ in range(20)]
            begin = time.monotonic()
            for target, (connection, _) in enumerate(clients):
                connection.sendall(request(f"/t/{target}/metrics"))
            for connection, stream in clients:
                self.assertEqual(read_answer(stream)[0], 200)
                self.assertGreaterEqual(time.monotonic() - begin, 0.2)
                stream.close()
                connection.close()
            # One after the other they would take four seconds.
            self.assertLess(time.monotonic() - begin, 3)

    def test_pipelined_requests_are_answered_in_order(self):
        for delays in ([], ["--delay-min-ms", 1, "--delay-max-ms", 20]):
            with Farm("--targets", 10, "--series", 200, *delays) as farm:
                connection, stream = farm.connect()
                with connection, stream:
                    connection.sendall(b"".join(request(f"/t/{i}/metrics") for i in range(10)))
                    firsts = [read_answer(stream)[2].split(b"\n")[0] for _ in range(10)]
                alone = [farm.get(f"/t/{i}/metrics")[2].split(b"\n")[0] for i in range(10)]
                self.assertEqual(firsts, alone)

    def test_request_heads_may_arrive_in_pieces(self):
        with Farm("--targets", 1, "--series", 10) as farm:
            connection, stream = farm.connect()
            with connection, stream:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in request("/t/0/metrics"):
                    connection.sendall(bytes([byte]))
                self.assertEqual(read_answer(stream)[0], 200)

    def test_timestamps_are_the_quantum_s(self):
        with Farm("--targets", 10, "--series", 100, "--timestamps", "all",
                  "--quantum-ms", 5000) as farm:
            series, _ = farm.metrics(0)
            stamps = {int(timestamp) for _, timestamp in series.values()}
            self.assertEqual(len(stamps), 1)
            self.assertEqual(stamps.pop() % 5000, 0)
        with Farm("--targets", 10, "--series", 100, "--timestamps", "cadvisor") as farm:
            self.assertTrue(all(stamp for _, stamp in farm.metrics(1)[0].values()))
            self.assertFalse(any(stamp for _, stamp in farm.metrics(0)[0].values()))

    def test_churn_renames_about_the_share_asked_for(self):
        with Farm("--targets", 1, "--series", 2000, "--churn-pct", 10, "--churn-sec", 1) as farm:
            first = set(farm.metrics(0)[0])
            time.sleep(1.1)
            second = set(farm.metrics(0)[0])
        renamed = len(second - first)
        self.assertEqual(len(second), 2000)
        self.assertGreater(renamed, 120)
        self.assertLess(renamed, 280)

    def test_discovery_lists_every_target_at_an_address_that_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sd.json")
            base = free_ports(3)
            with Farm("--targets", 6, "--series", 20, "--port", base, "--ports", 3,
                      "--sd-file", path) as farm:
                with open(path) as file:
                    groups = json.load(file)
                self.assertEqual(json.loads(farm.get("/sd")[2]), groups)
                self.assertEqual(len({group["labels"]["instance"] for group in groups}), 6)
                ports = set()
                for group in groups:
                    port = int(group["targets"][0].rpartition(":")[2])
                    ports.add(port)
                    answer = farm.get(group["labels"]["__metrics_path__"], port=port)
                    self.assertEqual(answer[0], 200)
                self.assertEqual(ports, {base, base + 1, base + 2})

    def test_statistics_count_each_client_apart(self):
        with Farm("--targets", 2, "--series", 50) as farm:
            for client in ("a", "a", "b", "<script>"):
                farm.get(f"/t/0/metrics?client={client}")
            found = json.loads(farm.get("/stats")[2])
        self.assertEqual(found["requests"], 4)
        self.assertEqual(found["samples"], 200)
        self.assertEqual(found["clients"]["a"]["samples"], 100)
        self.assertEqual(found["clients"]["b"]["requests"], 1)
        self.assertEqual(set(found["clients"]), {"a", "b", "-"})

    def test_what_is_no_scrape_is_refused(self):
        with Farm("--targets", 2, "--series", 10) as farm:
            for path in ("/", "/t/2/metrics", "/t/x/metrics", "/t/1/metric", "/t/-1/metrics"):
                self.assertEqual(farm.get(path)[0], 404, path)
            for raw, status in ((request("/t/0/metrics", {"Content-Length": 3}, "POST"), 405),
                                (b"nonsense\r\n\r\n", 400), (b"x" * 20_000, 400)):
                connection, stream = farm.connect()
                with connection, stream:
                    connection.sendall(raw)
                    self.assertEqual(read_answer(stream)[0], status)
            self.assertEqual(farm.get("/t/0/metrics")[0], 200)

    def test_term_ends_it_cleanly(self):
        with Farm("--targets", 1, "--series", 10, "--delay-min-ms", 60_000,
                  "--delay-max-ms", 60_000) as farm:
            connection, stream = farm.connect()
            connection.sendall(request("/t/0/metrics"))
        self.assertEqual(farm.exit_code, 0)
        stream.close()
        connection.close()

    def test_dump_has_every_sample_in_order(self):
        start, step, count = 1_767_225_600_000, 15_000, 40
        text = subprocess.run(
            [FARM, "dump", "--targets", "10", "--series", "100", "--start-ms", str(start),
             "--end-ms", str(start + (count - 1) * step), "--step-ms", str(step)],
            check=True, capture_output=True, text=True).stdout
        lines = text.splitlines()
        self.assertEqual(lines[-1], "# EOF")
        samples = {}
        for line in lines:
            if not line.startswith("#"):
                key, _, rest = line.rpartition("} ")
                samples.setdefault(key, []).append(float(rest.split()[1]))
        self.assertEqual(len(samples), 1000)
        wanted = [(start + i * step) / 1000 for i in range(count)]
        for key, times in samples.items():
            self.assertEqual(times, wanted, key)

    def test_an_oracle_counts_scrapes_and_tells_when_each_was_served_and_to_whom(self):
        with Farm("--targets", 3, command="oracle") as oracle:
            before = time.time() * 1000
            for number in (1, 2):
                status, _, page = oracle.get("/t/1")
                self.assertEqual(status, 200)
                lines = page.decode().splitlines()
                self.assertEqual(lines[:3], ["# TYPE oracle_scrape_number counter",
                                             f"oracle_scrape_number {number}",
                                             "# TYPE oracle_time_seconds gauge"])
                name, value = lines[3].split(" ")
                self.assertEqual(name, "oracle_time_seconds")
                self.assertAlmostEqual(float(value), time.time(), delta=30)
            served = oracle.json("/served")
            self.assertEqual((served["0"], served["2"]), ([], []))
            self.assertEqual([(number, client) for number, _, client in served["1"]],
                             [(1, "127.0.0.1"), (2, "127.0.0.1")])
            times = [ms for _, ms, _ in served["1"]]
            self.assertTrue(before - 1 <= times[0] <= times[1] <= time.time() * 1000)
            self.assertEqual(oracle.json(f"/served?from={times[1] + 1}&to=inf")["1"], [])
            self.assertEqual(oracle.json(f"/served?to={times[0] - 1}")["1"], [])
            self.assertEqual(oracle.get("/t/3")[0], 404)
            groups = oracle.json("/sd")
            self.assertEqual([group["labels"]["instance"] for group in groups], ["t0", "t1", "t2"])
            self.assertEqual(groups[2]["labels"]["__metrics_path__"], "/t/2")
            self.assertEqual(groups[2]["targets"], [f"127.0.0.1:{oracle.port}"])

    def test_an_oracle_knows_when_it_did_not_run(self):
        with Farm("--targets", 1, command="oracle") as oracle:
            oracle.get("/t/0")
            before = time.time() * 1000
            oracle.send(signal.SIGSTOP)
            time.sleep(0.3)
            oracle.send(signal.SIGCONT)
            late = oracle.json(f"/late?from={before:.0f}")
            self.assertTrue(any(late_ms >= 200 for _, late_ms in late), late)
            self.assertEqual(oracle.json(f"/late?to={before - 60_000:.0f}"), [])

    def test_wrong_options_are_named(self):
        for options, word in ((["--targets", "0"], "targets"), (["--port", "65535", "--ports", "9"],
                              "--ports"), (["--delay-min-ms", "9"], "--delay-max-ms")):
            done = subprocess.run([FARM, "serve", *options], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stdout + done.stderr)


def free_ports(count):
    """The first of some consecutive ports that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = probe.getsockname()[1]
        if base + count > 65535:
            continue
        try:
            for port in range(base, base + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return base
        except OSError:
            pass


if __name__ == "__main__":
    unittest.main()
