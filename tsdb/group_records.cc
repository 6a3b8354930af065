#include "tsdb/group_records.h"

#include "tsdb/wal/record_histogram.h"

namespace tsdb {

void GroupRecords::begin() {
    floats_.reset();
    out_.reset();
    bytes_.clear();
    ends_.clear();
    record_start_ = 0;
    out_.emplace(bytes_);
}

size_t GroupRecords::add_series(const Head& head, std::span<const NewSeries> series) {
    const Symbols& symbols = *head.symbols();
    size_t i = 0;
    while (i < series.size() && out_->position() < kSeriesBytesTarget) {
        wal::SeriesEncoder encoder(*out_);
        for (; i < series.size() && out_->position() - record_start_ < kRecordBytesTarget; ++i) {
            const LabelSet labels = head.label_sets().get(series[i].labels);
            encoder.begin(series[i].ref, labels.names.size());
            for (size_t label = 0; label < labels.names.size(); ++label) {
                encoder.label(symbols.text(labels.names[label]),
                              symbols.text(labels.values[label]));
            }
        }
        end_record();
    }
    return i;
}

template <class Encoder, class Get>
void GroupRecords::add_histograms_of(wal::RecordType type,
                                     std::span<const HeadHistogram> samples,
                                     const Get& get) {
    std::optional<Encoder> encoder;
    for (const HeadHistogram& sample : samples) {
        const auto* const histogram = get(sample);
        if (histogram == nullptr || wal::record_type_for(*histogram) != type) {
            continue;
        }
        if (!encoder) {
            encoder.emplace(*out_, type);
        }
        encoder->add(sample.series.record->ref(), sample.t, *histogram);
    }
    encoder.reset();
    end_record();
}

void GroupRecords::add_histograms(std::span<const HeadHistogram> samples) {
    using wal::RecordType;
    if (samples.empty()) {
        return;
    }
    const auto integer = [](const HeadHistogram& sample) { return sample.integer; };
    const auto floating = [](const HeadHistogram& sample) { return sample.floating; };
    end_record();
    add_histograms_of<wal::HistogramsEncoder>(RecordType::kHistograms, samples, integer);
    add_histograms_of<wal::HistogramsEncoder>(RecordType::kCustomHistograms, samples, integer);
    add_histograms_of<wal::FloatHistogramsEncoder>(RecordType::kFloatHistograms, samples, floating);
    add_histograms_of<wal::FloatHistogramsEncoder>(
        RecordType::kCustomFloatHistograms, samples, floating);
}

void GroupRecords::add_exemplars(std::span<const HeadExemplar> exemplars) {
    end_record();
    for (size_t i = 0; i < exemplars.size();) {
        wal::ExemplarsEncoder encoder(*out_);
        for (; i < exemplars.size() && out_->position() - record_start_ < kRecordBytesTarget; ++i) {
            const model::Exemplar& exemplar = *exemplars[i].exemplar;
            encoder.begin(exemplars[i].ref, exemplar.t, exemplar.v, exemplar.labels.size());
            for (const model::LabelView label : exemplar.labels) {
                encoder.label(label.name, label.value);
            }
        }
        end_record();
    }
}

void GroupRecords::end() {
    end_record();
    out_.reset();
}

void GroupRecords::end_record() {
    floats_.reset();
    if (out_->position() != record_start_) {
        ends_.emplace_back(record_start_, out_->position());
        record_start_ = out_->position();
    }
}

std::vector<base::ByteView> GroupRecords::views() const {
    std::vector<base::ByteView> views;
    views.reserve(ends_.size());
    for (const auto& [from, to] : ends_) {
        views.push_back(base::ByteView(bytes_).part(from, to - from));
    }
    return views;
}

}  // namespace tsdb
