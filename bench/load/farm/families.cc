#include "bench/load/farm/families.h"

namespace bench {
namespace {

// clang-format off: a family is two lines: name, type, labels, permille, scale, decimals, still; help.
constexpr Family kAppFamilies[] = {
    {"process_start_time_seconds", Type::kStart, no_labels, 0, 0, 2, 0,
     "Start time of the process since unix epoch in seconds."},
    {"process_cpu_seconds_total", Type::kCounter, no_labels, 0, 0.2, 2, 0,
     "Total user and system CPU time spent in seconds."},
    {"process_resident_memory_bytes", Type::kGauge, no_labels, 0, 2.5e8, 0, 0,
     "Resident memory size in bytes."},
    {"process_open_fds", Type::kGauge, no_labels, 0, 200, 0, 0,
     "Number of open file descriptors."},
    {"process_max_fds", Type::kGauge, no_labels, 0, 1048576, 0, 100,
     "Maximum number of open file descriptors."},
    {"go_goroutines", Type::kGauge, no_labels, 0, 300, 0, 0,
     "Number of goroutines that currently exist."},
    {"go_threads", Type::kGauge, no_labels, 0, 40, 0, 100,
     "Number of OS threads created."},
    {"go_memstats_alloc_bytes", Type::kGauge, no_labels, 0, 9e7, 0, 0,
     "Number of bytes allocated and still in use."},
    {"go_memstats_alloc_bytes_total", Type::kCounter, no_labels, 0, 4e6, 0, 0,
     "Total number of bytes allocated, even if freed."},
    {"go_memstats_heap_objects", Type::kGauge, no_labels, 0, 8e5, 0, 0,
     "Number of allocated objects."},
    {"go_memstats_next_gc_bytes", Type::kGauge, no_labels, 0, 1.2e8, 0, 0,
     "Number of heap bytes when the next collection takes place."},
    {"http_request_duration_seconds", Type::kHistogram, http_labels, 560, 0.8, 0, 27,
     "Time from the request to the end of the answer."},
    {"http_response_size_bytes", Type::kHistogram, http_labels, 90, 0.8, 0, 27,
     "Size of the answers."},
    {"http_requests_total", Type::kCounter, http_labels, 60, 3, 0, 28,
     "Requests answered."},
    {"grpc_server_handling_seconds", Type::kHistogram, grpc_labels, 140, 0.5, 0, 27,
     "Response latency of gRPC calls handled by the server."},
    {"db_client_queries_total", Type::kCounter, database_labels, 60, 5, 0, 34,
     "Statements sent to the database."},
    {"queue_depth", Type::kGauge, queue_labels, 40, 60, 0, 28,
     "Messages that wait."},
    {"queue_messages_total", Type::kCounter, queue_labels, 0, 4, 0, 34,
     "Messages taken from the queue."},
};

constexpr Family kCadvisorFamilies[] = {
    {"container_cpu_usage_seconds_total", Type::kCounter, container_labels, 70, 0.08, 6, 10,
     "Cumulative cpu time consumed in seconds."},
    {"container_cpu_cfs_periods_total", Type::kCounter, container_labels, 70, 10, 0, 30,
     "Number of elapsed enforcement period intervals."},
    {"container_cpu_cfs_throttled_periods_total", Type::kCounter, container_labels, 70, 0.05, 0, 50,
     "Number of throttled period intervals."},
    {"container_memory_working_set_bytes", Type::kGauge, container_labels, 70, 4e8, 0, 15,
     "Current working set in bytes."},
    {"container_memory_rss", Type::kGauge, container_labels, 70, 3e8, 0, 20,
     "Size of RSS in bytes."},
    {"container_memory_cache", Type::kGauge, container_labels, 70, 1e8, 0, 30,
     "Number of bytes of page cache memory."},
    {"container_memory_failures_total", Type::kCounter, container_labels, 70, 20, 0, 40,
     "Cumulative count of memory allocation failures."},
    {"container_spec_memory_limit_bytes", Type::kGauge, container_labels, 70, 1e9, 0, 100,
     "Memory limit for the container."},
    {"container_spec_cpu_quota", Type::kGauge, container_labels, 70, 4e5, 0, 100,
     "CPU quota of the container."},
    {"container_fs_reads_bytes_total", Type::kCounter, container_device_labels, 140, 4e4, 0, 40,
     "Cumulative count of bytes read."},
    {"container_fs_writes_bytes_total", Type::kCounter, container_device_labels, 90, 9e4, 0, 20,
     "Cumulative count of bytes written."},
    {"container_network_receive_bytes_total", Type::kCounter, container_network_labels, 70, 5e5, 0, 10,
     "Cumulative count of bytes received."},
    {"container_network_transmit_bytes_total", Type::kCounter, container_network_labels, 0, 5e5, 0, 10,
     "Cumulative count of bytes transmitted."},
};

constexpr Family kNodeFamilies[] = {
    {"node_boot_time_seconds", Type::kStart, no_labels, 0, 0, 2, 0,
     "Node boot time, in unixtime."},
    {"node_load1", Type::kGauge, no_labels, 0, 400, 2, 0,
     "1m load average."},
    {"node_load5", Type::kGauge, no_labels, 0, 400, 2, 0,
     "5m load average."},
    {"node_memory_MemTotal_bytes", Type::kGauge, no_labels, 0, 3.3e10, 0, 100,
     "Memory information field MemTotal_bytes."},
    {"node_memory_MemAvailable_bytes", Type::kGauge, no_labels, 0, 2e10, 0, 0,
     "Memory information field MemAvailable_bytes."},
    {"node_context_switches_total", Type::kCounter, no_labels, 0, 9e3, 0, 0,
     "Total number of context switches."},
    {"node_cpu_seconds_total", Type::kCounter, cpu_labels, 260, 0.12, 2, 20,
     "Seconds the CPUs spent in each mode."},
    {"node_disk_read_bytes_total", Type::kCounter, disk_labels, 60, 8e4, 0, 30,
     "The total number of bytes read successfully."},
    {"node_disk_written_bytes_total", Type::kCounter, disk_labels, 60, 2e5, 0, 10,
     "The total number of bytes written successfully."},
    {"node_disk_io_time_seconds_total", Type::kCounter, disk_labels, 60, 0.05, 3, 20,
     "Total seconds spent doing I/Os."},
    {"node_network_receive_bytes_total", Type::kCounter, network_labels, 90, 5e5, 0, 20,
     "Network device statistic receive_bytes."},
    {"node_network_transmit_bytes_total", Type::kCounter, network_labels, 90, 5e5, 0, 20,
     "Network device statistic transmit_bytes."},
    {"node_network_receive_errs_total", Type::kCounter, network_labels, 60, 0.001, 0, 90,
     "Network device statistic receive_errs."},
    {"node_filesystem_avail_bytes", Type::kGauge, mount_labels, 70, 5e10, 0, 30,
     "Filesystem space available to non-root users in bytes."},
    {"node_filesystem_size_bytes", Type::kGauge, mount_labels, 60, 1e11, 0, 100,
     "Filesystem size in bytes."},
    {"node_systemd_unit_state", Type::kGauge, unit_labels, 0, 2, 0, 98,
     "Systemd unit."},
};

constexpr Family kKubeStateFamilies[] = {
    {"kube_deployment_spec_replicas", Type::kGauge, deployment_labels, 80, 12, 0, 100,
     "Number of desired pods for a deployment."},
    {"kube_deployment_status_replicas_available", Type::kGauge, deployment_labels, 80, 12, 0, 40,
     "The number of available replicas."},
    {"kube_pod_container_resource_requests", Type::kGauge, pod_resource_labels, 140, 1e9, 0, 55,
     "The number of requested request resource."},
    {"kube_pod_container_status_ready", Type::kGauge, pod_labels, 140, 2, 0, 60,
     "Describes whether the containers readiness check succeeded."},
    {"kube_pod_container_status_restarts_total", Type::kCounter, pod_labels, 160, 0.002, 0, 40,
     "The number of container restarts."},
    {"kube_pod_status_phase", Type::kGauge, pod_phase_labels, 0, 2, 0, 60,
     "The pods current phase."},
};
// clang-format on

}  // namespace

std::span<const Family> families_of(Kind kind) {
    switch (kind) {
        case Kind::kApp:
            return kAppFamilies;
        case Kind::kCadvisor:
            return kCadvisorFamilies;
        case Kind::kNode:
            return kNodeFamilies;
        case Kind::kKubeState:
            return kKubeStateFamilies;
    }
    return {};
}

}  // namespace bench
