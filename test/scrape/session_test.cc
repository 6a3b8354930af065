#include "scrape/session.h"

#include <catch2/catch.hpp>

#include "test/support/memory_storage.h"

namespace {

using scrape::Format;

class Listener final : public model::CommitListener {
  public:
    void committed(base::Result<model::CommitReport> report, model::AppendBatch&& batch) override {
        last = std::make_unique<base::Result<model::CommitReport>>(std::move(report));
        returned = std::move(batch);
    }

    std::unique_ptr<base::Result<model::CommitReport>> last;
    model::AppendBatch returned;
};

struct Fixture {
    explicit Fixture(scrape::JobOptions options = {})
        : job(std::make_shared<scrape::JobOptions>(std::move(options))),
          session(std::make_unique<scrape::ScrapeSession>(
              target, job, storage.appender(1), scratch, pool, metrics, base::Logger())) {}

    static std::shared_ptr<model::Target> make_target() {
        auto target = std::make_shared<model::Target>();
        target->job = "j";
        target->labels = {{"instance", "i"}, {"job", "j"}};
        target->url = "http://i/metrics";
        target->interval = std::chrono::seconds(15);
        target->timeout = std::chrono::seconds(10);
        return target;
    }

    void scrape(int64_t t, std::string_view page, Format format = Format::kText) {
        session->begin(staged, t, t);
        session->open(format, page);
        while (!session->advance(2)) {
        }
        session->finish(0.25, static_cast<int64_t>(page.size()));
        commit(format, page);
    }

    void fail(int64_t t, std::string message) {
        session->begin(staged, t, t);
        session->fail(base::Error(base::Code::kIo, std::move(message)));
        session->finish(0.25, 0);
        commit(Format::kText, "");
    }

    void end_of_run(int64_t t) {
        session->stage_end_of_run(staged, t);
        commit(Format::kText, "");
    }

    void commit(Format format, std::string_view page) {
        hand_over();
        if (session->committed(*listener.last)) {
            session->resolve_again(format, page);
            hand_over();
            (void)session->committed(*listener.last);
        }
        session->settle();
    }

    void hand_over() {
        session->appender().commit(std::move(staged.batch), listener);
        staged.batch = std::move(listener.returned);
    }

    std::string at(std::string_view name) {
        return storage.text(std::string(name) + "{instance=\"i\", job=\"j\"}");
    }

    std::string error() {
        const auto& why = session->totals().error;
        return why ? why->message() : "";
    }

    base::Registry registry;
    scrape::Metrics metrics{registry};
    scrape::MetadataPool pool{nullptr};
    scrape::LaneScratch scratch{scrape::LineKey{}};
    test_support::MemoryStorage storage;
    std::shared_ptr<model::Target> target = make_target();
    std::shared_ptr<scrape::JobOptions> job;
    std::unique_ptr<scrape::ScrapeSession> session;
    scrape::StagedScrape staged;
    Listener listener;
};

model::RelabelRule rule(model::RelabelAction action, std::string source, std::string pattern) {
    model::RelabelRule relabel;
    relabel.action = action;
    relabel.source_labels = {std::move(source)};
    relabel.regex = model::Regex::compile(pattern).value();
    return relabel;
}

}  // namespace

TEST_CASE("samples take the target's labels and the scrape's time", "[scrape][session]") {
    Fixture f;
    f.scrape(1000, "# TYPE a gauge\na 1\nb{x=\"y\"} 2.5\n");
    CHECK(f.at("a") == "1@1000");
    CHECK(f.storage.text("b{instance=\"i\", job=\"j\", x=\"y\"}") == "2.5@1000");
    f.scrape(2000, "# TYPE a gauge\na 3\nb{x=\"y\"} 4\n");
    CHECK(f.at("a") == "1@1000 3@2000");
    CHECK(f.at("up") == "1@1000 1@2000");
    CHECK(f.at("scrape_duration_seconds") == "0.25@1000 0.25@2000");
    CHECK(f.at("scrape_samples_scraped") == "2@1000 2@2000");
    CHECK(f.at("scrape_samples_post_metric_relabeling") == "2@1000 2@2000");
    CHECK(f.at("scrape_series_added") == "2@1000 0@2000");
    CHECK(f.at("scrape_body_size_bytes").empty());
    CHECK(f.storage.resolves() == 7);  // 2 series and 5 reports, once
}

TEST_CASE("extra scrape metrics come when asked for", "[scrape][session]") {
    scrape::JobOptions options;
    options.extra_scrape_metrics = true;
    options.limits.sample_limit = 9;
    Fixture f(options);
    f.scrape(1000, "a 1\n");
    CHECK(f.at("scrape_timeout_seconds") == "10@1000");
    CHECK(f.at("scrape_sample_limit") == "9@1000");
    CHECK(f.at("scrape_body_size_bytes") == "4@1000");
}

TEST_CASE("a series that is no longer exposed gets a stale marker at once", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\nb 1\n");
    f.scrape(2000, "a 2\n");
    CHECK(f.at("b") == "1@1000 stale@2000");
    f.scrape(3000, "a 3\n");
    CHECK(f.at("b") == "1@1000 stale@2000");
    f.scrape(4000, "b 4\na 4\n");
    CHECK(f.at("b") == "1@1000 stale@2000 4@4000");
    CHECK(f.at("a") == "1@1000 2@2000 3@3000 4@4000");
}

TEST_CASE("a failed scrape makes everything stale, once, and reports up 0", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\nb 1\n");
    f.fail(2000, "connection refused");
    f.fail(3000, "connection refused");
    CHECK(f.at("a") == "1@1000 stale@2000");
    CHECK(f.at("up") == "1@1000 0@2000 0@3000");
    CHECK(f.at("scrape_samples_scraped") == "2@1000 0@2000 0@3000");
    f.scrape(4000, "a 4\nb 4\n");
    CHECK(f.at("a") == "1@1000 stale@2000 4@4000");
    CHECK(f.at("scrape_series_added") == "2@1000 0@2000 0@3000 0@4000");
}

TEST_CASE("a parse error rolls the whole scrape back", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\nb 1\n");
    f.scrape(2000, "a 2\nb x\n");
    CHECK(f.at("a") == "1@1000 stale@2000");
    CHECK(f.at("b") == "1@1000 stale@2000");
    CHECK(f.at("up") == "1@1000 0@2000");
    CHECK(f.error().find("line 2") != std::string::npos);
}

TEST_CASE("an empty page is a good scrape that makes everything stale", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\n");
    f.scrape(2000, "");
    CHECK(f.at("a") == "1@1000 stale@2000");
    CHECK(f.at("up") == "1@1000 1@2000");
}

TEST_CASE("series with times of their own do not go stale unless asked", "[scrape][staleness]") {
    const bool track = GENERATE(false, true);
    scrape::JobOptions options;
    options.track_timestamps_staleness = track;
    Fixture f(options);
    f.scrape(1000, "a 1 900\nb 1\n");
    f.scrape(2000, "b 2\n");
    CHECK(f.at("a") == (track ? "1@900 stale@2000" : "1@900"));
}

TEST_CASE("a series that starts to carry times of its own is marked stale", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\n");
    f.scrape(2000, "a 2 2000\n");
    f.scrape(3000, "a 3 2500\n");
    CHECK(f.at("a") == "1@1000 2@2000 3@2500");  // the marker at 2000 is a duplicate
}

TEST_CASE("honor_timestamps false ignores the page's times", "[scrape][session]") {
    scrape::JobOptions options;
    options.honor_timestamps = false;
    Fixture f(options);
    f.scrape(1000, "a 1 77\n");
    f.scrape(2000, "b 1\n");
    CHECK(f.at("a") == "1@1000 stale@2000");
}

TEST_CASE("the end of a run marks all series and the reports", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\nb 1 900\n");
    f.end_of_run(2000);
    CHECK(f.at("a") == "1@1000 stale@2000");
    CHECK(f.at("b") == "1@900");
    CHECK(f.at("up") == "1@1000 stale@2000");
    CHECK(f.at("scrape_series_added") == "2@1000 stale@2000");
}

TEST_CASE("markers that come after new samples are ignored", "[scrape][staleness]") {
    Fixture f;
    f.scrape(1000, "a 1\n");
    Fixture other;
    f.scrape(2000, "a 2\n");
    f.end_of_run(1500);
    CHECK(f.at("a") == "1@1000 2@2000");
}

TEST_CASE("the target's labels win and clashing ones are exported", "[scrape][labels]") {
    Fixture f;
    f.scrape(1000, "a{job=\"x\"} 1\nb{job=\"x\",exported_job=\"y\"} 1\nc{job=\"\"} 1\n");
    CHECK(f.storage.text("a{exported_job=\"x\", instance=\"i\", job=\"j\"}") == "1@1000");
    CHECK(f.storage.text("b{exported_exported_job=\"x\", exported_job=\"y\", instance=\"i\", "
                         "job=\"j\"}") == "1@1000");
    CHECK(f.at("c") == "1@1000");
}

TEST_CASE("honor_labels lets the page's labels win, empty ones too", "[scrape][labels]") {
    scrape::JobOptions options;
    options.honor_labels = true;
    Fixture f(options);
    f.scrape(1000, "a{job=\"x\"} 1\nb{job=\"\"} 1\n");
    CHECK(f.storage.text("a{instance=\"i\", job=\"x\"}") == "1@1000");
    CHECK(f.storage.text("b{instance=\"i\"}") == "1@1000");
}

TEST_CASE("relabelling may drop series; they count as scraped only", "[scrape][labels]") {
    scrape::JobOptions options;
    options.metric_relabel_rules = {rule(model::RelabelAction::kDrop, "__name__", "noise_.*")};
    Fixture f(options);
    f.scrape(1000, "noise_1 1\na 1\nnoise_2 1\n");
    f.scrape(2000, "noise_1 1\na 1\nnoise_2 1\n");
    CHECK(f.at("a") == "1@1000 1@2000");
    CHECK(f.at("noise_1").empty());
    CHECK(f.at("scrape_samples_scraped") == "3@1000 3@2000");
    CHECK(f.at("scrape_samples_post_metric_relabeling") == "1@1000 1@2000");
    CHECK(f.storage.resolves() == 6);
}

TEST_CASE("a series without a name after relabelling fails the scrape", "[scrape][labels]") {
    scrape::JobOptions options;
    model::RelabelRule relabel;
    relabel.action = model::RelabelAction::kLabelDrop;
    relabel.regex = model::Regex::compile("__name__").value();
    options.metric_relabel_rules = {relabel};
    Fixture f(options);
    f.scrape(1000, "a 1\n");
    CHECK(f.error() == "missing metric name (__name__ label)");
    CHECK(f.at("up") == "0@1000");
}

TEST_CASE("the legacy scheme refuses names outside it", "[scrape][labels]") {
    scrape::JobOptions options;
    options.name_scheme = model::NameScheme::kLegacy;
    Fixture f(options);
    f.scrape(1000, "{\"my.metric\"} 1\n");
    CHECK(f.error().find("invalid metric name or label names:") == 0);
}

TEST_CASE("the sample limit fails the scrape but everything is counted", "[scrape][limits]") {
    scrape::JobOptions options;
    options.limits.sample_limit = 2;
    Fixture f(options);
    f.scrape(1000, "a 1\nb 1\n");
    f.scrape(2000, "a 2\nb 2\nc 2\n");
    CHECK(f.error() == "sample limit exceeded");
    CHECK(f.at("a") == "1@1000 stale@2000");
    CHECK(f.at("c").empty());
    CHECK(f.at("scrape_samples_post_metric_relabeling") == "2@1000 3@2000");
    CHECK(f.at("scrape_series_added") == "2@1000 0@2000");
    CHECK(f.metrics.exceeded_sample_limit.value() == 1);
}

TEST_CASE("label limits fail the scrape with Prometheus' words", "[scrape][limits]") {
    const auto check = [](scrape::ScrapeLimits limits, std::string_view page, std::string want) {
        scrape::JobOptions options;
        options.limits = limits;
        Fixture f(options);
        f.scrape(1000, page);
        CHECK(f.error() == want);
        CHECK(f.metrics.exceeded_label_limits.value() == (want.empty() ? 0 : 1));
    };
    check({.label_limit = 3}, "a 1\n", "");
    check({.label_limit = 3},
          "a{x=\"y\"} 1\n",
          "label_limit exceeded (metric: a, number of labels: 4, limit: 3)");
    check({.label_name_length_limit = 8},
          "a{a_long_name=\"y\"} 1\n",
          "label_name_length_limit exceeded (metric: a, label name: a_long_name, length: 11, "
          "limit: 8)");
    check(
        {.label_value_length_limit = 3},
        "a{x=\"long\"} 1\n",
        "label_value_length_limit exceeded (metric: a, label name: x, value: \"long\", length: 4, "
        "limit: 3)");
}

TEST_CASE("samples more than ten minutes ahead are out of bounds", "[scrape][limits]") {
    Fixture f;
    f.scrape(1000, "a 1 601000\nb 1 601001\n");
    CHECK(f.at("a") == "1@601000");
    CHECK(f.at("b").empty());
    CHECK(f.at("up") == "1@1000");
    CHECK(f.metrics.sample_out_of_bounds.value() == 1);
}

TEST_CASE("a series twice in one page is a duplicate, unless with times", "[scrape][session]") {
    Fixture f;
    f.scrape(1000, "a 1\na 2\nb 1 500\nb 2 600\n");
    CHECK(f.at("a") == "1@1000");
    CHECK(f.at("b") == "1@500 2@600");
    CHECK(f.metrics.sample_duplicate_timestamp.value() == 1);
    CHECK(f.at("scrape_samples_post_metric_relabeling") == "4@1000");
    f.scrape(2000, "a 1\na 2\n");
    CHECK(f.at("a") == "1@1000 1@2000");
}

TEST_CASE("what the storage rejects is counted and the scrape stays good", "[scrape][session]") {
    Fixture f;
    f.scrape(1000, "a 1 900\nb 1 900\n");
    f.scrape(2000, "a 1 800\nb 2 900\n");
    CHECK(f.metrics.sample_out_of_order.value() == 1);
    CHECK(f.metrics.sample_duplicate_timestamp.value() == 1);
    CHECK(f.at("up") == "1@1000 1@2000");
}

TEST_CASE("a series that the storage has forgotten is found again in the same scrape",
          "[scrape][session]") {
    Fixture f;
    f.scrape(1000, "a 1\nb 1\nc 1\n");
    f.storage.forget("b{instance=\"i\", job=\"j\"}");
    f.storage.forget("up{instance=\"i\", job=\"j\"}");
    f.scrape(2000, "a 2\nb 2\nc 2\n");
    CHECK(f.at("b") == "1@1000 2@2000");
    CHECK(f.at("a") == "1@1000 2@2000");
    CHECK(f.at("up") == "1@1000 1@2000");
    f.scrape(3000, "a 3\nc 3\n");
    CHECK(f.at("b") == "1@1000 2@2000 stale@3000");
}

TEST_CASE("series beyond the storage's budget are left out, the others go on",
          "[scrape][session]") {
    Fixture f;
    f.scrape(1000, "a 1\n");
    f.storage.set_series_limit(f.storage.series().size());
    f.scrape(2000, "a 2\nb 2\n");
    CHECK(f.at("a") == "1@1000 2@2000");
    CHECK(f.at("b").empty());
    CHECK(f.metrics.series_refused.value() == 1);
    f.storage.set_series_limit(SIZE_MAX);
    f.scrape(3000, "a 3\nb 3\n");
    CHECK(f.at("b") == "3@3000");
}

TEST_CASE("a commit that fails is counted and the next one works", "[scrape][session]") {
    Fixture f;
    f.scrape(1000, "a 1\n");
    f.storage.fail_commits(base::Error(base::Code::kNoSpace, "disk full"));
    f.scrape(2000, "a 2\n");
    f.storage.succeed_again();
    f.scrape(3000, "a 3\n");
    CHECK(f.at("a") == "1@1000 3@3000");
    CHECK(f.metrics.commit_failures.value() == 1);
}

TEST_CASE("openmetrics pages are stored alike", "[scrape][session]") {
    Fixture f;
    const std::string_view page =
        "# TYPE a histogram\n# HELP a text\na_bucket{le=\"1\"} 1 # {id=\"x\"} 1\na_count 1 1.5\n"
        "# EOF\n";
    f.scrape(1000, page, Format::kOpenMetrics);
    f.scrape(2000, page, Format::kOpenMetrics);
    CHECK(f.storage.text("a_bucket{instance=\"i\", job=\"j\", le=\"1.0\"}") == "1@1000 1@2000");
    CHECK(f.at("a_count") == "1@1500");
    CHECK(f.error().empty());
    f.scrape(3000, "# TYPE a histogram\na_count 1\n", Format::kOpenMetrics);
    CHECK(f.error().find("data does not end with # EOF") != std::string::npos);
}

TEST_CASE("hostile pages are refused or stored, never more", "[scrape][hostile]") {
    Fixture f;
    f.scrape(1000, "a{x=\"" + std::string(1 << 20, 'v') + "\"} 1\n");
    CHECK(f.error().empty());
    f.scrape(2000, "a{x=\"\xc3\x28\"} 1\n");
    CHECK(f.error().find("UTF-8") != std::string::npos);
    f.scrape(3000, "a{x=\"" + std::string(1 << 20, '\\'));
    CHECK_FALSE(f.error().empty());
    f.scrape(4000, std::string(1 << 20, '{'));
    CHECK_FALSE(f.error().empty());
    f.scrape(5000, std::string(1 << 20, '\n'));
    CHECK(f.error().empty());
    CHECK(f.error().size() < 1000);
}

TEST_CASE("an exemplar goes to the storage once, with its series", "[scrape][exemplars]") {
    Fixture f;
    const auto page = [](std::string_view exemplar) {
        return "# TYPE a counter\na_total{x=\"y\"} 1 " + std::string(exemplar) + "\nb 1\n# EOF\n";
    };
    const std::string series = "a_total{instance=\"i\", job=\"j\", x=\"y\"} ";
    const auto open = Format::kOpenMetrics;
    f.scrape(1000, page(R"(# {trace_id="one"} 0.5)"), open);
    f.scrape(2000, page(R"(# {trace_id="one"} 0.5)"), open);
    CHECK(f.storage.exemplars() ==
          std::vector<std::string>{series + R"({trace_id="one"} 0.5@1000)"});
    f.scrape(3000, page(R"(# {trace_id="two",a="\"q\\\n"} 2 2.5)"), open);
    f.scrape(4000, page(R"(# {trace_id="two",a="\"q\\\n"} 2 2.5)"), open);
    f.scrape(5000, page(R"(# {trace_id="two",a="\"q\\\n"} 2 2.75)"), open);
    f.scrape(6000, page(R"(# {} 7)"), open);
    CHECK(f.storage.exemplars() ==
          std::vector<std::string>{series + R"({trace_id="one"} 0.5@1000)",
                                   series + R"({a="\"q\\\n", trace_id="two"} 2@2500)",
                                   series + R"({a="\"q\\\n", trace_id="two"} 2@2750)",
                                   series + "{} 7@6000"});
    CHECK(f.at("up") == "1@1000 1@2000 1@3000 1@4000 1@5000 1@6000");
}

TEST_CASE("an exemplar that was not stored is staged again", "[scrape][exemplars]") {
    Fixture f;
    const std::string_view page = "a 1 # {t=\"1\"} 2\n# EOF\n";
    f.storage.fail_commits(base::Error(base::Code::kIo, "disk"));
    f.scrape(1000, page, Format::kOpenMetrics);
    CHECK(f.storage.exemplars().empty());
    f.storage.succeed_again();
    f.scrape(2000, page, Format::kOpenMetrics);
    const std::string series = "a{instance=\"i\", job=\"j\"}";
    CHECK(f.storage.exemplars() == std::vector<std::string>{series + R"( {t="1"} 2@2000)"});
    f.storage.forget(series);
    f.scrape(3000, page, Format::kOpenMetrics);
    CHECK(f.storage.exemplars().back() == series + R"( {t="1"} 2@3000)");
}

TEST_CASE("a bad exemplar costs nobody the sample", "[scrape][exemplars]") {
    Fixture f;
    f.scrape(1000, "a 1 # {t=\"1\",t=\"2\"} 2\n# EOF\n", Format::kOpenMetrics);
    CHECK(f.at("a") == "1@1000");
    CHECK(f.storage.exemplars().empty());
}

TEST_CASE("targets of a lane that take turns with long pages keep their series apart",
          "[scrape][session]") {
    const auto page_of = [](int lines, bool reversed) {
        std::string page;
        for (int i = 0; i < lines; ++i) {
            page += "m" + std::to_string(reversed ? lines - 1 - i : i) + " 1\n";
        }
        return page;
    };
    constexpr int kLines = 100;
    const int other_lines = GENERATE(10, 5000);
    CAPTURE(other_lines);
    Fixture f;
    f.scrape(1000, page_of(kLines, false));
    const auto other_target = Fixture::make_target();
    other_target->labels = {{"instance", "other"}, {"job", "j"}};
    scrape::ScrapeSession other(
        other_target, f.job, f.storage.appender(2), f.scratch, f.pool, f.metrics, base::Logger());
    scrape::StagedScrape other_staged;
    const auto scrape_other = [&](int64_t t, const std::string& page) {
        other.begin(other_staged, t, t);
        other.open(Format::kText, page);
        while (!other.advance(1000)) {
        }
        other.finish(0.25, 0);
        other.appender().commit(std::move(other_staged.batch), f.listener);
        other_staged.batch = std::move(f.listener.returned);
        CHECK(!other.committed(*f.listener.last));
        other.settle();
    };
    scrape_other(1000, page_of(other_lines, false));
    const size_t series = f.storage.series().size();

    const std::string page = page_of(kLines, true);  // every line has to be looked up
    f.session->begin(f.staged, 2000, 2000);
    f.session->open(Format::kText, page);
    for (int64_t turn = 0; !f.session->advance(30); ++turn) {
        scrape_other(2000 + turn, page_of(other_lines, turn % 2 == 0));
    }
    f.session->finish(0.25, 0);
    CHECK(f.session->totals().series_added == 0);
    f.commit(Format::kText, page);
    CHECK(f.session->cache().size() == kLines);
    CHECK(other.cache().size() == static_cast<size_t>(other_lines));
    CHECK(f.storage.series().size() == series);
    CHECK(f.at("m0") == "1@1000 1@2000");
}

namespace {

struct Trial : Fixture {
    Trial() { place(true); }

    void place(bool on_trial) {
        auto placed = make_target();
        placed->on_trial = on_trial;
        session->update(placed, job);
    }

    // Whether something was handed to the storage.
    bool attempt(int64_t t, std::string_view page) {
        const size_t before = storage.commits();
        session->begin(staged, t, t);
        session->open(Format::kText, page);
        while (!session->advance(1)) {
        }
        settle(page);
        return storage.commits() > before;
    }

    bool attempt_failing(int64_t t) {
        const size_t before = storage.commits();
        session->begin(staged, t, t);
        session->fail(base::Error(base::Code::kIo, "refused"));
        settle("");
        return storage.commits() > before;
    }

    void settle(std::string_view page) {
        session->finish(0.25, static_cast<int64_t>(page.size()));
        if (session->keeps_nothing()) {
            session->settle();
        } else {
            commit(Format::kText, page);
        }
    }
};

}  // namespace

TEST_CASE("a target on trial stores nothing before its first good scrape, then as usual",
          "[scrape][session][trial]") {
    Trial f;
    CHECK_FALSE(f.attempt_failing(1000));
    CHECK_FALSE(f.attempt(2000, "a 1\nb 2\nc x\n"));  // good at first
    CHECK(f.error().find("line 3") == 0);
    CHECK(f.storage.resolves() == 0);
    CHECK(f.storage.series().empty());
    CHECK_FALSE(f.session->has_stored());
    CHECK(f.attempt(3000, "b 2\nnew 5\na 1\n"));
    CHECK(f.session->has_stored());
    CHECK(f.session->page_series() == 3);
    CHECK(f.at("a") == "1@3000");
    CHECK(f.at("b") == "2@3000");
    CHECK(f.at("new") == "5@3000");
    CHECK(f.at("c").empty());
    CHECK(f.at("up") == "1@3000");
    CHECK(f.at("scrape_samples_post_metric_relabeling") == "3@3000");
    CHECK(f.storage.resolves() == 8);
    CHECK(f.attempt(4000, "b 3\nnew 6\n"));
    CHECK(f.storage.resolves() == 8);
    CHECK(f.at("a") == "1@3000 stale@4000");
    CHECK(f.attempt_failing(5000));
    CHECK(f.at("b") == "2@3000 3@4000 stale@5000");
    CHECK(f.at("up") == "1@3000 1@4000 0@5000");
}

TEST_CASE("a trial goes on while the storage refuses commits or series",
          "[scrape][session][trial]") {
    Trial f;
    f.storage.fail_commits(base::Error(base::Code::kNoSpace, "disk full"));
    CHECK(f.attempt(1000, "a 1\nb 1\n"));
    CHECK_FALSE(f.session->has_stored());
    f.storage.succeed_again();
    CHECK_FALSE(f.attempt_failing(2000));
    CHECK(f.at("a").empty());
    CHECK(f.at("up").empty());
    f.storage.set_series_limit(f.storage.series().size());
    CHECK_FALSE(f.attempt(3000, "a 1\nb 1\nc 1\n"));
    CHECK(f.at("a").empty());
    f.storage.set_series_limit(100);
    CHECK(f.attempt(4000, "a 1\nb 1\nc 1\n"));
    CHECK(f.at("a") == "1@4000");
    CHECK(f.at("c") == "1@4000");
    CHECK(f.at("up") == "1@4000");
}

TEST_CASE("a trial that ends by decision stores from the next scrape on",
          "[scrape][session][trial]") {
    Trial f;
    CHECK_FALSE(f.attempt(1000, "a 1\nb x\n"));
    CHECK_FALSE(f.attempt_failing(2000));
    f.place(false);
    CHECK(f.attempt_failing(3000));
    CHECK(f.at("up") == "0@3000");
    CHECK(f.attempt(4000, "a 1\n"));
    CHECK(f.at("a") == "1@4000");
    CHECK(f.at("up") == "0@3000 1@4000");
    f.place(true);  // one that has stored stores on
    CHECK(f.attempt_failing(5000));
    CHECK(f.at("a") == "1@4000 stale@5000");
}

TEST_CASE("the first good scrape of a trial keeps to limits and to times of the page's own",
          "[scrape][session][trial]") {
    scrape::JobOptions options;
    options.limits.sample_limit = 2;
    options.metric_relabel_rules = {rule(model::RelabelAction::kDrop, "__name__", "drop.*")};
    Trial f;
    f.job = std::make_shared<scrape::JobOptions>(options);
    f.place(true);
    CHECK_FALSE(f.attempt(1000, "a 1\nb 1\nc 1\n"));
    CHECK(f.error() == "sample limit exceeded");
    CHECK(f.attempt(2000, "a 1 1500\ndrop_1 1\ndrop_2 1\nb 1\n"));
    CHECK(f.at("a") == "1@1500");
    CHECK(f.at("b") == "1@2000");
    CHECK(f.at("scrape_samples_scraped") == "4@2000");
    CHECK(f.session->page_series() == 2);
    CHECK(f.attempt(3000, "a 1 2500\n"));
    CHECK(f.at("b") == "1@2000 stale@3000");
    CHECK(f.session->page_series() == 1);
    CHECK(f.attempt(4000, ""));
    CHECK(f.session->page_series() == 0);
}
