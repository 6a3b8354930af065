#include "engine/metadata_store.h"

#include <catch2/catch.hpp>

#include "base/utf8.h"
#include "test/support/temp_folder.h"

namespace {

using engine::MetadataStore;
using model::Metadata;
using model::MetricType;

std::unique_ptr<base::KvStore> open_store(const test_support::TempFolder& folder) {
    base::KvOptions options;
    options.path = folder.path() + "/state";
    options.families = {std::string(MetadataStore::kFamily)};
    auto store = base::KvStore::open(options);
    REQUIRE(store);
    return std::move(store).value();
}

std::unique_ptr<MetadataStore> open_metadata(base::KvStore& store) {
    auto metadata = MetadataStore::open(store);
    REQUIRE(metadata);
    return std::move(metadata).value();
}

}  // namespace

TEST_CASE("metadata that was flushed is there after a restart", "[engine][metadata]") {
    const test_support::TempFolder folder;
    const Metadata counter{MetricType::kCounter, "Sent.\nIn all.", "bytes"};
    const Metadata gauge{MetricType::kGauge, "", ""};
    {
        const auto store = open_store(folder);
        const auto metadata = open_metadata(*store);
        metadata->record("sent_bytes_total", counter);
        metadata->record("sent_bytes_total", counter);
        metadata->record("sent_bytes_total", gauge);
        metadata->record("up", gauge);
        REQUIRE(metadata->flush());
    }
    const auto store = open_store(folder);
    const auto all = open_metadata(*store)->all();
    REQUIRE(all.size() == 3);
    CHECK(all[0].metric == "sent_bytes_total");
    CHECK(all[0].metadata == counter);
    CHECK(all[1].metadata == gauge);
    CHECK(all[2].metric == "up");
    CHECK(all[2].metadata == gauge);
}

TEST_CASE("a long help is cut between characters", "[engine][metadata]") {
    const test_support::TempFolder folder;
    const auto store = open_store(folder);
    const auto metadata = open_metadata(*store);
    std::string help(MetadataStore::kHelpBytesMax - 1, 'x');
    metadata->record("long", {MetricType::kGauge, help + "ää", ""});
    const auto all = metadata->all();
    REQUIRE(all.size() == 1);
    CHECK(base::is_valid_utf8(all[0].metadata.help));
    CHECK(all[0].metadata.help == help);
}

TEST_CASE("targets that disagree about a metric are remembered up to a limit",
          "[engine][metadata]") {
    const test_support::TempFolder folder;
    const auto store = open_store(folder);
    const auto metadata = open_metadata(*store);
    for (size_t i = 0; i < 2 * MetadataStore::kVariantsPerMetricMax; ++i) {
        metadata->record("disputed", {MetricType::kGauge, std::to_string(i), ""});
    }
    CHECK(metadata->all().size() == MetadataStore::kVariantsPerMetricMax);
}
