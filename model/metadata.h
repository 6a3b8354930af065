// What a metric says of itself: TYPE, HELP, UNIT.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace model {

// The numbers are those of WAL metadata records and remote write.
enum class MetricType : uint8_t {
    kUnknown = 0,
    kCounter = 1,
    kGauge = 2,
    kHistogram = 3,
    kGaugeHistogram = 4,
    kSummary = 5,
    kInfo = 6,
    kStateSet = 7,
};

[[nodiscard]] std::string_view metric_type_name(MetricType type);

struct Metadata {
    MetricType type = MetricType::kUnknown;
    std::string help;
    std::string unit;

    auto operator<=>(const Metadata&) const = default;
};

struct MetricMetadata {
    std::string metric;
    Metadata metadata;
};

// Keeps metadata per metric name over restarts (/api/v1/metadata). Threads: any; never blocks on a
// disk.
class MetadataStore {
  public:
    virtual ~MetadataStore() = default;
    // Called when a metric's metadata is new or has changed; repeats are cheap but should be
    // avoided.
    virtual void record(std::string_view metric, const Metadata& metadata) = 0;
    // Everything known; several entries per metric when targets disagree.
    [[nodiscard]] virtual std::vector<MetricMetadata> all() const = 0;
};

}  // namespace model
