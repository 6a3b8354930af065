// Labels: the identity of a series. Immutable, sorted by name, one block of bytes.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace model {

inline constexpr std::string_view kMetricName = "__name__";
inline constexpr std::string_view kBucketLabel = "le";
inline constexpr std::string_view kQuantileLabel = "quantile";

// One name and value; the bytes belong to somebody else.
struct LabelView {
    std::string_view name;
    std::string_view value;

    auto operator<=>(const LabelView&) const = default;
};

// A sorted list of labels without duplicates and without empty values.
//   layout   per label: uvarint length + name, uvarint length + value; the form of WAL series
//   records order    labels.Compare of Prometheus: names and values as bytes, in turn; the shorter
//   list first threads  immutable; share freely
class Labels {
  public:
    class Iterator;

    Labels() = default;
    Labels(std::initializer_list<LabelView> labels);

    // Sorts `labels`; of equal names the last one stays; empty values are left out.
    [[nodiscard]] static Labels from_unsorted(std::vector<LabelView> labels);
    // `labels` are sorted by name, unique, values not empty (DCHECKed).
    [[nodiscard]] static Labels from_sorted(std::span<const LabelView> labels);
    // Takes packed bytes as they lie in WAL records, when they are well-formed, sorted and unique;
    // false otherwise.
    [[nodiscard]] static bool from_packed(std::string_view packed, size_t count, Labels& out);

    [[nodiscard]] Iterator begin() const;
    [[nodiscard]] Iterator end() const;

    [[nodiscard]] size_t size() const { return count_; }

    [[nodiscard]] bool empty() const { return count_ == 0; }

    // The value, or "" when there is no such label.
    [[nodiscard]] std::string_view get(std::string_view name) const;

    [[nodiscard]] bool has(std::string_view name) const { return !get(name).empty(); }

    [[nodiscard]] std::string_view metric_name() const { return get(kMetricName); }

    // XXH3 of the packed bytes: for tables in memory; not stable over versions, never written or
    // sent.
    [[nodiscard]] uint64_t hash() const;
    // XXH64 over name 0xFF value 0xFF …: what Prometheus and Thanos compute, for target hashes and
    // sharding.
    [[nodiscard]] uint64_t stable_hash() const;
    // XXH64 over size name size value …, sizes in one byte, from 255 on 0xFF and three more, lowest
    // first: what Prometheus 3 samples series by (limit_ratio).
    [[nodiscard]] uint64_t sized_hash() const;

    // {__name__="up", job="node"} with Go's quoting, as Prometheus prints label sets.
    [[nodiscard]] std::string to_string() const;
    // up{job="node"}: the metric name in front, as in PromQL.
    [[nodiscard]] std::string to_series_string() const;

    [[nodiscard]] std::string_view packed() const { return packed_; }

    bool operator==(const Labels& other) const { return packed_ == other.packed_; }

    std::strong_ordering operator<=>(const Labels& other) const;

  private:
    friend class LabelsBuilder;
    std::string packed_;
    uint32_t count_ = 0;
};

// Walks packed labels; a LabelView is valid as long as the Labels are.
class Labels::Iterator {
  public:
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using reference = LabelView;
    using pointer = const LabelView*;

    Iterator() = default;

    Iterator(const char* at, const char* end) : next_(at), end_(end) { step(); }

    LabelView operator*() const { return current_; }

    const LabelView* operator->() const { return &current_; }

    Iterator& operator++() {
        step();
        return *this;
    }

    Iterator operator++(int) {
        Iterator before = *this;
        step();
        return before;
    }

    bool operator==(const Iterator& other) const { return at_ == other.at_; }

  private:
    void step();

    const char* at_ = nullptr;    // where current_ starts; end_ when past the last
    const char* next_ = nullptr;  // where the next one starts
    const char* end_ = nullptr;
    LabelView current_;
};

// Collects changes to a set of labels: what relabelling works on.
//   set() with an empty value deletes. Views returned by get() are valid until the next change.
class LabelsBuilder {
  public:
    LabelsBuilder() = default;
    explicit LabelsBuilder(const Labels& from);

    void set(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    [[nodiscard]] std::string_view get(std::string_view name) const;

    void clear() { labels_.clear(); }

    void reset(const Labels& from);

    // Sorted by name.
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& entries() const {
        return labels_;
    }

    [[nodiscard]] Labels labels() const;

  private:
    std::vector<std::pair<std::string, std::string>> labels_;  // sorted by name
};

// Names: UTF-8 scheme (any non-empty valid UTF-8) and legacy scheme ([a-zA-Z_:][a-zA-Z0-9_:]* and
// without ':').
enum class NameScheme : uint8_t { kUtf8, kLegacy };
[[nodiscard]] bool is_valid_metric_name(std::string_view name, NameScheme scheme);
[[nodiscard]] bool is_valid_label_name(std::string_view name, NameScheme scheme);

}  // namespace model

template <>
struct std::hash<model::Labels> {
    size_t operator()(const model::Labels& labels) const { return labels.hash(); }
};
