// Label texts that look like those of real exporters. Each function appends `a="b",c="d"` for the
// item-th series of a family of one target; different items give different texts.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

// Which target speaks: its number and its own well-mixed key.
struct Place {
    uint32_t target = 0;
    uint64_t key = 0;
};

using LabelMaker = void (*)(const Place& place, uint32_t item, std::string& out);

void no_labels(const Place&, uint32_t item, std::string& out);

// Applications.
void http_labels(const Place& place, uint32_t item, std::string& out);
void grpc_labels(const Place& place, uint32_t item, std::string& out);
void database_labels(const Place& place, uint32_t item, std::string& out);
void queue_labels(const Place& place, uint32_t item, std::string& out);

// cAdvisor: container, id, image, name, namespace, pod (and device, interface, cpu).
void container_labels(const Place& place, uint32_t item, std::string& out);
void container_device_labels(const Place& place, uint32_t item, std::string& out);
void container_network_labels(const Place& place, uint32_t item, std::string& out);

// Node exporter.
void cpu_labels(const Place& place, uint32_t item, std::string& out);
void disk_labels(const Place& place, uint32_t item, std::string& out);
void network_labels(const Place& place, uint32_t item, std::string& out);
void mount_labels(const Place& place, uint32_t item, std::string& out);
void unit_labels(const Place& place, uint32_t item, std::string& out);

// kube-state-metrics.
void pod_labels(const Place& place, uint32_t item, std::string& out);
void pod_phase_labels(const Place& place, uint32_t item, std::string& out);
void pod_resource_labels(const Place& place, uint32_t item, std::string& out);
void deployment_labels(const Place& place, uint32_t item, std::string& out);

}  // namespace bench
