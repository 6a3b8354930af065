#include "tsdb/head/matching.h"

#include <unordered_map>
#include <vector>

namespace tsdb {
namespace {

using model::Matcher;
using model::MatchType;

constexpr size_t kChecksEvery = 4096;  // values or series between two looks at the context
// Testing a series' own label costs about as much as testing this many values of the index.
constexpr uint64_t kFilterCost = 4;

bool matches_everything(const Matcher& matcher) {
    return matcher.type() == MatchType::kRegex && matcher.regex()->matches_everything();
}

// The texts an = or a =~"a|b|c" can match; empty when that is not a short list.
std::vector<std::string_view> listed_texts(const Matcher& matcher) {
    if (matcher.type() == MatchType::kEqual) {
        return {matcher.value()};
    }
    std::vector<std::string_view> texts;
    if (matcher.type() == MatchType::kRegex) {
        for (const std::string& text : matcher.regex()->set_matches()) {
            texts.push_back(text);
        }
    }
    return texts;
}

// One evaluation.
class Matching {
  public:
    Matching(const MatchSource& source, const model::QueryContext& context)
        : source_(source), context_(context) {}

    base::Result<SlotSet> run(std::span<const Matcher> matchers) {
        sort_out(matchers);
        if (nothing_) {
            return SlotSet();
        }
        bool started = false;
        SlotSet set;
        if (!listed_.empty()) {
            set = source_.index.with_all(listed_);
            started = true;
        }
        for (const Matcher* matcher : positive_) {
            if (started && set.empty()) {
                return set;
            }
            if (!started) {
                TRY(const auto values, values_where(*matcher, true));
                set = source_.index.with_any(source_.symbols.find(matcher->name()), values);
                started = true;
            } else {
                TRY(keep(set, *matcher));
            }
        }
        if (!started) {
            set = source_.index.all();
        }
        for (const Matcher* matcher : negative_) {
            if (set.empty()) {
                break;
            }
            TRY(keep(set, *matcher));
        }
        return set;
    }

  private:
    void sort_out(std::span<const Matcher> matchers) {
        for (const Matcher& matcher : matchers) {
            if (matches_everything(matcher)) {
                continue;
            }
            if (matcher.matches_empty()) {
                negative_.push_back(&matcher);
                continue;
            }
            const auto texts = listed_texts(matcher);
            if (texts.empty()) {
                positive_.push_back(&matcher);
                continue;
            }
            LabelIndex::AnyOf condition{.name = source_.symbols.find(matcher.name()), .values = {}};
            for (const std::string_view text : texts) {
                if (const uint32_t value = source_.symbols.find(text); value != Symbols::kNone) {
                    condition.values.push_back(value);
                }
            }
            nothing_ = nothing_ || condition.values.empty() || condition.name == Symbols::kNone;
            listed_.push_back(std::move(condition));
        }
    }

    // The values of the label for which the matcher says `wanted`.
    base::Result<std::vector<uint32_t>> values_where(const Matcher& matcher, bool wanted) {
        const auto values = source_.index.values(source_.symbols.find(matcher.name()));
        std::vector<uint32_t> kept;
        size_t tested = 0;
        for (const ValueCount& entry : values) {
            if (tested++ % kChecksEvery == 0) {
                TRY(context_.check());
            }
            if (matcher.matches(source_.symbols.text(entry.value)) == wanted) {
                kept.push_back(entry.value);
            }
        }
        return kept;
    }

    // Leaves in `set` what the matcher matches: by looking at the series' labels when they are few,
    // by the index otherwise.
    base::Status keep(SlotSet& set, const Matcher& matcher) {
        const uint32_t name = source_.symbols.find(matcher.name());
        if (set.size() * kFilterCost <= source_.index.value_count(name)) {
            return filter(set, matcher, name);
        }
        if (matcher.matches_empty()) {
            TRY(const auto values, values_where(matcher, false));
            set.subtract(source_.index.with_any(name, values));
            return base::success();
        }
        TRY(const auto values, values_where(matcher, true));
        set.intersect(source_.index.with_any(name, values));
        return base::success();
    }

    base::Status filter(SlotSet& set, const Matcher& matcher, uint32_t name) {
        std::unordered_map<uint32_t, bool> known;
        std::vector<uint32_t> kept;
        size_t tested = 0;
        for (const uint32_t slot : set.slots()) {
            if (tested++ % kChecksEvery == 0) {
                TRY(context_.check());
            }
            const uint32_t value = source_.labels_of(slot).value_of(name);
            const auto [at, is_new] = known.try_emplace(value);
            if (is_new) {
                at->second = value == Symbols::kNone ? matcher.matches_empty()
                                                     : matcher.matches(source_.symbols.text(value));
            }
            if (at->second) {
                kept.push_back(slot);
            }
        }
        set = SlotSet();
        set.add(kept);
        return base::success();
    }

    const MatchSource& source_;
    const model::QueryContext& context_;
    std::vector<LabelIndex::AnyOf> listed_;  // answered by the index at once
    std::vector<const Matcher*> positive_;   // need the label
    std::vector<const Matcher*> negative_;   // also match series without the label
    bool nothing_ = false;                   // a listed text occurs nowhere
};

}  // namespace

base::Result<SlotSet> match_series(const MatchSource& source,
                                   std::span<const model::Matcher> matchers,
                                   const model::QueryContext& context) {
    return Matching(source, context).run(matchers);
}

}  // namespace tsdb
