"""A set of queries over freshly scraped data, on a server that has nothing else to do."""
import json
import statistics

from . import machine
from .replay import ingest_and_restart
from .session import Session

REPEATS = 5
RANGE_S = 300

# name, endpoint, expression. What each is for stands in bench/README.md.
QUERIES = [
    ("light", "query_range", 'go_goroutines{instance="farm-00000.example:9100"}'),
    ("light_instant", "query", 'go_goroutines{instance="farm-00000.example:9100"}'),
    ("sum_rate_by", "query_range", "sum by (service, code) (rate(http_requests_total[2m]))"),
    ("sum_rate_instant", "query", "sum by (service, code) (rate(http_requests_total[2m]))"),
    ("histogram_quantile", "query_range",
     "histogram_quantile(0.99, sum by (le, service) "
     "(rate(http_request_duration_seconds_bucket[2m])))"),
    ("topk", "query_range", "topk(10, rate(container_cpu_usage_seconds_total[2m]))"),
    ("regex_names", "query_range", 'count({__name__=~"container_memory_.*"})'),
    ("count_all", "query_range", 'count by (job) ({__name__=~".+"})'),
    ("count_all_instant", "query", 'count by (job) ({__name__=~".+"})'),
    ("absent", "query_range", "absent(no_such_metric)"),
    ("subquery", "query_range",
     "max_over_time(sum by (instance) "
     '(rate(node_cpu_seconds_total{mode!="idle"}[1m]))[2m:30s])'),
    ("join", "query_range", "container_memory_rss / container_memory_working_set_bytes"),
    ("raw_regex", "query_range",
     'go_goroutines{instance=~"farm-000[0-9][0-9].*",job!~"node|cadvisor"}'),
    ("quantile_over_time", "query_range",
     "quantile_over_time(0.9, container_memory_working_set_bytes[2m])"),
    ("increase_filter", "query_range",
     "increase(container_cpu_cfs_throttled_periods_total[2m]) > 0"),
]


def shape_of(body):
    """(series, points) of an answer; raises ValueError with the server's error."""
    answer = json.loads(body)
    if answer.get("status") != "success":
        raise ValueError(answer.get("error", "no error text"))
    result = answer["data"]["result"]
    return len(result), sum(len(series.get("values", [0])) for series in result)


def measure(server, endpoint, parameters):
    """Median wall and CPU milliseconds of REPEATS, after a first run that is not counted."""
    _, body = server.ask(endpoint, parameters)
    try:
        series, points = shape_of(body)
    except ValueError as error:
        return {"error": str(error)}
    walls, cpus = [], []
    for _ in range(REPEATS):
        before = machine.process_cpu_seconds(server.pid)
        wall, _ = server.ask(endpoint, parameters)
        cpus.append(machine.process_cpu_seconds(server.pid) - before)
        walls.append(wall)
    return {"wall_ms": statistics.median(walls) * 1e3, "cpu_ms": statistics.median(cpus) * 1e3,
            "series": series, "points": points, "answer_bytes": len(body)}


def query_all(server, stopped_at, options):
    end = stopped_at - options.interval
    answers = {}
    for name, endpoint, expression in QUERIES:
        parameters = {"query": expression}
        if endpoint == "query":
            parameters["time"] = f"{end:.3f}"
        else:
            covered = min(RANGE_S, options.warmup + options.seconds)
            parameters.update(start=f"{end - covered:.3f}", end=f"{end:.3f}",
                              step=options.interval)
        answers[name] = measure(server, endpoint, parameters)
    return answers


def run(workspace, options, progress):
    session = Session(workspace, options, progress)
    results = []
    for product in session.products:
        server, stopped_at, result = ingest_and_restart(session, product)
        progress(f"{product.name}: {len(QUERIES)} queries")
        result["queries"] = query_all(server, stopped_at, options)
        result["rss_peak_bytes"] = machine.process_memory(server.pid)["peak"]
        results.append(result)
        server.process.stop()
    compare(results, session.warnings)
    return {"servers": results, "warnings": session.warnings}


def compare(results, warnings):
    """The servers scraped the same series at other moments: the counts of series must agree,
    except where values decide what is shown."""
    for name, _, _ in QUERIES:
        shapes = {}
        for result in results:
            answer = result["queries"][name]
            if "error" in answer:
                warnings.append(f"{result['name']}: query {name}: {answer['error']}")
            else:
                shapes[result["name"]] = answer["series"]
        if name not in ("topk", "increase_filter") and len(set(shapes.values())) > 1:
            warnings.append(f"query {name}: different numbers of series: {shapes}")
