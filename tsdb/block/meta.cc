#include "tsdb/block/meta.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/json.h"
#include "base/json_read.h"
#include "tsdb/block/checksums.h"

namespace tsdb::block {
namespace {

constexpr int64_t kVersion = 1;
constexpr std::array<std::string_view, 6> kMembers = {
    "ulid", "minTime", "maxTime", "stats", "compaction", "version"};

// Reads members of one object; remembers the first that is wrong.
class Members {
  public:
    Members(const base::JsonValue& object, std::string_view what, std::string& wrong)
        : object_(object), what_(what), wrong_(wrong) {
        if (!object.is_null() && object.object() == nullptr) {
            complain("", "is no object");
        }
    }

    // The member; nullptr when it is absent or null.
    [[nodiscard]] const base::JsonValue* find(std::string_view name) const {
        const base::JsonValue* const value = object_.find(name);
        return value == nullptr || value->is_null() ? nullptr : value;
    }

    void integer(std::string_view name, int64_t& out, bool required = false) {
        const base::JsonValue* const value = find(name);
        if (value == nullptr) {
            if (required) {
                complain(name, "is missing");
            }
        } else if (const int64_t* const number = value->integer()) {
            out = *number;
        } else {
            complain(name, "is no integer");
        }
    }

    void natural(std::string_view name, uint64_t& out) {
        int64_t number = 0;
        integer(name, number);
        if (number < 0) {
            complain(name, "is negative");
        }
        out = static_cast<uint64_t>(number);
    }

    void boolean(std::string_view name, bool& out) {
        if (const base::JsonValue* const value = find(name)) {
            if (const bool* const truth = value->boolean()) {
                out = *truth;
            } else {
                complain(name, "is neither true nor false");
            }
        }
    }

    void ulid(std::string_view name, Ulid& out) {
        const base::JsonValue* const value = find(name);
        if (value == nullptr) {
            complain(name, "is missing");
        } else if (!read_ulid(*value, out)) {
            complain(name, "is no ULID");
        }
    }

    // Calls `read` with every item of an array; it returns false for one that is wrong.
    template <class Read>
    void items(std::string_view name, const Read& read) {
        const base::JsonValue* const value = find(name);
        if (value == nullptr) {
            return;
        }
        if (value->array() == nullptr || !std::ranges::all_of(*value->array(), read)) {
            complain(name, "is no such list");
        }
    }

    static bool read_ulid(const base::JsonValue& value, Ulid& out) {
        const std::string* const text = value.string();
        const auto ulid = text == nullptr ? std::nullopt : Ulid::parse(*text);
        out = ulid.value_or(Ulid{});
        return ulid.has_value();
    }

  private:
    void complain(std::string_view name, std::string_view fault) {
        if (wrong_.empty()) {
            wrong_ = std::string(what_) + std::string(name) + " " + std::string(fault);
        }
    }

    const base::JsonValue& object_;
    std::string_view what_;
    std::string& wrong_;
};

const base::JsonValue& or_null(const base::JsonValue* value) {
    static const base::JsonValue kNull;
    return value == nullptr ? kNull : *value;
}

void read_stats(const base::JsonValue& from, BlockStats& stats, std::string& wrong) {
    Members members(from, "stats.", wrong);
    members.natural("numSamples", stats.samples);
    members.natural("numFloatSamples", stats.float_samples);
    members.natural("numHistogramSamples", stats.histogram_samples);
    members.natural("numSeries", stats.series);
    members.natural("numChunks", stats.chunks);
    members.natural("numTombstones", stats.tombstones);
}

void read_compaction(const base::JsonValue& from, BlockMeta& meta, std::string& wrong) {
    Members members(from, "compaction.", wrong);
    int64_t level = 0;
    members.integer("level", level);
    meta.level = static_cast<int>(level);
    members.items("sources", [&](const base::JsonValue& item) {
        return Members::read_ulid(item, meta.sources.emplace_back());
    });
    members.boolean("deletable", meta.deletable);
    members.items("parents", [&](const base::JsonValue& item) {
        Members parent(item, "compaction.parents.", wrong);
        BlockParent& read = meta.parents.emplace_back();
        parent.ulid("ulid", read.ulid);
        parent.integer("minTime", read.min_t);
        parent.integer("maxTime", read.max_t);
        return true;
    });
    members.boolean("failed", meta.failed);
    members.items("hints", [&](const base::JsonValue& item) {
        meta.hints.push_back(item.string() == nullptr ? std::string() : *item.string());
        return item.string() != nullptr;
    });
}

// Finds where the members of an object stand in its text, which was parsed before and is sound.
class MemberScanner {
  public:
    explicit MemberScanner(std::string_view json) : json_(json) { at_ = json_.find('{') + 1; }

    // The next member's name (in its quotes) and value, as they are written.
    std::optional<std::pair<std::string_view, std::string_view>> next() {
        at_ = json_.find_first_of("\"}", at_);
        if (json_[at_] == '}') {
            return std::nullopt;
        }
        const std::string_view name = string();
        at_ = json_.find_first_not_of(kSpaces, json_.find(':', at_) + 1);
        return std::pair(name, value());
    }

  private:
    static constexpr std::string_view kSpaces = " \t\r\n";

    std::string_view string() {
        const size_t from = at_;
        for (++at_; json_[at_] != '"'; ++at_) {
            at_ += json_[at_] == '\\' ? 1 : 0;
        }
        return json_.substr(from, ++at_ - from);
    }

    std::string_view value() {
        const size_t from = at_;
        for (size_t depth = 0; !ends_value(depth);) {
            const char byte = json_[at_];
            if (byte == '"') {
                string();
                continue;
            }
            depth += byte == '{' || byte == '[' ? 1 : 0;
            depth -= byte == '}' || byte == ']' ? 1 : 0;
            ++at_;
        }
        const std::string_view text = json_.substr(from, at_ - from);
        return text.substr(0, text.find_last_not_of(kSpaces) + 1);
    }

    [[nodiscard]] bool ends_value(size_t depth) const {
        return depth == 0 && (json_[at_] == ',' || json_[at_] == '}');
    }

    std::string_view json_;
    size_t at_ = 0;
};

base::Status read_others(std::string_view json, BlockMeta& meta) {
    MemberScanner scanner(json);
    while (const auto member = scanner.next()) {
        TRY(const base::JsonValue name, base::parse_json(member->first));
        if (!std::ranges::count(kMembers, *name.string())) {
            meta.others.emplace_back(*name.string(), member->second);
        }
    }
    return base::success();
}

// Writes JSON with one member a line, indented by tabs.
class IndentedWriter {
  public:
    void open(char bracket) {
        out_ += bracket;
        ++depth_;
        empty_ = true;
    }

    void close(char bracket) {
        --depth_;
        if (!empty_) {
            new_line();
        }
        out_ += bracket;
        empty_ = false;
    }

    // Begins the next item of an array.
    void item() {
        if (!empty_) {
            out_ += ',';
        }
        new_line();
        empty_ = false;
    }

    // Begins the next member of an object.
    void key(std::string_view name) {
        item();
        base::append_json_string(out_, name);
        out_ += ": ";
    }

    void raw(std::string_view json) { out_ += json; }

    void string(std::string_view text) { base::append_json_string(out_, text); }

    void integer(std::string_view name, int64_t value) {
        key(name);
        out_ += std::to_string(value);
    }

    void natural_unless_zero(std::string_view name, uint64_t value) {
        if (value != 0) {
            key(name);
            out_ += std::to_string(value);
        }
    }

    void flag_unless_false(std::string_view name, bool value) {
        if (value) {
            key(name);
            out_ += "true";
        }
    }

    template <class Item>
    void list_unless_empty(std::string_view name,
                           const std::vector<Item>& items,
                           const auto& write) {
        if (items.empty()) {
            return;
        }
        key(name);
        open('[');
        for (const Item& one : items) {
            item();
            write(one);
        }
        close(']');
    }

    [[nodiscard]] std::string finish() && { return std::move(out_); }

  private:
    void new_line() {
        out_ += '\n';
        out_.append(depth_, '\t');
    }

    std::string out_;
    size_t depth_ = 0;
    bool empty_ = true;  // nothing stands in the innermost bracket yet
};

void write_stats(IndentedWriter& json, const BlockStats& stats) {
    json.open('{');
    json.natural_unless_zero("numSamples", stats.samples);
    json.natural_unless_zero("numFloatSamples", stats.float_samples);
    json.natural_unless_zero("numHistogramSamples", stats.histogram_samples);
    json.natural_unless_zero("numSeries", stats.series);
    json.natural_unless_zero("numChunks", stats.chunks);
    json.natural_unless_zero("numTombstones", stats.tombstones);
    json.close('}');
}

void write_compaction(IndentedWriter& json, const BlockMeta& meta) {
    json.open('{');
    json.integer("level", meta.level);
    json.list_unless_empty(
        "sources", meta.sources, [&](const Ulid& source) { json.string(source.text()); });
    json.flag_unless_false("deletable", meta.deletable);
    json.list_unless_empty("parents", meta.parents, [&](const BlockParent& parent) {
        json.open('{');
        json.key("ulid");
        json.string(parent.ulid.text());
        json.integer("minTime", parent.min_t);
        json.integer("maxTime", parent.max_t);
        json.close('}');
    });
    json.flag_unless_false("failed", meta.failed);
    json.list_unless_empty(
        "hints", meta.hints, [&](const std::string& hint) { json.string(hint); });
    json.close('}');
}

}  // namespace

bool BlockMeta::has_hint(std::string_view hint) const {
    return std::ranges::count(hints, hint) != 0;
}

bool BlockMeta::in_order() const {
    return !has_hint(kHintOutOfOrder) && !has_hint(kHintStaleSeries) &&
           !has_hint(kHintSelectedSeries);
}

base::Result<BlockMeta> parse_meta(std::string_view json) {
    auto parsed = base::parse_json(json);
    if (!parsed) {
        return base::fail(base::Code::kCorrupt, parsed.error().message());
    }
    const base::JsonValue& document = parsed.value();
    if (document.object() == nullptr) {
        return base::fail(base::Code::kCorrupt, "the document is no object");
    }
    std::string wrong;
    Members members(document, "", wrong);
    int64_t version = 0;
    members.integer("version", version, true);
    if (wrong.empty() && version != kVersion) {
        return base::fail(base::Code::kUnsupported, "unknown version", version);
    }
    BlockMeta meta;
    members.ulid("ulid", meta.ulid);
    members.integer("minTime", meta.min_t, true);
    members.integer("maxTime", meta.max_t, true);
    read_stats(or_null(members.find("stats")), meta.stats, wrong);
    read_compaction(or_null(members.find("compaction")), meta, wrong);
    if (!wrong.empty()) {
        return base::fail(base::Code::kCorrupt, wrong);
    }
    if (meta.min_t > meta.max_t) {
        return base::fail(base::Code::kCorrupt, "minTime is after maxTime");
    }
    TRY(read_others(json, meta));
    return meta;
}

std::string to_json(const BlockMeta& meta) {
    IndentedWriter json;
    json.open('{');
    json.key("ulid");
    json.string(meta.ulid.text());
    json.integer("minTime", meta.min_t);
    json.integer("maxTime", meta.max_t);
    json.key("stats");
    write_stats(json, meta.stats);
    json.key("compaction");
    write_compaction(json, meta);
    json.integer("version", kVersion);
    for (const auto& [name, value] : meta.others) {
        json.key(name);
        json.raw(value);
    }
    json.close('}');
    return std::move(json).finish();
}

base::Result<BlockMeta> read_meta(base::Files& files, const base::Path& folder) {
    const base::Path path = base::join_path(folder, kMetaFile);
    TRY(const std::string json, base::read_file(files, path, kMetaBytesMax));
    return base::context(parse_meta(json), "read", path);
}

base::Status write_meta(base::Files& files, const base::Path& folder, const BlockMeta& meta) {
    return base::context(replace_block_file(files, folder, kMetaFile, to_json(meta)),
                         "write meta.json");
}

}  // namespace tsdb::block
