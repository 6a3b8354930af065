#include "tsdb/block/index_matching.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace tsdb::block {
namespace {

using model::Matcher;
using model::MatchType;

constexpr size_t kChecksEvery = 4096;  // values or series between two looks at the context
// Reading a series and testing its label costs about as much as testing this many values.
constexpr uint64_t kFilterCost = 4;
constexpr uint32_t kNoSymbol = UINT32_MAX;

bool matches_everything(const Matcher& matcher) {
    return matcher.type() == MatchType::kRegex && matcher.regex()->matches_everything();
}

bool is_negated(const Matcher& matcher) {
    return matcher.type() == MatchType::kNotEqual || matcher.type() == MatchType::kNotRegex;
}

// The texts that a matcher names, to be matched or not: the one of = and !=, those of =~"a|b|c" and
// !~"a|b|c". Empty when that is not a short list.
std::vector<std::string_view> named_texts(const Matcher& matcher) {
    if (matcher.regex() == nullptr) {
        return {matcher.value()};
    }
    const auto texts = matcher.regex()->set_matches();
    return {texts.begin(), texts.end()};
}

// What the texts that a matcher's expression accepts begin with.
std::string_view named_prefix(const Matcher& matcher) {
    return matcher.regex() == nullptr ? std::string_view() : matcher.regex()->prefix();
}

uint32_t value_of(std::span<const model::LabelSymbols> labels, uint32_t name) {
    for (const model::LabelSymbols& label : labels) {
        if (label.name == name) {
            return label.value;
        }
    }
    return kNoSymbol;
}

}  // namespace

base::Result<SeriesIds> IndexMatching::run(std::span<const Matcher> matchers) {
    TRY(sort_out(matchers));
    if (nothing_) {
        return SeriesIds();
    }
    bool started = false;
    SeriesIds ids;
    std::ranges::sort(listed_, {}, &Listed::series);
    for (const Listed& listed : listed_) {
        if (!started) {
            ids = unite(listed.lists);
            started = true;
        } else {
            keep_where(ids, listed.lists, true);
        }
    }
    for (const Matcher* matcher : positive_) {
        if (started && ids.empty()) {
            return ids;
        }
        if (!started) {
            TRY(const Lists lists, lists_where(*matcher, true));
            ids = unite(lists);
            started = true;
        } else {
            TRY(keep(ids, *matcher));
        }
    }
    if (!started) {
        TRY(const PostingsView all, index_.all_postings());
        ids = unite(std::span(&all, 1));
    }
    for (const Matcher* matcher : negative_) {
        if (ids.empty()) {
            break;
        }
        TRY(keep(ids, *matcher));
    }
    return ids;
}

base::Status IndexMatching::sort_out(std::span<const Matcher> matchers) {
    for (const Matcher& matcher : matchers) {
        if (matches_everything(matcher)) {
            continue;
        }
        if (matcher.matches_empty()) {
            negative_.push_back(&matcher);
            continue;
        }
        const auto texts = named_texts(matcher);
        if (is_negated(matcher) || texts.empty()) {
            positive_.push_back(&matcher);
            continue;
        }
        TRY(add_listed(matcher, texts));
    }
    return base::success();
}

base::Status IndexMatching::add_listed(const Matcher& matcher,
                                       std::span<const std::string_view> texts) {
    Listed listed;
    TRY(listed.lists, lists_of(matcher.name(), texts));
    for (const PostingsView list : listed.lists) {
        listed.series += list.size();
    }
    nothing_ = nothing_ || listed.series == 0;
    listed_.push_back(std::move(listed));
    return base::success();
}

base::Result<IndexMatching::Lists> IndexMatching::lists_of(
    std::string_view name, std::span<const std::string_view> texts) const {
    Lists lists;
    const PostingsTable::Name* const found = table_.find(name);
    for (size_t i = 0; found != nullptr && i < texts.size(); ++i) {
        if (i % kChecksEvery == 0) {
            TRY(context_.check());
        }
        if (const auto offset = table_.find(*found, texts[i]); offset.has_value()) {
            TRY(const PostingsView list, list_at_(*offset));
            lists.push_back(list);
        }
    }
    return lists;
}

base::Result<IndexMatching::Lists> IndexMatching::lists_where(const Matcher& matcher,
                                                              bool wanted) const {
    // Whether the wanted values are those that the matcher's text or expression accepts.
    const bool named = wanted != is_negated(matcher);
    if (const auto texts = named_texts(matcher); named && !texts.empty()) {
        return lists_of(matcher.name(), texts);
    }
    Lists lists;
    const PostingsTable::Name* const name = table_.find(matcher.name());
    if (name == nullptr) {
        return lists;
    }
    const std::string_view prefix = named ? named_prefix(matcher) : std::string_view();
    PostingsTable::Cursor cursor = table_.values_from(*name, prefix);
    PostingsTable::Entry entry;
    for (size_t tested = 0; cursor.next(entry); ++tested) {
        if (tested % kChecksEvery == 0) {
            TRY(context_.check());
        }
        if (!entry.value.starts_with(prefix)) {
            if (entry.value > prefix) {
                break;
            }
            continue;
        }
        if (matcher.matches(entry.value) == wanted) {
            TRY(const PostingsView list, list_at_(entry.postings));
            lists.push_back(list);
        }
    }
    return lists;
}

bool IndexMatching::few(size_t series, std::string_view name) const {
    const PostingsTable::Name* const found = table_.find(name);
    return series * kFilterCost <= (found == nullptr ? 0 : found->values);
}

base::Status IndexMatching::keep(SeriesIds& ids, const Matcher& matcher) const {
    const bool wanted = !matcher.matches_empty();
    const bool named = wanted != is_negated(matcher);
    const bool short_list = named && !named_texts(matcher).empty();
    if (!short_list && few(ids.size(), matcher.name())) {
        return filter(ids, matcher);
    }
    TRY(const Lists lists, lists_where(matcher, wanted));
    keep_where(ids, lists, wanted);
    return base::success();
}

base::Status IndexMatching::filter(SeriesIds& ids, const Matcher& matcher) const {
    const uint32_t name = index_.find(matcher.name()).value_or(kNoSymbol);
    std::unordered_map<uint32_t, bool> known;
    std::vector<model::LabelSymbols> labels;
    size_t kept = 0;
    for (size_t i = 0; i < ids.size(); ++i) {
        if (i % kChecksEvery == 0) {
            TRY(context_.check());
        }
        TRY(index_.series(ids[i], labels, nullptr));
        const uint32_t value = value_of(labels, name);
        const auto [at, is_new] = known.try_emplace(value);
        if (is_new) {
            at->second = matcher.matches(value == kNoSymbol ? "" : index_.text(value));
        }
        if (at->second) {
            ids[kept++] = ids[i];
        }
    }
    ids.resize(kept);
    return base::success();
}

base::Result<std::vector<std::string_view>> IndexMatching::values_of(std::string_view name,
                                                                     std::span<const SeriesId> ids,
                                                                     uint64_t limit) {
    std::vector<std::string_view> values;
    const PostingsTable::Name* const found = table_.find(name);
    if (found == nullptr || ids.empty()) {
        return values;
    }
    if (few(ids.size(), name)) {
        TRY(const auto symbols, value_symbols(name, ids));
        for (const uint32_t symbol : symbols) {
            values.push_back(index_.text(symbol));
        }
        std::ranges::sort(values);
        if (limit != 0 && values.size() > limit) {
            values.resize(limit);
        }
        return values;
    }
    PostingsTable::Cursor cursor = table_.values(*found);
    PostingsTable::Entry entry;
    for (size_t tested = 0; cursor.next(entry); ++tested) {
        if (tested % kChecksEvery == 0) {
            TRY(context_.check());
        }
        TRY(const PostingsView list, list_at_(entry.postings));
        if (intersects(ids, list)) {
            values.push_back(entry.value);
            if (values.size() == limit) {
                break;
            }
        }
    }
    return values;
}

base::Result<std::vector<uint32_t>> IndexMatching::value_symbols(
    std::string_view name, std::span<const SeriesId> ids) const {
    const uint32_t symbol = index_.find(name).value_or(kNoSymbol);
    std::unordered_set<uint32_t> unique;
    std::vector<model::LabelSymbols> labels;
    for (size_t i = 0; i < ids.size(); ++i) {
        if (i % kChecksEvery == 0) {
            TRY(context_.check());
        }
        TRY(index_.series(ids[i], labels, nullptr));
        if (const uint32_t value = value_of(labels, symbol); value != kNoSymbol) {
            unique.insert(value);
        }
    }
    return std::vector<uint32_t>(unique.begin(), unique.end());
}

}  // namespace tsdb::block
