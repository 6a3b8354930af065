#include "bench/load/farm/population.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "bench/load/farm/number.h"

namespace bench {
namespace {

// Counters of a farm without restarts began on 2025-01-01.
constexpr int64_t kOriginMs = 1'735'689'600'000;
// Room for " 1735689600000" and the value.
constexpr size_t kPlaceMax = kNumberMax + 24;

bool has_timestamps(const FarmOptions& options, uint32_t target) {
    return options.timestamps == Timestamps::kAll ||
           (options.timestamps == Timestamps::kCadvisor && kind_of(target) == Kind::kCadvisor);
}

}  // namespace

Moment moment_of(const FarmOptions& options, uint32_t target, int64_t now_ms) {
    Moment moment;
    moment.now_ms = now_ms - now_ms % options.quantum_ms;
    if (options.restart_hours == 0) {
        moment.uptime_ms = std::max(moment.now_ms - kOriginMs, int64_t{0});
        return moment;
    }
    const int64_t life_ms = int64_t{options.restart_hours} * 3'600'000;
    const auto phase = static_cast<int64_t>(mix(options.seed ^ ~uint64_t{target}) >> 1);
    moment.uptime_ms = (moment.now_ms + phase % life_ms) % life_ms;
    return moment;
}

bool is_churned(const FarmOptions& options, uint32_t target, uint32_t series) {
    return mix(options.seed ^ mix(uint64_t{target} << 32 | series)) % 100 < options.churn_pct;
}

int64_t revision_of(const FarmOptions& options, int64_t now_ms) {
    return now_ms / (int64_t{options.churn_sec} * 1000);
}

void write_revision(char* out, int64_t revision) {
    for (size_t i = kRevisionDigits; i-- > 0; revision /= 10) {
        out[i] = static_cast<char>('0' + revision % 10);
    }
}

std::string instance_of(uint32_t target) {
    std::string number = std::to_string(target);
    number.insert(0, number.size() < 5 ? 5 - number.size() : 0, '0');
    return "farm-" + number + ".example:9100";
}

Exposition::Exposition(const FarmOptions& options, uint32_t target, bool keep_fixed)
    : options_(options),
      target_(target),
      timestamps_(has_timestamps(options, target)),
      keep_fixed_(keep_fixed || timestamps_) {
    places_.reserve(options.series);
}

void Exposition::family(std::string_view name, std::string_view help, std::string_view type) {
    name_ = name;
    text_.append("# HELP ").append(name_).append(" ").append(help);
    text_.append("\n# TYPE ").append(name_).append(" ").append(type).append("\n");
}

void Exposition::series(std::string_view suffix,
                        std::string_view labels,
                        std::string_view le,
                        const Slot& slot) {
    const bool churned = is_churned(options_, target_, series_count_++);
    text_.append(name_).append(suffix);
    const char* separator = "{";
    const auto label = [&](std::string_view text) {
        text_.append(separator).append(text);
        separator = ",";
    };
    if (!labels.empty()) {
        label(labels);
    }
    if (churned) {
        label("rev=\"");
        revisions_.push_back(static_cast<uint32_t>(text_.size()));
        text_.append(kRevisionDigits, '0').append("\"");
    }
    if (!le.empty()) {
        label("le=\"");
        text_.append(le).append("\"");
    }
    text_.append(*separator == ',' ? "} " : " ");
    if (slot.shape == Shape::kFixed && !keep_fixed_) {
        char value[kNumberMax];
        text_.append(value, write_value(value, slot, {})).append("\n");
    } else {
        places_.push_back({slot, static_cast<uint32_t>(text_.size())});
    }
}

void Exposition::finish() {
    text_.shrink_to_fit();
    places_.shrink_to_fit();
    name_ = {};
}

size_t Exposition::size_max() const {
    return text_.size() + places_.size() * kPlaceMax;
}

void Exposition::set_revision(int64_t revision) {
    if (revision == revision_) {
        return;
    }
    revision_ = revision;
    for (const uint32_t offset : revisions_) {
        write_revision(text_.data() + offset, revision);
    }
}

char* Exposition::render(char* out, int64_t now_ms) {
    const Moment moment = moment_of(options_, target_, now_ms);
    set_revision(revision_of(options_, moment.now_ms));
    // What ends a line with a value: " 1735689600000\n" or "\n".
    char tail[24];
    char* tail_end = tail;
    if (timestamps_) {
        *tail_end++ = ' ';
        tail_end = std::to_chars(tail_end, tail + sizeof tail - 1, moment.now_ms).ptr;
    }
    *tail_end++ = '\n';
    const auto tail_size = static_cast<size_t>(tail_end - tail);

    const char* text = text_.data();
    uint32_t at = 0;
    for (const Place& place : places_) {
        const size_t size = place.text_end - at;
        std::memcpy(out, text + at, size);
        out = write_value(out + size, place.slot, moment);
        std::memcpy(out, tail, tail_size);
        out += tail_size;
        at = place.text_end;
    }
    std::memcpy(out, text + at, text_.size() - at);
    return out + (text_.size() - at);
}

Population::Population(const FarmOptions& options) {
    targets_.reserve(options.targets);
    for (uint32_t i = 0; i < options.targets; ++i) {
        Exposition& target = targets_.emplace_back(options, i, /*keep_fixed=*/false);
        describe_target(options.seed, i, options.series, target);
        target.finish();
        body_max_ = std::max(body_max_, target.size_max());
    }
}

std::string discovery_json(const FarmOptions& options, uint16_t first_port) {
    std::string json = "[\n";
    for (uint32_t i = 0; i < options.targets; ++i) {
        json += R"({"targets":[")" + options.host + ':' +
                std::to_string(first_port + i % options.ports) + R"("],"labels":{"job":")";
        json += job_of(kind_of(i));
        json += R"(","instance":")" + instance_of(i) + R"(","cluster":"prod-eu-1",)";
        json += R"("__metrics_path__":"/t/)" + std::to_string(i) + R"(/metrics"}})";
        json += i + 1 < options.targets ? ",\n" : "\n";
    }
    return json + "]\n";
}

}  // namespace bench
