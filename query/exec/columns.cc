#include "query/exec/columns.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "model/chunk_codec.h"
#include "model/sample.h"
#include "model/xor2_chunk.h"
#include "model/xor_chunk.h"
#include "model/xor_pair.h"
#include "query/exec/replica_join.h"
#include "query/histogram/compare.h"

namespace query::exec {
namespace {

using base::Code;

// Adds a start timestamp for the sample added last to a column that begins with the first one.
void add_start(int64_t start_t, size_t samples, std::vector<int64_t>& column) {
    if (start_t != 0 && column.empty()) {
        column.resize(samples - 1, 0);
    }
    if (start_t != 0 || !column.empty()) {
        column.push_back(start_t);
    }
}

void decode_samples(const model::ChunkView& chunk, Columns& out) {
    const auto* samples = reinterpret_cast<const model::ChunkSample*>(chunk.bytes.data());
    const size_t count = chunk.bytes.size() / sizeof(model::ChunkSample);
    for (size_t i = 0; i < count; ++i) {
        const model::ChunkSample& sample = samples[i];
        if (sample.histogram) {
            out.add(sample.t, sample.st, sample.histogram);
        } else {
            out.add(sample.t, sample.st, sample.v);
        }
    }
}

// The common case: straight into the columns, several at once.
base::Status decode_xor(std::span<const model::ChunkView> chunks, Columns& out) {
    constexpr size_t kAtOnce = 16;
    size_t at = out.t.size();
    size_t count = at;
    for (const model::ChunkView& chunk : chunks) {
        count += model::xor_count(chunk.bytes);
    }
    out.t.resize(count);
    out.v.resize(count);
    while (!chunks.empty()) {
        std::array<model::XorColumns, kAtOnce> columns;
        const size_t some = std::min(chunks.size(), kAtOnce);
        for (size_t i = 0; i < some; ++i) {
            columns[i] = {chunks[i].bytes, out.t.data() + at, out.v.data() + at};
            at += model::xor_count(chunks[i].bytes);
        }
        TRY(model::xor_decode_all(std::span(columns).first(some)));
        chunks = chunks.subspan(some);
    }
    if (!out.st.empty()) {
        out.st.resize(out.t.size(), 0);
    }
    return base::success();
}

base::Status decode_xor2(const model::ChunkView& chunk, Columns& out) {
    const size_t before = out.t.size();
    const size_t count = model::xor2_count(chunk.bytes);
    std::vector<int64_t> starts(count);
    out.t.resize(before + count);
    out.v.resize(before + count);
    TRY(model::xor2_decode(
        chunk.bytes, out.t.data() + before, starts.data(), out.v.data() + before));
    const bool any = std::ranges::any_of(starts, [](int64_t start_t) { return start_t != 0; });
    if (any || !out.st.empty()) {
        out.st.resize(before, 0);
        out.st.insert(out.st.end(), starts.begin(), starts.end());
    }
    return base::success();
}

base::Status decode_histograms(const model::ChunkView& chunk, Columns& out) {
    std::vector<model::TypedSample> samples;
    TRY(model::decode_samples(chunk, samples, model::HistogramsAs::kFloat));
    for (model::TypedSample& sample : samples) {
        out.add(sample.t, sample.st, std::move(sample.floating));
    }
    return base::success();
}

base::Status decode_chunk(const model::ChunkView& chunk, Columns& out) {
    switch (chunk.encoding) {
        case model::Encoding::kXor:
            return decode_xor(std::span(&chunk, 1), out);
        case model::Encoding::kXor2:
            return decode_xor2(chunk, out);
        case model::Encoding::kHistogram:
        case model::Encoding::kFloatHistogram:
        case model::Encoding::kHistogramSt:
        case model::Encoding::kFloatHistogramSt:
            return decode_histograms(chunk, out);
        case model::Encoding::kSamples:
            decode_samples(chunk, out);
            return base::success();
        default:
            return base::fail(Code::kUnsupported,
                              "cannot query chunks of encoding",
                              static_cast<int>(chunk.encoding));
    }
}

base::Status decode_chunks(std::span<const model::ChunkView> chunks, Columns& out) {
    const bool all_xor = std::ranges::all_of(chunks, [](const model::ChunkView& chunk) {
        return chunk.encoding == model::Encoding::kXor;
    });
    if (all_xor) {
        return decode_xor(chunks, out);
    }
    for (const model::ChunkView& chunk : chunks) {
        TRY(decode_chunk(chunk, out));
    }
    return base::success();
}

// Keeps the positions in `kept` of every column that is not empty.
template <class T>
void gather(std::vector<T>& column, const std::vector<uint32_t>& kept) {
    if (column.empty()) {
        return;
    }
    std::vector<T> gathered;
    gathered.reserve(kept.size());
    for (const uint32_t i : kept) {
        gathered.push_back(std::move(column[i]));
    }
    column = std::move(gathered);
}

// The order by time, of equal times the first only; nothing when the times ascend already.
bool ascending(const std::vector<int64_t>& times) {
    bool falls = false;  // asked at the end: that leaves a loop of vector instructions
    for (size_t i = 1; i < times.size(); ++i) {
        falls |= times[i] <= times[i - 1];
    }
    return !falls;
}

std::vector<uint32_t> sorted_order(const std::vector<int64_t>& times) {
    std::vector<uint32_t> order(times.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](uint32_t i) { return times[i]; });
    const auto repeats = std::ranges::unique(order, {}, [&](uint32_t i) { return times[i]; });
    order.erase(repeats.begin(), repeats.end());
    return order;
}

// What a histogram says about resets holds against the one before it in its own chunk. Where
// chunks interleave, one whose neighbour came from elsewhere says nothing any more; gauges stay.
void forget_hints(const std::vector<uint32_t>& order, std::vector<HistogramPtr>& histograms) {
    for (size_t i = 0; i < order.size(); ++i) {
        const bool neighbours = i > 0 && order[i] == order[i - 1] + 1;
        if (!neighbours) {
            histograms[i] = without_reset_hint(histograms[i]);
        }
    }
}

// The positions inside [min_t, max_t] that `keep` wants.
template <class Keep>
std::vector<uint32_t> wanted(const std::vector<int64_t>& times,
                             int64_t min_t,
                             int64_t max_t,
                             Keep&& keep) {
    std::vector<uint32_t> kept;
    kept.reserve(times.size());
    for (uint32_t i = 0; i < times.size(); ++i) {
        if (times[i] >= min_t && times[i] <= max_t && keep(i)) {
            kept.push_back(i);
        }
    }
    return kept;
}

// Keeps the places [first, last).
template <class T>
void cut(std::vector<T>& column, size_t first, size_t last) {
    std::move(column.begin() + static_cast<ptrdiff_t>(first),
              column.begin() + static_cast<ptrdiff_t>(last),
              column.begin());
    column.resize(last - first);
}

// The common case: cut the ends, and squeeze stale markers out where there are any.
void trim_floats(int64_t min_t, int64_t max_t, bool drop_stale, Columns& out) {
    const auto first = static_cast<size_t>(std::ranges::lower_bound(out.t, min_t) - out.t.begin());
    const auto last = static_cast<size_t>(std::ranges::upper_bound(out.t, max_t) - out.t.begin());
    const bool times = !out.st.empty();
    if (!drop_stale || !any_stale(std::span(out.v).subspan(first, last - first))) {
        cut(out.t, first, last);
        cut(out.v, first, last);
        if (times) {
            cut(out.st, first, last);
        }
        return;
    }
    size_t to = 0;
    for (size_t i = first; i < last; ++i) {
        if (model::is_stale(out.v[i])) {
            continue;
        }
        out.t[to] = out.t[i];
        out.v[to] = out.v[i];
        if (times) {
            out.st[to] = out.st[i];
        }
        ++to;
    }
    out.t.resize(to);
    out.v.resize(to);
    out.st.resize(times ? to : 0);
}

void trim_histograms(int64_t min_t, int64_t max_t, bool drop_stale, Columns& out) {
    const std::vector<uint32_t> kept = wanted(out.histogram_t, min_t, max_t, [&](uint32_t i) {
        return !drop_stale || !model::is_stale(out.histogram[i]->sum);
    });
    if (kept.size() != out.histogram_t.size()) {
        gather(out.histogram_t, kept);
        gather(out.histogram, kept);
        gather(out.histogram_st, kept);
    }
}

// The same of several holders' chunks: each holder's are columns of their own, until they are
// joined. In the order of the holders' numbers, so that this node's come first.
base::Status decode_replicas(std::span<const model::ChunkView> chunks,
                             int64_t max_t,
                             Columns& out) {
    std::vector<uint16_t> holders;
    for (const model::ChunkView& chunk : chunks) {
        holders.push_back(chunk.replica);
    }
    std::ranges::sort(holders);
    holders.erase(std::ranges::unique(holders).begin(), holders.end());
    std::vector<Columns> accounts(holders.size());
    for (const model::ChunkView& chunk : chunks) {
        const auto holder = std::ranges::lower_bound(holders, chunk.replica) - holders.begin();
        TRY(decode_chunk(chunk, accounts[static_cast<size_t>(holder)]));
    }
    for (Columns& account : accounts) {
        account.put_in_order();
    }
    join_replicas(std::move(accounts), max_t, out);
    return base::success();
}

bool of_several_holders(std::span<const model::ChunkView> chunks) {
    return std::ranges::any_of(chunks, [&](const model::ChunkView& chunk) {
        return chunk.replica != chunks.front().replica;
    });
}

}  // namespace

bool any_stale(std::span<const double> values) {
    bool stale = false;
    for (const double value : values) {
        stale |= model::is_stale(value);
    }
    return stale;
}

HistogramPtr without_reset_hint(const HistogramPtr& histogram) {
    if (histogram->hint == model::CounterResetHint::kUnknown ||
        histogram->hint == model::CounterResetHint::kGauge) {
        return histogram;
    }
    auto copy = std::make_shared<model::FloatHistogram>(*histogram);
    copy->hint = model::CounterResetHint::kUnknown;
    return copy;
}

void keep_statistics(Columns& columns) {
    using model::CounterResetHint;
    HistogramPtr before;  // whole
    for (HistogramPtr& histogram : columns.histogram) {
        auto kept = std::make_shared<model::FloatHistogram>();
        kept->hint = histogram->hint;
        kept->schema = histogram->schema;
        kept->count = histogram->count;
        kept->sum = histogram->sum;
        if (!model::is_stale(histogram->sum)) {
            if (kept->hint == CounterResetHint::kUnknown && before != nullptr) {
                kept->hint = histogram::detect_reset(*histogram, *before)
                                 ? CounterResetHint::kReset
                                 : CounterResetHint::kNotReset;
            }
            before = std::move(histogram);
        }
        histogram = std::move(kept);
    }
}

int64_t Columns::histogram_bytes() const {
    int64_t bytes = 0;
    const HistogramPtr* before = nullptr;
    for (const HistogramPtr& one : histogram) {
        bytes += before != nullptr && *before == one ? 0 : bytes_of(*one);
        before = &one;
    }
    return bytes;
}

void Columns::add(int64_t time, int64_t start_time, double value) {
    add(time, value);
    add_start(start_time, t.size(), st);
}

void Columns::add(int64_t time, int64_t start_time, HistogramPtr value) {
    add(time, std::move(value));
    add_start(start_time, histogram_t.size(), histogram_st);
}

void Columns::put_in_order() {
    if (!ascending(t)) {
        const std::vector<uint32_t> order = sorted_order(t);
        gather(t, order);
        gather(v, order);
        gather(st, order);
    }
    if (!ascending(histogram_t)) {
        const std::vector<uint32_t> order = sorted_order(histogram_t);
        gather(histogram_t, order);
        gather(histogram, order);
        gather(histogram_st, order);
        forget_hints(order, histogram);
    }
}

void Columns::clear() {
    t.clear();
    v.clear();
    st.clear();
    histogram_t.clear();
    histogram.clear();
    histogram_st.clear();
}

base::Status decode(std::span<const model::ChunkView> chunks,
                    int64_t min_t,
                    int64_t max_t,
                    bool drop_stale,
                    Columns& out) {
    out.clear();
    if (of_several_holders(chunks)) {
        TRY(decode_replicas(chunks, max_t, out));
    } else {
        TRY(decode_chunks(chunks, out));
        out.put_in_order();
    }
    trim_floats(min_t, max_t, drop_stale, out);
    if (!out.histogram_t.empty()) {
        trim_histograms(min_t, max_t, drop_stale, out);
    }
    return base::success();
}

}  // namespace query::exec
