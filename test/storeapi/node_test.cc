#include <algorithm>
#include <thread>

#include <catch2/catch.hpp>

#include "base/async/worker_pool.h"
#include "base/byte_view.h"
#include "base/random.h"
#include "model/chunk_codec.h"
#include "query/testing/memory_storage.h"
#include "storeapi/proto/node.pb.h"
#include "test/storeapi/fixture.h"
#include "test/storeapi/node_fixture.h"
#include "test/support/seed.h"

using namespace storeapi_test;
using namespace std::chrono_literals;
using base::Code;
using model::Matcher;
using storeapi::FrameSizes;

namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr FrameSizes kSmallFrames{.target = 256, .max = 512};

std::vector<Matcher> all() {
    return {Matcher::equal("__name__", "m")};
}

KeptSeries series_of(int number, size_t chunks, size_t chunk_bytes = 20) {
    KeptSeries series{
        .labels = {{"__name__", "m"}, {"n", std::to_string(1000 + number)}, {"x", "same"}}};
    for (size_t i = 0; i < chunks; ++i) {
        const int64_t from = kNow + static_cast<int64_t>(i) * 1000 + number;
        series.chunks.push_back({.min_t = from,
                                 .max_t = from + 900,
                                 .source = static_cast<uint32_t>(i % 2),
                                 .bytes = std::string(chunk_bytes, static_cast<char>('a' + i))});
    }
    return series;
}

std::function<void(storeapi::NodeSources&)> with_frames(FrameSizes sizes) {
    return [sizes](storeapi::NodeSources& sources) { sources.frames = sizes; };
}

skein::v1::SelectRequest select_request() {
    skein::v1::SelectRequest request;
    request.set_version(storeapi::kNodeProtocol);
    request.set_min_time(INT64_MIN);
    request.set_max_time(INT64_MAX);
    skein::v1::NodeMatcher& matcher = *request.add_matchers();
    matcher.set_name("__name__");
    matcher.set_value("m");
    return request;
}

// The messages of a Select, as they came.
base::Result<std::vector<std::string>> frames_of(DataNode& node,
                                                 const skein::v1::SelectRequest& request) {
    const model::QueryContext bounds = node.context();
    const auto reader =
        node.channel().stream(storeapi::kNodeSelect, request.SerializeAsString(), bounds.deadline);
    std::vector<std::string> frames;
    std::string frame;
    while (true) {
        TRY(const bool more, reader->next(frame));
        if (!more) {
            return frames;
        }
        frames.push_back(frame);
    }
}

std::unique_ptr<Storage> storage_of(bool db) {
    return db ? db_storage() : memory_storage();
}

}  // namespace

TEST_CASE("a node says who it is, what it has, and which protocol it speaks", "[node]") {
    ScriptedStorage storage;
    DataNode node(storage);
    const auto facts = node.peer().ask_facts(node.context().deadline).value();
    CHECK(facts.component == "node");
    CHECK(facts.node_id == "a");
    REQUIRE(facts.label_sets.size() == 1);
    CHECK(facts.label_sets[0].to_string() == R"({region="eu-west", replica="a"})");
    CHECK(facts.min_t == 10);
    CHECK(facts.max_t == INT64_MAX);
    CHECK(node.peer().takes_fragments());

    node.set_ready(false);
    CHECK(node.peer().ask_facts(node.context().deadline).error().code() == Code::kUnavailable);
    CHECK(node.select({}, all()).error().code() == Code::kUnavailable);
}

TEST_CASE("of two nodes that speak different versions the older one is named", "[node]") {
    const auto answered = [](uint32_t version) {
        std::vector<base::rpc::Method> methods;
        methods.push_back({.path = storeapi::kNodeHello,
                           .unary = [version](std::string_view, const base::rpc::CallContext&)
                               -> base::Result<std::string> {
                               skein::v1::HelloResponse response;
                               response.set_version(version);
                               return response.SerializeAsString();
                           }});
        TestServer server(std::move(methods));
        const auto peer = storeapi::NodePeer::open({.address = server.address()}).value();
        const base::SystemClock clock;
        const auto facts = peer->ask_facts(base::Deadline::after(clock, 60s));
        REQUIRE_FALSE(facts);
        CHECK(facts.error().code() == Code::kUnsupported);
        return facts.error().message();
    };
    CHECK(answered(2) ==
          "the other node speaks version 2 of skein.v1.Node, this node version 1 and is the "
          "older: upgrade it");
    CHECK(answered(0) == "the other node names no version of skein.v1.Node");

    ScriptedStorage storage;
    DataNode node(storage);
    auto request = select_request();
    request.set_version(7);
    const auto refused = frames_of(node, request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Code::kUnsupported);
    CHECK(refused.error().message() ==
          "the caller speaks version 7 of skein.v1.Node, this node version 1 and is the older: "
          "upgrade it");
}

TEST_CASE("a question for facts ends when its peer is closed", "[node]") {
    std::atomic<bool> asked{false};
    std::vector<base::rpc::Method> methods;
    methods.push_back(
        {.path = storeapi::kNodeHello,
         .unary = [&](std::string_view,
                      const base::rpc::CallContext& context) -> base::Result<std::string> {
             asked = true;
             static_cast<void>(becomes_true([&] { return context.stop.stop_requested(); }));
             return std::string();
         }});
    TestServer server(std::move(methods));
    const auto peer = storeapi::NodePeer::open({.address = server.address()}).value();
    const base::SystemClock clock;
    std::thread closer([&] {
        static_cast<void>(becomes_true([&] { return asked.load(); }));
        peer->close();
    });
    CHECK(peer->ask_facts(base::Deadline::after(clock, 60s)).error().code() == Code::kCanceled);
    closer.join();
    CHECK(peer->ask_facts(base::Deadline::after(clock, 60s)).error().code() == Code::kCanceled);
}

TEST_CASE("a server that is no node is told apart", "[node]") {
    TestServer server({});
    const auto peer = storeapi::NodePeer::open({.address = server.address()}).value();
    const base::SystemClock clock;
    CHECK(peer->ask_facts(base::Deadline::after(clock, 60s)).error().code() == Code::kUnsupported);
}

TEST_CASE("series come from a node as its own querier gives them", "[node]") {
    const bool db = GENERATE(false, true);
    const bool small = GENERATE(false, true);
    CAPTURE(db, small);
    const auto storage = storage_of(db);
    for (int i = 0; i < 40; ++i) {
        Points points;
        for (int k = 0; k < 300; ++k) {
            points.emplace_back(kNow + k * 15'000 + i, i * k * 0.1);
        }
        storage->add({{"__name__", "m"}, {"n", std::to_string(i)}, {"replica", "x"}}, points);
    }
    storage->add({{"__name__", "other"}}, {{kNow, 1}});
    DataNode node(storage->queryable(), with_frames(small ? kSmallFrames : FrameSizes{}));
    const model::SelectHints hints{.min_t = kNow + 1'000'000, .max_t = kNow + 3'000'000};
    const auto local = select_locally(storage->queryable(), hints, all());
    const auto remote = node.select(hints, all()).value();
    REQUIRE(remote.series.size() == 40);
    CHECK(remote.series == local.series);
    CHECK((remote.batches > 1) == small);
    CHECK(node.budget().used() == 0);
    CHECK(becomes_true([&] { return node.node_budget().used() == 0; }));
}

TEST_CASE("chunks of every encoding that lies in files pass through untouched", "[node]") {
    ScriptedStorage storage;
    KeptSeries& series = storage.series.emplace_back(series_of(0, 0));
    for (uint8_t encoding = 1; encoding <= 6; ++encoding) {
        series.chunks.push_back({.encoding = static_cast<model::Encoding>(encoding),
                                 .min_t = kNow + encoding,
                                 .max_t = kNow + 100 * encoding,
                                 .source = encoding * 1000U,
                                 .bytes = std::string(size_t{encoding} * 50, '\0')});
    }
    storage.series.push_back({.labels = {{"__name__", "m"}, {"n", "2"}},
                              .chunks = {{.min_t = INT64_MIN, .max_t = INT64_MAX, .bytes = "all"},
                                         {.min_t = INT64_MAX, .max_t = INT64_MAX, .bytes = "x"}}});
    storage.series.push_back({.labels = {{"__name__", "m"}, {"n", "3"}}, .chunks = {}});
    DataNode node(storage);
    const auto remote = node.select({}, all()).value();
    CHECK(remote.series == storage.series);
}

TEST_CASE("samples that lie in no file come as chunks", "[node]") {
    query::testing::MemoryStorage samples;
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = 3;
    histogram->sum = 5;
    const std::vector<model::ChunkSample> mixed{
        {.t = kNow, .v = 1}, {.t = kNow + 1, .histogram = histogram}, {.t = kNow + 2, .v = 2}};
    samples.add({{"__name__", "m"}}, mixed);
    DataNode node(samples);
    const auto remote = node.select({}, all()).value();
    REQUIRE(remote.series.size() == 1);
    std::vector<model::TypedSample> decoded;
    for (const KeptChunk& chunk : remote.series[0].chunks) {
        CHECK(chunk.encoding != model::Encoding::kSamples);
        REQUIRE(model::decode_samples({.encoding = chunk.encoding,
                                       .bytes = base::ByteView(chunk.bytes).span(),
                                       .min_t = chunk.min_t,
                                       .max_t = chunk.max_t},
                                      decoded));
    }
    REQUIRE(decoded.size() == 3);
    CHECK(decoded[0].v == 1);
    REQUIRE(decoded[1].floating != nullptr);
    CHECK(decoded[1].floating->sum == 5);
    CHECK(decoded[2].v == 2);
}

TEST_CASE("a series that is larger than a frame is joined again", "[node]") {
    ScriptedStorage storage;
    for (int i = 0; i < 20; ++i) {
        storage.series.push_back(series_of(i, i % 3 == 0 ? 25 : 1, 100));
    }
    DataNode node(storage, with_frames(kSmallFrames));
    const auto remote = node.select({}, all()).value();
    CHECK(remote.series == storage.series);

    const auto frames = frames_of(node, select_request()).value();
    CHECK(frames.size() > 40);
    size_t cut = 0;
    for (const std::string& bytes : frames) {
        skein::v1::SelectFrame frame;
        REQUIRE(frame.ParseFromString(bytes));
        CHECK(bytes.size() <= kSmallFrames.max);
        for (const skein::v1::NodeSeries& series : frame.series()) {
            cut += static_cast<size_t>(series.cut());
        }
    }
    CHECK(cut > 20);
}

TEST_CASE("a chunk or labels larger than a frame go alone", "[node]") {
    ScriptedStorage storage;
    storage.series.push_back(series_of(0, 3, 5000));
    storage.series.push_back(
        {.labels = {{"__name__", "m"}, {"n", std::string(3000, 'y')}},
         .chunks = {{.min_t = kNow, .max_t = kNow, .bytes = std::string(600, 'a')}}});
    storage.series.push_back({.labels = {{"__name__", "m"}, {"n", "z"}},
                              .chunks = {{.min_t = 1, .max_t = 2, .bytes = "b"}}});
    DataNode node(storage, with_frames(kSmallFrames));
    CHECK(node.select({}, all()).value().series == storage.series);
}

TEST_CASE("a label's text travels once, whatever tables the storage has", "[node]") {
    ScriptedStorage storage;
    storage.new_table_each_batch = GENERATE(false, true);
    for (int i = 0; i < 30; ++i) {
        storage.series.push_back(series_of(i, 1));
    }
    DataNode node(storage, with_frames(kSmallFrames));
    CHECK(node.select({}, all()).value().series == storage.series);
    std::vector<std::string> symbols;
    const auto frames = frames_of(node, select_request()).value();
    for (const std::string& bytes : frames) {
        skein::v1::SelectFrame frame;
        REQUIRE(frame.ParseFromString(bytes));
        symbols.insert(symbols.end(), frame.symbols().begin(), frame.symbols().end());
    }
    CHECK(symbols.size() == 5 + 30);
    std::ranges::sort(symbols);
    CHECK(std::ranges::adjacent_find(symbols) == symbols.end());
}

TEST_CASE("series between nodes are smaller than on the StoreAPI", "[node]") {
    const auto storage = db_storage();
    for (int i = 0; i < 1000; ++i) {
        Points points;
        for (int k = 0; k < 120; ++k) {
            points.emplace_back(kNow + k * 15'000, i + k % 7 * 0.5);
        }
        storage->add({{"__name__", "m"},
                      {"cluster", "production-eu-west"},
                      {"container", "container-" + std::to_string(i % 5)},
                      {"instance", "10.0.0." + std::to_string(i % 50) + ":9100"},
                      {"job", "kubernetes-pods"},
                      {"namespace", "namespace-" + std::to_string(i % 20)},
                      {"pod", "service-7d4b9c6f5-" + std::to_string(i)},
                      {"team", "platform"}},
                     points);
    }
    DataNode node(storage->queryable());
    size_t between_nodes = 0;
    const auto frames = frames_of(node, select_request()).value();
    for (const std::string& frame : frames) {
        between_nodes += frame.size();
    }
    StoreNode store(storage->queryable(), {});
    auto request = StoreNode::series_request({equal("__name__", "m")});
    request.set_response_batch_size(64);
    const auto answer = store.series(request).value();
    REQUIRE(answer.series.size() == 1000);
    size_t on_the_storeapi = 0;
    for (const size_t bytes : answer.frame_bytes) {
        on_the_storeapi += bytes;
    }
    CAPTURE(between_nodes, on_the_storeapi);
    CHECK(between_nodes * 3 < on_the_storeapi * 2);
}

TEST_CASE("labels alone, and some series only, come when they are asked for", "[node]") {
    const auto storage = db_storage();
    for (int i = 0; i < 10; ++i) {
        storage->add({{"__name__", "m"}, {"n", std::to_string(i)}, {"r", i % 2 == 0 ? "a" : "b"}},
                     {{kNow, i}});
    }
    DataNode node(storage->queryable());
    const auto same = [&](const model::SelectHints& hints) {
        const auto remote = node.select(hints, all()).value();
        CHECK(remote.series == select_locally(storage->queryable(), hints, all()).series);
        return remote.series;
    };
    const auto bare = same({.skip_chunks = true});
    REQUIRE(bare.size() == 10);
    CHECK(bare[0].chunks.empty());
    CHECK(same({.limit = 3}).size() == 3);
    const auto reordered = same({.order_without = {"n"}});
    REQUIRE(reordered.size() == 10);
    CHECK(reordered[1].labels.get("n") == "2");  // r="a" first
    CHECK(same({.min_t = kNow + 1}).empty());
    CHECK(node.select({.min_t = 1, .max_t = 0}, all()).value().series.empty());
}

TEST_CASE("series are chosen by the hashes of their labels", "[node]") {
    const auto storage = memory_storage();
    std::vector<model::Labels> labels;
    for (int i = 0; i < 50; ++i) {
        labels.push_back({{"__name__", "m"}, {"n", std::to_string(100 + i)}});
        storage->add(labels.back(), {{kNow, i}});
    }
    DataNode node(storage->queryable());
    const auto choose = [&](std::vector<uint64_t> hashes, uint64_t limit = 0) {
        std::ranges::sort(hashes);
        const model::QueryContext bounds = node.context();
        const auto set = node.peer().select_only({.limit = limit}, all(), hashes, bounds);
        std::vector<std::string> found;
        const auto gathered = gather(*set).value();
        for (const KeptSeries& series : gathered.series) {
            found.emplace_back(series.labels.get("n"));
        }
        return found;
    };
    const std::vector<uint64_t> three{
        labels[40].stable_hash(), labels[7].stable_hash(), labels[8].stable_hash(), 12345};
    CHECK(choose(three) == std::vector<std::string>{"107", "108", "140"});
    CHECK(choose(three, 2) == std::vector<std::string>{"107", "108"});
    CHECK(choose({}).empty());
    CHECK(choose({12345}).empty());
}

TEST_CASE("what a select is for reaches the storage of the node", "[node]") {
    ScriptedStorage storage;
    DataNode node(storage);
    const std::vector<Matcher> matchers{
        Matcher::equal("a", "1"),
        Matcher::create(model::MatchType::kNotEqual, "b", "2").value(),
        Matcher::create(model::MatchType::kRegex, "c", "3.*").value(),
        Matcher::create(model::MatchType::kNotRegex, "d", "4|5").value(),
        Matcher::equal("e", "\xff\xfe")};
    const model::SelectHints hints{.min_t = -5,
                                   .max_t = 50,
                                   .step_ms = 15,
                                   .range_ms = 300,
                                   .function = "rate",
                                   .order_without = {"r"},
                                   .skip_chunks = true,
                                   .limit = 9};
    REQUIRE(node.select(hints, matchers));
    const model::SelectHints& got = storage.last_hints;
    CHECK(got.min_t == -5);
    CHECK(got.max_t == 50);
    CHECK(got.step_ms == 15);
    CHECK(got.range_ms == 300);
    CHECK(got.function == "rate");
    CHECK(got.sorted);
    CHECK(got.order_without == std::vector<std::string>{"r"});
    CHECK(got.skip_chunks);
    CHECK(got.limit == 9);
    CHECK(storage.last_matchers.starts_with(R"(a="1";b!="2";c=~"3.*";d!~"4|5";e=)"));
}

TEST_CASE("warnings and errors of a node's storage reach who asks", "[node]") {
    ScriptedStorage storage;
    storage.series = {series_of(0, 1), series_of(1, 1)};
    storage.warnings = {"a block is damaged", "another"};
    DataNode node(storage, with_frames(kSmallFrames));
    const auto warned = node.select({}, all()).value();
    CHECK(warned.series == storage.series);
    CHECK(warned.warnings == storage.warnings);
    storage.series.clear();
    CHECK(node.select({}, all()).value().warnings == storage.warnings);

    const auto told = [&](Code code) {
        storage.error = base::Error(code, "the disk is gone");
        const auto failed = node.select({}, all());
        REQUIRE_FALSE(failed);
        CHECK(failed.error().message() == "the disk is gone");
        return failed.error().code();
    };
    CHECK(told(Code::kInvalid) == Code::kInvalid);
    CHECK(told(Code::kCorrupt) == Code::kCorrupt);
    CHECK(told(Code::kLimit) == Code::kUnavailable);  // not the query's own
}

TEST_CASE("names and values of labels come from a node, with its warnings", "[node]") {
    const auto storage = db_storage();
    storage->add({{"__name__", "m"}, {"a", "1"}}, {{kNow, 1}});
    storage->add({{"__name__", "m"}, {"b", "2"}}, {{kNow, 1}});
    DataNode node(storage->queryable());
    const model::QueryContext bounds = node.context();
    const auto names = [&](const model::LabelHints& hints, const std::vector<Matcher>& matchers) {
        return node.peer()
            .label_names(hints, matchers, kNow - 1, kNow + 1, {}, bounds)
            ->wait()
            .value()
            .names;
    };
    const auto values = [&](const char* name, const model::LabelHints& hints) {
        return node.peer()
            .label_values(name, hints, {}, INT64_MIN, INT64_MAX, {}, bounds)
            ->wait()
            .value()
            .names;
    };
    using List = std::vector<std::string>;
    CHECK(names({}, {}) == List{"__name__", "a", "b"});
    CHECK(names({.limit = 2}, {}) == List{"__name__", "a"});
    CHECK(names({}, {Matcher::equal("a", "1")}) == List{"__name__", "a"});
    CHECK(values("__name__", {}) == List{"m"});
    CHECK(values("none", {}).empty());

    ScriptedStorage scripted;
    scripted.warnings = {"a block is damaged"};
    DataNode other(scripted);
    const auto warned = other.peer().label_values("x", {}, {}, 0, 1, {}, bounds)->wait().value();
    CHECK(warned.names == List{"x1"});
    CHECK(warned.warnings == scripted.warnings);
    const auto empty = other.peer().label_values("x", {}, {}, 1, 0, {}, bounds)->wait().value();
    CHECK(empty.names.empty());
    scripted.error = base::Error(Code::kIo, "the disk is gone");
    CHECK(other.peer().label_names({}, {}, 0, 1, {}, bounds)->wait().error().message() ==
          "the disk is gone");
    const auto nameless = other.peer().label_values("", {}, {}, 0, 1, {}, bounds)->wait();
    CHECK(nameless.error().code() == Code::kInvalid);
}

TEST_CASE("a reader that waits holds a frame or two of a node, not the answer", "[node]") {
    ScriptedStorage storage;
    for (int i = 0; i < 2000; ++i) {
        storage.series.push_back(series_of(i, 1, 1 << 16));
    }
    storage.batch_series = 1;
    DataNode node(storage, with_frames({.target = 1 << 16, .max = 1 << 17}));
    const model::QueryContext bounds = node.context();
    auto set = node.peer().select({}, all(), {}, {}, bounds);
    model::SeriesBatch batch;
    REQUIRE(set->next(batch).value());
    // What further frames would take to arrive has long passed.
    std::this_thread::sleep_for(200ms);
    CHECK(storage.batches_given < 200);
    CHECK(node.budget().used() < 1 << 20);
    set.reset();
    batch = {};
    CHECK(node.budget().used() == 0);
    CHECK(becomes_true([&] { return node.node_budget().used() == 0; }));
    CHECK(storage.batches_given < 400);
}

TEST_CASE("a select ends when it is cancelled, or its time is over", "[node]") {
    ScriptedStorage storage;
    storage.series = {series_of(0, 1)};
    std::atomic<bool> waiting{false};
    std::atomic<bool> go{false};
    storage.before_batch = [&] {
        waiting = true;
        while (!go) {
            std::this_thread::sleep_for(1ms);
        }
    };
    DataNode node(storage);
    SECTION("cancelled") {
        std::stop_source stop;
        const model::QueryContext bounds = node.context(60s, stop.get_token());
        const auto set = node.peer().select({}, all(), {}, {}, bounds);
        std::thread canceller([&] {
            while (!waiting) {
                std::this_thread::sleep_for(1ms);
            }
            stop.request_stop();
        });
        model::SeriesBatch batch;
        CHECK(set->next(batch).error().code() == Code::kCanceled);
        canceller.join();
        const auto after = set->next(batch);
        CHECK_FALSE((after && after.value()));
    }
    SECTION("out of time") {
        const model::QueryContext bounds = node.context(50ms);
        const auto set = node.peer().select({}, all(), {}, {}, bounds);
        model::SeriesBatch batch;
        CHECK(set->next(batch).error().code() == Code::kTimeout);
    }
    go = true;
    CHECK(becomes_true([&] { return node.node_budget().used() == 0; }));
}

TEST_CASE("a node that goes away in the middle is an error, one that is gone too", "[node]") {
    ScriptedStorage storage;
    for (int i = 0; i < 2000; ++i) {
        storage.series.push_back(series_of(i, 1, 1 << 16));
    }
    storage.batch_series = 1;
    DataNode node(storage, with_frames({.target = 1 << 16, .max = 1 << 17}));
    const model::QueryContext bounds = node.context();
    const auto set = node.peer().select({}, all(), {}, {}, bounds);
    model::SeriesBatch batch;
    REQUIRE(set->next(batch).value());
    node.server().stop();
    base::Result<bool> more = true;
    while (more && more.value()) {
        more = set->next(batch);
    }
    REQUIRE_FALSE(more);
    CHECK(more.error().code() == Code::kUnavailable);
    CHECK(node.select({}, all()).error().code() == Code::kUnavailable);
    const auto names = node.peer().label_names({}, {}, 0, 1, {}, bounds)->wait();
    CHECK(names.error().code() == Code::kUnavailable);
}

TEST_CASE("memory beyond its budget ends a select, on either side", "[node]") {
    ScriptedStorage storage;
    for (int i = 0; i < 100; ++i) {
        storage.series.push_back(series_of(i, 1, 10'000));
    }
    DataNode node(storage, with_frames({.target = 1 << 16, .max = 1 << 17}));
    SECTION("of the query") {
        node.budget().set_limit(100'000);
        const auto failed = node.select({}, all());
        CHECK(failed.error().code() == Code::kLimit);
        CHECK(failed.error().message().find("query") != std::string::npos);
    }
    SECTION("of the query, for one frame is enough") {
        node.budget().set_limit(400'000);
        CHECK(node.select({}, all()).value().series.size() == 100);
    }
    SECTION("of the node") {
        node.node_budget().set_limit(100'000);
        CHECK(node.select({}, all()).error().code() == Code::kUnavailable);
    }
    CHECK(node.budget().used() == 0);
    CHECK(becomes_true([&] { return node.node_budget().used() == 0; }));
}

TEST_CASE("requests that make no sense, or too much of it, are refused", "[node]") {
    ScriptedStorage storage;
    storage.series = {series_of(0, 1)};
    DataNode node(storage);
    const auto refused = [&](const auto& change) {
        auto request = select_request();
        change(request);
        const auto frames = frames_of(node, request);
        REQUIRE_FALSE(frames);
        CAPTURE(frames.error().message());
        return frames.error().code();
    };
    CHECK(frames_of(node, select_request()).value().size() == 1);
    CHECK(refused([](auto& r) { r.mutable_matchers(0)->set_value(std::string(2 << 20, 'x')); }) ==
          Code::kLimit);
    CHECK(refused([](auto& r) {
              r.mutable_matchers(0)->set_type(skein::v1::NodeMatcher::REGEX);
              r.mutable_matchers(0)->set_value("(");
          }) == Code::kInvalid);
    CHECK(refused([](auto& r) {
              r.mutable_matchers(0)->set_type(static_cast<skein::v1::NodeMatcher::Type>(9));
          }) == Code::kInvalid);
    CHECK(refused([](auto& r) {
              for (size_t i = 0; i < storeapi::kNodeMatchersMax; ++i) {
                  *r.add_matchers() = r.matchers(0);
              }
          }) == Code::kLimit);
    CHECK(refused([](auto& r) {
              for (size_t i = 0; i <= storeapi::kNodeNamesMax; ++i) {
                  r.add_order_without("x");
              }
          }) == Code::kLimit);
    CHECK(refused([](auto& r) {
              r.add_hashes(2);
              r.add_hashes(1);
          }) == Code::kInvalid);
    CHECK(refused([](auto& r) {
              for (size_t i = 0; i <= storeapi::kNodeHashesMax; ++i) {
                  r.add_hashes(i);
              }
          }) == Code::kLimit);
    const model::QueryContext bounds = node.context();
    std::string message;
    for (const char* path : {storeapi::kNodeHello,
                             storeapi::kNodeSelect,
                             storeapi::kNodeLabelNames,
                             storeapi::kNodeLabelValues}) {
        const auto reader = node.channel().stream(path, "\xff\xff\xff", bounds.deadline);
        CHECK(reader->next(message).error().code() == Code::kInvalid);
    }
    // The caller says so itself before it asks.
    const std::vector<Matcher> many(storeapi::kNodeMatchersMax + 1, Matcher::equal("a", "b"));
    CHECK(node.select({}, many).error().code() == Code::kLimit);
    CHECK(node.peer().label_names({}, many, 0, 1, {}, bounds)->wait().error().code() ==
          Code::kLimit);
    const std::vector<uint64_t> falling{2, 1};
    const auto set = node.peer().select_only({}, all(), falling, bounds);
    CHECK(gather(*set).error().code() == Code::kInvalid);
}

TEST_CASE("an answer of a node that is damaged fails the query", "[node]") {
    std::string answer;
    std::vector<base::rpc::Method> methods;
    for (const char* path : {storeapi::kNodeHello, storeapi::kNodeLabelNames}) {
        methods.push_back({.path = path,
                           .unary = [&](std::string_view, const base::rpc::CallContext&)
                               -> base::Result<std::string> { return answer; }});
    }
    methods.push_back({.path = storeapi::kNodeSelect,
                       .stream = [&](std::string_view, const base::rpc::CallContext&)
                           -> base::Result<std::unique_ptr<base::rpc::MessageStream>> {
                           class One final : public base::rpc::MessageStream {
                             public:
                               explicit One(std::string text) : text_(std::move(text)) {}

                               base::Result<bool> next(std::string& message) override {
                                   message = std::exchange(text_, {});
                                   return !message.empty();
                               }

                             private:
                               std::string text_;
                           };
                           return std::make_unique<One>(answer);
                       }});
    TestServer server(std::move(methods));
    const auto peer = storeapi::NodePeer::open({.address = server.address()}).value();
    const base::SystemClock clock;
    const model::QueryContext bounds{.deadline = base::Deadline::after(clock, 60s)};
    answer = "\xff\xff\xff";
    CHECK(peer->ask_facts(bounds.deadline).error().code() == Code::kCorrupt);
    CHECK(peer->label_names({}, {}, 0, 1, {}, bounds)->wait().error().code() == Code::kCorrupt);
    const auto set = peer->select({}, all(), {}, {}, bounds);
    CHECK(gather(*set).error().code() == Code::kCorrupt);

    skein::v1::LabelListResponse list;
    list.add_texts("b");
    list.add_texts("a");
    answer = list.SerializeAsString();
    CHECK(peer->label_names({}, {}, 0, 1, {}, bounds)->wait().error().code() == Code::kCorrupt);
}

TEST_CASE("whatever is selected, a node's series are those of its own querier", "[node]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 12; ++round) {
        CAPTURE(round);
        const auto storage = storage_of(round % 2 == 1);
        const auto value = [&](const char* text) {
            return std::string(text) + std::to_string(random.below(4));
        };
        std::vector<uint64_t> hashes;
        const uint64_t count = 1 + random.below(120);
        for (uint64_t i = 0; i < count; ++i) {
            std::vector<std::pair<std::string, std::string>> list{{"__name__", "m"},
                                                                  {"id", std::to_string(i)}};
            for (const char* name : {"a", "b", "k", "z"}) {
                if (random.below(2) == 0) {
                    list.emplace_back(name, value(name));
                }
            }
            std::vector<model::LabelView> views;
            for (const auto& [name, text] : list) {
                views.push_back({name, text});
            }
            const auto labels = model::Labels::from_unsorted(std::move(views));
            Points points;
            int64_t t = kNow + static_cast<int64_t>(random.below(100'000));
            for (uint64_t k = 1 + random.below(400); k != 0; --k) {
                t += 1 + static_cast<int64_t>(random.below(20'000));
                points.emplace_back(t, static_cast<double>(random.below(1'000'000)) / 7);
            }
            storage->add(labels, points);
            if (random.below(3) == 0) {
                hashes.push_back(labels.stable_hash());
            }
        }
        std::ranges::sort(hashes);
        const size_t target = 64 + random.below(20'000);
        DataNode node(storage->queryable(), with_frames({.target = target, .max = target * 2}));
        for (int query = 0; query < 8; ++query) {
            CAPTURE(query);
            model::SelectHints hints{.min_t = kNow + static_cast<int64_t>(random.below(3'000'000)),
                                     .skip_chunks = random.below(4) == 0,
                                     .limit = random.below(3) == 0 ? random.below(60) : 0};
            hints.max_t = hints.min_t + static_cast<int64_t>(random.below(9'000'000));
            for (const char* name : {"a", "id", "z"}) {
                if (random.below(4) == 0) {
                    hints.order_without.emplace_back(name);
                }
            }
            std::vector<Matcher> matchers = all();
            if (random.below(2) == 0) {
                matchers.push_back(Matcher::equal("a", value("a")));
            }
            if (random.below(3) == 0) {
                matchers.push_back(
                    Matcher::create(model::MatchType::kNotRegex, "k", "k[12]").value());
            }
            if (random.below(3) != 0) {
                const auto local = select_locally(storage->queryable(), hints, matchers);
                CHECK(node.select(hints, matchers).value().series == local.series);
                continue;
            }
            const uint64_t limit = std::exchange(hints.limit, 0);
            auto local = select_locally(storage->queryable(), hints, matchers);
            std::erase_if(local.series, [&](const KeptSeries& series) {
                return !std::ranges::binary_search(hashes, series.labels.stable_hash());
            });
            if (limit != 0 && local.series.size() > limit) {
                local.series.resize(limit);
            }
            hints.limit = limit;
            const model::QueryContext bounds = node.context();
            const auto set = node.peer().select_only(hints, matchers, hashes, bounds);
            CHECK(gather(*set).value().series == local.series);
        }
        CHECK(node.budget().used() == 0);
    }
}
