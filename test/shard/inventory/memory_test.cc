// What a target costs. shard_inventory_test '[.memory]' prints it for a million.
#include <chrono>
#include <cstdio>

#include <catch2/catch.hpp>
#include <malloc.h>

#include "test/shard/inventory/support.h"

using namespace shard;
using namespace shard::inventory_test;

namespace {

// As Kubernetes discovery and usual relabelling make them: 15 discovered labels beside those of the
// scrape itself, 7 final ones.
model::Target pod(std::string_view job, size_t number) {
    const std::string digits = std::to_string(number);
    const std::string name = "checkout-api-6d5f7c9b8d-" + digits;
    const std::string address = "10." + std::to_string(number >> 16) + "." +
                                std::to_string(number >> 8 & 255) + "." +
                                std::to_string(number & 255) + ":9090";
    model::Target one = target(job, address);
    one.labels = {{"container", "checkout-api"},
                  {"instance", address},
                  {"job", job},
                  {"namespace", "shop-production"},
                  {"node", "worker-" + std::to_string(number % 1'000)},
                  {"pod", name},
                  {"service", "checkout-api"}};
    one.discovered = {
        {"__address__", address},
        {"__meta_kubernetes_namespace", "shop-production"},
        {"__meta_kubernetes_pod_annotation_prometheus_io_port", "9090"},
        {"__meta_kubernetes_pod_annotation_prometheus_io_scrape", "true"},
        {"__meta_kubernetes_pod_annotationpresent_prometheus_io_port", "true"},
        {"__meta_kubernetes_pod_annotationpresent_prometheus_io_scrape", "true"},
        {"__meta_kubernetes_pod_container_name", "checkout-api"},
        {"__meta_kubernetes_pod_container_port_number", "9090"},
        {"__meta_kubernetes_pod_controller_kind", "ReplicaSet"},
        {"__meta_kubernetes_pod_controller_name", "checkout-api-6d5f7c9b8d"},
        {"__meta_kubernetes_pod_label_app", "checkout-api"},
        {"__meta_kubernetes_pod_name", name},
        {"__meta_kubernetes_pod_node_name", "worker-" + std::to_string(number % 1'000)},
        {"__meta_kubernetes_pod_phase", "Running"},
        {"__meta_kubernetes_pod_uid", "0b0a4a5e-2f3c-4c1e-9a52-" + digits},
        {"__metrics_path__", "/metrics"},
        {"__scheme__", "http"},
        {"__scrape_interval__", "15s"},
        {"__scrape_timeout__", "10s"},
        {"job", job}};
    return one;
}

std::vector<TargetPtr> pods(std::string_view job, size_t count) {
    std::vector<TargetPtr> all;
    all.reserve(count);
    for (size_t number = 0; number < count; ++number) {
        all.push_back(shared(pod(job, number)));
    }
    return all;
}

size_t allocated() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

class Stopwatch {
  public:
    [[nodiscard]] long long ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now() - start_)
            .count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

TEST_CASE("an inventory takes at most 80 bytes beside each discovered target",
          "[shard][inventory]") {
    constexpr size_t kTargets = 20'000;
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", pods("a", kTargets));
    CHECK(at.inventory.memory_bytes() < 80 * kTargets);
    const size_t before = at.inventory.memory_bytes();
    (void)at.inventory.take_changes();
    CHECK(at.inventory.memory_bytes() == before);
    at.report("a", {});
    at.configure({});
    (void)at.inventory.take_changes();
    CHECK(at.inventory.memory_bytes() < 80 * kTargets);
}

TEST_CASE("what a million targets take", "[.memory]") {
    constexpr size_t kTargets = 1'000'000;
    Fixture at;
    at.configure({{"kubernetes-pods", 1}});
    const size_t empty = allocated();
    auto active = pods("kubernetes-pods", kTargets);
    const size_t discovered = allocated();
    std::printf("discovered: %zu bytes per target\n", (discovered - empty) / kTargets);
    const Stopwatch first;
    at.report("kubernetes-pods", active);
    std::printf("first report: %lld ms\n", first.ms());
    std::printf("inventory: %zu bytes per target (allocated: %zu)\n",
                at.inventory.memory_bytes() / kTargets,
                (allocated() - discovered) / kTargets);
    const Stopwatch take;
    CHECK(at.inventory.take_changes().added.size() == kTargets);
    std::printf("taking all as added: %lld ms\n", take.ms());
    const Stopwatch again;
    at.report("kubernetes-pods", active);
    std::printf("the same report again: %lld ms\n", again.ms());
    CHECK(at.inventory.take_changes().empty());
    for (TargetPtr& one : active) {
        model::Target edited = *one;
        edited.labels = {{"instance", one->labels.get("instance")}, {"team", "shop"}};
        one = shared(std::move(edited));
    }
    const Stopwatch edit;
    at.report("kubernetes-pods", active);
    const InventoryChange change = at.inventory.take_changes();
    std::printf("all labels edited, with predecessors: %lld ms\n", edit.ms());
    CHECK(change.added.size() == kTargets);
    CHECK(change.removed.size() == kTargets);
}
