"""A network of its own for a test: a namespace per node, a bridge between them, and cuts between any two, one way or both.

The test runs itself again in a network and a mount namespace (in_own_network); what is made there ends with it. Cuts are made of
addresses: who is cut off sends to a hardware address that nobody has, so that packets are lost and nobody is told.
"""

import os
import shutil
import subprocess
import sys

from lib import skip

NET = "10.77.0."
HUB = NET + "1"  # where the test itself is, and what it serves
NOWHERE = "02:77:00:00:ff:ff"
MARK = "SKEIN_IN_OWN_NETWORK"


def ip(*words, inside=None):
    command = ["ip", *(["-n", inside] if inside else []), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def in_own_network():
    """Goes on in a new network, or skips the test and says what is missing."""
    if os.environ.get(MARK):
        ip("link", "set", "lo", "up")
        return
    if os.geteuid() != 0:
        skip("network namespaces need root")
    for tool, package in (("ip", "iproute2"), ("unshare", "util-linux"), ("mount", "mount")):
        if not shutil.which(tool):
            skip(f"{tool} is not on PATH (Debian package {package})")
    unshare = ["unshare", "--net", "--mount", "--propagation", "private"]
    probe = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add probe && ip link add probe type bridge"
    done = subprocess.run([*unshare, "sh", "-c", probe], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        skip(f"network namespaces do not work here: {done.stderr.strip()}")
    os.environ[MARK] = "1"
    run = 'mount -t tmpfs none /run/netns && exec "$@"'
    os.execvp("unshare", [*unshare, "sh", "-c", run, "sh", sys.executable, *sys.argv])


class Network:
    """places: {name: (address, words that run a command there)}"""

    def __init__(self, names):
        self.number = {name: 10 + number for number, name in enumerate(names)}
        ip("link", "add", "hub", "type", "bridge")
        ip("addr", "add", f"{HUB}/24", "dev", "hub")
        ip("link", "set", "hub", "up")
        for name in names:
            self._attach(name)
        for name in names:
            for other in names:
                if name != other:
                    self._send(name, other, self._hardware(other))
        self.places = {name: (self.address(name), ["ip", "netns", "exec", name]) for name in names}

    def address(self, name):
        return NET + str(self.number[name])

    def _hardware(self, name):
        return f"02:77:00:00:00:{self.number[name]:02x}"

    def _attach(self, name):
        ip("netns", "add", name)
        ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"to-{name}", "master", "hub", "up")
        ip("link", "set", "eth0", "address", self._hardware(name), "up", inside=name)
        ip("link", "set", "lo", "up", inside=name)
        ip("addr", "add", f"{self.address(name)}/24", "dev", "eth0", inside=name)

    def _send(self, source, to, hardware):
        ip("neigh", "replace", self.address(to), "lladdr", hardware, "dev", "eth0", "nud", "permanent", inside=source)

    def cut(self, source, to):
        """What source sends to the other is lost; the other way goes on."""
        self._send(source, to, NOWHERE)

    def part(self, some, others):
        """Nothing goes between them, either way."""
        for one in some:
            for other in others:
                self.cut(one, other)
                self.cut(other, one)

    def heal(self):
        for source in self.number:
            for to in self.number:
                if source != to:
                    self._send(source, to, self._hardware(to))
