// What a target says of its metrics (HELP, TYPE, UNIT). The texts are shared by all targets that
// say the same; the lines, like samples, are walked in step, so that an unchanged one costs a hash.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/sync.h"
#include "model/metadata.h"
#include "scrape/parse/parser.h"

namespace scrape {

using SharedMetadata = std::shared_ptr<const model::MetricMetadata>;

// One copy of each metadata. What no target uses any more is dropped when the pool has doubled.
// Threads: any.
class MetadataPool {
  public:
    // `store` (null: none) is told of everything new.
    explicit MetadataPool(model::MetadataStore* store) : store_(store) {}

    [[nodiscard]] SharedMetadata intern(model::MetricMetadata metadata) EXCLUDES_LOCK(mutex_);
    [[nodiscard]] size_t size() const EXCLUDES_LOCK(mutex_);

  private:
    struct Hash {
        size_t operator()(const SharedMetadata& shared) const;
    };

    struct Equal {
        bool operator()(const SharedMetadata& left, const SharedMetadata& right) const;
    };

    static constexpr size_t kSweepMin = 4096;

    void sweep() REQUIRES_LOCK(mutex_);

    model::MetadataStore* const store_;
    mutable base::Mutex mutex_;
    std::unordered_set<SharedMetadata, Hash, Equal> all_ GUARDED_BY(mutex_);
    size_t sweep_at_ GUARDED_BY(mutex_) = kSweepMin;
};

// Threads: one (the target's lane).
class MetadataCache {
  public:
    // A family is remembered for this many scrapes after its last line.
    static constexpr uint32_t kScrapesKept = 10;

    explicit MetadataCache(MetadataPool& pool) : pool_(pool) {}

    void begin_pass();

    // Takes the comment line at the parser's position if it is the one expected.
    bool take_expected(Parser& parser, const LineKey& key) {
        if (cursor_ >= lines_.size()) {
            return false;
        }
        const Line& line = lines_[cursor_];
        if (!parser.skip_expected_comment(line.length, line.hash, line.type, key)) {
            return false;
        }
        families_[line.family].seen = pass_;
        ++cursor_;
        return true;
    }

    // A HELP, TYPE or UNIT line that the parser has just read; `text` is the whole line.
    void take(const Parser& parser, EntryKind kind, std::string_view text, const LineKey& key);

    // Takes over what changed; after a page that was good forgets families not seen for long.
    void end_pass(bool good);

    [[nodiscard]] std::vector<SharedMetadata> all() const;

    [[nodiscard]] size_t size() const { return families_.size(); }

    // Bytes of help, unit and type, as Prometheus counts them.
    [[nodiscard]] size_t text_bytes() const;

  private:
    struct Line {
        uint64_t hash;
        uint32_t length;
        uint32_t family;
        model::MetricType type;  // of the parser, behind this line
    };

    struct Family {
        SharedMetadata metadata;  // null until the end of the family's first pass
        uint32_t seen;
    };

    uint32_t family_of(std::string_view name);
    // What the pass has learned of a family so far.
    model::MetricMetadata& changed(uint32_t family);
    void forget_old();

    MetadataPool& pool_;
    std::vector<Line> lines_;
    std::vector<Family> families_;
    std::unordered_map<std::string_view, uint32_t> names_;         // during a pass that needs it
    std::unordered_map<uint32_t, model::MetricMetadata> changed_;  // likewise, by family
    std::string scratch_;
    size_t cursor_ = 0;
    uint32_t pass_ = 0;
};

}  // namespace scrape
