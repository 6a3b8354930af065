#include "shard/membership/founding.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/rate_limit.h"

namespace shard {

using base::Code;
using base::fail;
using base::Result;
using base::SteadyTime;

namespace {

constexpr SteadyTime kNever = SteadyTime::max();

std::vector<std::string> each_once(const std::vector<std::string>& list) {
    std::vector<std::string> unique;
    for (const std::string& address : list) {
        if (std::ranges::find(unique, address) == unique.end()) {
            unique.push_back(address);
        }
    }
    return unique;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const std::string& text : texts) {
        all += (all.empty() ? "" : ", ") + text;
    }
    return all;
}

}  // namespace

struct Founding::Body {
    struct Listed {
        std::string address;
        bool asked = false;              // in this round, and it has neither answered nor failed
        std::optional<Identity> answer;  // of the last round
        std::string problem;             // why there is none
        std::string cluster_id;          // it said, last
    };

    Body(Identity is, FoundingOptions how, const Parts& with)
        : self(std::move(is)), options(std::move(how)), parts(with), lines(options.log_every) {
        options.join = each_once(options.join);
        for (const std::string& address : options.join) {
            if (address != options.self_address) {
                others.push_back({.address = address});
            }
        }
        founder = self.cluster_id.empty() && !options.join.empty() &&
                  options.join.front() == options.self_address;
    }

    SteadyTime poll(const std::shared_ptr<Body>& here);
    void begin_round(const std::shared_ptr<Body>& here);
    void answered(uint64_t of_round, size_t index, Result<Identity> answer);
    void give_up_waiting();
    [[nodiscard]] bool waits() const;
    void end_round();
    void tell() const;
    [[nodiscard]] std::string find_obstacle() const;
    [[nodiscard]] std::string twins() const;
    [[nodiscard]] std::string members_of_clusters() const;
    [[nodiscard]] std::string silent() const;

    const Identity self;
    FoundingOptions options;
    const Parts parts;
    bool founder = false;
    std::vector<Listed> others;
    uint64_t round = 0;  // 0: none began
    bool asking = false;
    bool begun = false;  // all were asked
    SteadyTime round_began{};
    bool may = false;
    std::string obstacle;
    base::RateLimit lines;
};

SteadyTime Founding::Body::poll(const std::shared_ptr<Body>& here) {
    if (!founder) {
        return kNever;
    }
    const SteadyTime now = parts.clock.steady();
    if (!asking && (round == 0 || now >= round_began + options.ask_every)) {
        begin_round(here);
    }
    if (asking && now >= round_began + options.ask_timeout) {
        give_up_waiting();
    }
    if (asking && !waits()) {
        end_round();
    }
    // An answer may end the round before.
    const SteadyTime next_round = round_began + options.ask_every;
    return asking && now >= next_round ? round_began + options.ask_timeout : next_round;
}

void Founding::Body::begin_round(const std::shared_ptr<Body>& here) {
    ++round;
    asking = true;
    begun = false;  // answers may come at once
    round_began = parts.clock.steady();
    for (Listed& other : others) {
        other.asked = true;
    }
    for (size_t i = 0; i < others.size(); ++i) {
        parts.identities.ask(
            others[i].address,
            [weak = std::weak_ptr<Body>(here), of_round = round, i](Result<Identity> answer) {
                if (const auto body = weak.lock()) {
                    body->answered(of_round, i, std::move(answer));
                }
            });
    }
    begun = true;
}

void Founding::Body::answered(uint64_t of_round, size_t index, Result<Identity> answer) {
    Listed& other = others[index];
    if (of_round != round || !other.asked) {
        return;
    }
    other.asked = false;
    other.answer.reset();
    other.problem.clear();
    if (answer) {
        other.cluster_id = answer.value().cluster_id;
        other.answer = std::move(answer).value();
    } else {
        other.problem = answer.error().message();
    }
    if (asking && begun && !waits()) {
        end_round();
    }
}

void Founding::Body::give_up_waiting() {
    for (size_t i = 0; i < others.size(); ++i) {
        answered(
            round, i, fail(Code::kTimeout, "no answer within", options.ask_timeout.count(), "ms"));
    }
}

bool Founding::Body::waits() const {
    return std::ranges::any_of(others, &Listed::asked);
}

void Founding::Body::end_round() {
    asking = false;
    obstacle = find_obstacle();
    const bool might = std::exchange(may, obstacle.empty());
    if (may && !might) {
        parts.log.info("no node of --cluster.join belongs to a cluster: this one may found it",
                       "node",
                       self.node_id,
                       "nodes",
                       others.size() + 1);
    } else if (!may && lines.pass(parts.clock.steady())) {
        tell();
    }
}

void Founding::Body::tell() const {
    if (!twins().empty()) {
        parts.log.error("the cluster is not founded: correct this first", "reason", obstacle);
    } else {
        parts.log.info("the cluster is not founded yet", "waits_for", obstacle);
    }
}

std::string Founding::Body::find_obstacle() const {
    if (std::string why = twins(); !why.empty()) {
        return why;
    }
    if (std::string why = members_of_clusters(); !why.empty()) {
        return why;
    }
    const auto unbound = 1 + std::ranges::count_if(others, [](const Listed& other) {
                             return other.answer.has_value();
                         });
    const size_t majority = options.join.size() / 2 + 1;
    return static_cast<size_t>(unbound) >= majority
               ? std::string()
               : std::to_string(unbound) + " of " + std::to_string(options.join.size()) +
                     " listed nodes are there, " + std::to_string(majority) +
                     " are needed; no answer from " + silent();
}

// Nodes that took each other's name, or one that is listed twice: counting them would be wrong.
std::string Founding::Body::twins() const {
    std::vector<std::pair<std::string, const Identity*>> known{{options.self_address, &self}};
    for (const Listed& other : others) {
        if (!other.answer) {
            continue;
        }
        for (const auto& [address, identity] : known) {
            if (identity->node_id == other.answer->node_id) {
                const bool same = identity->member == other.answer->member;
                return "the nodes at " + address + " and " + other.address +
                       (same ? " are one and the same, " + identity->node_id +
                                   ": name it once in --cluster.join"
                             : " both have the id " + identity->node_id +
                                   ": give one of them another --cluster.node-id");
            }
        }
        known.emplace_back(other.address, &*other.answer);
    }
    return {};
}

std::string Founding::Body::members_of_clusters() const {
    std::vector<std::string> bound;
    for (const Listed& other : others) {
        if (!other.cluster_id.empty()) {
            bound.push_back(other.address + " belongs to cluster " + other.cluster_id);
        }
    }
    return bound.empty() ? std::string() : joined(bound) + ": this node joins that";
}

std::string Founding::Body::silent() const {
    std::vector<std::string> missing;
    for (const Listed& other : others) {
        if (!other.answer) {
            missing.push_back(other.address + " (" + other.problem + ")");
        }
    }
    return joined(missing);
}

// --- the class -----------------------------------------------------------------------------------

Founding::Founding(Identity self, FoundingOptions options, Parts parts)
    : body_(std::make_shared<Body>(std::move(self), std::move(options), parts)) {}

Founding::~Founding() = default;

SteadyTime Founding::poll() {
    return body_->poll(body_);
}

bool Founding::may_found() const {
    return body_->may;
}

const std::string& Founding::obstacle() const {
    return body_->obstacle;
}

}  // namespace shard
