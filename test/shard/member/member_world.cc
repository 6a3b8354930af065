#include "test/shard/member/member_world.h"

#include <algorithm>

namespace member_test {

namespace {

constexpr std::chrono::milliseconds kStep{50};

// Messages of a member go to the node that has its id.
class Transport final : public raft::RaftTransport {
  public:
    explicit Transport(Node& node) : node_(node) {}

    void send(raft::Message message) override {
        if (Node* const to = node_.world.by_member(message.to)) {
            node_.world.carry(
                node_, *to, [message](Node& there) { there.member->receive(message); });
        }
    }

    void members(const raft::Configuration& /*configuration*/) override {}

  private:
    Node& node_;
};

}  // namespace

Node::Node(World& in, std::string name, std::vector<std::string> list)
    : world(in), id(std::move(name)), join(std::move(list)), inventory(in.clock, {}) {
    lose_disk();
}

void Node::lose_disk() {
    member_id = world.random.u64() | 1;
    disk = std::make_unique<raft_test::HeldDisk>(raft_test::Disk());
    kept = {};
}

void Node::start() {
    ++life;
    scraped.clear();
    MemberOptions options{.node_id = id,
                          .address = address(),
                          .zone = {},
                          .member = member_id,
                          .series_budget = 30'000,
                          .join = join,
                          .raft = {},
                          .leader = {},
                          .worker = {},
                          .founding = {},
                          .voters = {}};
    auto started = Member::start(std::move(options),
                                 {.storage = *disk,
                                  .transport =
                                      [this](const raft::ClusterId& /*cluster*/) {
                                          return std::make_unique<Transport>(*this);
                                      },
                                  .links = *this,
                                  .link = *this,
                                  .identities = *this,
                                  .store = kept,
                                  .holdings = *this,
                                  .loads = *this,
                                  .inventory = inventory,
                                  .clock = world.clock,
                                  .random = world.random,
                                  .log = base::Logger()});
    member = std::move(started).value();
    member->configured(1, {{.job = "job", .hash = 1}}, {}, 3);
}

void Node::kill() {
    ++life;
    member.reset();
    disk->lose_waiting();
    scraped.clear();
    for (const auto& other : world.nodes) {
        if (other->leader == this && other->session != 0) {
            other->leader = nullptr;
            other->session = 0;
            world.carry(*this, *other, [](Node& there) { there.member->link_closed("killed"); });
        }
    }
    if (leader != nullptr && leader->up()) {
        leader->member->closed(session, "killed");
    }
    session = 0;
    leader = nullptr;
}

void Node::discover(size_t targets) {
    inventory.jobs_configured(std::vector<JobHash>{{.job = "job", .hash = 1}});
    auto job = std::make_shared<model::ResolvedJob>();
    job->job = "job";
    for (size_t i = 0; i < targets; ++i) {
        auto target = std::make_shared<model::Target>();
        target->job = "job";
        target->url = "http://target-" + std::to_string(i) + "/metrics";
        target->interval = target->timeout = std::chrono::seconds(1);
        job->active.push_back(std::move(target));
    }
    inventory.targets_changed(std::move(job));
}

void Node::send(SessionId to, LeaderMessage message) {
    for (const auto& other : world.nodes) {
        if (other->session == to && other->leader == this) {
            world.carry(*this, *other, [to, message](Node& there) {
                if (there.session == to) {
                    there.member->link_received(message);
                }
            });
        }
    }
}

void Node::close(SessionId which) {
    for (const auto& other : world.nodes) {
        if (other->session == which && other->leader == this) {
            world.carry(*this, *other, [which](Node& there) {
                if (there.session == which) {
                    there.session = 0;
                    there.leader = nullptr;
                    there.member->link_closed("closed");
                }
            });
        }
    }
    world.carry(*this, *this, [which](Node& here) { here.member->closed(which, "closed"); });
}

void Node::open(const std::string& to) {
    leave();
    Node* const there = world.by_address(to);
    const SessionId opened = world.next_session++;
    if (there == nullptr || !there->up() || !world.reach(*this, *there)) {
        world.carry(*this, *this, [](Node& here) { here.member->link_closed("no connection"); });
        return;
    }
    session = opened;
    leader = there;
    world.carry(*this, *there, [opened](Node& at) { at.member->opened(opened, {}); });
    world.carry(*this, *this, [opened](Node& here) {
        if (here.session == opened) {
            here.member->link_opened();
        }
    });
}

void Node::send(NodeMessage message) {
    if (leader != nullptr) {
        world.carry(*this, *leader, [to = session, message](Node& there) {
            there.member->received(to, message);
        });
    }
}

void Node::leave() {
    if (leader != nullptr) {
        world.carry(
            *this, *leader, [left = session](Node& there) { there.member->closed(left, "left"); });
    }
    session = 0;
    leader = nullptr;
}

void Node::ask(const std::string& to, std::function<void(base::Result<Identity>)> done) {
    Node* const there = world.by_address(to);
    if (there == nullptr) {
        return;
    }
    world.carry(*this, *there, [this, done = std::move(done)](Node& asked) {
        world.carry(
            asked, *this, [done, said = asked.member->identity()](Node& /*here*/) { done(said); });
    });
}

void Node::hold(const AssignedTarget& target) {
    scraped.insert_or_assign(target.id, target);
}

void Node::release(model::TargetId target, ReleaseReason /*reason*/) {
    scraped.erase(target);
}

void Node::for_each_load(const std::function<void(const TargetLoad&)>& visit) const {
    for (const auto& [target, held] : scraped) {
        visit({.id = target, .series = 100, .up = true});
    }
}

// --- the world -----------------------------------------------------------------------------------

World::World(size_t count) {
    std::vector<std::string> join;
    for (size_t i = 1; i <= count; ++i) {
        join.push_back("n" + std::to_string(i) + ":1");
    }
    for (size_t i = 1; i <= count; ++i) {
        nodes.push_back(std::make_unique<Node>(*this, "n" + std::to_string(i), join));
    }
}

// Members that go still talk to the nodes of others.
World::~World() {
    for (const auto& node : nodes) {
        node->member.reset();
    }
}

Node* World::by_address(const std::string& address) {
    const auto found =
        std::ranges::find(nodes, address, [](const auto& node) { return node->address(); });
    return found == nodes.end() ? nullptr : found->get();
}

Node* World::by_member(raft::MemberId id) {
    const auto found =
        std::ranges::find(nodes, id, [](const auto& node) { return node->member_id; });
    return found == nodes.end() ? nullptr : found->get();
}

bool World::reach(const Node& one, const Node& other) const {
    return &one == &other || (!cut.contains(one.id) && !cut.contains(other.id));
}

void World::carry(Node& from, Node& to, std::function<void(Node&)> what) {
    under_way.emplace_back([this, &from, &to, life = to.life, what = std::move(what)] {
        if (to.up() && to.life == life && reach(from, to)) {
            what(to);
        }
    });
}

void World::pass(std::chrono::milliseconds time) {
    for (auto left = time; left.count() > 0; left -= kStep) {
        clock.advance(kStep);
        passed_ms_ += kStep.count();
        for (int turn = 0; turn < 4; ++turn) {
            for (const auto& node : nodes) {
                if (node->up()) {
                    node->disk->write();
                    node->member->poll();
                }
            }
            std::deque<std::function<void()>> now;
            now.swap(under_way);
            for (const auto& one : now) {
                one();
            }
        }
        if (passed_ms_ % 1000 == 0) {
            for (const auto& node : nodes) {
                for (const auto& [target, held] : std::map(node->scraped)) {
                    if (node->up()) {
                        node->member->scraped(target, true, clock.now_ms(), 100);
                    }
                }
            }
        }
    }
}

bool World::until(const std::function<bool()>& condition) {
    for (int step = 0; step < 1200 && !condition(); ++step) {
        pass(kStep);
    }
    return condition();
}

Node* World::leader() {
    Node* found = nullptr;
    for (const auto& node : nodes) {
        if (node->up() && node->member->leading() != nullptr) {
            if (found != nullptr) {
                return nullptr;
            }
            found = node.get();
        }
    }
    return found;
}

size_t World::voters() {
    Node* const leads = leader();
    return leads == nullptr ? 0 : leads->member->status().raft.configuration.voters();
}

std::map<model::TargetId, std::set<std::string>> World::scrapers() const {
    std::map<model::TargetId, std::set<std::string>> all;
    for (const auto& node : nodes) {
        for (const auto& [target, held] : node->scraped) {
            all[target].insert(node->id);
        }
    }
    return all;
}

}  // namespace member_test
