// Random series over this node, other nodes and foreign stores: what comes out is all of them, once
// each, in order, under every scope.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "test/storeapi/local_nodes.h"
#include "test/support/seed.h"

using namespace storeapi_test;

namespace {

using Times = std::set<int64_t>;
using Expected = std::map<model::Labels, Times>;
using Random = std::mt19937_64;

size_t below(Random& random, size_t end) {
    return std::uniform_int_distribution<size_t>(0, end - 1)(random);
}

// Names that lie before, among and behind those that holders put on.
model::Labels random_labels(Random& random) {
    std::vector<model::LabelView> labels{{.name = "__name__", .value = "up"}};
    for (const char* name : {"a", "r", "region", "replica", "rest", "z"}) {
        if (below(random, 2) == 0) {
            labels.push_back({.name = name, .value = below(random, 2) == 0 ? "1" : "2"});
        }
    }
    return model::Labels::from_unsorted(std::move(labels));
}

struct Held {
    std::vector<std::pair<model::Labels, Times>> series;
    model::Labels put_on;  // always for a store, without dedup for a node
    bool store = false;
};

// The value is the time: then it makes no difference whose sample of a time is kept.
Held fill(Storage& storage, Random& random) {
    Held held;
    std::set<model::Labels> seen;
    for (size_t i = below(random, 40); i > 0; --i) {
        const model::Labels labels = random_labels(random);
        if (!seen.insert(labels).second) {
            continue;
        }
        Times times;
        for (size_t k = 1 + below(random, 300); k > 0; --k) {
            times.insert(static_cast<int64_t>(below(random, 1000)));
        }
        Points points;
        for (const int64_t t : times) {
            points.emplace_back(t, static_cast<double>(t));
        }
        storage.add(labels, points);
        held.series.emplace_back(labels, std::move(times));
    }
    return held;
}

Expected expected_of(const std::vector<Held>& holders, const model::QueryScope& scope) {
    Expected expected;
    for (const Held& held : holders) {
        for (const auto& [labels, times] : held.series) {
            model::LabelsBuilder builder(labels);
            if (held.store || !scope.dedup) {
                for (const model::LabelView label : held.put_on) {
                    builder.set(label.name, label.value);
                }
            }
            for (const std::string& name : scope.replica_labels) {
                if (scope.dedup) {
                    builder.remove(name);
                }
            }
            expected[builder.labels()].insert(times.begin(), times.end());
        }
    }
    return expected;
}

std::vector<std::string> texts_in_order(const Expected& expected,
                                        const std::vector<std::string>& without) {
    std::vector<std::pair<model::Labels, model::Labels>> keys;
    for (const auto& [labels, times] : expected) {
        model::LabelsBuilder builder(labels);
        for (const std::string& name : without) {
            builder.remove(name);
        }
        keys.emplace_back(builder.labels(), labels);
    }
    std::ranges::sort(keys);
    std::vector<std::string> texts;
    for (const auto& [key, labels] : keys) {
        texts.push_back(labels.to_string());
    }
    return texts;
}

Times times_of(const ReadSeries& series) {
    Times times;
    std::map<uint16_t, int64_t> last;  // of each account
    for (const ReadChunk& chunk : series.chunks) {
        for (const model::TypedSample& sample : chunk.samples) {
            const auto [at, first] = last.emplace(chunk.replica, sample.t);
            CHECK((first || at->second < sample.t));
            at->second = sample.t;
            times.insert(sample.t);
        }
    }
    return times;
}

}  // namespace

TEST_CASE("peers give what their holders have, once and in order", "[storeapi][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    Random random(seed);
    for (int round = 0; round < 10; ++round) {
        CAPTURE(round);
        std::vector<std::string> addresses;
        for (size_t i = below(random, 4); i > 0; --i) {
            addresses.push_back("node-" + std::to_string(i));
        }
        Cluster cluster(addresses);
        std::vector<Held> holders{fill(*cluster.own, random)};
        holders.front().put_on = model::Labels{{"replica", "me"}};
        for (const std::string& address : addresses) {
            holders.push_back(fill(*cluster.storages[address], random));
            holders.back().put_on = model::Labels{{"replica", address}};
        }
        std::vector<std::unique_ptr<Storage>> storages;
        std::vector<std::unique_ptr<StoreNode>> stores;
        std::vector<std::string> store_addresses;
        for (size_t i = below(random, 3); i > 0; --i) {
            storages.push_back(memory_storage());
            Held held = fill(*storages.back(), random);
            const std::string replica = "store-" + std::to_string(i);
            held.put_on = model::Labels{{"region", "eu"}, {"replica", replica}};
            held.store = true;
            stores.push_back(
                std::make_unique<StoreNode>(storages.back()->queryable(), held.put_on));
            store_addresses.push_back(stores.back()->address());
            holders.push_back(std::move(held));
        }
        cluster.bed->ask_stores(store_addresses);
        for (const model::QueryScope& scope : {model::QueryScope(),
                                               model::QueryScope{.dedup = false},
                                               model::QueryScope{.replica_labels = {"replica"}},
                                               model::QueryScope{.replica_labels = {"a", "r"}}}) {
            const Expected expected = expected_of(holders, scope);
            for (const std::vector<std::string>& without :
                 {Texts(), Texts{"a"}, Texts{"region", "z"}}) {
                const model::SelectHints hints{.sorted = true, .order_without = without};
                const auto answer =
                    cluster.bed->select({equal("__name__", "up")}, scope, hints).value();
                CHECK(answer.warnings.empty());
                REQUIRE(answer.texts() == texts_in_order(expected, without));
                std::map<std::string, Times> times;
                for (const auto& [labels, wanted] : expected) {
                    times[labels.to_string()] = wanted;
                }
                for (const ReadSeries& series : answer.series) {
                    CHECK(times_of(series) == times.at(series.text));
                }
            }
        }
        CHECK(cluster.bed->budget.used() == 0);
    }
}
