#include "config/reader.h"

#include <algorithm>
#include <charconv>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/file.h"
#include "base/utf8.h"

namespace config {
namespace {

// Edits to get from one word to the other, by rows; words are short.
size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<size_t> row(to.size() + 1);
    for (size_t j = 0; j <= to.size(); ++j) {
        row[j] = j;
    }
    for (size_t i = 1; i <= from.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= to.size(); ++j) {
            const size_t change = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row.back();
}

template <class Number>
std::optional<Number> to_number(const Node& node) {
    Number out{};
    std::string_view text = node.text;
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (code != std::errc() || end != text.data() + text.size() || node.quoted) {
        return std::nullopt;
    }
    return out;
}

}  // namespace

void Problems::add(const Node& where, std::string_view what) {
    ++count_;
    if (lines_.size() < kMaxReported) {
        lines_.push_back(where.place() + ": " + std::string(what));
    }
}

base::Error Problems::error() const {
    std::string text;
    for (const std::string& line : lines_) {
        text.append(text.empty() ? "" : "\n").append(line);
    }
    if (count_ > lines_.size()) {
        text += "\nand " + std::to_string(count_ - lines_.size()) + " more";
    }
    return base::Error(base::Code::kInvalid, std::move(text));
}

MapReader::MapReader(const Node& node, std::string what, Problems& problems)
    : node_(node), what_(std::move(what)), problems_(problems) {
    if (node.kind != Node::Kind::kMap && !node.is_null()) {
        problem("expected keys and values in " + what_);
    }
}

MapReader::~MapReader() {
    for (const auto& [key, value] : node_.entries) {
        if (std::find(known_.begin(), known_.end(), key->text) == known_.end()) {
            problems_.add(*key,
                          "unknown key \"" + key->text + "\" in " + what_ + suggestion(key->text));
        }
    }
}

std::string MapReader::suggestion(std::string_view unknown) const {
    const auto nearest =
        std::min_element(known_.begin(), known_.end(), [&](const auto& a, const auto& b) {
            return edit_distance(unknown, a) < edit_distance(unknown, b);
        });
    if (nearest == known_.end() || edit_distance(unknown, *nearest) > 1 + unknown.size() / 4) {
        return {};
    }
    return " (did you mean \"" + *nearest + "\"?)";
}

const Node* MapReader::find(std::string_view key) {
    known_.emplace_back(key);
    const Node* value = node_.find(key);
    return value == nullptr || value->is_null() ? nullptr : value;
}

const Node& MapReader::at(std::string_view key) const {
    const Node* value = node_.find(key);
    return value == nullptr ? node_ : *value;
}

const Node* MapReader::scalar(std::string_view key) {
    const Node* value = find(key);
    if (value != nullptr && value->kind != Node::Kind::kScalar) {
        problem(*value, std::string(key) + " must be a single value");
        return nullptr;
    }
    if (value != nullptr && !base::is_valid_utf8(value->text)) {
        problem(*value, std::string(key) + " is not valid UTF-8");
        return nullptr;
    }
    return value;
}

void MapReader::read(std::string_view key, std::string& out) {
    if (const Node* value = scalar(key)) {
        out = value->text;
    }
}

void MapReader::read(std::string_view key, bool& out) {
    if (const Node* value = scalar(key)) {
        if (const auto flag = to_bool(*value)) {
            out = *flag;
        } else {
            problem(*value,
                    std::string(key) + " must be true or false, not \"" + value->text + "\"");
        }
    }
}

void MapReader::read(std::string_view key, uint64_t& out) {
    if (const Node* value = scalar(key)) {
        if (const auto number = to_number<uint64_t>(*value)) {
            out = *number;
        } else {
            problem(*value,
                    std::string(key) + " must be a whole number of at least 0, not \"" +
                        value->text + "\"");
        }
    }
}

void MapReader::read_int(std::string_view key, int64_t& out) {
    if (const Node* value = scalar(key)) {
        if (const auto number = to_number<int64_t>(*value)) {
            out = *number;
        } else {
            problem(*value,
                    std::string(key) + " must be a whole number, not \"" + value->text + "\"");
        }
    }
}

void MapReader::read(std::string_view key, double& out) {
    if (const Node* value = scalar(key)) {
        if (const auto number = to_number<double>(*value)) {
            out = *number;
        } else {
            problem(*value, std::string(key) + " must be a number, not \"" + value->text + "\"");
        }
    }
}

void MapReader::read(std::string_view key, std::chrono::milliseconds& out) {
    if (const Node* value = scalar(key)) {
        const auto duration = base::parse_duration_ms(value->text);
        if (duration.has_value()) {
            out = std::chrono::milliseconds(duration.value());
        } else {
            problem(*value, std::string(key) + ": " + duration.error().message());
        }
    }
}

void MapReader::read(std::string_view key, base::Secret& out) {
    known_.emplace_back(key);
    for (const auto& [name, value] : node_.entries) {
        if (name->text == key && value->kind == Node::Kind::kScalar) {
            value->secret = true;
            out = base::Secret(value->text);
        } else if (name->text == key && !value->is_null()) {
            problem(*value, std::string(key) + " must be a single value");
        }
    }
}

void MapReader::read(std::string_view key, std::vector<std::string>& out) {
    const Node* list = find(key);
    if (list == nullptr) {
        return;
    }
    if (list->kind != Node::Kind::kSequence) {
        problem(*list, std::string(key) + " must be a list");
        return;
    }
    out.clear();
    for (const NodePtr& item : list->items) {
        if (item->kind == Node::Kind::kSequence || item->kind == Node::Kind::kMap) {
            problem(*item, std::string(key) + " must be a list of single values");
        } else if (!base::is_valid_utf8(item->text)) {
            problem(*item, std::string(key) + " is not valid UTF-8");
        } else {
            out.push_back(item->text);
        }
    }
}

void MapReader::read(std::string_view key, std::map<std::string, std::string>& out) {
    const Node* map = find(key);
    if (map == nullptr) {
        return;
    }
    if (map->kind != Node::Kind::kMap) {
        problem(*map, std::string(key) + " must be keys and values");
        return;
    }
    for (const auto& [name, value] : map->entries) {
        if (value->kind == Node::Kind::kSequence || value->kind == Node::Kind::kMap) {
            problem(*value, std::string(key) + "." + name->text + " must be a single value");
        } else if (!base::is_valid_utf8(name->text) || !base::is_valid_utf8(value->text)) {
            problem(*name, std::string(key) + " holds text that is not valid UTF-8");
        } else {
            out[name->text] = value->text;
        }
    }
}

void MapReader::read_size(std::string_view key, uint64_t& out) {
    if (const Node* value = scalar(key)) {
        const auto size = base::parse_byte_size(value->text);
        if (size.has_value() && size.value() >= 0) {
            out = static_cast<uint64_t>(size.value());
        } else {
            problem(*value,
                    std::string(key) + ": \"" + value->text +
                        "\" is not a size; write a number with a unit, such as 512MB");
        }
    }
}

void MapReader::read_url(std::string_view key, std::string& out) {
    const Node* value = scalar(key);
    if (value == nullptr) {
        return;
    }
    out = value->text;
    const size_t slashes = out.find("://");
    const size_t at = out.find('@');
    if (slashes != std::string::npos && at != std::string::npos &&
        at < out.find('/', slashes + 3)) {
        value->secret = true;
    }
}

void MapReader::read_path(std::string_view key, const std::string& folder, std::string& out) {
    if (const Node* value = scalar(key)) {
        out = absolute_path(value->text, folder);
    }
}

size_t MapReader::each(std::string_view key, const std::function<void(const Node&)>& item) {
    const Node* list = find(key);
    if (list == nullptr) {
        return 0;
    }
    if (list->kind != Node::Kind::kSequence) {
        problem(*list, std::string(key) + " must be a list");
        return 0;
    }
    for (const NodePtr& entry : list->items) {
        if (entry->is_null()) {
            problem(*entry, "empty or null entry in " + std::string(key));
        } else {
            item(*entry);
        }
    }
    return list->items.size();
}

std::optional<bool> to_bool(const Node& node) {
    if (node.kind != Node::Kind::kScalar || node.quoted) {
        return std::nullopt;
    }
    static constexpr std::string_view kTrue[] = {
        "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"};
    static constexpr std::string_view kFalse[] = {
        "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"};
    if (std::find(std::begin(kTrue), std::end(kTrue), node.text) != std::end(kTrue)) {
        return true;
    }
    if (std::find(std::begin(kFalse), std::end(kFalse), node.text) != std::end(kFalse)) {
        return false;
    }
    return std::nullopt;
}

std::string absolute_path(std::string_view path, const std::string& folder) {
    if (path.empty() || path.starts_with('/')) {
        return std::string(path);
    }
    return base::join_path(folder, path);
}

}  // namespace config
