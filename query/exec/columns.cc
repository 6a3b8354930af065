#include "query/exec/columns.h"

#include <algorithm>
#include <numeric>

#include "model/sample.h"
#include "model/xor_chunk.h"

namespace query::exec {
namespace {

using base::Code;

void decode_samples(const model::ChunkView& chunk, Columns& out) {
    const auto* samples = reinterpret_cast<const model::ChunkSample*>(chunk.bytes.data());
    const size_t count = chunk.bytes.size() / sizeof(model::ChunkSample);
    for (size_t i = 0; i < count; ++i) {
        const model::ChunkSample& sample = samples[i];
        if (sample.histogram) {
            out.add(sample.t, sample.histogram);
            if (sample.st != 0 && out.histogram_st.empty()) {
                out.histogram_st.resize(out.histogram_t.size() - 1, 0);
            }
            if (sample.st != 0 || !out.histogram_st.empty()) {
                out.histogram_st.push_back(sample.st);
            }
            continue;
        }
        out.add(sample.t, sample.v);
        if (sample.st != 0 && out.st.empty()) {
            out.st.resize(out.t.size() - 1, 0);
        }
        if (sample.st != 0 || !out.st.empty()) {
            out.st.push_back(sample.st);
        }
    }
}

base::Status decode_chunk(const model::ChunkView& chunk, Columns& out) {
    switch (chunk.encoding) {
        case model::Encoding::kXor: {
            const size_t before = out.t.size();
            const size_t count = before + model::xor_count(chunk.bytes);
            out.t.resize(count);
            out.v.resize(count);
            TRY(model::xor_decode(chunk.bytes, out.t.data() + before, out.v.data() + before));
            if (!out.st.empty()) {
                out.st.resize(out.t.size(), 0);
            }
            return base::success();
        }
        case model::Encoding::kSamples:
            decode_samples(chunk, out);
            return base::success();
        default:
            return base::fail(Code::kUnsupported,
                              "cannot query chunks of encoding",
                              static_cast<int>(chunk.encoding));
    }
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
    return std::adjacent_find(times.begin(), times.end(), std::greater_equal<>()) == times.end();
}

std::vector<uint32_t> sorted_order(const std::vector<int64_t>& times) {
    std::vector<uint32_t> order(times.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, {}, [&](uint32_t i) { return times[i]; });
    const auto repeats = std::ranges::unique(order, {}, [&](uint32_t i) { return times[i]; });
    order.erase(repeats.begin(), repeats.end());
    return order;
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

// The common case, without a copy of anything: cut the ends, then squeeze stale markers out.
void trim_floats(int64_t min_t, int64_t max_t, bool drop_stale, Columns& out) {
    const auto first = static_cast<size_t>(std::ranges::lower_bound(out.t, min_t) - out.t.begin());
    const auto last = static_cast<size_t>(std::ranges::upper_bound(out.t, max_t) - out.t.begin());
    const bool times = !out.st.empty();
    if (first == 0 && (!drop_stale || std::ranges::none_of(out.v, model::is_stale))) {
        out.t.resize(last);
        out.v.resize(last);
        out.st.resize(times ? last : 0);
        return;
    }
    size_t to = 0;
    for (size_t i = first; i < last; ++i) {
        if (drop_stale && model::is_stale(out.v[i])) {
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

}  // namespace

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
    for (const model::ChunkView& chunk : chunks) {
        TRY(decode_chunk(chunk, out));
    }
    if (!ascending(out.t)) {
        const std::vector<uint32_t> order = sorted_order(out.t);
        gather(out.t, order);
        gather(out.v, order);
        gather(out.st, order);
    }
    if (!ascending(out.histogram_t)) {
        const std::vector<uint32_t> order = sorted_order(out.histogram_t);
        gather(out.histogram_t, order);
        gather(out.histogram, order);
        gather(out.histogram_st, order);
    }
    trim_floats(min_t, max_t, drop_stale, out);
    if (!out.histogram_t.empty()) {
        trim_histograms(min_t, max_t, drop_stale, out);
    }
    return base::success();
}

}  // namespace query::exec
