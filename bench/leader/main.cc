// skein-leader [TARGETS NODES SECONDS]: what a leader costs: cold start, steady reports, a lost
// node and one that joins. The leader and the bytes of its messages are real; raft, gRPC and nodes
// are not.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <time.h>

#include "base/clock.h"
#include "base/random.h"
#include "shard/assignment/edits.h"
#include "shard/leader/leader.h"
#include "shard/session/codec.h"

namespace {

using namespace shard;
using std::chrono::milliseconds;

constexpr size_t kJobs = 50;
constexpr uint64_t kBudget = 2'000'000;
constexpr double kChangedOf15s = 0.01;  // targets whose size changes enough to be told

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double resident_mib() {
    std::ifstream status("/proc/self/statm");
    uint64_t size = 0, resident = 0;
    status >> size >> resident;
    return static_cast<double>(resident) * 4096 / (1 << 20);
}

class SteppedClock final : public base::Clock {
  public:
    [[nodiscard]] int64_t now_ns() const override { return since_.count() + kBegin; }

    [[nodiscard]] base::SteadyTime steady() const override { return base::SteadyTime(since_); }

    void advance(milliseconds time) { since_ += time; }

  private:
    static constexpr int64_t kBegin = 1'700'000'000'000'000'000;
    std::chrono::nanoseconds since_{std::chrono::hours(1)};
};

// Targets of a heavy tail, and one description for all: what discovery holds is not the leader's.
class Discovered final : public DiscoveredTargets {
  public:
    explicit Discovered(size_t targets) {
        base::SeededRandom random(1);
        for (size_t i = 0; i < kJobs; ++i) {
            jobs_.push_back("job-" + std::to_string(i));
        }
        for (size_t i = 0; i < targets; ++i) {
            ids.push_back(random.u64());
            series.push_back(i % 20 == 0 ? 8'000 : 300 + random.below(600));
        }
        std::ranges::sort(ids);
        descriptor_ = std::make_shared<TargetDescriptor>(
            TargetDescriptor{.job = jobs_[0],
                             .labels = {},
                             .discovered = {},
                             .url = "http://target.example:9100/metrics",
                             .unix_socket = {},
                             .interval = milliseconds(15'000),
                             .timeout = milliseconds(10'000)});
    }

    [[nodiscard]] uint64_t version() const override { return 1; }

    [[nodiscard]] bool complete() const override { return true; }

    [[nodiscard]] bool awaited(std::string_view /*job*/) const override { return false; }

    void for_each(const std::function<void(const WantedTarget&)>& visit) const override {
        for (size_t i = 0; i < ids.size(); ++i) {
            visit({.id = ids[i], .job = jobs_[i % kJobs]});
        }
    }

    [[nodiscard]] std::shared_ptr<const TargetDescriptor> descriptor(
        model::TargetId /*id*/) const override {
        return descriptor_;
    }

    [[nodiscard]] std::vector<model::TargetId> take_redescribed() override { return {}; }

    [[nodiscard]] uint64_t series_of(model::TargetId id) const {
        return series[static_cast<size_t>(std::ranges::lower_bound(ids, id) - ids.begin())];
    }

    std::vector<model::TargetId> ids;  // ascending
    std::vector<uint32_t> series;      // by position

  private:
    std::vector<std::string> jobs_;
    std::shared_ptr<const TargetDescriptor> descriptor_;
};

// What the leader needs, and its nodes: they obey, and report what they hold.
class Bench final : public Proposer, public NodeLinks {
  public:
    Bench(size_t targets, size_t nodes) : discovered_(targets), held_(nodes) {
        static_cast<void>(table_.apply(
            encode(FoundCluster{.cluster_id = "00000000-0000-0000-0000-000000000001"})));
        LeaderOptions options;
        options.nodes_expected = nodes;
        leader_ = std::make_unique<Leader>(options,
                                           Leader::Parts{.proposer = *this,
                                                         .links = *this,
                                                         .table = table_,
                                                         .targets = discovered_,
                                                         .clock = clock_,
                                                         .log = base::Logger()});
    }

    [[nodiscard]] bool leads() const override { return true; }

    [[nodiscard]] uint64_t term() const override { return 2; }

    [[nodiscard]] uint64_t leader() const override { return 1; }

    void propose(std::string edit, std::function<void(base::Result<std::string>)> done) override {
        proposed_.emplace_back(std::move(edit), std::move(done));
    }

    void confirm(std::function<void(base::Status)> done) override { done(base::success()); }

    void send(SessionId session, LeaderMessage message) override {
        const std::string bytes = encode(message);
        sent_bytes_ += bytes.size();
        if (const auto* const lease = std::get_if<Lease>(&message)) {
            answer_.push_back(session);
            static_cast<void>(lease);
        } else if (const auto* const assign = std::get_if<Assignment>(&message)) {
            auto& held = held_[session - 1];
            for (const AssignedTarget& target : assign->targets) {
                held.push_back(target.id);
                fresh_.emplace_back(session, target.id);
            }
        }
    }

    void close(SessionId /*session*/) override {}

    void greet(size_t node) {
        const SessionId session = node + 1;
        leader_->opened(session);
        receive(session,
                Hello{.cluster_id = {},
                      .node_id = "node-" + std::to_string(node),
                      .member = node + 1,
                      .address = "10.0.0.1:" + std::to_string(1000 + node),
                      .zone = "zone-" + std::to_string(node % 3),
                      .series_budget = kBudget,
                      .clock_ms = clock_.now_ms()});
    }

    void lose(size_t node) {
        lost_ = node + 1;
        leader_->closed(lost_);
    }

    // A tenth of a second; the leader's part of it is counted.
    void step() {
        clock_.advance(milliseconds(100));
        ++steps_;
        std::vector<std::pair<SessionId, NodeMessage>> said = reports();
        std::vector<std::pair<SessionId, std::string>> bytes;
        for (auto& [session, message] : said) {
            bytes.emplace_back(session, encode(message));
        }
        const double begin = cpu_seconds();
        for (const auto& [session, encoded] : bytes) {
            auto decoded = decode_node_message(encoded);
            leader_->received(session, std::move(decoded).value());
            leader_->poll();
        }
        leader_->poll();
        for (int rounds = 0; rounds < 20 && !proposed_.empty(); ++rounds) {
            auto now = std::move(proposed_);
            proposed_.clear();
            for (auto& [edit, done] : now) {
                done(encode(table_.apply(edit)));
            }
            leader_->poll();
        }
        const double took = cpu_seconds() - begin;
        cpu_ += took;
        longest_ = std::max(longest_, took);
    }

    void pass(const char* what, double seconds) {
        cpu_ = longest_ = 0;
        sent_bytes_ = 0;
        const uint64_t epoch = table_.epoch();
        for (double passed = 0; passed < seconds; passed += 0.1) {
            step();
        }
        std::printf(
            "%-28s %6.0f s   cpu %7.2f %% of a core   longest step %7.1f ms   sent %8.2f "
            "MB   epochs %5llu   resident %5.0f MiB\n",
            what,
            seconds,
            100 * cpu_ / seconds,
            1e3 * longest_,
            static_cast<double>(sent_bytes_) / 1e6,
            static_cast<unsigned long long>(table_.epoch() - epoch),
            resident_mib());
        std::fflush(stdout);
    }

    [[nodiscard]] const Table& table() const { return table_; }

  private:
    void receive(SessionId session, const NodeMessage& message) {
        leader_->received(session, std::move(decode_node_message(encode(message))).value());
        leader_->poll();
        while (!proposed_.empty()) {
            auto now = std::move(proposed_);
            proposed_.clear();
            for (auto& [edit, done] : now) {
                done(encode(table_.apply(edit)));
            }
        }
        leader_->poll();
    }

    std::vector<std::pair<SessionId, NodeMessage>> reports() {
        std::vector<std::vector<TargetLoad>> loads(held_.size());
        for (const auto& [session, id] : fresh_) {
            loads[session - 1].push_back(
                {.id = id, .series = discovered_.series_of(id), .up = true});
        }
        fresh_.clear();
        const auto changed =
            static_cast<size_t>(static_cast<double>(discovered_.ids.size()) * kChangedOf15s / 150);
        for (size_t i = 0; i < changed; ++i) {
            const size_t node = random_.below(held_.size());
            if (!held_[node].empty()) {
                const model::TargetId id = held_[node][random_.below(held_[node].size())];
                loads[node].push_back(
                    {.id = id,
                     .series = discovered_.series_of(id) + 600 + random_.below(200),
                     .up = true});
            }
        }
        std::vector<std::pair<SessionId, NodeMessage>> said;
        std::vector<SessionId> asked = std::move(answer_);
        answer_.clear();
        for (const SessionId session : asked) {
            if (session == lost_) {
                continue;
            }
            said.emplace_back(
                session,
                Report{.number = ++numbers_,
                       .seen = {.term = 2, .epoch = table_.epoch()},
                       .totals = {.active_series = 1'000'000, .clock_ms = clock_.now_ms()},
                       .loads = std::move(loads[session - 1])});
        }
        for (size_t node = 0; node < loads.size(); ++node) {
            for (const TargetLoad& load : loads[node]) {
                fresh_.emplace_back(node + 1, load.id);  // told with the node's next report
            }
        }
        return said;
    }

    SteppedClock clock_;
    base::SeededRandom random_{3};
    Table table_;
    Discovered discovered_;
    std::vector<std::vector<model::TargetId>> held_;
    std::vector<std::pair<SessionId, model::TargetId>> fresh_;
    std::vector<SessionId> answer_;
    std::vector<std::pair<std::string, std::function<void(base::Result<std::string>)>>> proposed_;
    SessionId lost_ = 0;
    uint64_t numbers_ = 0, steps_ = 0, sent_bytes_ = 0;
    double cpu_ = 0, longest_ = 0;
    std::unique_ptr<Leader> leader_;
};

}  // namespace

int main(int count, char** arguments) {
    const size_t targets = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1'000'000;
    const size_t nodes = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1'000;
    const double seconds = count > 3 ? std::strtod(arguments[3], nullptr) : 30;
    Bench bench(targets, nodes + 1);
    std::printf("%zu targets, %zu nodes; discovered targets: %.0f MiB resident\n",
                targets,
                nodes,
                resident_mib());
    for (size_t node = 0; node < nodes; ++node) {
        bench.greet(node);
    }
    bench.pass("cold start", 15);
    bench.pass("sizes are learnt", 60);
    bench.pass("steady", seconds);
    bench.lose(0);
    bench.pass("a node is lost", 80);
    bench.greet(nodes);
    bench.pass("a node joins", 30);
    bench.pass("steady again", seconds);
    return 0;
}
