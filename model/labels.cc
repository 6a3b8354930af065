#include "model/labels.h"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "model/quote.h"

namespace model {
namespace {

constexpr uint64_t kLabelHashSeed = 0x5ce17a6be15;

void append_uvarint(std::string& out, size_t number) {
    while (number >= 0x80) {
        out.push_back(static_cast<char>((number & 0x7f) | 0x80));
        number >>= 7;
    }
    out.push_back(static_cast<char>(number));
}

void append_text(std::string& out, std::string_view text) {
    append_uvarint(out, text.size());
    out.append(text);
}

// Reads one length; lengths in packed labels were written by us or checked by from_packed().
inline size_t read_length(const char*& at) {
    auto byte = static_cast<unsigned char>(*at++);
    size_t length = byte & 0x7f;
    for (int shift = 7; byte >= 0x80; shift += 7) {
        byte = static_cast<unsigned char>(*at++);
        length |= static_cast<size_t>(byte & 0x7f) << shift;
    }
    return length;
}

// Reads one text from untrusted bytes; false when they end early or the length is nonsense.
bool read_checked(const char*& at, const char* end, std::string_view& out) {
    size_t length = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        if (at == end) {
            return false;
        }
        const auto byte = static_cast<unsigned char>(*at++);
        length |= static_cast<size_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (length > static_cast<size_t>(end - at)) {
                return false;
            }
            out = {at, length};
            at += length;
            return true;
        }
    }
    return false;
}

}  // namespace

Labels::Labels(std::initializer_list<LabelView> labels)
    : Labels(from_unsorted({labels.begin(), labels.end()})) {}

Labels Labels::from_unsorted(std::vector<LabelView> labels) {
    std::stable_sort(labels.begin(), labels.end(), [](const LabelView& a, const LabelView& b) {
        return a.name < b.name;
    });
    Labels out;
    for (size_t i = 0; i < labels.size(); ++i) {
        const bool last_of_name = i + 1 == labels.size() || labels[i + 1].name != labels[i].name;
        if (last_of_name && !labels[i].value.empty()) {
            append_text(out.packed_, labels[i].name);
            append_text(out.packed_, labels[i].value);
            ++out.count_;
        }
    }
    return out;
}

Labels Labels::from_sorted(std::span<const LabelView> labels) {
    size_t bytes = 0;
    for (const LabelView& label : labels) {
        bytes += label.name.size() + label.value.size() + 4;
    }
    Labels out;
    out.packed_.reserve(bytes);
    std::string_view before;
    for (const LabelView& label : labels) {
        SKEIN_DCHECK(
            before.empty() || before < label.name, "labels out of order", before, label.name);
        SKEIN_DCHECK(!label.value.empty(), "empty label value", label.name);
        append_text(out.packed_, label.name);
        append_text(out.packed_, label.value);
        before = label.name;
    }
    out.count_ = static_cast<uint32_t>(labels.size());
    return out;
}

bool Labels::from_packed(std::string_view packed, size_t count, Labels& out) {
    const char* at = packed.data();
    const char* const end = at + packed.size();
    std::string_view before;
    std::vector<LabelView> labels;
    for (size_t i = 0; i < count; ++i) {
        LabelView label;
        if (!read_checked(at, end, label.name) || !read_checked(at, end, label.value)) {
            return false;
        }
        if (i > 0 && label.name <= before) {
            return false;
        }
        before = label.name;
        labels.push_back(label);
    }
    if (at != end) {
        return false;
    }
    // Lengths may be written longer than they need to be; packing anew makes equal labels equal
    // bytes.
    std::erase_if(labels, [](const LabelView& label) { return label.value.empty(); });
    out = from_sorted(labels);
    return true;
}

void Labels::Iterator::step() {
    at_ = next_;
    if (at_ == end_) {
        return;
    }
    const char* at = next_;
    const size_t name_length = read_length(at);
    current_.name = {at, name_length};
    at += name_length;
    const size_t value_length = read_length(at);
    current_.value = {at, value_length};
    next_ = at + value_length;
}

Labels::Iterator Labels::begin() const {
    return {packed_.data(), packed_.data() + packed_.size()};
}

Labels::Iterator Labels::end() const {
    const char* const end = packed_.data() + packed_.size();
    return {end, end};
}

std::string_view Labels::get(std::string_view name) const {
    for (const LabelView label : *this) {
        if (label.name == name) {
            return label.value;
        }
        if (label.name > name) {
            break;
        }
    }
    return {};
}

uint64_t Labels::hash() const {
    return XXH3_64bits_withSeed(packed_.data(), packed_.size(), kLabelHashSeed);
}

uint64_t Labels::stable_hash() const {
    std::string text;
    text.reserve(packed_.size() + 8);
    for (const LabelView label : *this) {
        text.append(label.name).push_back('\xff');
        text.append(label.value).push_back('\xff');
    }
    return XXH64(text.data(), text.size(), 0);
}

namespace {

void append_sized(std::string& text, std::string_view part) {
    constexpr size_t kOneByteMax = 254;
    if (part.size() <= kOneByteMax) {
        text.push_back(static_cast<char>(part.size()));
    } else {
        text.push_back('\xff');
        for (const unsigned shift : {0U, 8U, 16U}) {
            text.push_back(static_cast<char>(part.size() >> shift));
        }
    }
    text.append(part);
}

}  // namespace

uint64_t Labels::sized_hash() const {
    std::string text;
    text.reserve(packed_.size() + 8);
    for (const LabelView label : *this) {
        append_sized(text, label.name);
        append_sized(text, label.value);
    }
    return XXH64(text.data(), text.size(), 0);
}

std::string Labels::to_string() const {
    std::string out = "{";
    for (const LabelView label : *this) {
        if (out.size() > 1) {
            out += ", ";
        }
        append_label_name(out, label.name);
        out += '=';
        append_quoted(out, label.value);
    }
    return out += '}';
}

std::string Labels::to_series_string() const {
    const std::string_view name = metric_name();
    const bool plain_name = is_valid_metric_name(name, NameScheme::kLegacy);
    std::string out(plain_name ? name : std::string_view());
    std::string inside;
    if (!name.empty() && !plain_name) {
        append_quoted(inside, name);
    }
    for (const LabelView label : *this) {
        if (label.name == kMetricName) {
            continue;
        }
        if (!inside.empty()) {
            inside += ", ";
        }
        append_label_name(inside, label.name);
        inside += '=';
        append_quoted(inside, label.value);
    }
    if (!inside.empty() || out.empty()) {
        out.append("{").append(inside).append("}");
    }
    return out;
}

std::strong_ordering Labels::operator<=>(const Labels& other) const {
    Iterator mine = begin();
    Iterator theirs = other.begin();
    for (; mine != end() && theirs != other.end(); ++mine, ++theirs) {
        if (const auto order = mine->name <=> theirs->name; order != 0) {
            return order;
        }
        if (const auto order = mine->value <=> theirs->value; order != 0) {
            return order;
        }
    }
    return count_ <=> other.count_;
}

LabelsBuilder::LabelsBuilder(const Labels& from) {
    reset(from);
}

void LabelsBuilder::reset(const Labels& from) {
    labels_.clear();
    for (const LabelView label : from) {
        labels_.emplace_back(label.name, label.value);
    }
}

void LabelsBuilder::set(std::string_view name, std::string_view value) {
    if (value.empty()) {
        remove(name);
        return;
    }
    const auto at = std::lower_bound(
        labels_.begin(), labels_.end(), name, [](const auto& label, std::string_view wanted) {
            return label.first < wanted;
        });
    if (at != labels_.end() && at->first == name) {
        at->second = value;
    } else {
        labels_.emplace(at, name, value);
    }
}

void LabelsBuilder::remove(std::string_view name) {
    std::erase_if(labels_, [name](const auto& label) { return label.first == name; });
}

std::string_view LabelsBuilder::get(std::string_view name) const {
    const auto at = std::lower_bound(
        labels_.begin(), labels_.end(), name, [](const auto& label, std::string_view wanted) {
            return label.first < wanted;
        });
    return at != labels_.end() && at->first == name ? std::string_view(at->second)
                                                    : std::string_view();
}

Labels LabelsBuilder::labels() const {
    std::vector<LabelView> views;
    views.reserve(labels_.size());
    for (const auto& [name, value] : labels_) {
        views.push_back({name, value});
    }
    return Labels::from_sorted(views);
}

}  // namespace model
