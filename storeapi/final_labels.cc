#include "storeapi/final_labels.h"

#include <algorithm>

#include "storeapi/wire.h"

namespace storeapi {
namespace {

// storeapi/proto/types.proto, storeapi/proto/labels.proto
constexpr char kSeriesLabels = bytes_field(1);
constexpr char kLabelName = bytes_field(1);
constexpr char kLabelValue = bytes_field(2);
constexpr size_t kLabelOverhead = 16;  // at most, beside name and value

}  // namespace

FinalLabels::FinalLabels(const model::Labels& external, std::vector<std::string> without)
    : external_(external), without_(std::move(without)), hidden_(without_) {
    for (const model::LabelView label : external_) {
        if (!is_without(label.name)) {
            added_.push_back(label);
        }
        hidden_.emplace_back(label.name);
    }
    std::ranges::sort(hidden_);
    const auto repeated = std::ranges::unique(hidden_);
    hidden_.erase(repeated.begin(), repeated.end());
}

bool FinalLabels::hides(std::string_view name) const {
    return std::ranges::find(hidden_, name) != hidden_.end();
}

bool FinalLabels::is_without(std::string_view name) const {
    return std::ranges::find(without_, name) != without_.end();
}

std::span<const model::LabelView> FinalLabels::of(const model::SeriesBatch& batch,
                                                  const model::SeriesView& series) {
    if (batch.symbols != symbols_ || series.labels.size() != last_.size()) {
        take(batch, series);
        return labels_;
    }
    for (size_t i = 0; i < last_.size(); ++i) {
        const model::LabelSymbols label = series.labels[i];
        if (label == last_[i]) {
            continue;
        }
        if (label.name != last_[i].name) {
            take(batch, series);
            break;
        }
        last_[i].value = label.value;
        if (places_[i] != kHidden) {
            set_value(places_[i], batch.text(label.value));
        }
    }
    return labels_;
}

// Without what is known of the series before.
void FinalLabels::take(const model::SeriesBatch& batch, const model::SeriesView& series) {
    take_names(batch, series);
    for (size_t i = 0; i < places_.size(); ++i) {
        if (places_[i] != kHidden) {
            labels_[places_[i]].value = batch.text(series.labels[i].value);
        }
    }
    last_.assign(series.labels.begin(), series.labels.end());
    symbols_ = batch.symbols;
    alike_ = 0;
}

void FinalLabels::take_names(const model::SeriesBatch& batch, const model::SeriesView& series) {
    places_.clear();
    labels_.clear();
    auto next = added_.begin();
    for (const model::LabelSymbols& label : series.labels) {
        const std::string_view name = batch.text(label.name);
        while (next != added_.end() && next->name < name) {
            labels_.push_back(*next++);
        }
        if (hides(name)) {
            places_.push_back(kHidden);
        } else {
            places_.push_back(static_cast<uint32_t>(labels_.size()));
            labels_.push_back({.name = name});
        }
    }
    labels_.insert(labels_.end(), next, added_.end());
}

void FinalLabels::set_value(size_t place, std::string_view value) {
    if (place < alike_) {
        if (value.size() == labels_[place].value.size()) {
            value.copy(encoded_.data() + ends_[place] - value.size(), value.size());
        } else {
            alike_ = place;
        }
    }
    labels_[place].value = value;
}

std::string_view FinalLabels::encoded() {
    ends_.resize(std::min(alike_, ends_.size()));
    encoded_.resize(ends_.empty() ? 0 : ends_.back());
    WireWriter out(encoded_);
    for (size_t i = ends_.size(); i < labels_.size(); ++i) {
        const auto& [name, value] = labels_[i];
        const size_t size = WireWriter::text_size(name) + WireWriter::text_size(value);
        out.need(size + kLabelOverhead);
        WireCursor at = out.cursor();
        at.byte(kSeriesLabels);
        at.varint(size);
        at.text(kLabelName, name);
        at.text(kLabelValue, value);
        out.wrote(at);
        ends_.push_back(out.size());
    }
    out.finish();
    alike_ = labels_.size();
    return encoded_;
}

}  // namespace storeapi
