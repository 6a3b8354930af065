#include "bench/load/farm/labels.h"

#include <array>
#include <string_view>

#include "bench/load/farm/value.h"

namespace bench {
namespace {

using Words = std::string_view;

constexpr std::array<Words, 24> kNouns = {
    "orders",   "carts",     "users",   "invoices", "payments", "products", "reviews", "sessions",
    "tokens",   "shipments", "refunds", "prices",   "search",   "events",   "reports", "coupons",
    "messages", "profiles",  "images",  "stocks",   "quotes",   "accounts", "teams",   "plans"};
constexpr std::array<Words, 6> kMethods = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"};
constexpr std::array<Words, 5> kStatuses = {"200", "404", "500", "201", "302"};
constexpr std::array<Words, 8> kServices = {
    "checkout", "catalog", "gateway", "billing", "identity", "mailer", "search", "warehouse"};
constexpr std::array<Words, 6> kNamespaces = {
    "shop-prod", "payments", "monitoring", "kube-system", "data", "edge"};
constexpr std::array<Words, 6> kGrpcCodes = {
    "OK", "NotFound", "Internal", "Canceled", "Unavailable", "DeadlineExceeded"};
constexpr std::array<Words, 4> kStatements = {"select", "insert", "update", "delete"};
constexpr std::array<Words, 8> kCpuModes = {
    "idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"};
constexpr std::array<Words, 5> kPhases = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};
constexpr std::array<Words, 4> kUnitStates = {"active", "inactive", "failed", "activating"};

template <size_t N>
Words pick(const std::array<Words, N>& words, uint64_t index) {
    return words[index % N];
}

// Appends `name="value",`, or without the comma as the last one.
void label(std::string& out, Words name, Words value) {
    if (!out.empty()) {
        out += ',';
    }
    out += name;
    out += "=\"";
    out += value;
    out += '"';
}

std::string hex(uint64_t key, size_t digits) {
    static constexpr Words kHex = "0123456789abcdef";
    std::string text;
    text.reserve(digits);
    uint64_t bits = 0;
    for (size_t i = 0; i < digits; ++i) {
        if (i % 16 == 0) {
            bits = mix(key + i);
        }
        text += kHex[bits & 15];
        bits >>= 4;
    }
    return text;
}

std::string uuid(uint64_t key) {
    const std::string digits = hex(key, 32);
    return digits.substr(0, 8) + '-' + digits.substr(8, 4) + '-' + digits.substr(12, 4) + '-' +
           digits.substr(16, 4) + '-' + digits.substr(20);
}

std::string numbered(Words word, uint64_t number) {
    return std::string(word) + std::to_string(number);
}

// "/api/v1/orders", then "/api/v1/orders/s1", … : a new path for each number.
std::string handler(uint32_t number) {
    std::string path = "/api/v1/";
    path += pick(kNouns, number);
    if (number >= kNouns.size()) {
        path += numbered("/s", number / kNouns.size());
    }
    return path;
}

std::string node_name(uint32_t target) {
    return numbered("worker-", target);
}

// A pod and its container; key is the same for all families of a target.
struct Pod {
    uint64_t key;
    Words service;
    Words space;
    std::string name;
};

Pod pod_of(const Place& place, uint32_t number) {
    const uint64_t key = mix(place.key ^ (uint64_t{number} << 20));
    const Words service = pick(kServices, key);
    return {key,
            service,
            pick(kNamespaces, key >> 8),
            std::string(service) + '-' + hex(key, 9) + '-' + hex(key ^ number, 5)};
}

void append_container(const Pod& pod, std::string& out) {
    const std::string id = hex(pod.key ^ 1, 64);
    label(out, "container", pod.service);
    label(out,
          "id",
          "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uuid(pod.key ^ 2) +
              ".slice/cri-containerd-" + id + ".scope");
    label(out,
          "image",
          "registry.example.com/" + std::string(pod.space) + '/' + std::string(pod.service) +
              ":v1." + std::to_string(pod.key % 40) + ".0");
    label(out, "name", id);
    label(out, "namespace", pod.space);
    label(out, "pod", pod.name);
}

}  // namespace

void no_labels(const Place&, uint32_t, std::string&) {}

void http_labels(const Place& place, uint32_t item, std::string& out) {
    label(out, "service", pick(kServices, place.key));
    label(out, "method", pick(kMethods, item));
    label(out, "handler", handler(item / 12));
    label(out, "code", pick(kStatuses, item / 6 % 2));
    label(out, "version", numbered("v2.", place.key % 30));
}

void grpc_labels(const Place& place, uint32_t item, std::string& out) {
    label(out, "service", pick(kServices, place.key));
    label(out, "grpc_service", "shop.v1." + std::string(pick(kServices, item / 24)));
    label(out, "grpc_method", numbered("Get", item / 6));
    label(out, "grpc_code", pick(kGrpcCodes, item));
}

void database_labels(const Place& place, uint32_t item, std::string& out) {
    label(out, "service", pick(kServices, place.key));
    label(out, "db", "main");
    label(out, "statement", pick(kStatements, item));
    label(out, "table", numbered(std::string(pick(kNouns, item / 4)) + '_', item / 96));
}

void queue_labels(const Place& place, uint32_t item, std::string& out) {
    label(out, "service", pick(kServices, place.key));
    label(out, "queue", numbered(std::string(pick(kNouns, item)) + '-', item / kNouns.size()));
    label(out, "priority", "normal");
    label(out, "version", numbered("v2.", place.key % 30));
}

void container_labels(const Place& place, uint32_t item, std::string& out) {
    append_container(pod_of(place, item), out);
}

void container_device_labels(const Place& place, uint32_t item, std::string& out) {
    append_container(pod_of(place, item / 2), out);
    label(out, "device", item % 2 == 0 ? "/dev/nvme0n1" : "/dev/nvme1n1");
}

void container_network_labels(const Place& place, uint32_t item, std::string& out) {
    append_container(pod_of(place, item / 2), out);
    label(out, "interface", item % 2 == 0 ? "eth0" : "lo");
}

void cpu_labels(const Place&, uint32_t item, std::string& out) {
    label(out, "cpu", std::to_string(item / kCpuModes.size()));
    label(out, "mode", pick(kCpuModes, item));
}

void disk_labels(const Place&, uint32_t item, std::string& out) {
    label(out, "device", numbered("nvme", item) + "n1");
}

void network_labels(const Place&, uint32_t item, std::string& out) {
    label(out, "device", item == 0 ? "eth0" : numbered("veth", item));
}

void mount_labels(const Place& place, uint32_t item, std::string& out) {
    label(out, "device", numbered("/dev/nvme", item) + "n1p1");
    label(out, "fstype", item % 3 == 2 ? "xfs" : "ext4");
    label(out, "mountpoint", item == 0 ? "/" : "/var/lib/data/" + hex(place.key ^ item, 8));
}

void unit_labels(const Place&, uint32_t item, std::string& out) {
    const uint32_t unit = item / kUnitStates.size();
    label(out, "name", numbered(std::string(pick(kNouns, unit)) + '-', unit) + ".service");
    label(out, "state", pick(kUnitStates, item));
    label(out, "type", "simple");
}

void pod_labels(const Place& place, uint32_t item, std::string& out) {
    const Pod pod = pod_of(place, item);
    label(out, "namespace", pod.space);
    label(out, "pod", pod.name);
    label(out, "uid", uuid(pod.key ^ 2));
    label(out, "container", pod.service);
    label(out, "node", node_name(place.target));
}

void pod_phase_labels(const Place& place, uint32_t item, std::string& out) {
    const Pod pod = pod_of(place, item / kPhases.size());
    label(out, "namespace", pod.space);
    label(out, "pod", pod.name);
    label(out, "uid", uuid(pod.key ^ 2));
    label(out, "phase", pick(kPhases, item));
}

void pod_resource_labels(const Place& place, uint32_t item, std::string& out) {
    pod_labels(place, item / 2, out);
    label(out, "resource", item % 2 == 0 ? "cpu" : "memory");
    label(out, "unit", item % 2 == 0 ? "core" : "byte");
}

void deployment_labels(const Place& place, uint32_t item, std::string& out) {
    label(out, "namespace", pick(kNamespaces, item));
    label(out, "deployment", numbered(std::string(pick(kServices, place.key + item)) + '-', item));
}

}  // namespace bench
