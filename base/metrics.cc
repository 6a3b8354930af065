#include "base/metrics.h"

#include <algorithm>
#include <type_traits>
#include <variant>

#include "base/check.h"
#include "base/float_format.h"

namespace base {

namespace {

using LabelValues = std::span<const std::string>;

bool is_name_start(char c, bool colon) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
}

bool is_name(std::string_view name, bool colon) {
    return !name.empty() && is_name_start(name[0], colon) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return is_name_start(c, colon) || (c >= '0' && c <= '9');
           });
}

std::string_view kind_name(MetricKind kind) {
    switch (kind) {
        case MetricKind::kCounter:
            return "counter";
        case MetricKind::kGauge:
            return "gauge";
        case MetricKind::kHistogram:
            return "histogram";
        case MetricKind::kSummary:
            return "summary";
    }
    return "untyped";
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\n') {
            out.append("\\n");
        } else if (c == '\\' || (quotes && c == '"')) {
            out.push_back('\\');
            out.push_back(c);
        } else {
            out.push_back(c);
        }
    }
}

// Prints the lines of one metric name.
class TextPrinter {
  public:
    TextPrinter(std::string& out, const MetricDescription& about) : out_(out), about_(about) {}

    void line(std::string_view suffix, LabelValues values, double value) {
        begin(suffix, values);
        end(value);
    }

    void print(LabelValues values, const Counter& counter) { line("", values, counter.value()); }

    void print(LabelValues values, const Gauge& gauge) { line("", values, gauge.value()); }

    void print(LabelValues values, const Summary& summary) {
        line("_sum", values, summary.sum());
        line("_count", values, static_cast<double>(summary.count()));
    }

    void print(LabelValues values, const Histogram& histogram) {
        const std::vector<uint64_t> counts = histogram.counts();
        uint64_t below = 0;
        for (size_t bucket = 0; bucket < counts.size(); ++bucket) {
            below += counts[bucket];
            const bool last = bucket == histogram.bounds().size();
            begin("_bucket", values);
            label("le");
            last ? void(out_.append("+Inf")) : append_float_g(out_, histogram.bounds()[bucket]);
            out_.push_back('"');
            end(static_cast<double>(below));
        }
        line("_sum", values, histogram.sum());
        line("_count", values, static_cast<double>(below));
    }

  private:
    // HELP and TYPE come before the first line, so that a family without a value prints nothing.
    void head() {
        out_.append("# HELP ").append(about_.name).push_back(' ');
        append_escaped(out_, about_.help, false);
        out_.append("\n# TYPE ").append(about_.name).push_back(' ');
        out_.append(kind_name(about_.kind)).push_back('\n');
    }

    void begin(std::string_view suffix, LabelValues values) {
        if (!std::exchange(head_printed_, true)) {
            head();
        }
        out_.append(about_.name).append(suffix);
        labelled_ = false;
        for (size_t at = 0; at < values.size(); ++at) {
            label(about_.labels[at]);
            append_escaped(out_, values[at], true);
            out_.push_back('"');
        }
    }

    void label(std::string_view name) {
        out_.push_back(std::exchange(labelled_, true) ? ',' : '{');
        out_.append(name).append("=\"");
    }

    void end(double value) {
        out_.append(labelled_ ? "} " : " ");
        append_float_g(out_, value);
        out_.push_back('\n');
    }

    std::string& out_;
    const MetricDescription& about_;
    bool head_printed_ = false;
    bool labelled_ = false;
};

// Sorts what a computed family emits.
class CollectingEmitter final : public MetricEmitter {
  public:
    explicit CollectingEmitter(size_t label_count) : label_count_(label_count) {}

    void emit(std::span<const std::string_view> values, double value) override {
        SKEIN_CHECK(values.size() == label_count_, "wrong number of label values", values.size());
        emitted_[std::vector<std::string>(values.begin(), values.end())] = value;
    }

    void print(TextPrinter& printer) const {
        for (const auto& [values, value] : emitted_) {
            printer.line("", values, value);
        }
    }

  private:
    const size_t label_count_;
    std::map<std::vector<std::string>, double> emitted_;
};

// A computed metric; the lock is held while the function runs, so that unregistering waits.
struct Computed {
    Mutex mutex;
    std::function<void(MetricEmitter&)> values GUARDED_BY(mutex);
};

template <class Metric>
using Owned = std::unique_ptr<MetricFamily<Metric>>;

template <class Metric>
auto maker() {
    return [] { return std::make_unique<Metric>(); };
}

auto histogram_maker(std::vector<double> bounds) {
    return [bounds = std::move(bounds)] { return std::make_unique<Histogram>(bounds); };
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()),
      counts_(std::make_unique<std::atomic<uint64_t>[]>(bounds.size() + 1)) {
    SKEIN_CHECK(std::is_sorted(bounds_.begin(), bounds_.end(), std::less_equal<>()),
                "histogram bounds do not ascend");
}

void Histogram::observe(double value) {
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    counts_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<uint64_t> Histogram::counts() const {
    std::vector<uint64_t> counts(bounds_.size() + 1);
    for (size_t bucket = 0; bucket < counts.size(); ++bucket) {
        counts[bucket] = counts_[bucket].load(std::memory_order_relaxed);
    }
    return counts;
}

std::vector<double> exponential_bounds(double start, double factor, size_t count) {
    std::vector<double> bounds;
    bounds.reserve(count);
    for (; bounds.size() < count; start *= factor) {
        bounds.push_back(start);
    }
    return bounds;
}

template <class Metric>
Metric& MetricFamily<Metric>::with(std::span<const std::string_view> values) {
    SKEIN_CHECK(values.size() == label_count_, "wrong number of label values", values.size());
    std::vector<std::string> key(values.begin(), values.end());
    const MutexLock lock(mutex_);
    if (const auto found = metrics_.find(key); found != metrics_.end()) {
        return *found->second;
    }
    if (metrics_.size() >= limit_) {
        key.assign(label_count_, std::string(kOther));
    }
    std::unique_ptr<Metric>& slot = metrics_[std::move(key)];
    if (slot == nullptr) {
        slot = make_();
    }
    return *slot;
}

template <class Metric>
void MetricFamily<Metric>::remove(std::initializer_list<std::string_view> values) {
    const std::vector<std::string> key(values.begin(), values.end());
    const MutexLock lock(mutex_);
    if (auto found = metrics_.extract(key)) {
        removed_.push_back(std::move(found.mapped()));
    }
}

template class MetricFamily<Counter>;
template class MetricFamily<Gauge>;
template class MetricFamily<Histogram>;
template class MetricFamily<Summary>;

struct Registry::Entry {
    MetricDescription about;
    std::variant<Owned<Counter>,
                 Owned<Gauge>,
                 Owned<Histogram>,
                 Owned<Summary>,
                 std::shared_ptr<Computed>>
        source;

    void print(std::string& out) const {
        TextPrinter printer(out, about);
        if (const auto* computed = std::get_if<std::shared_ptr<Computed>>(&source)) {
            CollectingEmitter emitter(about.labels.size());
            {
                const MutexLock lock((*computed)->mutex);
                if ((*computed)->values) {
                    (*computed)->values(emitter);
                }
            }
            emitter.print(printer);
            return;
        }
        const auto print_one = [&](LabelValues values, const auto& metric) {
            printer.print(values, metric);
        };
        std::visit(
            [&](const auto& family) {
                if constexpr (!std::is_same_v<std::decay_t<decltype(family)>,
                                              std::shared_ptr<Computed>>) {
                    family->visit(print_one);
                }
            },
            source);
    }
};

struct Registry::State {
    mutable Mutex mutex;
    // Entries are never removed, so that a collection may walk them without the lock.
    std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries GUARDED_BY(mutex);

    Entry& add(MetricDescription about, decltype(Entry::source) source) {
        SKEIN_CHECK(is_name(about.name, true), "malformed metric name", about.name);
        for (const std::string& label : about.labels) {
            SKEIN_CHECK(is_name(label, false), "malformed label name", label, "of", about.name);
        }
        const MutexLock lock(mutex);
        std::unique_ptr<Entry>& slot = entries[about.name];
        SKEIN_CHECK(slot == nullptr, "metric registered twice:", about.name);
        slot = std::make_unique<Entry>(Entry{std::move(about), std::move(source)});
        return *slot;
    }

    [[nodiscard]] std::shared_ptr<Computed> find_computed(const MetricDescription& about) {
        const MutexLock lock(mutex);
        const auto found = entries.find(about.name);
        if (found == entries.end()) {
            return nullptr;
        }
        const Entry& entry = *found->second;
        const auto* computed = std::get_if<std::shared_ptr<Computed>>(&entry.source);
        SKEIN_CHECK(computed != nullptr && entry.about.kind == about.kind &&
                        entry.about.labels == about.labels,
                    "metric registered twice:",
                    about.name);
        return *computed;
    }

    [[nodiscard]] std::vector<const Entry*> sorted() const {
        const MutexLock lock(mutex);
        std::vector<const Entry*> list;
        list.reserve(entries.size());
        for (const auto& [name, entry] : entries) {
            list.push_back(entry.get());
        }
        return list;
    }
};

Registry::Registry() : state_(std::make_unique<State>()) {}

Registry::~Registry() = default;

template <class Metric>
MetricFamily<Metric>& Registry::add_family(MetricKind kind,
                                           std::string_view name,
                                           std::string_view help,
                                           Names labels,
                                           size_t limit,
                                           typename MetricFamily<Metric>::Make make) {
    auto family = std::make_unique<MetricFamily<Metric>>(labels.size(), limit, std::move(make));
    MetricFamily<Metric>& added = *family;
    state_->add({std::string(name), kind, std::string(help), std::move(labels)}, std::move(family));
    return added;
}

Counter& Registry::counter(std::string_view name, std::string_view help) {
    return counters(name, help, {}, 1).with({});
}

Gauge& Registry::gauge(std::string_view name, std::string_view help) {
    return gauges(name, help, {}, 1).with({});
}

Histogram& Registry::histogram(std::string_view name,
                               std::string_view help,
                               std::vector<double> bounds) {
    return histograms(name, help, {}, std::move(bounds), 1).with({});
}

Summary& Registry::summary(std::string_view name, std::string_view help) {
    return summaries(name, help, {}, 1).with({});
}

MetricFamily<Counter>& Registry::counters(std::string_view name,
                                          std::string_view help,
                                          Names labels,
                                          size_t limit) {
    return add_family<Counter>(
        MetricKind::kCounter, name, help, std::move(labels), limit, maker<Counter>());
}

MetricFamily<Gauge>& Registry::gauges(std::string_view name,
                                      std::string_view help,
                                      Names labels,
                                      size_t limit) {
    return add_family<Gauge>(
        MetricKind::kGauge, name, help, std::move(labels), limit, maker<Gauge>());
}

MetricFamily<Histogram>& Registry::histograms(std::string_view name,
                                              std::string_view help,
                                              Names labels,
                                              std::vector<double> bounds,
                                              size_t limit) {
    return add_family<Histogram>(MetricKind::kHistogram,
                                 name,
                                 help,
                                 std::move(labels),
                                 limit,
                                 histogram_maker(std::move(bounds)));
}

MetricFamily<Summary>& Registry::summaries(std::string_view name,
                                           std::string_view help,
                                           Names labels,
                                           size_t limit) {
    return add_family<Summary>(
        MetricKind::kSummary, name, help, std::move(labels), limit, maker<Summary>());
}

MetricCallback Registry::computed(MetricKind kind,
                                  std::string_view name,
                                  std::string_view help,
                                  std::function<double()> value) {
    return computed(kind, name, help, Names(), [value = std::move(value)](MetricEmitter& emitter) {
        emitter.emit({}, value());
    });
}

MetricCallback Registry::computed(MetricKind kind,
                                  std::string_view name,
                                  std::string_view help,
                                  Names labels,
                                  std::function<void(MetricEmitter&)> values) {
    SKEIN_CHECK(kind == MetricKind::kCounter || kind == MetricKind::kGauge,
                "only counters and gauges can be computed:",
                name);
    MetricDescription about{std::string(name), kind, std::string(help), std::move(labels)};
    std::shared_ptr<Computed> computed = state_->find_computed(about);
    if (computed == nullptr) {
        computed = std::make_shared<Computed>();
        state_->add(std::move(about), computed);
    }
    {
        const MutexLock lock(computed->mutex);
        SKEIN_CHECK(!computed->values, "metric registered twice:", name);
        computed->values = std::move(values);
    }
    return MetricCallback([computed] {
        const MutexLock lock(computed->mutex);
        computed->values = nullptr;
    });
}

void Registry::write_text(std::string& out) const {
    for (const Entry* entry : state_->sorted()) {
        entry->print(out);
    }
}

std::vector<MetricDescription> Registry::describe() const {
    std::vector<MetricDescription> list;
    for (const Entry* entry : state_->sorted()) {
        list.push_back(entry->about);
    }
    return list;
}

}  // namespace base
