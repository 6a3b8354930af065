"""Results as tables for people."""

INGEST_ROWS = [
    # title, field, scale, decimals
    ("CPU us per sample = s per million", "cpu_us_per_sample", 1, 3),
    ("  of it in user space, %", "user_share", 100, 0),
    ("CPU us per scrape", "cpu_us_per_scrape", 1, 1),
    ("RSS bytes per series", "rss_bytes_per_series", 1, 0),
    ("  above the idle process", "rss_above_idle_bytes_per_series", 1, 0),
    ("RSS mean MB", "rss_mean_bytes", 1e-6, 1),
    ("RSS highest in window MB", "rss_max_bytes", 1e-6, 1),
    ("RSS peak since start MB", "rss_peak_bytes", 1e-6, 1),
    ("anonymous mean MB", "anon_mean_bytes", 1e-6, 1),
    ("idle process RSS MB", "idle_rss_bytes", 1e-6, 1),
    ("WAL bytes per sample", "wal_bytes_per_sample", 1, 2),
    ("disk writes, bytes per sample", "disk_write_bytes_per_sample", 1, 2),
    ("samples in the window", "samples", 1, 0),
    ("scrapes in the window", "scrapes", 1, 0),
    ("series in the head", "head_series", 1, 0),
]
REPLAY_ROWS = [
    ("ready after s", "ready_seconds", 1, 2),
    ("  CPU s", "ready_cpu_seconds", 1, 2),
    ("first right answer after s", "first_answer_seconds", 1, 2),
    ("samples replayed", "samples", 1, 0),
    ("series in the head", "head_series", 1, 0),
    ("WAL MB", "wal_bytes", 1e-6, 1),
    ("RSS MB", "rss_bytes", 1e-6, 1),
    ("RSS peak MB", "rss_peak_bytes", 1e-6, 1),
]
STORAGE_ROWS = [
    ("series in the head", "head_series", 1, 0),
    ("WAL MB", "wal_bytes", 1e-6, 1),
    ("ready after s", "ready_seconds", 1, 2),
    ("  CPU s", "ready_cpu_seconds", 1, 2),
    ("RSS after the replay MB", "rss_bytes", 1e-6, 1),
    ("  bytes per series", "rss_steady_bytes_per_series", 1, 0),
    ("  peak of the replay MB", "rss_peak_bytes", 1e-6, 1),
    ("  peak / after", "replay_peak_over_steady", 1, 2),
    ("cut: CPU s", "cut_cpu_seconds", 1, 2),
    ("  peak RSS MB", "rss_peak_with_cut_bytes", 1e-6, 1),
    ("  RSS afterwards MB", "rss_after_cut_bytes", 1e-6, 1),
    ("blocks", "blocks", 1, 0),
    ("samples in blocks", "block_samples", 1, 0),
    ("chunk bytes per sample", "chunk_bytes_per_sample", 1, 3),
    ("  with the index", "block_bytes_per_sample", 1, 3),
]
RATIO_FIELDS = {
    "cpu_us_per_sample", "cpu_us_per_scrape", "rss_bytes_per_series",
    "rss_above_idle_bytes_per_series", "wal_bytes_per_sample", "disk_write_bytes_per_sample",
    "ready_seconds", "ready_cpu_seconds", "first_answer_seconds", "rss_bytes", "rss_peak_bytes",
    "cut_cpu_seconds", "rss_peak_with_cut_bytes", "chunk_bytes_per_sample",
    "block_bytes_per_sample", "rss_steady_bytes_per_series",
}


def ratios(servers):
    """How many times less Skein needs than each peer: {peer: {field: peer / skein}}."""
    skein = next((server for server in servers if server["name"] == "skein"), None)
    if skein is None:
        return {}
    found = {}
    for peer in servers:
        if peer is not skein:
            found[peer["name"]] = {
                field: peer[field] / skein[field] for field in sorted(RATIO_FIELDS)
                if skein.get(field) and peer.get(field)}
            for name, answer in peer.get("queries", {}).items():
                ours = skein["queries"][name]
                if ours.get("cpu_ms") and answer.get("cpu_ms"):
                    found[peer["name"]][f"query_cpu.{name}"] = answer["cpu_ms"] / ours["cpu_ms"]
    return found


def number(value, scale, decimals):
    return "-" if value is None else f"{value * scale:,.{decimals}f}"


def print_columns(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


def print_servers(result, rows):
    servers, factors = result["servers"], result["ratios"]
    table = [["", *(server["name"] for server in servers), *(f"{peer} / skein" for peer in factors)]]
    for title, field, scale, decimals in rows:
        cells = [number(server.get(field), scale, decimals) for server in servers]
        shown = [f"{values[field]:.1f} x" if field in values else "" for values in factors.values()]
        table.append([title, *cells, *shown])
    print_columns(table)
    for around in result.get("surroundings", []):
        print(f"window {around['seconds']:.0f} s; farm "
              f"{number(around['farm_cpu_us_per_sample'], 1, 3)} us CPU per sample; "
              f"other load {around['other_cpu_cores']:.2f} cores")


def print_queries(result):
    """CPU, wall and memory of each server and query, and what the best peer needs more."""
    servers = result["servers"]
    head = ["query"]
    for server in servers:
        head += [f"{server['name']} CPU ms", "wall ms", "peak MB"]
    table = [head + ["series", "points", "CPU", "wall", "memory"]]
    for name in result["query_names"]:
        row = [name]
        for server in servers:
            answer = server["queries"][name]
            row += [number(answer.get("cpu_ms"), 1, 2), number(answer.get("wall_ms"), 1, 2),
                    number(answer.get("peak_bytes"), 1e-6, 1)]
        answer = servers[0]["queries"][name]
        row += [number(answer.get("series"), 1, 0), number(answer.get("points"), 1, 0)]
        better = result["better_peer"].get(name, {})
        for field in ("cpu_ms", "wall_ms", "peak_bytes"):
            row.append(f"{better[field]:.2f} x" if field in better else "-")
        table.append(row)
    print_columns(table)
    for field, factor in result["geometric_mean"].items():
        print(f"geometric mean, better peer / skein: {field} {factor:.2f} x")


def print_cluster(result):
    table = [["query", "slowest node ms", "all nodes ms", "added ms", "KB sent", "KB without push-down", "series"]]
    for name, found in result["cluster"].items():
        table.append([name, number(found["slowest_local_ms"], 1, 2), number(found["cluster_ms"], 1, 2),
                      number(found["added_ms"], 1, 2), number(found["pushed_bytes"], 1e-3, 1),
                      number(found["selected_bytes"], 1e-3, 1), number(found["series"], 1, 0)])
    print_columns(table)


def print_placement(result):
    print_columns([["figure", "value"]] + [[name, f"{value:,.2f}"] for name, value in result["placement"].items()])


def print_report(result):
    machine = result["machine"]
    print(f"{result['benchmark']}: {machine['cpus']} CPUs ({machine['cpu_model']}), "
          f"{machine['memory_bytes'] / 2**30:.0f} GiB, Linux {machine['kernel']}, "
          f"load {machine['load_1m']:.2f} at the start")
    if "cases" in result:
        print_columns([["case", "ns/op", "MB/s"]] + [
            [case["name"], number(case["ns_per_op"], 1, 2),
             number(case["bytes_per_second"], 1e-6, 0)] for case in result["cases"]])
    elif "placement" in result:
        print_placement(result)
    elif "cluster" in result:
        print_cluster(result)
    elif "cut_cpu_seconds" in result["servers"][0]:
        print("\n".join(result["fill"]))
        print_servers(result, STORAGE_ROWS)
    elif "query_names" in result:
        print_queries(result)
    elif "ready_seconds" in result["servers"][0]:
        print_servers(result, REPLAY_ROWS)
    else:
        print_servers(result, INGEST_ROWS)
    for warning in result["warnings"]:
        print("note: " + warning)
