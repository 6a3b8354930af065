// A cluster under random trouble: nodes that die, start again, are cut off, stop and drain; targets
// that come, go and grow; leaders that change.
#include <catch2/catch.hpp>

#include "test/shard/leader/cluster.h"
#include "test/support/seed.h"

using namespace shard;
using namespace std::chrono_literals;
using test::Cluster;
using test::ClusterNode;

namespace {

constexpr int kNodes = 5;
constexpr auto kGapMax = 7s;  // of a target whose owner died: failure timeout, and a step or two
constexpr auto kNewLeaderGap =
    12s;  // when the leader changed meanwhile: nodes have time to find it

class Trouble {
  public:
    Trouble(uint64_t seed, uint8_t slots) : random_(seed), cluster_(kNodes, options(slots)) {
        for (model::TargetId id = 1; id <= 40; ++id) {
            cluster_.discover(id, 50 + random_.below(400));
        }
        cluster_.pass(40s);
        check();
        slots_ = slots;
    }

    void run(int seconds) {
        for (int second = 0; second < seconds; ++second) {
            if (random_.below(8) == 0) {
                disturb();
            }
            cluster_.pass(1s);
            check();
        }
    }

    // All trouble ends; what the table says is then what is scraped.
    void heal() {
        for (int number = 1; number <= kNodes; ++number) {
            repair(node(number));
        }
        for (const NodeRecord& record : cluster_.table.nodes()) {
            if (record.admin != Admin::kActive) {
                cluster_.leader_part->edit(SetAdmin{.node = record.number, .admin = Admin::kActive},
                                           [](const base::Result<EditAnswer>&) {});
            }
        }
        cluster_.pass(400s);
        for (const auto& [id, target] : cluster_.targets) {
            CAPTURE(id);
            CHECK(cluster_.scrapers(id) == owners(id));
            CHECK(cluster_.scrapers(id).size() == slots_);
        }
        CHECK(cluster_.table.moves() == 0);
        CHECK(cluster_.table.takeovers().empty());
        for (const auto& one : cluster_.nodes) {
            for (const auto& [id, held] : one->scraped) {
                CHECK(cluster_.targets.contains(id));
            }
        }
    }

  private:
    static LeaderOptions options(uint8_t slots) {
        LeaderOptions options;
        options.replicas = [slots](std::string_view) { return slots; };
        options.placing.planner.settle_s = 30;
        options.calm = 10s;
        return options;
    }

    ClusterNode& node(int number) { return cluster_.node(static_cast<size_t>(number)); }

    void repair(ClusterNode& one) {
        one.cut = false;
        one.unable.clear();
        one.flags = 0;
        if (one.worker == nullptr) {
            one.start();
        }
    }

    [[nodiscard]] int away() const {
        int count = 0;
        for (const auto& one : cluster_.nodes) {
            count += one->worker == nullptr || one->cut ? 1 : 0;
        }
        return count;
    }

    void disturb() {
        ClusterNode& one = node(1 + static_cast<int>(random_.below(kNodes)));
        switch (random_.below(10)) {
            case 0:
                if (away() < 2) {
                    one.kill();
                }
                break;
            case 1:
                if (away() < 2 && one.worker != nullptr) {
                    one.cut = true;
                    cluster_.leader_part->closed(one.session);
                }
                break;
            case 2:
            case 3:
                repair(one);
                break;
            case 4:
                cluster_.new_leader();
                led_at_ = cluster_.clock.steady();
                break;
            case 5:
                cluster_.discover(100 + random_.below(30), 50 + random_.below(400));
                break;
            case 6:
                cluster_.vanish(100 + random_.below(30));
                break;
            case 7:
                drain(random_.below(2) == 0);
                break;
            case 8:
                one.unable.insert(1 + random_.below(40));
                break;
            default:
                grow();
        }
    }

    void drain(bool drain) {
        const auto number = static_cast<NodeNumber>(1 + random_.below(kNodes));
        cluster_.leader_part->edit(
            SetAdmin{.node = number, .admin = drain ? Admin::kDraining : Admin::kActive},
            [](const base::Result<EditAnswer>&) {});
    }

    void grow() {
        auto& target = cluster_.targets.at(1 + random_.below(40));
        target.series = 50 + random_.below(4'000);
    }

    [[nodiscard]] std::vector<size_t> owners(model::TargetId id) const {
        std::vector<size_t> numbers;
        const auto target = cluster_.table.target(id);
        if (target) {
            for (const Owner& owner : target->owners) {
                const NodeRecord* const record = cluster_.table.node(owner.node);
                numbers.push_back(record == nullptr ? 0 : std::stoul(record->id.substr(1)));
            }
        }
        std::ranges::sort(numbers);
        return numbers;
    }

    // Nobody is without a scraper for longer than is promised, and nothing ends by a move.
    void check() {
        const base::SteadyTime now = cluster_.clock.steady();
        for (model::TargetId id = 1; id <= 40; ++id) {
            if (!cluster_.scrapers(id).empty()) {
                scraped_[id] = now;
                continue;
            }
            const base::SteadyTime since = scraped_[id];
            const bool new_leader = led_at_ + kNewLeaderGap + kGapMax > now;
            CAPTURE(id, (now - since).count());
            CHECK(now - since <= (new_leader ? kNewLeaderGap + kGapMax : base::Duration(kGapMax)));
        }
        for (const auto& one : cluster_.nodes) {
            for (const auto& [id, reason] : one->released) {
                CHECK((reason == ReleaseReason::kMoved || id >= 100));
            }
            one->released.clear();
        }
    }

    base::SeededRandom random_;
    Cluster cluster_;
    size_t slots_ = 1;
    std::map<model::TargetId, base::SteadyTime> scraped_;
    base::SteadyTime led_at_{};
};

}  // namespace

TEST_CASE("whatever happens to nodes, targets are scraped, and all is as the table says in the end",
          "[shard][leader]") {
    const uint64_t first = test_support::test_seed();
    for (uint64_t seed = first; seed < first + 12; ++seed) {
        CAPTURE(seed);
        Trouble trouble(seed, static_cast<uint8_t>(1 + seed % 2));
        trouble.run(300);
        trouble.heal();
    }
}
