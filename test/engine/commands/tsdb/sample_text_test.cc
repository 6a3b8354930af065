#include "engine/commands/tsdb/sample_text.h"

#include <limits>

#include <catch2/catch.hpp>

namespace {

std::string text_of(const model::TypedSample& sample) {
    std::string out;
    engine::append_sample_text(out, sample);
    return out;
}

}  // namespace

TEST_CASE("floats are printed as Go's %g", "[engine][tsdb]") {
    const auto check = [](double value, const char* want) {
        model::TypedSample sample;
        sample.v = value;
        CHECK(text_of(sample) == want);
    };
    check(1, "1");
    check(1e6, "1e+06");
    check(123456789, "1.23456789e+08");
    check(0.00001, "1e-05");
    check(-0.5, "-0.5");
    check(std::numeric_limits<double>::infinity(), "+Inf");
    check(std::numeric_limits<double>::quiet_NaN(), "NaN");
}

TEST_CASE("histograms are printed with their buckets, whole counts as whole numbers",
          "[engine][tsdb]") {
    model::Histogram histogram;
    histogram.count = 2'000'004;
    histogram.sum = 18.4;
    histogram.zero_threshold = 0.001;
    histogram.zero_count = 1;
    histogram.positive_spans = {{0, 2}};
    histogram.positive_deltas = {2'000'000, -1'999'999};
    histogram.negative_spans = {{0, 1}, {1, 1}};
    histogram.negative_deltas = {1, 0};
    model::TypedSample sample;
    sample.integer = std::make_shared<const model::Histogram>(histogram);
    CHECK(text_of(sample) ==
          "{count:2000004, sum:18.4, [-4,-2):1, [-1,-0.5):1, [-0.001,0.001]:1, (0.5,1]:2000000, "
          "(1,2]:1}");

    model::FloatHistogram floating;
    floating.count = 2.5;
    floating.sum = 1;
    floating.positive_spans = {{1, 1}};
    floating.positive_buckets = {2.5};
    sample.integer = nullptr;
    sample.floating = std::make_shared<const model::FloatHistogram>(floating);
    CHECK(text_of(sample) == "{count:2.5, sum:1, (1,2]:2.5}");
}
