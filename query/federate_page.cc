#include "query/federate_page.h"

#include <algorithm>
#include <bit>
#include <map>
#include <vector>

#include "base/float_format.h"
#include "base/http/message.h"
#include "base/number.h"
#include "model/quote.h"

namespace query {
namespace {

using model::FloatHistogram;

constexpr std::string_view kTextType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kProtobufType =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; "
    "escaping=allow-utf-8";

// The numbers are those of io.prometheus.client.MetricType.
enum class FamilyType : uint8_t { kUntyped = 3, kHistogram = 4, kGaugeHistogram = 5 };

FamilyType type_of(const FederatedSample& sample) {
    if (sample.histogram == nullptr) {
        return FamilyType::kUntyped;
    }
    return sample.histogram->hint == model::CounterResetHint::kGauge ? FamilyType::kGaugeHistogram
                                                                     : FamilyType::kHistogram;
}

bool has_custom_buckets(const FloatHistogram& histogram) {
    return histogram.schema == model::kCustomBucketsSchema;
}

// How many values each custom bound has below or at it.
std::vector<double> cumulative_counts(const FloatHistogram& histogram) {
    std::vector<double> counts(histogram.custom_values.size(), 0);
    size_t value = 0;
    int64_t bucket = 0;
    for (const model::Span& span : histogram.positive_spans) {
        bucket += span.offset;
        for (uint32_t i = 0; i < span.length; ++i, ++bucket, ++value) {
            const bool bounded = bucket >= 0 && static_cast<size_t>(bucket) < counts.size();
            if (bounded && value < histogram.positive_buckets.size()) {
                counts[static_cast<size_t>(bucket)] = histogram.positive_buckets[value];
            }
        }
    }
    for (size_t i = 1; i < counts.size(); ++i) {
        counts[i] += counts[i - 1];
    }
    return counts;
}

using ExternalLabels = std::map<std::string, std::string, std::less<>>;

ExternalLabels added_labels(const model::Labels& external) {
    ExternalLabels added;
    for (const model::LabelView label : external) {
        added.emplace(label.name, label.value);
    }
    // An empty label keeps the reader from putting its own instance in.
    added.try_emplace("instance", "");
    return added;
}

// Calls write(name, value) for every label but the metric's name.
template <class Write>
void for_each_label(const FederatedSample& sample, const ExternalLabels& added, Write&& write) {
    for (const model::LabelView label : sample.labels) {
        if (label.name != model::kMetricName) {
            write(label.name, label.value);
        }
    }
    for (const auto& [name, value] : added) {
        if (!sample.labels.has(name)) {
            write(std::string_view(name), std::string_view(value));
        }
    }
}

// --- text ------------------------------------------------------------------------------------

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '\\':
                out += "\\\\";
                break;
            case '"':
                out += "\\\"";
                break;
            case '\n':
                out += "\\n";
                break;
            default:
                out += c;
        }
    }
}

class TextPage {
  public:
    explicit TextPage(const model::Labels& external) : added_(added_labels(external)) {}

    void begin_family(std::string_view name, FamilyType type) {
        out_ += "# TYPE ";
        append_name(name);
        out_ += type == FamilyType::kUntyped ? " untyped\n" : " histogram\n";
    }

    void add(const FederatedSample& sample) {
        if (sample.histogram == nullptr) {
            line(sample, "", {}, sample.v);
        } else {
            add_classic(sample, *sample.histogram);
        }
    }

    [[nodiscard]] static bool takes(const FederatedSample& sample) {
        return sample.histogram == nullptr || has_custom_buckets(*sample.histogram);
    }

    void end_family() {}

    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    void add_classic(const FederatedSample& sample, const FloatHistogram& histogram) {
        const std::vector<double> counts = cumulative_counts(histogram);
        for (size_t i = 0; i < counts.size(); ++i) {
            std::string bound;
            base::append_float_g(bound, histogram.custom_values[i]);
            line(sample, "_bucket", bound, counts[i]);
        }
        line(sample, "_bucket", "+Inf", histogram.count);
        line(sample, "_sum", {}, histogram.sum);
        line(sample, "_count", {}, histogram.count);
    }

    void line(const FederatedSample& sample,
              std::string_view suffix,
              std::string_view bound,
              double value) {
        std::string name(sample.labels.metric_name());
        name += suffix;
        const bool plain = is_plain(name);
        if (plain) {
            out_ += name;
        }
        out_ += '{';
        first_ = true;
        if (!plain) {
            model::append_quoted(out_, name);
            first_ = false;
        }
        for_each_label(sample, added_, [this](std::string_view label, std::string_view text) {
            add_label(label, text);
        });
        if (!bound.empty()) {
            add_label("le", bound);
        }
        out_ += "} ";
        base::append_float_g(out_, value);
        out_ += ' ';
        base::append_integer(out_, sample.t);
        out_ += '\n';
    }

    static bool is_plain(std::string_view name) {
        return model::is_valid_metric_name(name, model::NameScheme::kLegacy);
    }

    void append_name(std::string_view name) {
        if (is_plain(name)) {
            out_ += name;
        } else {
            model::append_quoted(out_, name);
        }
    }

    void add_label(std::string_view name, std::string_view value) {
        if (!first_) {
            out_ += ',';
        }
        first_ = false;
        model::append_label_name(out_, name);
        out_ += "=\"";
        append_escaped(out_, value);
        out_ += '"';
    }

    const ExternalLabels added_;
    std::string out_;
    bool first_ = true;
};

// --- protobuf --------------------------------------------------------------------------------

// Fields of one message in its wire form; all numbers used here are below 16.
class Message {
  public:
    void text(int field, std::string_view value) {
        tag(field, 2);
        varint(value.size());
        bytes_ += value;
    }

    void message(int field, const Message& value) { text(field, value.bytes_); }

    void number(int field, uint64_t value) {
        tag(field, 0);
        varint(value);
    }

    // sint32
    void zigzag(int field, int32_t value) {
        number(field, (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
    }

    void real(int field, double value) {
        tag(field, 1);
        auto bits = std::bit_cast<uint64_t>(value);
        for (int i = 0; i < 8; ++i, bits >>= 8) {
            bytes_ += static_cast<char>(bits & 0xff);
        }
    }

    void reals(int field, const std::vector<double>& values) {
        for (const double value : values) {
            real(field, value);
        }
    }

    void varint(uint64_t value) {
        for (; value >= 0x80; value >>= 7) {
            bytes_ += static_cast<char>(value | 0x80);
        }
        bytes_ += static_cast<char>(value);
    }

    void append(const Message& message) { bytes_ += message.bytes_; }

    [[nodiscard]] size_t size() const { return bytes_.size(); }

    [[nodiscard]] std::string take() { return std::move(bytes_); }

  private:
    void tag(int field, int wire_type) { bytes_ += static_cast<char>(field << 3 | wire_type); }

    std::string bytes_;
};

void add_spans(Message& out, int field, const std::vector<model::Span>& spans) {
    for (const model::Span& span : spans) {
        Message message;
        message.zigzag(1, span.offset);
        message.number(2, span.length);
        out.message(field, message);
    }
}

Message native_histogram(const FloatHistogram& histogram) {
    Message out;
    out.real(2, histogram.sum);
    out.real(4, histogram.count);
    out.zigzag(5, histogram.schema);
    out.real(6, histogram.zero_threshold);
    out.real(8, histogram.zero_count);
    add_spans(out, 9, histogram.negative_spans);
    out.reals(11, histogram.negative_buckets);
    add_spans(out, 12, histogram.positive_spans);
    out.reals(14, histogram.positive_buckets);
    return out;
}

// Without the bucket of +Inf: its count is the histogram's.
Message classic_histogram(const FloatHistogram& histogram) {
    Message out;
    out.real(2, histogram.sum);
    const std::vector<double> counts = cumulative_counts(histogram);
    for (size_t i = 0; i < counts.size(); ++i) {
        Message bucket;
        bucket.real(2, histogram.custom_values[i]);
        bucket.real(4, counts[i]);
        out.message(3, bucket);
    }
    out.real(4, histogram.count);
    return out;
}

class ProtobufPage {
  public:
    explicit ProtobufPage(const model::Labels& external) : added_(added_labels(external)) {}

    void begin_family(std::string_view name, FamilyType type) {
        family_ = Message();
        family_.text(1, name);
        family_.number(3, static_cast<uint64_t>(type));
    }

    void add(const FederatedSample& sample) {
        Message metric;
        for_each_label(sample, added_, [&](std::string_view name, std::string_view value) {
            Message label;
            label.text(1, name);
            label.text(2, value);
            metric.message(1, label);
        });
        if (sample.histogram == nullptr) {
            Message value;
            value.real(1, sample.v);
            metric.message(5, value);
        }
        metric.number(6, static_cast<uint64_t>(sample.t));
        if (sample.histogram != nullptr) {
            const FloatHistogram& histogram = *sample.histogram;
            metric.message(7,
                           has_custom_buckets(histogram) ? classic_histogram(histogram)
                                                         : native_histogram(histogram));
        }
        family_.message(4, metric);
    }

    [[nodiscard]] static bool takes(const FederatedSample&) { return true; }

    void end_family() {
        out_.varint(family_.size());
        out_.append(family_);
    }

    [[nodiscard]] std::string take() { return out_.take(); }

  private:
    const ExternalLabels added_;
    Message out_;
    Message family_;
};

// A family per name and type: a name whose series are of several types has several, which readers
// put together again.
template <class Page>
std::string write_page(std::span<const FederatedSample> samples, const model::Labels& external) {
    Page page(external);
    const FederatedSample* last = nullptr;
    for (const FederatedSample& sample : samples) {
        if (!Page::takes(sample)) {
            continue;
        }
        const std::string_view name = sample.labels.metric_name();
        if (last == nullptr || name != last->labels.metric_name() ||
            type_of(sample) != type_of(*last)) {
            if (last != nullptr) {
                page.end_family();
            }
            page.begin_family(name, type_of(sample));
        }
        page.add(sample);
        last = &sample;
    }
    if (last != nullptr) {
        page.end_family();
    }
    return page.take();
}

// --- which one -------------------------------------------------------------------------------

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes what stands before the next `mark` off the text.
std::string_view cut(std::string_view& text, char mark) {
    const size_t end = std::min(text.find(mark), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return trimmed(part);
}

struct Wish {
    std::string_view type, proto, encoding, version;
    double quality = 1;
};

Wish read_wish(std::string_view clause) {
    Wish wish;
    wish.type = cut(clause, ';');
    while (!clause.empty()) {
        std::string_view param = cut(clause, ';');
        const std::string_view name = cut(param, '=');
        const std::string_view value = trimmed(param);
        if (name == "proto") {
            wish.proto = value;
        } else if (name == "encoding") {
            wish.encoding = value;
        } else if (name == "version") {
            wish.version = value;
        } else if (name == "q" && !base::parse_float(value, wish.quality)) {
            wish.quality = 0;
        }
    }
    return wish;
}

}  // namespace

FederatedFormat federated_format(std::string_view accept) {
    std::vector<Wish> wishes;
    while (!accept.empty()) {
        wishes.push_back(read_wish(cut(accept, ',')));
    }
    std::ranges::stable_sort(wishes, std::greater<>(), &Wish::quality);
    for (const Wish& wish : wishes) {
        if (wish.quality <= 0) {
            break;
        }
        if (base::http::equals_ignoring_case(wish.type, "application/vnd.google.protobuf") &&
            wish.proto == "io.prometheus.client.MetricFamily" && wish.encoding == "delimited") {
            return FederatedFormat::kProtobuf;
        }
        if (base::http::equals_ignoring_case(wish.type, "text/plain") &&
            (wish.version.empty() || wish.version == "0.0.4")) {
            return FederatedFormat::kText;
        }
    }
    return FederatedFormat::kText;
}

std::string_view content_type(FederatedFormat format) {
    return format == FederatedFormat::kText ? kTextType : kProtobufType;
}

std::string federated_page(FederatedFormat format,
                           std::span<const FederatedSample> samples,
                           const model::Labels& external) {
    return format == FederatedFormat::kText ? write_page<TextPage>(samples, external)
                                            : write_page<ProtobufPage>(samples, external);
}

}  // namespace query
