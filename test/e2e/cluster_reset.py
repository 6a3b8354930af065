#!/usr/bin/env python3
"""skein cluster reset: not under a running server, not without --yes; the node's name and its samples stay."""

from lib import Server, main, run_to_end, wait_until

SEEN_SECONDS_MAX = 20
CONFIG = """
global: {scrape_interval: 250ms, scrape_timeout: 200ms}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


def test(checks, folder):
    node = Server(folder, "a", CONFIG, ["--cluster.node-id=a"]).start()
    checks.that(wait_until(lambda: node.vector("up"), SEEN_SECONDS_MAX), "the node scrapes itself", node.log_tail())
    reset = ["cluster", "reset", f"--storage.tsdb.path={node.data}"]
    code, text = run_to_end(reset + ["--yes"])
    checks.that(code == 1 and "in use" in text, "a running node is left alone", (code, text))
    checks.equal(node.stop()[0], 0, "exit code")

    code, text = run_to_end(reset)
    checks.that(code == 1 and "nothing was changed; give --yes" in text, "without --yes it only tells", (code, text))
    checks.that("node id:        a" in text and "cluster id:     none" in text, "it tells what there is", text)
    code, text = run_to_end(reset + ["--yes"])
    checks.that(code == 0 and "forgotten" in text, "with --yes it forgets", (code, text))
    code, text = run_to_end(["cluster", "reset", f"--storage.tsdb.path={folder}/none", "--yes"])
    checks.that(code == 1 and "no state of a node" in text, "a folder without a node", (code, text))
    code, text = run_to_end(["cluster", "forget"])
    checks.that(code == 2 and "skein cluster reset" in text, "an unknown verb", (code, text))

    node.flags = ["--cluster.node-id=b"]
    code, text = run_to_end(node.command()[1:])
    checks.that(code == 1 and "belongs to node" in text and "use that name" in text, "the name stays", (code, text[-400:]))
    node.flags = []
    node.start()
    checks.that(node.vector("count_over_time(up[5m]) > 0"), "the samples stay", node.log_tail())
    checks.equal(node.stop()[0], 0, "exit code after the reset")


if __name__ == "__main__":
    main(test)
