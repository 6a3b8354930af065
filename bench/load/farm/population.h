// All targets of a farm with their expositions rendered in advance up to the values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/farm/catalog.h"
#include "bench/load/farm/options.h"

namespace bench {

// One target's exposition: a text that stands still, and the values to be put between its pieces.
// Lines that never change are part of the text.
class Exposition final : public SeriesSink {
  public:
    // keep_fixed: constant values get a place of their own too (each line needs a timestamp).
    Exposition(const FarmOptions& options, uint32_t target, bool keep_fixed);

    void family(std::string_view name, std::string_view help, std::string_view type) override;
    void series(std::string_view suffix,
                std::string_view labels,
                std::string_view le,
                const Slot& slot) override;
    // Ends the text; call once, after the last series().
    void finish();

    // Upper bound of render()'s bytes.
    [[nodiscard]] size_t size_max() const;
    // Writes the exposition as of now_ms to out and returns the end. Not thread-safe: the `rev`
    // labels are changed in place.
    char* render(char* out, int64_t now_ms);

    [[nodiscard]] uint32_t series_count() const { return series_count_; }

  private:
    struct Place {
        Slot slot;
        uint32_t text_end;  // the value follows this offset of text_
    };

    void set_revision(int64_t revision);

    const FarmOptions& options_;
    uint32_t target_;
    bool timestamps_;
    bool keep_fixed_;
    uint32_t series_count_ = 0;
    int64_t revision_ = -1;
    std::string name_;
    std::string text_;
    std::vector<Place> places_;
    std::vector<uint32_t> revisions_;  // offsets in text_ of the digits of `rev`
};

class Population {
  public:
    // options: borrowed, outlives the population.
    explicit Population(const FarmOptions& options);

    [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(targets_.size()); }

    [[nodiscard]] Exposition& target(uint32_t index) { return targets_[index]; }

    // The largest size_max() of all targets.
    [[nodiscard]] size_t body_max() const { return body_max_; }

  private:
    std::vector<Exposition> targets_;
    size_t body_max_ = 0;
};

// When a target's values are asked for, given the wall clock: the last quantum, and the uptime its
// restarts give it.
[[nodiscard]] Moment moment_of(const FarmOptions& options, uint32_t target, int64_t now_ms);

// Whether churn takes the n-th series of a target, and which revision holds at a moment.
[[nodiscard]] bool is_churned(const FarmOptions& options, uint32_t target, uint32_t series);
[[nodiscard]] int64_t revision_of(const FarmOptions& options, int64_t now_ms);
// The `rev` label's value: always kRevisionDigits long, so that it can be changed in place.
inline constexpr size_t kRevisionDigits = 10;
void write_revision(char* out, int64_t revision);

// A target's instance label.
[[nodiscard]] std::string instance_of(uint32_t target);

// file_sd (and http_sd) JSON with every target: address, __metrics_path__, job, instance, cluster.
[[nodiscard]] std::string discovery_json(const FarmOptions& options, uint16_t first_port);

}  // namespace bench
