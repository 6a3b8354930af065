#!/usr/bin/env python3
"""bench/run with small figures. SKEIN_FARM names the farm's binary."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["SKEIN_FARM"]).parent


def bench(*arguments, temporary=None):
    environment = dict(os.environ)
    if temporary:
        environment["TMPDIR"] = temporary
    return subprocess.run([sys.executable, "-B", ROOT / "bench" / "run", *map(str, arguments)],
                          capture_output=True, text=True, env=environment)


SMALL = ["--build-dir", BUILD, "--targets", 3, "--series", 200, "--interval", 1,
         "--warmup", 1, "--seconds", 4]


class DriverTest(unittest.TestCase):
    def test_list_names_the_benchmarks(self):
        done = bench("list")
        self.assertEqual(done.returncode, 0)
        for name in ("ingest-100k", "ingest-500k", "ingest-small", "replay", "query-100k", "micro"):
            self.assertIn(name, done.stdout)

    def test_wrong_names_are_refused(self):
        self.assertEqual(bench("run", "no-such-benchmark").returncode, 2)
        done = bench("run", "ingest-100k", "--servers", "nobody")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nobody", done.stderr)

    def test_an_absent_server_is_named(self):
        done = bench("run", "ingest-100k", "--servers", "skein", "--skein", "/nowhere/skein",
                     *SMALL)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/skein", done.stderr)

    def measure(self, name, *options):
        with tempfile.TemporaryDirectory() as folder:
            done = bench("run", name, "--servers", "prometheus", "--json", *SMALL, *options,
                         temporary=folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(os.listdir(folder), [], "nothing is left behind")
        result = json.loads(done.stdout)
        self.assertEqual(result["benchmark"], name)
        return result["servers"][0]

    @unittest.skipUnless(shutil.which("prometheus"), "prometheus is not on PATH")
    def test_ingest_counts_what_was_scraped(self):
        server = self.measure("ingest-100k")
        self.assertGreaterEqual(server["samples"], 3 * 200 * 3)
        self.assertEqual(server["samples"], server["scrapes"] * 200)
        self.assertGreater(server["cpu_us_per_sample"], 0)
        self.assertGreater(server["rss_bytes_per_series"], 0)
        self.assertGreaterEqual(server["head_series"], 3 * 200)

    @unittest.skipUnless(shutil.which("prometheus"), "prometheus is not on PATH")
    @unittest.skipUnless((BUILD / "skein-blocks").exists(), "skein-blocks is not built in this tree")
    def test_queries_are_answered_from_blocks(self):
        server = self.measure("query-100k", "--only", "one_series,sum_rate")
        for name, answer in server["queries"].items():
            self.assertNotIn("error", answer, name)
        self.assertEqual(server["queries"]["one_series"]["series"], 1)


if __name__ == "__main__":
    program = unittest.main(exit=False)
    if not program.result.wasSuccessful():
        sys.exit(1)  # says nothing of skipping: ctest would believe it
    for _, why in program.result.skipped:
        print(f"SKIPPED: {why}")
