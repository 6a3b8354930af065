#include "tsdb/out_of_order_log.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/record_histogram.h"

namespace tsdb {
namespace {

using Meets = OutOfOrderStore::Meets;

constexpr uint64_t kFirstArray = 0;  // the chunk ref of a marker before a series' first samples

}  // namespace

base::Result<bool> OutOfOrderLog::append(std::span<const LateSample> samples,
                                         const std::function<void(const LateSample&)>& refused,
                                         LateStored& stored) {
    bool logged = true;
    while (!samples.empty()) {
        samples = samples.subspan(plan_round(samples, refused));
        close_full_arrays();
        TRY(const bool round_logged, log_round());
        logged = logged && round_logged;
        store_round(refused, stored);
    }
    return logged;
}

size_t OutOfOrderLog::plan_round(std::span<const LateSample> samples,
                                 const std::function<void(const LateSample&)>& refused) {
    round_.clear();
    planned_.clear();
    full_.clear();
    const OutOfOrderStore& store = head_.late();
    for (size_t i = 0; i < samples.size(); ++i) {
        const LateSample& sample = samples[i];
        const Meets met = store.look(sample.slot, sample.sample);
        if (met != Meets::kNothing) {
            if (met == Meets::kDuplicate) {
                refused(sample);
            }
            continue;
        }
        const auto [at, first] = planned_.try_emplace(sample.slot, 0);
        if (first) {
            at->second = store.open_samples(sample.slot);
            if (at->second == OutOfOrderStore::kOpenSamples) {
                full_.push_back(sample.slot);
                at->second = 0;
            }
        } else if (at->second == OutOfOrderStore::kOpenSamples) {
            return i;
        }
        ++at->second;
        round_.push_back(&sample);
    }
    return samples.size();
}

// The chunks come before the samples that follow them, in the files as in the log.
void OutOfOrderLog::close_full_arrays() {
    markers_.clear();
    if (full_.empty()) {
        return;
    }
    for (const uint32_t slot : full_) {
        head_.late().close(slot);
    }
    std::vector<FiledLateChunk> filed;
    base::ignore(head_.late().file_held(chunk_files_, filed),
                 "the chunks stay in memory, and their samples are in the log");
    std::ranges::sort(full_);
    for (const FiledLateChunk& chunk : filed) {
        if (std::ranges::binary_search(full_, chunk.slot)) {
            markers_.emplace_back(chunk.ref, chunk_files_.full_ref(chunk.place));
        }
    }
}

base::Result<bool> OutOfOrderLog::log_round() {
    records_.clear();
    record_ends_.clear();
    for (const LateSample* sample : round_) {
        if (head_.late().open_samples(sample->slot) == 0 &&
            head_.late().chunks(sample->slot) == 0) {
            markers_.emplace_back(sample->series.record->ref(), kFirstArray);
        }
    }
    encode_markers();
    encode_floats();
    encode_histograms();
    std::vector<base::ByteView> views;
    views.reserve(record_ends_.size());
    for (const auto& [from, to] : record_ends_) {
        views.push_back(base::ByteView(records_).part(from, to - from));
    }
    return gate_.log_late(views);
}

void OutOfOrderLog::encode_markers() {
    std::ranges::sort(markers_);
    const auto repeated = std::ranges::unique(markers_);
    markers_.erase(repeated.begin(), repeated.end());
    if (markers_.empty()) {
        return;
    }
    {
        base::ByteWriter out(records_);
        wal::MmapMarkersEncoder encoder(out);
        for (const auto& [ref, chunk] : markers_) {
            encoder.add({.ref = ref, .chunk_ref = chunk});
        }
    }
    end_record();
}

void OutOfOrderLog::encode_floats() {
    std::unique_ptr<base::ByteWriter> out;
    std::optional<wal::SamplesEncoder> encoder;
    for (const LateSample* sample : round_) {
        if (!sample->sample.is_float()) {
            continue;
        }
        if (!encoder) {
            out = std::make_unique<base::ByteWriter>(records_);
            encoder.emplace(*out);
        }
        encoder->add(sample->series.record->ref(),
                     sample->sample.t,
                     std::bit_cast<uint64_t>(sample->sample.v));
    }
    encoder.reset();
    out.reset();
    end_record();
}

void OutOfOrderLog::encode_histograms() {
    using wal::RecordType;
    const auto encode = [&]<class Encoder>(RecordType type, const auto& get) {
        std::unique_ptr<base::ByteWriter> out;
        std::optional<Encoder> encoder;
        for (const LateSample* sample : round_) {
            const auto* const histogram = get(sample->sample);
            if (histogram == nullptr || wal::record_type_for(*histogram) != type) {
                continue;
            }
            if (!encoder) {
                out = std::make_unique<base::ByteWriter>(records_);
                encoder.emplace(*out, type);
            }
            encoder->add(sample->series.record->ref(), sample->sample.t, *histogram);
        }
        encoder.reset();
        out.reset();
        end_record();
    };
    const auto integer = [](const model::TypedSample& sample) { return sample.integer.get(); };
    const auto floating = [](const model::TypedSample& sample) { return sample.floating.get(); };
    encode.operator()<wal::HistogramsEncoder>(RecordType::kHistograms, integer);
    encode.operator()<wal::HistogramsEncoder>(RecordType::kCustomHistograms, integer);
    encode.operator()<wal::FloatHistogramsEncoder>(RecordType::kFloatHistograms, floating);
    encode.operator()<wal::FloatHistogramsEncoder>(RecordType::kCustomFloatHistograms, floating);
}

void OutOfOrderLog::end_record() {
    const size_t from = record_ends_.empty() ? 0 : record_ends_.back().second;
    if (records_.size() != from) {
        record_ends_.emplace_back(from, records_.size());
    }
}

// Of two samples of one series and time in a round the first counts.
void OutOfOrderLog::store_round(const std::function<void(const LateSample&)>& refused,
                                LateStored& stored) {
    for (const LateSample* sample : round_) {
        const Meets met =
            head_.late().insert(sample->slot, sample->series.record->ref(), sample->sample);
        if (met == Meets::kDuplicate) {
            refused(*sample);
        } else if (met == Meets::kNothing) {
            ++(sample->sample.is_float() ? stored.floats : stored.histograms);
            if (!sample->series.record->is(SeriesRecord::kOutOfOrder)) {
                head_.set_out_of_order(sample->slot, true);
            }
        }
    }
}

}  // namespace tsdb
