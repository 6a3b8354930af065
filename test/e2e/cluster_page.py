#!/usr/bin/env python3
"""The cluster page in a browser without a screen: it asks the live API and has rows of what that says.

Needs chromium (Debian package of that name).
"""

import html
import re
import shutil
import subprocess

from exporter import Exporter
from lib import Server, main, skip, wait_until

SECONDS_MAX = 30
BROWSER_SECONDS_MAX = 60

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def page(_):
    return 'some{n="1"} 1\n'


def browse(folder, url):
    """The page's elements after its scripts have run, and what the browser complains of."""
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={folder}/browser",
            "--enable-logging=stderr",
            "--window-size=390,844",
            "--virtual-time-budget=6000",
            "--dump-dom",
            url,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=BROWSER_SECONDS_MAX,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def test(checks, folder):
    exporter = Exporter()
    exporter.pages["/metrics"] = page
    config = (
        "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\n"
        "scrape_configs:\n"
        f'  - job_name: "<b>page</b>"\n    static_configs: [{{targets: ["{exporter.address}"]}}]\n'
    )
    node = Server(folder, "a", config, ["--cluster.node-id=only", "--cluster.series-budget=1000"])
    own = f"127.0.0.1:{node.grpc_port}"
    node.flags += [f"--cluster.join={own}", f"--cluster.advertise-address={own}"]
    node.start()
    checks.that(wait_until(lambda: [t["health"] for t in node.api("cluster/targets")] == ["up"], SECONDS_MAX, 0.3), "the target is up")

    front = node.get("/")
    checks.contains(front.text, 'href="cluster"', "the first page has a link")
    served = node.get("/cluster")
    checks.contains(served.headers.get("Content-Security-Policy", ""), "script-src 'sha256-", "only its own script runs")
    checks.that(not re.search(r"(src|href)=\"?(https?:)?//", served.text), "it loads nothing from elsewhere")

    found, complaints = browse(folder, f"http://127.0.0.1:{node.port}/cluster")
    text = html.unescape(re.sub(r"<(script|style)>.*?</\1>", "", found, flags=re.S))
    checks.contains(text, 'data-node="only"', "a row of the node")
    checks.contains(text, "data-target=", "a row of the target")
    checks.contains(found, "&lt;b&gt;page&lt;/b&gt;", "names are text, whatever they contain")
    checks.contains(text, exporter.address, "its address")
    checks.contains(text, "joins", "events")
    checks.contains(text, "Nothing is to be moved", "the plan")
    checks.contains(text, "<progress", "a bar of load")
    checks.that("Content Security Policy" not in complaints, "nothing is refused by the policy", complaints[-1500:])
    node.stop()


if not BROWSER:
    skip("chromium is not on PATH (Debian package chromium); the cluster page was not looked at in a browser")
main(test)
