#include "bench/load/farm/catalog.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "bench/load/farm/families.h"

namespace bench {
namespace {

constexpr std::array<const char*, 12> kBounds = {
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"};
constexpr uint32_t kHistogramSeries = kBounds.size() + 2;

const char* type_name(Type type) {
    switch (type) {
        case Type::kCounter:
            return "counter";
        case Type::kHistogram:
            return "histogram";
        case Type::kGauge:
        case Type::kStart:
            break;
    }
    return "gauge";
}

// The same in every run and on every machine, which std::hash does not promise.
uint64_t name_key(std::string_view name) {
    uint64_t key = 0;
    for (const char c : name) {
        key = mix(key ^ static_cast<unsigned char>(c));
    }
    return key;
}

// Walks a kind's families and hands their series to the sink, as many as are left.
class Describer {
  public:
    Describer(uint64_t seed, uint32_t target, uint32_t count, SeriesSink& sink)
        : place_{target, mix(seed ^ (uint64_t{target} << 32))},
          total_(count),
          left_(count),
          sink_(sink) {}

    void run(std::span<const Family> families) {
        for (const Family& family : families) {
            const bool last = &family == &families.back();
            const uint32_t items = last ? left_ : items_of(family);
            if (items > 0) {
                sink_.family(family.name, family.help, type_name(family.type));
                describe(family, items);
            }
        }
    }

  private:
    // How many items (series, or whole histograms) of a family there are.
    [[nodiscard]] uint32_t items_of(const Family& family) const {
        if (family.type == Type::kHistogram) {
            const uint32_t share = total_ * family.permille / 1000 / kHistogramSeries;
            return std::min(share, left_ / kHistogramSeries);
        }
        return std::min(left_, family.permille == 0 ? 1 : total_ * family.permille / 1000);
    }

    void describe(const Family& family, uint32_t items) {
        for (uint32_t item = 0; item < items; ++item) {
            labels_.clear();
            family.labels(place_, item, labels_);
            const uint64_t key = mix(place_.key ^ name_key(family.name) ^ mix(item));
            if (family.type == Type::kHistogram) {
                describe_histogram(family, key);
            } else {
                emit("", "", slot(family, key));
            }
        }
    }

    void describe_histogram(const Family& family, uint64_t key) {
        const bool still = mix(key ^ 3) % 100 < family.still;
        Slot slot = growing(family, key);
        const int64_t count = slot.base;
        double share = 0;
        for (size_t i = 0; i < kBounds.size(); ++i) {
            // Each bound takes about a quarter of what is still above it.
            const bool last = i + 1 == kBounds.size();
            share += (1 - share) * static_cast<double>(mix(key + i) % 50) / 100;
            slot.share = last ? UINT32_MAX : static_cast<uint32_t>(share * UINT32_MAX);
            slot.shape = last ? Shape::kCounter : Shape::kBucket;
            emit(
                "_bucket", kBounds[i], still ? fixed(last ? count : share_of(count, share)) : slot);
        }
        slot.shape = Shape::kSum;
        emit("_sum", "", still ? fixed(count * 31, 3) : slot);
        slot.shape = Shape::kCounter;
        emit("_count", "", still ? fixed(count) : slot);
    }

    static int64_t share_of(int64_t count, double share) {
        return static_cast<int64_t>(static_cast<double>(count) * share);
    }

    static Slot fixed(int64_t value, uint8_t decimals = 0) {
        return {.base = value, .shape = Shape::kFixed, .decimals = decimals};
    }

    // A counter: grows each second if it is fast, else by one each few seconds or minutes.
    static Slot growing(const Family& family, uint64_t key) {
        const double spread = std::exp2(static_cast<double>(mix(key ^ 1) % 800) / 100 - 4);
        const double rate = family.scale * spread * std::pow(10, family.decimals);
        Slot slot{.key = key, .shape = Shape::kCounter, .decimals = family.decimals};
        slot.base = static_cast<int64_t>(mix(key ^ 2) % 4096);
        slot.step = rate >= 1 ? static_cast<uint32_t>(rate) : 1;
        slot.tick_ms = rate >= 1 ? 1000 : static_cast<uint32_t>(std::min(1000 / rate, 4e9));
        return slot;
    }

    static Slot wandering(const Family& family, uint64_t key) {
        Slot slot{.key = key, .shape = Shape::kGauge, .decimals = family.decimals};
        slot.step = static_cast<uint32_t>(std::min(family.scale, 4e9));
        // Few-valued gauges (ready, replicas) stand still for minutes, the others for seconds.
        slot.tick_ms = family.scale < 20 ? 120'000 : 5'000;
        slot.base = family.scale < 20 ? 0 : static_cast<int64_t>(slot.step / 4);
        return slot;
    }

    static Slot slot(const Family& family, uint64_t key) {
        if (family.type == Type::kStart) {
            return {.shape = Shape::kStart, .decimals = family.decimals};
        }
        const bool still = mix(key ^ 3) % 100 < family.still;
        if (still) {
            const auto width = static_cast<uint64_t>(std::max(family.scale, 2.0));
            return fixed(static_cast<int64_t>(mix(key ^ 4) % width), family.decimals);
        }
        return family.type == Type::kCounter ? growing(family, key) : wandering(family, key);
    }

    void emit(std::string_view suffix, std::string_view le, const Slot& slot) {
        sink_.series(suffix, labels_, le, slot);
        --left_;
    }

    Place place_;
    uint32_t total_;
    uint32_t left_;
    SeriesSink& sink_;
    std::string labels_;
};

}  // namespace

Kind kind_of(uint32_t target) {
    static constexpr std::array<Kind, 10> kMix = {Kind::kApp,
                                                  Kind::kCadvisor,
                                                  Kind::kApp,
                                                  Kind::kNode,
                                                  Kind::kApp,
                                                  Kind::kKubeState,
                                                  Kind::kApp,
                                                  Kind::kCadvisor,
                                                  Kind::kApp,
                                                  Kind::kNode};
    return kMix[target % kMix.size()];
}

std::string_view job_of(Kind kind) {
    switch (kind) {
        case Kind::kApp:
            return "app";
        case Kind::kCadvisor:
            return "cadvisor";
        case Kind::kNode:
            return "node";
        case Kind::kKubeState:
            return "kube-state-metrics";
    }
    return "";
}

void describe_target(uint64_t seed, uint32_t target, uint32_t count, SeriesSink& sink) {
    Describer(seed, target, count, sink).run(families_of(kind_of(target)));
}

}  // namespace bench
