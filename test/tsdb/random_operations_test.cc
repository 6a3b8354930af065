// A database against a model of it, through anything that can happen to a process.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "model/sample.h"
#include "test/model/histograms.h"
#include "test/support/kill_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/storage_model.h"

namespace {

using test_support::KillFiles;
using test_support::MemoryFiles;
using tsdb_test::Answers;
using tsdb_test::differences;
using tsdb_test::Process;
using tsdb_test::Staged;

constexpr int64_t kSecond = 1000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kStart = 1'700'006'400'000;

// What a series' samples are.
enum class Kind : uint8_t { kFloats, kIntegers, kFloatHistograms, kMixed };

struct Series {
    model::Labels labels;
    Kind kind = Kind::kFloats;
    std::unique_ptr<test_model::RandomHistogram> histogram;
    int64_t last_t = INT64_MIN;  // tried, accepted or not
    std::set<int64_t> tried;     // all of them
    double value = 0;
    bool stopped = false;
};

// One sequence of operations, with restarts of every kind between them. A check that fails returns
// false with a reason.
class Sequence {
  public:
    explicit Sequence(uint64_t seed) : random_(seed) {
        options_.path = "/data";
        options_.min_block_duration = std::chrono::minutes(10);
        options_.samples_per_chunk = static_cast<uint32_t>(4 + random_.below(30));
        options_.retention = {};
        options_.disk_reserve_bytes = 4096;
        options_.wal_compression =
            random_.below(2) == 0 ? tsdb::WalCompression::kSnappy : tsdb::WalCompression::kNone;
        synced_ = random_.below(2) == 0;
        if (synced_) {
            options_.wal_sync_interval = std::chrono::milliseconds(0);
        }
        if (random_.below(2) == 0) {
            options_.out_of_order_time_window = std::chrono::minutes(3 + random_.below(60));
        }
    }

    // returns  what went wrong; empty: nothing
    std::string run() {
        start();
        for (size_t i = 0; i < 2 + random_.below(4); ++i) {
            new_series();
        }
        const uint64_t steps = 15 + random_.below(40);
        for (uint64_t i = 0; i < steps && wrong_.empty(); ++i) {
            step();
        }
        if (wrong_.empty()) {
            check("at the end");
            restart();
        }
        return wrong_.empty() ? "" : wrong_ + "after:" + history_;
    }

  private:
    void step() {
        const uint64_t dice = random_.below(110);
        if (dice < 45) {
            append_some();
        } else if (dice < 53) {
            append_late();
        } else if (dice < 58) {
            new_series();
        } else if (dice < 61) {
            series_[random_.below(series_.size())].stopped ^= true;
        } else if (dice < 65) {
            now_ += static_cast<int64_t>(random_.below(40)) * kMinute;
        } else if (dice < 75) {
            upkeep();
        } else if (dice < 79) {
            cut();
        } else if (dice < 83) {
            upkeep_while_reading();
        } else if (dice < 88) {
            ask_range();
        } else if (dice < 92) {
            restart();
        } else if (dice < 96) {
            kill();
        } else if (dice < 100) {
            kill_within();
        } else if (dice < 105) {
            delete_some();
        } else if (dice < 107) {
            history_ += " clean";
            expect(process_->db().clean_tombstones(), "clean tombstones");
            check("after cleaning tombstones");
        } else {
            history_ += " cut-late";
            expect(process_->db().cut_out_of_order(), "cut out of order");
            check("after cutting what came late");
        }
    }

    void start() {
        files_ = std::make_unique<KillFiles>(disk_);
        process_ = std::make_unique<Process>(*files_, options_);
        const base::Status started = process_->start();
        if (!started) {
            wrong_ = "open: " + std::string(started.error().message());
            return;
        }
        const tsdb::ReplayReport& report = process_->db().replay_report();
        for (const tsdb::wal::Damage& damage : report.damages) {
            if (!damage.torn) {
                wrong_ = "replay found damage: " + damage.reason;
            }
        }
        if (report.unknown_refs != 0) {
            wrong_ =
                "replay lost the series of " + std::to_string(report.unknown_refs) + " samples";
        }
    }

    void new_series() {
        history_ += " new";
        const auto id = std::to_string(series_.size());
        const bool again = !series_.empty() && random_.below(5) == 0;  // the labels of another one
        series_.push_back({.labels = again ? series_[random_.below(series_.size())].labels
                                           : model::Labels{{"__name__", "m" + id}, {"id", id}},
                           .kind = static_cast<Kind>(random_.below(2) == 0 ? 0 : random_.below(4)),
                           .histogram = std::make_unique<test_model::RandomHistogram>(random_)});
        for (const Series& other : series_) {
            if (other.labels == series_.back().labels) {
                series_.back().tried.insert(other.tried.begin(), other.tried.end());
            }
        }
    }

    model::TypedSample sample_of(Series& series, int64_t t) {
        model::TypedSample sample{.t = t};
        const bool floats =
            series.kind == Kind::kFloats || (series.kind == Kind::kMixed && random_.below(2) == 0);
        if (random_.below(25) == 0) {
            sample.v = model::kStaleNan;
        } else if (floats) {
            series.value += static_cast<double>(random_.below(4)) / 8;
            sample.v = series.value;
        } else {
            series.histogram->advance();
            const bool integer = series.kind == Kind::kIntegers ||
                                 (series.kind == Kind::kMixed && random_.below(2) == 0);
            if (integer) {
                sample.integer =
                    std::make_shared<const model::Histogram>(series.histogram->integer());
            } else {
                sample.floating =
                    std::make_shared<const model::FloatHistogram>(series.histogram->floating());
            }
        }
        return sample;
    }

    // Some scrapes of everything that goes on: nothing of it may be refused.
    void append_some() {
        const uint64_t scrapes = 1 + random_.below(8);
        const int64_t step = static_cast<int64_t>(1 + random_.below(90)) * kSecond;
        history_ += " append" + std::to_string(scrapes) + "@" + std::to_string(now_);
        for (uint64_t i = 0; i < scrapes && wrong_.empty() && !files_->killed(); ++i) {
            now_ += step;
            std::vector<Staged> samples;
            for (Series& series : series_) {
                if (!series.stopped && newest_of(series.labels) < now_) {
                    samples.push_back({series.labels, sample_of(series, now_)});
                    note_tried(series, now_);
                }
            }
            const auto whole = tsdb_test::commit(process_->db(), samples, want_, maybe_);
            if (!whole && !files_->killed()) {
                wrong_ = "commit: " + std::string(whole.error().message());
            } else if (whole && !whole.value()) {
                wrong_ = "a commit in order was refused in part\n";
            }
        }
    }

    // Of all series with the same labels.
    int64_t newest_of(const model::Labels& labels) const {
        int64_t newest = INT64_MIN;
        for (const Series& series : series_) {
            newest = series.labels == labels ? std::max(newest, series.last_t) : newest;
        }
        return newest;
    }

    void note_tried(Series& series, int64_t t) {
        series.last_t = std::max(series.last_t, t);
        for (Series& other : series_) {
            if (other.labels == series.labels) {
                other.tried.insert(t);
            }
        }
    }

    // Some samples of the last minutes, or of a little more than the window: the database says
    // which it takes. With a window no time comes twice: which of two values stays is not laid
    // down.
    void append_late() {
        history_ += " late";
        const bool window = options_.out_of_order_time_window.count() != 0;
        const uint64_t seconds =
            window ? static_cast<uint64_t>(options_.out_of_order_time_window.count()) / 900
                   : 8 * 60;
        std::vector<Staged> samples;
        for (Series& series : series_) {
            int64_t t = now_ - static_cast<int64_t>(random_.below(seconds)) * kSecond;
            while (window && series.tried.contains(t)) {
                --t;
            }
            if (random_.below(3) != 0 || maybe_.contains(series.labels.to_series_string()) ||
                std::ranges::any_of(samples, [&](const Staged& staged) {
                    return staged.labels == series.labels;
                })) {
                continue;
            }
            samples.push_back({series.labels, sample_of(series, t)});
            note_tried(series, t);
        }
        const auto whole = tsdb_test::commit(process_->db(), samples, want_, maybe_);
        if (!whole && !files_->killed()) {
            wrong_ = "late commit: " + std::string(whole.error().message());
        }
    }

    // What the database holds of some series, or of all, in some stretch of time.
    struct Stretch {
        std::vector<model::Matcher> matchers;
        std::string series;  // empty: all
        int64_t min_t = INT64_MIN;
        int64_t max_t = INT64_MAX;
    };

    Stretch any_stretch() {
        Stretch stretch;
        if (random_.below(4) != 0) {
            const model::Labels& labels = series_[random_.below(series_.size())].labels;
            stretch.series = labels.to_series_string();
            stretch.matchers.push_back(
                model::Matcher::equal("__name__", std::string(labels.metric_name())));
        }
        if (random_.below(8) != 0) {
            const int64_t span = now_ - kStart + 20 * kMinute;
            stretch.min_t = now_ - static_cast<int64_t>(random_.below(static_cast<uint64_t>(span)));
            stretch.max_t = stretch.min_t + static_cast<int64_t>(random_.below(30 * 60)) * kSecond;
        }
        return stretch;
    }

    base::Status delete_stretch(const Stretch& stretch) {
        return process_->db().delete_series(stretch.min_t, stretch.max_t, stretch.matchers);
    }

    // Takes what the stretch holds.
    static Answers take(const Stretch& stretch, Answers& out_of) {
        Answers taken;
        for (auto& [series, line] : out_of) {
            if (!stretch.series.empty() && series != stretch.series) {
                continue;
            }
            const auto from = line.lower_bound(stretch.min_t);
            const auto to = line.upper_bound(stretch.max_t);
            taken[series].insert(from, to);
            line.erase(from, to);
        }
        return taken;
    }

    void delete_some() {
        const Stretch stretch = any_stretch();
        history_ += " delete[" + stretch.series + "," + std::to_string(stretch.min_t) + "," +
                    std::to_string(stretch.max_t) + "]";
        expect(delete_stretch(stretch), "delete");
        static_cast<void>(take(stretch, want_));
        static_cast<void>(take(stretch, unsure_));
        check("after a deletion");
    }

    void upkeep() {
        history_ += " upkeep";
        expect(process_->db().run_upkeep(), "upkeep");
        check("after the upkeep");
    }

    void cut() {
        const int64_t end = now_ + 1 - static_cast<int64_t>(random_.below(12)) * kMinute;
        history_ += " cut@" + std::to_string(end);
        expect(process_->db().cut_head(end), "cut");
        check("after a cut");
    }

    void upkeep_while_reading() {
        history_ += " read+upkeep";
        auto querier = process_->db().querier(model::kMinTime, model::kMaxTime);
        if (!querier) {
            wrong_ = "querier: " + std::string(querier.error().message());
            return;
        }
        std::thread working([&] { expect(process_->db().run_upkeep(), "upkeep beside a reader"); });
        const auto got = tsdb_test::ask(*querier.value(), model::kMinTime, model::kMaxTime);
        querier.value().reset();
        working.join();
        compare(got, want_, "read beside the upkeep");
        check("after the upkeep beside a reader");
    }

    void ask_range() {
        const int64_t span = now_ - kStart + 20 * kMinute;
        const int64_t a = kStart + static_cast<int64_t>(random_.below(static_cast<uint64_t>(span)));
        const int64_t b = kStart + static_cast<int64_t>(random_.below(static_cast<uint64_t>(span)));
        const int64_t min_t = std::min(a, b);
        const int64_t max_t = std::max(a, b);
        auto got = tsdb_test::ask(process_->db(), min_t, max_t);
        if (got) {
            got = tsdb_test::between(got.value(), min_t, max_t);
        }
        compare(got, tsdb_test::between(want_, min_t, max_t), "a range");
    }

    void restart() {
        history_ += " restart";
        check("before a restart");
        end();
        start();
        check("after a restart");
    }

    void end() {
        if (const int64_t left = process_->end(); left != 0) {
            wrong_ += "the head kept " + std::to_string(left) + " bytes of its budget\n";
        }
    }

    // SIGKILL, or a power cut.
    void kill() {
        history_ += " kill";
        files_->kill();
        come_back();
    }

    // The same in the middle of something.
    void kill_within() {
        const uint64_t after = random_.below(40);
        history_ += " kill" + std::to_string(after) + "-within";
        files_->kill_after(after);
        const uint64_t dice = random_.below(6);
        if (dice == 0) {
            append_some();
        } else if (dice == 1) {
            base::ignore(process_->db().run_upkeep(), "killed");
        } else if (dice == 2) {
            const Stretch stretch = any_stretch();
            base::ignore(delete_stretch(stretch), "killed");
            for (auto& [series, line] : take(stretch, want_)) {
                unsure_[series].merge(line);
            }
        } else if (dice == 3) {
            base::ignore(process_->db().cut_out_of_order(), "killed");
        } else {
            base::ignore(process_->db().cut_head(now_ - 5 * kMinute), "killed");
        }
        files_->kill();
        come_back();
    }

    void come_back() {
        if (synced_ && random_.below(2) == 0) {
            history_ += "+power-cut";
            random_.below(2) == 0 ? disk_.power_cut() : disk_.power_cut(random_);
        }
        end();
        if (wrong_.empty()) {
            start();
        }
        settle_maybe();
        check("after a kill");
    }

    // What was neither acknowledged nor refused may be there, once and for all; what a deletion
    // without an answer was to delete may also come back when the power fails.
    void settle_maybe() {
        if (!wrong_.empty() || (maybe_.empty() && unsure_.empty())) {
            return;
        }
        const auto got = tsdb_test::ask(process_->db());
        if (!got) {
            return;  // check() tells
        }
        for (const Answers* const may_be : {&maybe_, &unsure_}) {
            for (const auto& [series, line] : *may_be) {
                const auto found = got.value().find(series);
                for (const auto& [t, value] : line) {
                    if (found != got.value().end() && found->second.contains(t) &&
                        found->second.at(t) == value) {
                        want_[series].emplace(t, value);
                    }
                }
            }
        }
        maybe_.clear();
    }

    void expect(const base::Status& status, const std::string& what) {
        if (!status && wrong_.empty()) {
            wrong_ = what + ": " + std::string(status.error().message()) + "\n";
        }
    }

    void check(const std::string& when) {
        if (wrong_.empty()) {
            compare(tsdb_test::ask(process_->db()), want_, when);
        }
    }

    void compare(const base::Result<Answers>& got, const Answers& want, const std::string& when) {
        if (!wrong_.empty()) {
            return;
        }
        if (!got) {
            wrong_ = when + ": " + std::string(got.error().message()) + "\n";
            return;
        }
        const std::string different = differences(got.value(), want);
        if (!different.empty()) {
            wrong_ = when + ":\n" + different + blocks_text();
        }
    }

    // For people.
    std::string blocks_text() {
        std::string text;
        for (const tsdb::block::BlockMeta& meta : process_->db().blocks()) {
            text += meta.ulid.text() + " level " + std::to_string(meta.level) + " [" +
                    std::to_string(meta.min_t) + "," + std::to_string(meta.max_t) + ") " +
                    std::to_string(meta.stats.samples) + " samples, " +
                    std::to_string(meta.stats.tombstones) + " tombstones\n";
        }
        return text;
    }

    base::SeededRandom random_;
    tsdb::TsdbOptions options_;
    bool synced_ = false;
    MemoryFiles disk_;
    std::unique_ptr<KillFiles> files_;
    std::unique_ptr<Process> process_;
    std::vector<Series> series_;
    int64_t now_ = kStart;
    Answers want_;
    Answers maybe_;
    Answers unsure_;
    std::string wrong_;
    std::string history_;
};

void run_sequences(uint64_t count) {
    const uint64_t seed = test_support::test_seed();
    for (uint64_t i = 0; i < count; ++i) {
        const std::string wrong = Sequence(seed + i).run();
        if (!wrong.empty()) {
            FAIL("with SKEIN_SEED=" << seed + i << ": " << wrong);
        }
        if ((i + 1) % 1000 == 0) {
            std::cout << i + 1 << " sequences from SKEIN_SEED=" << seed << std::endl;
        }
    }
    SUCCEED(count << " sequences from SKEIN_SEED=" << seed);
}

}  // namespace

TEST_CASE("db answers the same whatever was done to it, and however it ended", "[tsdb][proof]") {
    run_sequences(60);
}

// They mean what they meant as long as a sequence draws the numbers that it drew then.
TEST_CASE("db answers the same through sequences that once went wrong", "[tsdb][proof]") {
    for (const uint64_t seed :
         {20260112, 20260132, 5001073, 5002132, 10007474, 20003265, 40004908, 100002342}) {
        CHECK(Sequence(seed).run() == "");
    }
}

TEST_CASE("db answers the same through 100,000 sequences of operations",
          "[.nightly][tsdb][proof]") {
    run_sequences(100'000);
}
