#!/usr/bin/env python3
"""examples/cluster/: the configurations are good ones, the flags exist, and the Kubernetes manifests fit each other.

Manifests are read with PyYAML (Debian package python3-yaml) where it is there, and otherwise only looked at line by line; there is no
API server to ask. The systemd unit is given to systemd-analyze where that is there.
"""

import os
import re
import shutil
import subprocess

from lib import main, run_to_end

try:
    import yaml
except ImportError:
    yaml = None

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "cluster")
CLUSTER_WIDE = ("Namespace", "ClusterRole", "ClusterRoleBinding")
FLAG = re.compile(r"--([a-z][a-z0-9.-]+)")


def read(name):
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
        return file.read()


def known_flags():
    _, text = run_to_end(["--help"])
    return set(FLAG.findall(text))


def check_config(checks, path, what):
    code, text = run_to_end(["check", "config", path])
    checks.that(code == 0, f"{what} is a good configuration", text)


def configuration(checks, folder):
    check_config(checks, os.path.join(EXAMPLES, "skein.yml"), "skein.yml")
    if yaml is None:
        return
    for document in yaml.safe_load_all(read("kubernetes.yaml")):
        for name, text in document.get("data", {}).items():
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            check_config(checks, path, f"{name} of the ConfigMap")


def flags(checks, _folder):
    known = known_flags()
    for name in ("README.md", "kubernetes.yaml", "skein@.service"):
        text = "\n".join(line for line in read(name).splitlines() if not re.match(r"^#|^python3 |.*kubectl ", line))
        used = {flag for flag in FLAG.findall(text) if flag not in ("more", "now", "more-flags")}
        checks.that(used <= known, f"the flags in {name} exist", sorted(used - known))


def lines(checks, text):
    """What can be said without a parser."""
    documents = text.split("\n---\n")
    for document in documents:
        for key in ("apiVersion:", "kind:", "metadata:"):
            found = len(re.findall(f"^{key}", document, re.MULTILINE))
            checks.equal(found, 1, f"{key} of {document[:60]!r}")
    checks.that("\t" not in text, "no tabs")


def named(documents):
    found = {}
    for document in documents:
        found[(document["kind"], document["metadata"]["name"])] = document
    return found


def manifests(checks, _folder):
    text = read("kubernetes.yaml")
    lines(checks, text)
    if yaml is None:
        checks.not_looked_at.append("how manifests fit each other: PyYAML is not there (Debian package python3-yaml)")
        return
    documents = named(yaml.safe_load_all(text))
    namespace = next(name for kind, name in documents if kind == "Namespace")
    for (kind, name), document in documents.items():
        wanted = None if kind in CLUSTER_WIDE else namespace
        checks.equal(document["metadata"].get("namespace"), wanted, f"namespace of {kind} {name}")
    (name, nodes), = [(name, document) for (kind, name), document in documents.items() if kind == "StatefulSet"]
    spec = nodes["spec"]
    pod = spec["template"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    checks.equal(spec["selector"]["matchLabels"], labels, "the StatefulSet selects its own pods")
    headless = documents[("Service", spec["serviceName"])]["spec"]
    checks.equal(headless["clusterIP"], "None", "the Service by whose names nodes find each other is headless")
    checks.that(headless["publishNotReadyAddresses"], "nodes find each other before they are ready")
    for (kind, service), document in documents.items():
        if kind == "Service":
            checks.equal(document["spec"]["selector"], labels, f"Service {service} selects the nodes")
        if kind == "PodDisruptionBudget":
            checks.equal(document["spec"]["selector"]["matchLabels"], labels, "the PodDisruptionBudget is for the nodes")
    container, = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for (kind, service), document in documents.items():
        for port in document["spec"]["ports"] if kind == "Service" else []:
            checks.that(port["targetPort"] in ports, f"port {port['name']} of Service {service}", ports)
    arguments = dict(argument[2:].split("=", 1) for argument in container["args"])
    grpc = f":{ports['grpc']}"
    join = [f"{name}-{number}.{spec['serviceName']}{grpc}" for number in range(spec["replicas"])]
    checks.equal(arguments["cluster.join"].split(","), join, "--cluster.join names the nodes of the StatefulSet")
    checks.equal(arguments["cluster.advertise-address"], f"$(POD_NAME).{spec['serviceName']}{grpc}", "the address of a node")
    checks.that(arguments["grpc.listen-address"].endswith(grpc), "the port of gRPC")
    checks.that(arguments["web.listen-address"].endswith(f":{ports['http']}"), "the port of HTTP")
    for probe in ("livenessProbe", "readinessProbe"):
        checks.that(container[probe]["httpGet"]["port"] in ports, f"the port of the {probe}")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    claims = {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
    checks.equal(set(mounts), {volume["name"] for volume in pod["volumes"]} | claims, "volumes that are mounted")
    checks.equal(arguments["storage.tsdb.path"], mounts["data"], "the data lies on the volume")
    for volume in pod["volumes"]:
        kind, source = ("ConfigMap", volume["configMap"]["name"]) if "configMap" in volume else ("Secret", volume["secret"]["secretName"])
        checks.that((kind, source) in documents, f"the {kind} of volume {volume['name']}")
        keys = documents[(kind, source)].get("data") or documents[(kind, source)]["stringData"]
        files = {f"{mounts[volume['name']]}/{key}" for key in keys}
        checks.that(files & set(arguments.values()), f"a file of volume {volume['name']} is read", files)
    account = pod["serviceAccountName"]
    checks.that(("ServiceAccount", account) in documents, "the ServiceAccount of the pods")
    binding = next(document for (kind, _), document in documents.items() if kind == "ClusterRoleBinding")
    checks.equal([subject["name"] for subject in binding["subjects"]], [account], "who has the role")
    checks.that(("ClusterRole", binding["roleRef"]["name"]) in documents, "the role that is bound")


def unit(checks, folder):
    text = read("skein@.service")
    for section in ("[Unit]", "[Service]", "[Install]"):
        checks.equal(text.count(section), 1, f"{section} of the systemd unit")
    wanted = dict.fromkeys(("ADDRESS", "JOIN", "ARGS"))
    checks.equal(set(re.findall(r"\$\{?([A-Z]+)\}?", text.split("ExecStart=")[1].split("ExecReload")[0])),
                 set(wanted), "what a node's own file says")  # fmt: skip
    if not shutil.which("systemd-analyze"):
        checks.not_looked_at.append("the systemd unit by systemd-analyze, which is not there")
        return
    # The program need not be installed where the unit says that it is.
    path = os.path.join(folder, "skein@.service")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/local/bin/skein", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False, timeout=60)
    wrong = [line for line in (done.stdout + done.stderr).splitlines() if "skein@" in line]
    checks.equal(wrong, [], "what systemd-analyze says of the unit")


def test(checks, folder):
    for part in (configuration, flags, manifests, unit):
        checks.run(part.__name__, part, checks, folder)


if __name__ == "__main__":
    main(test)
