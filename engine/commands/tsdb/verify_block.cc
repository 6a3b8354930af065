#include <algorithm>

#include "base/checksum.h"
#include "engine/commands/tsdb/verify.h"
#include "model/chunk_codec.h"
#include "tsdb/block/block.h"
#include "tsdb/block/checksums.h"

namespace engine {
namespace {

namespace block = tsdb::block;

// Which series carry which label, told from both sides of the index: sums of hashes that do not
// depend on the order.
struct PostingsSum {
    uint64_t entries = 0;
    uint64_t sum = 0;

    void add(block::SeriesId id, uint64_t pair) {
        ++entries;
        const uint64_t words[2] = {id, pair};
        sum += base::hash64({reinterpret_cast<const uint8_t*>(words), sizeof words});
    }

    bool operator==(const PostingsSum&) const = default;
};

uint64_t pair_hash(std::string_view name, std::string_view value) {
    return base::hash64(value, base::hash64(name));
}

class BlockVerifier {
  public:
    BlockVerifier(const block::Block& block, Findings& findings)
        : block_(block), findings_(findings) {}

    void run() {
        series();
        postings();
        tombstones();
        figures();
    }

    std::string summary() const {
        return std::to_string(stats_.series) + " series, " + std::to_string(stats_.chunks) +
               " chunks, " + std::to_string(stats_.samples) + " samples";
    }

  private:
    void series() {
        const auto all = block_.index().all_postings();
        if (!all) {
            findings_.damage("index: " + all.error().message());
            return;
        }
        model::Labels before;
        for (size_t i = 0; i < all.value().size(); ++i) {
            ids_.push_back(all.value()[i]);
            one_series(ids_.back(), before);
            findings_.progress().tick([&] {
                return "verified " + std::to_string(i) + " of " +
                       std::to_string(all.value().size()) + " series of block " +
                       block_.meta().ulid.text();
            });
        }
    }

    void one_series(block::SeriesId id, model::Labels& before) {
        const auto status = block_.index().series(id, symbols_, &chunks_);
        if (!status) {
            findings_.damage("index, series " + std::to_string(id) + ": " +
                             status.error().message());
            return;
        }
        ++stats_.series;
        std::vector<model::LabelView> views;
        for (const auto& label : symbols_) {
            const model::LabelView view{block_.index().text(label.name),
                                        block_.index().text(label.value)};
            views.push_back(view);
            from_series_.add(id, pair_hash(view.name, view.value));
        }
        auto labels = model::Labels::from_unsorted(views);
        name_ = labels.to_string();
        if (labels.size() != views.size() || views.empty()) {
            findings_.damage("index, series " + name_ + ": labels are empty or there twice");
        } else if (!before.empty() && !(before < labels)) {
            findings_.damage("index, series " + name_ + ": out of order");
        }
        before = std::move(labels);
        for (size_t i = 0; i < chunks_.size(); ++i) {
            one_chunk(chunks_[i], i == 0 ? INT64_MIN : chunks_[i - 1].max_t, i == 0);
        }
    }

    void one_chunk(const block::ChunkMeta& meta, int64_t before, bool first) {
        ++stats_.chunks;
        const std::string where = "series " + name_ + ", chunk of " + std::to_string(meta.min_t);
        if (!first && meta.min_t <= before) {
            findings_.damage(where + ": overlaps the chunk before it");
        }
        const auto chunk = block_.chunk(meta.ref);
        if (!chunk) {
            findings_.damage(where + ": " + chunk.error().message());
            return;
        }
        model::ChunkView view;
        view.encoding = chunk.value().encoding;
        view.bytes = chunk.value().bytes;
        samples_.clear();
        if (const auto decoded = model::decode_samples(view, samples_); !decoded) {
            findings_.damage(where + ": " + decoded.error().message());
            return;
        }
        check_samples(meta, where);
    }

    void check_samples(const block::ChunkMeta& meta, const std::string& where) {
        stats_.samples += samples_.size();
        const auto floats = static_cast<uint64_t>(
            std::count_if(samples_.begin(), samples_.end(), [](const model::TypedSample& sample) {
                return sample.is_float();
            }));
        stats_.float_samples += floats;
        stats_.histogram_samples += samples_.size() - floats;
        const auto not_ascending = [](const auto& left, const auto& right) {
            return left.t >= right.t;
        };
        if (samples_.empty()) {
            findings_.damage(where + ": no samples");
        } else if (samples_.front().t != meta.min_t || samples_.back().t != meta.max_t) {
            findings_.damage(where + ": its times are not those in the index");
        } else if (std::adjacent_find(samples_.begin(), samples_.end(), not_ascending) !=
                   samples_.end()) {
            findings_.damage(where + ": samples out of order");
        } else if (meta.min_t < block_.meta().min_t || meta.max_t >= block_.meta().max_t) {
            findings_.damage(where + ": outside of the block's time");
        }
    }

    void postings() {
        PostingsSum from_postings;
        const auto& index = block_.index();
        for (const std::string_view name : index.label_names()) {
            const auto values = index.label_values(name);
            if (!values) {
                findings_.damage("index, label " + std::string(name) + ": " +
                                 values.error().message());
                return;
            }
            for (const std::string_view value : values.value()) {
                const auto list = index.postings(name, value);
                if (!list) {
                    findings_.damage("index, postings of " + std::string(name) + "=" +
                                     std::string(value) + ": " + list.error().message());
                    return;
                }
                const uint64_t pair = pair_hash(name, value);
                for (size_t i = 0; i < list.value().size(); ++i) {
                    from_postings.add(list.value()[i], pair);
                }
            }
        }
        if (from_postings != from_series_) {
            findings_.damage("index: postings and series do not agree");
        }
    }

    void tombstones() {
        for (const auto& [id, intervals] : block_.tombstones()) {
            if (!std::binary_search(ids_.begin(), ids_.end(), id)) {
                findings_.damage("tombstones: there is no series " + std::to_string(id));
            }
        }
    }

    void figures() {
        const auto& told = block_.meta().stats;
        const auto check = [&](const char* what, uint64_t want, uint64_t got) {
            if (want != got) {
                findings_.damage("meta.json tells of " + std::to_string(want) + " " + what +
                                 ", the block has " + std::to_string(got));
            }
        };
        check("series", told.series, stats_.series);
        check("chunks", told.chunks, stats_.chunks);
        check("samples", told.samples, stats_.samples);
    }

    const block::Block& block_;
    Findings& findings_;
    block::BlockStats stats_;
    PostingsSum from_series_;
    std::vector<uint64_t> ids_;
    std::vector<model::LabelSymbols> symbols_;
    std::vector<block::ChunkMeta> chunks_;
    std::vector<model::TypedSample> samples_;
    std::string name_;  // of the series at hand
};

void verify_pages(base::Files& files, const base::Path& folder, Findings& findings) {
    uint64_t bytes = 0;
    const auto mismatches = block::verify_checksums(files, folder, [&](size_t page) {
        bytes += page;
        findings.progress().tick(
            [&] { return "summed up " + std::to_string(bytes) + " bytes of " + folder; });
        return true;
    });
    if (!mismatches) {
        if (mismatches.error().code() == base::Code::kNotFound) {
            findings.note("has no page checksums: another server made it");
        } else {
            findings.damage(mismatches.error().message());
        }
        return;
    }
    for (const auto& mismatch : mismatches.value()) {
        findings.damage(mismatch.file + " at byte " + std::to_string(mismatch.offset) + ": " +
                        mismatch.reason);
    }
}

}  // namespace

void verify_block(base::Files& files, const base::Path& folder, Findings& findings) {
    findings.begin("block " + std::string(base::file_name(folder)));
    verify_pages(files, folder, findings);
    const auto opened = block::Block::open(files, folder);
    if (!opened) {
        findings.damage(opened.error().message());
        findings.end("cannot be read");
        return;
    }
    if (opened.value()->meta().ulid.text() != base::file_name(folder)) {
        findings.damage("meta.json names block " + opened.value()->meta().ulid.text());
    }
    BlockVerifier verifier(*opened.value(), findings);
    verifier.run();
    findings.end(verifier.summary());
}

}  // namespace engine
