"""What the query benchmark asks. What the series are stands in bench/load/farm/families.cc."""
import dataclasses

HOUR_S = 3600


@dataclasses.dataclass(frozen=True)
class Query:
    """One question, or several asked at once (a dashboard)."""
    name: str
    expressions: tuple
    range_s: int = HOUR_S  # 0: an instant query at the end
    step_s: int = 30

    def requests(self, end_s):
        """(endpoint, parameters) of each expression."""
        if self.range_s == 0:
            return [("query", {"query": text, "time": end_s}) for text in self.expressions]
        window = {"start": end_s - self.range_s, "end": end_s, "step": self.step_s}
        return [("query_range", {"query": text, **window}) for text in self.expressions]


def over_hour(name, expression, step_s=30):
    return Query(name, (expression,), HOUR_S, step_s)


def over_day(name, expression):
    return Query(name, (expression,), 24 * HOUR_S, 300)


def at_once(name, expression):
    return Query(name, (expression,), 0)


# The instances that have samples of a whole day; how many stands in query_data.py.
DAY = 'instance=~"farm-0000[0-9].*"'

DASHBOARD = (
    "sum by (service) (rate(http_requests_total[5m]))",
    'sum by (service) (rate(http_requests_total{code="404"}[5m])) '
    "/ sum by (service) (rate(http_requests_total[5m]))",
    "sum by (grpc_code) (rate(grpc_server_handling_seconds_count[5m]))",
    "topk(5, sum by (handler) (rate(http_requests_total[5m])))",
    "sum by (job) (process_resident_memory_bytes)",
    "max by (instance) (go_goroutines)",
    'sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m]))',
    "sum by (namespace) (container_memory_working_set_bytes)",
    "sum by (namespace) (rate(container_cpu_usage_seconds_total[5m]))",
    "min by (device) (node_filesystem_avail_bytes / node_filesystem_size_bytes)",
    "count by (phase) (kube_pod_status_phase == 1)",
    "sum(kube_deployment_spec_replicas) - sum(kube_deployment_status_replicas_available)",
)

QUERIES = [
    over_hour("one_series", 'go_goroutines{instance="farm-00000.example:9100"}'),
    at_once("one_series_instant", 'go_goroutines{instance="farm-00000.example:9100"}'),
    over_hour("sum_rate", "sum by (service, code) (rate(http_requests_total[5m]))"),
    at_once("sum_rate_instant", "sum by (service, code) (rate(http_requests_total[5m]))"),
    over_hour("sum_irate", "sum by (instance) (irate(node_cpu_seconds_total[5m]))"),
    over_hour("sum_without", "sum without (cpu, mode) (rate(node_cpu_seconds_total[5m]))"),
    over_hour("histogram_quantile",
              "histogram_quantile(0.99, sum by (le, service) "
              "(rate(http_request_duration_seconds_bucket[5m])))", 60),
    over_hour("histogram_handlers",
              "histogram_quantile(0.9, sum by (le, handler) "
              "(rate(http_response_size_bytes_bucket[5m])))", 60),
    over_hour("topk", "topk(10, rate(container_cpu_usage_seconds_total[5m]))"),
    at_once("topk_instant", "topk(10, rate(container_cpu_usage_seconds_total[5m]))"),
    over_hour("regex_names", 'count({__name__=~"container_memory_.*"})'),
    over_hour("regex_values",
              'sum by (handler) (rate(http_requests_total{handler=~"/api/v1/(orders|carts|users|'
              'invoices|payments).*",method!~"HEAD|PUT"}[5m]))'),
    over_hour("regex_many",
              'count(container_memory_rss{pod=~".*-[0-9a-f]{4}[0-7]",id=~".*scope"})'),
    over_hour("count_all", 'count by (job) ({__name__=~".+"})', 180),
    at_once("count_all_instant", 'count by (job) ({__name__=~".+"})'),
    at_once("count_names", 'topk(20, count by (__name__) ({__name__!=""}))'),
    over_hour("count_by", "count by (namespace, phase) (kube_pod_status_phase)"),
    over_hour("absent", "absent(no_such_metric)"),
    over_hour("absent_over_time",
              'absent_over_time(http_requests_total{method="GET",code="404"}[5m])'),
    over_hour("subquery",
              "max_over_time(sum by (instance) "
              '(rate(node_cpu_seconds_total{mode!="idle"}[1m]))[5m:30s])'),
    over_hour("join", "container_memory_rss / container_memory_working_set_bytes", 60),
    over_hour("join_group_left",
              "sum by (node) (kube_pod_container_status_ready * on (namespace, pod, uid) "
              'group_left (phase) (kube_pod_status_phase{phase="Running"} == 1))'),
    over_hour("join_unless",
              "count(container_memory_rss unless on (pod) container_spec_cpu_quota > 200000)"),
    over_hour("quantile_over_time",
              "quantile_over_time(0.9, container_memory_working_set_bytes[5m])", 60),
    over_hour("sum_over_time", "sum(avg_over_time(container_memory_cache[10m]))"),
    over_hour("max_by", "max by (instance) (max_over_time(queue_depth[5m]))"),
    over_hour("increase_filter",
              "increase(container_cpu_cfs_throttled_periods_total[5m]) > 20"),
    over_hour("quantile", "quantile by (namespace) (0.95, container_memory_rss)"),
    over_hour("deriv", "sum by (namespace) (deriv(container_memory_rss[10m]))", 60),
    over_hour("label_replace",
              'sum by (kind) (label_replace(queue_depth, "kind", "$1", "queue", "(.*)-.*"))'),
    over_hour("raw_series", 'node_cpu_seconds_total{mode="idle"}', 60),
    over_day("day_rate", f"sum by (service) (rate(http_requests_total{{{DAY}}}[5m]))"),
    over_day("day_histogram",
             "histogram_quantile(0.99, sum by (le) "
             f"(rate(http_request_duration_seconds_bucket{{{DAY}}}[5m])))"),
    over_day("day_average",
             f"avg by (instance) (avg_over_time(container_memory_cache{{{DAY}}}[1h]))"),
    over_day("day_offset",
             f"sum(rate(container_network_receive_bytes_total{{{DAY}}}[30m])) / "
             f"sum(rate(container_network_receive_bytes_total{{{DAY}}}[30m] offset 6h))"),
    Query("dashboard", DASHBOARD),
    Query("dashboard_instant", DASHBOARD, 0),
]

# Here a server may show other series, because values decide (ties, a quantile's last digit).
CHOSEN_BY_VALUE = {"topk", "topk_instant", "increase_filter", "count_names", "dashboard",
                   "dashboard_instant"}
