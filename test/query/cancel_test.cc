// How soon a query ends that is canceled: never longer than the work between two looks.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <time.h>

#include "model/histogram.h"
#include "query/engine.h"
#include "query/result_json.h"
#include "query/testing/memory_storage.h"

namespace {

constexpr int64_t kMinute = 60'000;
constexpr size_t kSeries = 8'000;    // of m_total: two samples
constexpr size_t kLongSeries = 300;  // of these: two hours
constexpr size_t kNative = 8;        // of h, two hours

// What a query may take between two looks, in a program that is not optimised ten times that.
#ifdef NDEBUG
constexpr double kLookMs = 100;
#else
constexpr double kLookMs = 1000;
#endif

// Processor time of this thread: other work on the machine does not count.
double thread_ms() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Every look of a query asks for the time. Stands still, and keeps the longest time between two.
class LookClock final : public base::Clock {
  public:
    [[nodiscard]] int64_t now_ns() const override { return 0; }

    [[nodiscard]] base::SteadyTime steady() const override {
        look();
        return base::SteadyTime(std::chrono::seconds(1));
    }

    void begin() {
        last_ = thread_ms();
        longest_ = 0;
    }

    void look() const {
        const double now = thread_ms();
        longest_ = std::max(longest_, now - last_);
        last_ = now;
    }

    [[nodiscard]] double longest_ms() const { return longest_; }

  private:
    mutable double last_ = 0;
    mutable double longest_ = 0;
};

std::shared_ptr<const model::FloatHistogram> native(double scale) {
    model::FloatHistogram h;
    h.schema = 3;
    h.positive_spans = {{.offset = 0, .length = 160}};
    h.positive_buckets.assign(160, scale);
    h.count = 160 * scale;
    h.sum = 1000 * scale;
    return std::make_shared<const model::FloatHistogram>(std::move(h));
}

struct Fixture {
    Fixture() {
        std::vector<model::ChunkSample> samples;
        for (int64_t t = 0; t <= 120 * kMinute; t += kMinute) {
            samples.push_back({t, 0, static_cast<double>(t % 7919), nullptr});
        }
        for (size_t i = 0; i < kSeries; ++i) {
            const std::string id = std::to_string(i);
            const std::string group = std::to_string(i % 100);
            const std::string bound = std::to_string(i % 20);
            storage.add(
                model::Labels{{"__name__", "m_total"},
                              {"id", id},
                              {"group", group},
                              {"le", bound},
                              {"long", "/a/path/which/regular/expressions/like/to/look/at/" + id}},
                std::span(samples).first(i < kLongSeries ? samples.size() : 2));
        }
        samples.clear();
        for (int64_t t = 0; t <= 120 * kMinute; t += kMinute) {
            samples.push_back({t, 0, 0, native(static_cast<double>(t / kMinute + 1))});
        }
        for (size_t i = 0; i < kNative; ++i) {
            storage.add(model::Labels{{"__name__", "h"}, {"id", std::to_string(i)}}, samples);
        }
    }

    static query::Options everything() {
        query::Options options;
        options.experimental_functions = true;
        options.timeout = std::chrono::hours(1);
        return options;
    }

    query::Options options = everything();
    query::testing::MemoryStorage storage;
    LookClock clock;
    base::Budget budget{"test", int64_t{4} << 30};
    query::Engine engine{options, storage, clock, budget};
};

constexpr size_t kFrame = 64 * 1024;

void check_answer(const query::QueryResult& answer) {
    query::ResultWriter writer(answer, false);
    std::string frame;
    double longest = 0;
    for (bool more = true; more;) {
        frame.clear();
        const double begin = thread_ms();
        more = writer.write(frame, kFrame);
        longest = std::max(longest, thread_ms() - begin);
        CHECK(frame.size() < 16 * kFrame);
    }
    CHECK(longest < kLookMs);
}

}  // namespace

TEST_CASE("no operator runs for long without a look at whether to go on", "[query][cancel]") {
    Fixture fixture;
    const auto check = [&](const std::string& text, bool range) {
        CAPTURE(text, range);
        fixture.clock.begin();
        const auto answer = range ? fixture.engine.range(text, 0, 120 * kMinute, kMinute)
                                  : fixture.engine.instant(text, 120 * kMinute);
        fixture.clock.look();
        CHECK(fixture.clock.longest_ms() < kLookMs);
        REQUIRE(answer.has_value());
        check_answer(answer.value());
    };
    // Of one series of very many steps.
    for (const char* text : {"vector(1)[50d:1s]",
                             "exp(vector(time()))[20d:1s]",
                             "sum_over_time((-vector(1) * 2 > 1)[20d:1s])",
                             "sum_over_time((rate(m_total{id=\"1\"}[5m]))[30d:1s])",
                             "quantile_over_time(0.5, vector(1)[10d:1s])",
                             "max_over_time(day_of_month()[10d:1s])"}) {
        check(text, false);
    }
    // Of very many series.
    const std::string m = "(m_total offset 119m)";
    for (const std::string& text :
         {std::string("count") + m,
          "sort" + m,
          std::string("sort_by_label(m_total offset 119m, \"long\")"),
          "topk(10000, " + m + ")",
          "count_values(\"v\", " + m + ")",
          "quantile(0.9, " + m + ")",
          "label_replace(" + m + ", \"x\", \"$1\", \"long\", \"(.*)(.*)(.*)(.*)/([0-9]+)\")",
          "label_join(" + m + ", \"x\", \"/\", \"long\", \"id\", \"long\")",
          "absent" + m,
          "histogram_quantile(0.9, " + m + ")",
          m + " * on (id) group_left (long) " + m,
          m + " and on (group) " + m,
          m + " unless on (nothing) " + m,
          "limit_ratio(0.5, " + m + ")",
          std::string("count(m_total{long=~\"(.*)(.*)(.*)[13579]\"} offset 119m)"),
          std::string("m_total[2h]")}) {
        check(text, false);
    }
    // Of native histograms.
    for (const char* text : {"h",
                             "-h",
                             "h + h",
                             "h * 2",
                             "sum(h)",
                             "avg(h)",
                             "rate(h[1h])",
                             "sum_over_time(h[1h])",
                             "histogram_quantile(0.9, h)",
                             "histogram_stddev(h)",
                             "histogram_fraction(0, 10, rate(h[1h]))",
                             "changes(h[1h])"}) {
        check(text, true);
    }
    // Of many series at many steps.
    for (const char* text : {"rate(m_total[1h])",
                             "quantile_over_time(0.9, m_total[1h])",
                             "mad_over_time(m_total{id=~\"1..\"}[1h])",
                             "predict_linear(m_total[1h], 60)",
                             "topk(100, m_total)",
                             "sort(m_total)",
                             "histogram_quantile(0.9, m_total{id=~\"1..\"})"}) {
        check(text, true);
    }
}

TEST_CASE("a query that is canceled ends at its next look", "[query][cancel]") {
    // Is canceled at its n-th look.
    class Canceler final : public base::Clock {
      public:
        explicit Canceler(int at) : left_(at) {}

        [[nodiscard]] int64_t now_ns() const override { return 0; }

        [[nodiscard]] base::SteadyTime steady() const override {
            if (--left_ == 0) {
                source.request_stop();
            }
            return base::SteadyTime(std::chrono::seconds(1));
        }

        [[nodiscard]] int left() const { return left_; }

        mutable std::stop_source source;

      private:
        mutable int left_;
    };

    query::testing::MemoryStorage storage;
    const Canceler clock(100);
    base::Budget budget("test");
    query::Engine engine({}, storage, clock, budget);
    query::QueryParams params;
    params.stop = clock.source.get_token();
    const auto answer = engine.instant("sum_over_time(vector(1)[100d:1s])", 0, params);
    REQUIRE(answer.has_error());
    CHECK(answer.error().message() == "query was canceled in expression evaluation");
    CHECK(clock.left() > -10);
}
