#include <bit>
#include <limits>

#include <catch2/catch.hpp>

#include "base/async/worker_pool.h"
#include "base/random.h"
#include "storeapi/node/partial_frames.h"
#include "storeapi/proto/node.pb.h"
#include "test/storeapi/node_fixture.h"
#include "test/support/seed.h"

using namespace storeapi_test;
using namespace std::chrono_literals;
using base::Code;
using model::Partial;
using storeapi::PartialReader;

namespace {

model::Fragment fragment(uint64_t steps) {
    return {.query = "sum by (job) (rate(x[5m]))",
            .start_ms = 1000,
            .end_ms = 1000 + static_cast<int64_t>(steps - 1) * 15,
            .step_ms = 15,
            .lookback_ms = 300,
            .matchers = {model::Matcher::equal("__name__", "x")},
            .min_t = -7,
            .max_t = 9000,
            .without = {3, 5, UINT64_MAX}};
}

uint64_t bits(double value) {
    return std::bit_cast<uint64_t>(value);
}

// Equal to the last bit.
void check_equal(const Partial& got, const Partial& want) {
    CHECK(got.refused == want.refused);
    CHECK(got.width == want.width);
    CHECK(got.series == want.series);
    CHECK(got.warnings == want.warnings);
    CHECK(got.samples_read == want.samples_read);
    CHECK(got.samples_queried == want.samples_queried);
    REQUIRE(got.notes.size() == want.notes.size());
    for (size_t i = 0; i < got.notes.size(); ++i) {
        CHECK(got.notes[i].warning == want.notes[i].warning);
        CHECK(got.notes[i].text == want.notes[i].text);
        CHECK(got.notes[i].placed == want.notes[i].placed);
        CHECK(got.notes[i].start == want.notes[i].start);
        CHECK(got.notes[i].end == want.notes[i].end);
    }
    REQUIRE(got.rows.size() == want.rows.size());
    for (size_t i = 0; i < got.rows.size(); ++i) {
        REQUIRE(got.rows[i].labels == want.rows[i].labels);
        REQUIRE(got.rows[i].present == want.rows[i].present);
        REQUIRE(got.rows[i].values.size() == want.rows[i].values.size());
        for (size_t k = 0; k < got.rows[i].values.size(); ++k) {
            REQUIRE(bits(got.rows[i].values[k]) == bits(want.rows[i].values[k]));
        }
    }
}

Partial random_partial(base::Random& random, uint64_t steps) {
    Partial partial{.width = static_cast<uint32_t>(1 + random.below(3)),
                    .samples_read = static_cast<int64_t>(random.below(1'000'000)),
                    .samples_queried = static_cast<int64_t>(random.below(1'000))};
    for (uint64_t i = random.below(200); i != 0; --i) {
        model::PartialRow& row = partial.rows.emplace_back();
        const std::string job = "job" + std::to_string(i);
        if (random.below(20) != 0) {
            row.labels = {{"common", "text"}, {"job", job}};
        }
        row.present.resize(storeapi::step_words(steps));
        for (uint64_t step = 0; step < steps; ++step) {
            if (random.below(3) != 0) {
                row.present[step / 64] |= uint64_t{1} << step % 64;
                for (uint32_t k = 0; k < partial.width; ++k) {
                    row.values.push_back(std::bit_cast<double>(random.u64()));
                }
            }
        }
    }
    uint64_t hash = 0;
    for (uint64_t i = random.below(3000); i != 0; --i) {
        partial.series.push_back(hash += 1 + random.below(1'000'000));
    }
    for (uint64_t i = random.below(4); i != 0; --i) {
        partial.notes.push_back({.warning = random.below(2) == 0,
                                 .text = "a note",
                                 .placed = random.below(2) == 0,
                                 .start = -5,
                                 .end = static_cast<int32_t>(random.below(100))});
        partial.warnings.emplace_back("a warning");
    }
    return partial;
}

std::string refusal(PartialReader& reader, const skein::v1::PartialFrame& frame) {
    const base::Status status = reader.read(frame.SerializeAsString());
    if (status) {
        return {};
    }
    CHECK(status.error().code() == Code::kCorrupt);
    return status.error().message();
}

}  // namespace

TEST_CASE("a fragment reaches the node that works it out, and its answer who asked", "[node]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    ScriptedStorage storage;
    Partial answer;
    model::Fragment got;
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        const uint64_t steps = round == 0 ? 1 : 1 + random.below(200);
        const size_t target = 64 + random.below(20'000);
        DataNode node(storage, [&](storeapi::NodeSources& sources) {
            sources.frames = {.target = target, .max = target * 2};
            sources.partial = [&](const model::Fragment& asked,
                                  const model::QueryContext& context) -> base::Result<Partial> {
                CHECK(context.budget != nullptr);
                CHECK(context.deadline.bounded());
                got = asked;
                return answer;
            };
        });
        answer = random_partial(random, steps);
        model::Fragment asked = fragment(steps);
        if (steps == 1) {
            asked.step_ms = 0;
        }
        const model::QueryContext bounds = node.context();
        {
            const auto pending = node.peer().partial(asked, bounds);
            check_equal(pending->wait().value(), answer);
        }
        CHECK(got.query == asked.query);
        CHECK(got.start_ms == asked.start_ms);
        CHECK(got.end_ms == asked.end_ms);
        CHECK(got.step_ms == asked.step_ms);
        CHECK(got.lookback_ms == asked.lookback_ms);
        REQUIRE(got.matchers.size() == 1);
        CHECK(got.matchers[0].to_string() == R"(__name__="x")");
        CHECK(got.min_t == asked.min_t);
        CHECK(got.max_t == asked.max_t);
        CHECK(got.without == asked.without);
        CHECK(node.budget().used() == 0);
        CHECK(becomes_true([&] { return node.node_budget().used() == 0; }));
    }
}

TEST_CASE("a node may refuse a fragment, fail at it, or not be built for it", "[node]") {
    ScriptedStorage storage;
    base::Result<Partial> answer = Partial{.refused = true};
    DataNode node(storage, [&](storeapi::NodeSources& sources) {
        sources.partial = [&](const model::Fragment&, const model::QueryContext&) {
            return answer;
        };
    });
    const model::QueryContext bounds = node.context();
    const auto ask = [&] { return node.peer().partial(fragment(3), bounds)->wait(); };
    CHECK(ask().value().refused);
    answer = Partial{};
    CHECK_FALSE(ask().value().refused);
    answer = base::fail(Code::kExecution, "many-to-many matching");
    CHECK(ask().error().code() == Code::kExecution);
    CHECK(ask().error().message() == "many-to-many matching");
    answer = Partial{.rows = {{.values = std::vector<double>(2 << 20)}}};
    CHECK(ask().error().code() == Code::kUnavailable);
    node.budget().set_limit(0);
    answer = Partial{};
    CHECK(ask().error().code() == Code::kLimit);

    DataNode bare(storage);
    const model::QueryContext other = bare.context();
    CHECK(bare.peer().partial(fragment(3), other)->wait().error().code() == Code::kUnsupported);
}

TEST_CASE("fragments that make no sense, or too much of it, are refused", "[node]") {
    ScriptedStorage storage;
    DataNode node(storage, [&](storeapi::NodeSources& sources) {
        sources.partial = [&](const model::Fragment&, const model::QueryContext&) {
            return Partial{};
        };
    });
    const model::QueryContext bounds = node.context();
    const auto ask = [&](const auto& change) {
        model::Fragment changed = fragment(3);
        change(changed);
        const auto answer = node.peer().partial(changed, bounds)->wait();
        REQUIRE_FALSE(answer);
        return answer.error().code();
    };
    CHECK(ask([](auto& f) { f.start_ms = f.end_ms + 1; }) == Code::kInvalid);
    CHECK(ask([](auto& f) { f.step_ms = -1; }) == Code::kInvalid);
    CHECK(ask([](auto& f) { f.lookback_ms = -1; }) == Code::kInvalid);
    CHECK(ask([](auto& f) { f.without = {2, 2}; }) == Code::kInvalid);
    CHECK(ask([](auto& f) { f.query.assign((1 << 20) + 1, 'x'); }) == Code::kLimit);
    CHECK(ask([](auto& f) {
              f.start_ms = INT64_MIN;
              f.end_ms = INT64_MAX;
              f.step_ms = 1;
          }) == Code::kLimit);

    skein::v1::PartialRequest request;
    request.set_version(storeapi::kNodeProtocol);
    request.set_start_ms(2);
    request.set_end_ms(1);
    std::string message;
    const auto refused = [&] {
        return node.channel()
            .stream(storeapi::kNodePartial, request.SerializeAsString(), bounds.deadline)
            ->next(message)
            .error()
            .code();
    };
    CHECK(refused() == Code::kInvalid);
    request.set_version(2);
    CHECK(refused() == Code::kUnsupported);
}

TEST_CASE("a fragment that takes too long is given up, and told so to its worker", "[node]") {
    ScriptedStorage storage;
    std::atomic<bool> told{false};
    DataNode node(storage, [&](storeapi::NodeSources& sources) {
        sources.partial = [&](const model::Fragment&,
                              const model::QueryContext& context) -> base::Result<Partial> {
            const bool stopped = becomes_true([&] { return !context.check().has_value(); });
            told = stopped;
            TRY(context.check());
            return Partial{};
        };
    });
    const model::QueryContext bounds = node.context(50ms);
    CHECK(node.peer().partial(fragment(3), bounds)->wait().error().code() == Code::kTimeout);
    CHECK(becomes_true([&] { return told.load(); }));
    CHECK(becomes_true([&] { return node.node_budget().used() == 0; }));
}

TEST_CASE("partial answers that make no sense are refused, and say why", "[node]") {
    base::Budget budget("query", 10'000'000);
    PartialReader reader(70, &budget);
    skein::v1::PartialFrame frame;
    frame.set_width(2);
    frame.add_symbols("job");
    frame.add_symbols("x");
    frame.add_symbols("zone");
    frame.add_symbols("");
    const auto row = [&](const std::vector<uint32_t>& labels,
                         const std::vector<uint64_t>& present,
                         size_t values) {
        skein::v1::PartialRow& out = *frame.add_rows();
        out.mutable_labels()->Add(labels.begin(), labels.end());
        out.mutable_present()->Add(present.begin(), present.end());
        for (size_t i = 0; i < values; ++i) {
            out.add_values(1);
        }
    };
    const auto says = [&](const char* part) {
        const std::string message = refusal(reader, frame);
        CAPTURE(message);
        CHECK(message.find("a frame of a partial answer is damaged") == 0);
        return message.find(part) != std::string::npos;
    };
    SECTION("as it should be") {
        row({0, 1}, {5, 1 << 5}, 6);
        row({}, {1}, 2);
        CHECK(refusal(reader, frame).empty());
        const Partial partial = reader.take().value();
        REQUIRE(partial.rows.size() == 2);
        CHECK(partial.rows[0].labels.to_string() == R"({job="x"})");
        CHECK(partial.rows[1].present == std::vector<uint64_t>{1, 0});
    }
    SECTION("none at all") {
        CHECK(reader.take().error().code() == Code::kCorrupt);
    }
    SECTION("numbers that do not match the bits") {
        row({}, {7}, 5);
        CHECK(says("a group has 5 numbers for 3 steps of width 2"));
    }
    SECTION("bits beyond the steps") {
        row({}, {0, 1 << 6}, 2);
        CHECK(says("bits for more than 70 steps"));
    }
    SECTION("words beyond the steps") {
        row({}, {0, 0, 0}, 0);
        CHECK(says("bits for more than 70 steps"));
    }
    SECTION("a symbol that was not sent") {
        row({0, 4}, {}, 0);
        CHECK(says("symbol that was not sent"));
    }
    SECTION("half a label") {
        row({0}, {}, 0);
        CHECK(says("symbol that was not sent"));
    }
    SECTION("labels out of order") {
        row({2, 1, 0, 1}, {}, 0);
        CHECK(says("not in the order of their names"));
    }
    SECTION("an empty label") {
        row({0, 3}, {}, 0);
        CHECK(says("labels of a group are empty"));
    }
    SECTION("a symbol twice") {
        frame.add_symbols("job");
        CHECK(says("a symbol comes twice"));
    }
    SECTION("a width of nothing, or of too much, or a second one") {
        frame.set_width(storeapi::kNodeWidthMax + 1);
        CHECK(says("width 1025"));
        frame.Clear();
        frame.set_width(1);
        CHECK(refusal(reader, frame).empty());
        CHECK(says("width 1"));
    }
    SECTION("hashes that do not ascend, over frames too") {
        frame.add_series(1);
        frame.add_series(2);
        CHECK(refusal(reader, frame).empty());
        frame.Clear();
        frame.add_series(2);
        CHECK(says("do not ascend"));
    }
    SECTION("half a number") {
        const base::Status status = reader.read("\x2a\x03zzz");
        CHECK(status.error().code() == Code::kCorrupt);
    }
    SECTION("many groups of nothing are accounted for") {
        for (int i = 0; i < 200'000; ++i) {
            row({}, {}, 0);
        }
        const base::Status status = reader.read(frame.SerializeAsString());
        REQUIRE_FALSE(status);
        CHECK(status.error().code() == Code::kLimit);
    }
}

TEST_CASE("damaged partial answers are read or refused, and nothing worse", "[node]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    skein::v1::PartialFrame whole;
    whole.set_width(1);
    for (int i = 0; i < 10; ++i) {
        whole.add_symbols("text" + std::to_string(i));
        skein::v1::PartialRow& row = *whole.add_rows();
        row.add_labels(0);
        row.add_labels(static_cast<uint32_t>(i));
        row.add_present(3);
        row.add_values(1);
        row.add_values(2);
        whole.add_series(static_cast<uint64_t>(i));
        whole.add_notes()->set_text("a note");
    }
    const std::string bytes = whole.SerializeAsString();
    base::Budget budget("query", 100'000'000);
    size_t refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = bytes;
        for (uint64_t k = 1 + random.below(4); k != 0; --k) {
            damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
        }
        damaged.resize(random.below(damaged.size() + 1));
        PartialReader reader(1 + random.below(100), &budget);
        refused += static_cast<size_t>(!reader.read(damaged).has_value());
    }
    CHECK(refused > 1000);
    CHECK(budget.used() == 0);
}
