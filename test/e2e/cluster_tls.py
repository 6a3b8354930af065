#!/usr/bin/env python3
"""Nodes beyond loopback: with certificates on both sides they ask each other, and whoever has none gets nothing.

The certificates are made with the openssl command; without it only what needs none is looked at.
"""

import os
import shutil
import subprocess

from exporter import Exporter
from lib import Server, main, run_to_end, wait_until

OPENSSL = shutil.which("openssl")
SEEN_SECONDS_MAX = 20
SERIES = 7
CONFIG = """
global: {{scrape_interval: 250ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: a
    static_configs: [{{targets: ["{address}"]}}]
  - job_name: b
    static_configs: [{{targets: ["{address}"]}}]
"""


def openssl(*arguments):
    subprocess.run([OPENSSL, *arguments], check=True, capture_output=True, timeout=60)


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.cert = os.path.join(folder, name + ".pem")
        self.key = os.path.join(folder, name + ".key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def sign(self, name):
        """(certificate, key) for a name."""
        key, request, cert, extra = (os.path.join(self.folder, f"{self.name}-{name}.{end}") for end in ("key", "csr", "pem", "ext"))
        with open(extra, "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                "-extfile", extra, "-out", cert)
        return cert, key


def start_nodes(folder, authority):
    exporter = Exporter()
    exporter.page("/metrics", lambda _: "".join(f'thing{{n="{n}"}} {n}\n' for n in range(SERIES)))
    nodes = [Server(folder, name, CONFIG.format(address=exporter.address), [f"--cluster.node-id={name}"])
             for name in ("a", "b")]
    join = ",".join(f"127.0.0.1:{node.grpc_port}" for node in nodes)
    for node in nodes:
        cert, key = authority.sign(node.name)
        node.flags += [
            f"--grpc-server-tls-cert={cert}",
            f"--grpc-server-tls-key={key}",
            f"--grpc-server-tls-client-ca={authority.cert}",
            f"--cluster.advertise-address=127.0.0.1:{node.grpc_port}",
            f"--cluster.join={join}",
            f"--grpc.listen-address=0.0.0.0:{node.grpc_port}",  # the last one counts
        ]
        node.start()
    return nodes


def check_certificates(checks, folder):
    authority, stranger = Authority(folder, "authority"), Authority(folder, "stranger")
    nodes = start_nodes(folder, authority)
    count = "count by (job) (thing)"
    for node in nodes:
        found = wait_until(lambda node=node: len(node.vector(count)) == 2, SEEN_SECONDS_MAX)
        checks.that(found, f"{node.name} answers for both", node.vector(count))
    target = f"127.0.0.1:{nodes[0].grpc_port}"
    ask = ["query", "instant", count, f"--store={target}", "--timeout=5s"]
    for who, flags in {
        "nobody's": ["--grpc-client-tls-secure", f"--grpc-client-tls-ca={authority.cert}"],
        "a stranger's": ["--grpc-client-tls-secure", f"--grpc-client-tls-ca={authority.cert}",
                         *(f"--grpc-client-tls-{kind}={path}" for kind, path in zip(("cert", "key"), stranger.sign("x")))],
        "no": [],
    }.items():
        code, text = run_to_end(ask + flags)
        checks.that(code == 1 and target in text, f"{who} certificate gets nothing", (code, text))
    own = [f"--grpc-client-tls-{kind}={path}" for kind, path in zip(("cert", "key"), authority.sign("client"))]
    code, text = run_to_end(ask + ["--grpc-client-tls-secure", f"--grpc-client-tls-ca={authority.cert}", *own])
    checks.that(code == 0 and f"=> {SERIES} @" in text, "a certificate of the authority is served", (code, text))
    for node in nodes:
        checks.equal(node.stop()[0], 0, f"exit code of {node.name}")


def check_refusals(checks, folder):
    """A start that would open data to everybody, or that cannot work, says what to do."""
    config = os.path.join(folder, "empty.yml")
    with open(config, "w", encoding="ascii") as file:
        file.write("global: {}\n")
    start = [f"--config.file={config}", f"--storage.tsdb.path={folder}/none", "--web.listen-address=127.0.0.1:0"]
    for what, flags, said in (
        ("everybody", ["--cluster.join=10.0.0.1:10901", "--grpc.listen-address=0.0.0.0:0"], "--cluster.insecure"),
        ("no server", ["--cluster.join=10.0.0.1:10901", "--grpc.listen-address="], "--grpc.listen-address"),
        ("names", ["--cluster.join=10.0.0.1:10901", "--cluster.accepted-names=a", "--grpc.listen-address=127.0.0.1:0"],
         "-client-ca"),
        ("no port", ["--cluster.join=10.0.0.1", "--grpc.listen-address=127.0.0.1:0"], "host:port"),
    ):
        code, text = run_to_end(start + flags)
        checks.that(code == 1 and said in text, f"{what}: the start says {said}", (code, text[-300:]))


def test(checks, folder):
    checks.run("refusals", check_refusals, checks, folder)
    if OPENSSL:
        checks.run("certificates", check_certificates, checks, folder)
    else:
        checks.not_looked_at.append("certificates: openssl is not on PATH")


if __name__ == "__main__":
    main(test)
