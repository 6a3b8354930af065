"""What Linux says about processes and the machine."""
import os
import platform
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def process_cpu_seconds(pid):
    """CPU of all threads, living and ended, from the kernel's per-process CPU clock (ns)."""
    clock = (~pid << 3) | 2  # CPUCLOCK_SCHED of a process, see clock_getcpuclockid(3)
    return time.clock_gettime_ns(clock) / 1e9


def process_user_system(pid):
    """User and system seconds; ticks of 10 ms, so only their ratio is worth much."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND


def process_memory(pid):
    """Resident bytes now (all, anonymous) and the most there ever were."""
    found = {"VmRSS": 0, "RssAnon": 0, "VmHWM": 0}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in found:
                found[name] = int(rest.split()[0]) * 1024
    return {"rss": found["VmRSS"], "anon": found["RssAnon"], "peak": found["VmHWM"]}


def reset_peak(pid):
    """process_memory()'s peak counts from here on; False where the kernel does not let us."""
    try:
        with open(f"/proc/{pid}/clear_refs", "w") as file:
            file.write("5")
        return True
    except OSError:
        return False


def process_written_bytes(pid):
    """Bytes the process caused to be written to disks; None where the kernel does not tell."""
    try:
        with open(f"/proc/{pid}/io") as file:
            for line in file:
                if line.startswith("write_bytes:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


def busy_seconds():
    """CPU seconds of the whole machine that were not idle."""
    with open("/proc/stat") as file:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(
            int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def describe():
    model = "unknown"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {
        "cpu_model": model,
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "load_1m": os.getloadavg()[0],
    }


def folder_bytes(path):
    """Sum of the file sizes below path; files that vanish meanwhile count as nothing."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                pass
    return total
