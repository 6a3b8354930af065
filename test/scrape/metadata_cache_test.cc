#include "scrape/metadata_cache.h"

#include <map>

#include <catch2/catch.hpp>

namespace {

class RecordingStore final : public model::MetadataStore {
  public:
    void record(std::string_view metric, const model::Metadata& metadata) override {
        recorded.push_back({std::string(metric), metadata});
    }

    [[nodiscard]] std::vector<model::MetricMetadata> all() const override { return recorded; }

    std::vector<model::MetricMetadata> recorded;
};

struct Target {
    explicit Target(scrape::MetadataPool& pool) : cache(pool) {}

    // Returns how many comment lines had to be parsed.
    size_t pass(std::string_view page) {
        size_t parsed = 0;
        const auto parser = scrape::make_parser(scrape::Format::kText, page);
        cache.begin_pass();
        while (true) {
            if (parser->at_comment() && cache.take_expected(*parser, key)) {
                continue;
            }
            const scrape::EntryKind kind = parser->next();
            if (kind == scrape::EntryKind::kEnd) {
                break;
            }
            if (kind != scrape::EntryKind::kSeries) {
                cache.take(*parser, kind, parser->line(), key);
                ++parsed;
            }
        }
        cache.end_pass(true);
        return parsed;
    }

    scrape::LineKey key;
    scrape::MetadataCache cache;
};

constexpr std::string_view kPage =
    "# HELP a Some help.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n";

}  // namespace

TEST_CASE("metadata of an unchanged page costs no parsing and is recorded once",
          "[scrape][metadata]") {
    RecordingStore store;
    scrape::MetadataPool pool(&store);
    Target first(pool);
    Target second(pool);
    CHECK(first.pass(kPage) == 3);
    CHECK(first.pass(kPage) == 0);
    CHECK(second.pass(kPage) == 3);
    REQUIRE(store.recorded.size() == 2);
    const auto all = first.cache.all();
    REQUIRE(all.size() == 2);
    CHECK(all[0]->metric == "a");
    CHECK(all[0]->metadata.help == "Some help.");
    CHECK(all[0]->metadata.type == model::MetricType::kCounter);
    CHECK(all[0] == second.cache.all()[0]);
}

TEST_CASE("changed metadata replaces the old, and the rest is in step again",
          "[scrape][metadata]") {
    RecordingStore store;
    scrape::MetadataPool pool(&store);
    Target target(pool);
    target.pass(kPage);
    const std::string_view changed =
        "# HELP a Other help.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n";
    CHECK(target.pass(changed) > 0);
    CHECK(target.pass(changed) == 0);
    CHECK(target.cache.all()[0]->metadata.help == "Other help.");
    CHECK(target.cache.size() == 2);
}

TEST_CASE("a family is remembered for ten more scrapes", "[scrape][metadata]") {
    scrape::MetadataPool pool(nullptr);
    Target target(pool);
    target.pass(kPage);
    for (int round = 0; round < 10; ++round) {
        target.pass("# TYPE b gauge\nb 1\n");
        CHECK(target.cache.size() == 2);
    }
    target.pass("# TYPE b gauge\nb 1\n");
    CHECK(target.cache.size() == 1);
    target.pass(kPage);
    CHECK(target.cache.size() == 2);
}
