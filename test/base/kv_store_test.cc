#include "base/kv_store.h"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "test/support/temp_folder.h"

using base::Code;
using base::KvBatch;
using base::KvFamily;
using base::KvStore;
using base::KvSync;

namespace {

base::KvOptions options_for(const test_support::TempFolder& folder) {
    base::KvOptions options;
    options.path = folder / "store";
    options.families = {"raft", "state"};
    return options;
}

std::string keys(const KvStore& store, KvFamily family, std::string_view prefix) {
    std::string out;
    const auto outcome = store.scan(family, prefix, [&](std::string_view key, std::string_view) {
        out.append(key).push_back(' ');
        return true;
    });
    REQUIRE(outcome.has_value());
    return out;
}

}  // namespace

TEST_CASE("the store keeps what was written over a restart", "[base][kv_store]") {
    const test_support::TempFolder folder;
    {
        const auto store = KvStore::open(options_for(folder)).value();
        const KvFamily raft = store->family("raft");
        REQUIRE(store->put(raft, "a", "1", KvSync::kYes).has_value());
        KvBatch batch;
        batch.put(raft, "b", "2");
        batch.put(store->family("state"), "b", "other");
        batch.remove(raft, "a");
        REQUIRE(store->write(batch, KvSync::kYes).has_value());
        batch.clear();
        CHECK(batch.empty());
    }
    const auto store = KvStore::open(options_for(folder)).value();
    CHECK(store->get(store->family("raft"), "b").value() == "2");
    CHECK(store->get(store->family("state"), "b").value() == "other");
    CHECK_FALSE(store->get(store->family("raft"), "a").value().has_value());
}

TEST_CASE("cursors and scans walk in byte order", "[base][kv_store]") {
    const test_support::TempFolder folder;
    const auto store = KvStore::open(options_for(folder)).value();
    const KvFamily raft = store->family("raft");
    for (const std::string_view key : {"l/1", "l/2", "l/3", "m/1", "\xff"}) {
        REQUIRE(store->put(raft, key, key, KvSync::kNo).has_value());
    }
    CHECK(keys(*store, raft, "l/") == "l/1 l/2 l/3 ");
    CHECK(keys(*store, raft, "x").empty());
    auto cursor = store->cursor(raft);
    cursor.seek_back("l/9");
    REQUIRE(cursor.valid());
    CHECK(cursor.key() == "l/3");
    cursor.previous();
    CHECK(cursor.value() == "l/2");
    cursor.seek_last();
    CHECK(cursor.key() == "\xff");
    cursor.next();
    CHECK_FALSE(cursor.valid());
    CHECK(cursor.status().has_value());

    KvBatch batch;
    batch.remove_range(raft, "l/1", "l/3");
    REQUIRE(store->write(batch, KvSync::kNo).has_value());
    CHECK(keys(*store, raft, "l/") == "l/3 ");
    REQUIRE(store->remove(raft, "l/3", KvSync::kNo).has_value());
    CHECK(keys(*store, raft, "l/").empty());
}

TEST_CASE("a store in use and a damaged one are told apart", "[base][kv_store]") {
    const test_support::TempFolder folder;
    {
        const auto store = KvStore::open(options_for(folder)).value();
        const auto second = KvStore::open(options_for(folder));
        REQUIRE(second.has_error());
        CHECK(second.error().code() == Code::kUnavailable);
        CHECK(second.error().message().find("another process") != std::string::npos);
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder / "store")) {
        if (entry.path().filename().string().starts_with("MANIFEST")) {
            std::ofstream(entry.path(), std::ios::trunc) << "this is no manifest";
        }
    }
    const auto damaged = KvStore::open(options_for(folder));
    REQUIRE(damaged.has_error());
    CHECK(damaged.error().code() == Code::kCorrupt);
    CHECK(damaged.error().message().find(folder / "store") != std::string::npos);
}

TEST_CASE("a store where none can be says why", "[base][kv_store]") {
    base::KvOptions options;
    options.path = "/proc/nothing/here";
    options.families = {"raft"};
    const auto store = KvStore::open(options);
    REQUIRE(store.has_error());
    CHECK(store.error().message().find("/proc/nothing/here") != std::string::npos);
}
