#include "shard/membership/voters.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace shard {

using base::SteadyTime;
using raft::Configuration;
using raft::Member;
using raft::MemberId;
using raft::Role;

namespace {

using Members = std::vector<MemberId>;

bool has(const Members& members, MemberId id) {
    return std::ranges::find(members, id) != members.end();
}

Configuration without(Configuration configuration, MemberId id) {
    std::erase_if(configuration.members, [&](const Member& member) { return member.id == id; });
    return configuration;
}

Configuration with(Configuration configuration, Member added) {
    std::erase_if(configuration.members,
                  [&](const Member& member) { return member.id == added.id; });
    const auto place = std::ranges::lower_bound(configuration.members, added.id, {}, &Member::id);
    configuration.members.insert(place, std::move(added));
    return configuration;
}

}  // namespace

// One moment, looked at.
struct Voters::View {
    const raft::DriverStatus& status;
    std::span<const VoterCandidate> nodes;
    SteadyTime now;

    [[nodiscard]] const Configuration& configuration() const { return status.configuration; }

    [[nodiscard]] const VoterCandidate* node(MemberId member) const {
        const auto found = std::ranges::find(nodes, member, &VoterCandidate::member);
        return found == nodes.end() ? nullptr : &*found;
    }

    [[nodiscard]] const raft::ProgressView* progress(MemberId member) const {
        const auto found = std::ranges::find(status.progress, member, &raft::ProgressView::id);
        return found == status.progress.end() ? nullptr : &*found;
    }

    [[nodiscard]] bool answers(MemberId member) const {
        const raft::ProgressView* const known = progress(member);
        return member == status.self || (known != nullptr && known->active);
    }

    // Of a learner.
    [[nodiscard]] bool caught_up(MemberId member) const {
        const raft::ProgressView* const known = progress(member);
        return known != nullptr && known->active && !known->snapshot &&
               known->match + kCatchUpEntries >= status.commit;
    }

    [[nodiscard]] bool majority_answers(const Configuration& of) const {
        const auto answering = std::ranges::count_if(of.members, [&](const Member& member) {
            return member.role == Role::kVoter && answers(member.id);
        });
        return static_cast<size_t>(answering) >= of.majority();
    }

    // Of this member's own record it may not know yet.
    [[nodiscard]] bool gone(MemberId member) const {
        return member != status.self && node(member) == nullptr;
    }

    [[nodiscard]] bool stays(MemberId member) const {
        const VoterCandidate* const known = node(member);
        return known == nullptr ? member == status.self : known->stays;
    }

    [[nodiscard]] std::string zone(MemberId member) const {
        const VoterCandidate* const known = node(member);
        return known == nullptr ? std::string() : known->zone;
    }

    [[nodiscard]] std::string name(MemberId member) const {
        const VoterCandidate* const known = node(member);
        return known == nullptr ? "member " + std::to_string(member) : "node " + known->id;
    }

    [[nodiscard]] size_t voters_of_zone(const Members& members, const std::string& of) const {
        return static_cast<size_t>(
            std::ranges::count_if(members, [&](MemberId member) { return zone(member) == of; }));
    }

    void drop_surplus(Members& chosen, size_t wanted) const;
};

// The worst of those who vote well: silent, in a crowded zone, the youngest. Who leads comes last.
void Voters::View::drop_surplus(Members& chosen, size_t wanted) const {
    const auto badness = [&](MemberId member) {
        const VoterCandidate* const known = node(member);
        return std::make_tuple(member != status.self,
                               !answers(member),
                               voters_of_zone(chosen, zone(member)),
                               known == nullptr ? kNoNode : known->number);
    };
    while (chosen.size() > wanted) {
        chosen.erase(std::ranges::max_element(chosen, {}, badness));
    }
}

size_t wanted_voters(const VoterOptions& options,
                     const Configuration& configuration,
                     std::span<const VoterCandidate> nodes) {
    const auto able = std::ranges::count_if(nodes, [&](const VoterCandidate& node) {
        return configuration.is_voter(node.member) || (node.stays && node.may_vote);
    });
    const size_t most =
        std::min({options.voters, static_cast<size_t>(able), size_t{raft::kVotersMax}});
    return most == 0 ? 1 : most - (most + 1) % 2;
}

// --- what is remembered --------------------------------------------------------------------------

void Voters::forget() {
    leading_ = false;
    silent_.clear();
    unfit_.clear();
    exchange_.reset();
}

void Voters::follow(const View& view) {
    const raft::DriverStatus& status = view.status;
    if (!leading_ || status.term != term_) {
        forget();
        leading_ = true;
        term_ = status.term;
        configuration_index_ = 0;
        leads_since_ = view.now;
        transfer_at_ = view.now;
    }
    if (status.configuration_index != configuration_index_) {
        configuration_index_ = status.configuration_index;
        calm_since_ = view.now;
    }
    for (const Member& member : status.configuration.members) {
        if (view.answers(member.id)) {
            silent_.erase(member.id);
        } else {
            silent_.try_emplace(member.id, view.now);
        }
    }
    std::erase_if(silent_,
                  [&](const auto& one) { return status.configuration.find(one.first) == nullptr; });
    std::erase_if(unfit_, [&](const auto& one) { return one.second <= view.now; });
    for (const auto& [member, since] : silent_) {
        if (!status.configuration.is_voter(member) &&
            view.now - since >= options_.learner_patience) {
            unfit_[member] = view.now + options_.unfit;
        }
    }
}

// --- who should vote -----------------------------------------------------------------------------

// Its session may be over while it still answers here: then it votes well enough.
bool Voters::dead(const View& view, MemberId member) const {
    const auto silent = silent_.find(member);
    if (silent == silent_.end()) {
        return false;
    }
    const VoterCandidate* const node = view.node(member);
    SteadyTime since = silent->second;
    if (node != nullptr && !node->live) {
        since = std::min(since, node->silent_since);
    }
    return view.now - since >= options_.voter_dead;
}

// To become a voter, or go on becoming one.
bool Voters::eligible(const View& view, const VoterCandidate& node) const {
    if (!node.stays || !node.may_vote || node.member == raft::kNobody ||
        unfit_.contains(node.member)) {
        return false;
    }
    const bool begun = view.configuration().find(node.member) != nullptr;
    const bool short_silence =
        !node.live && view.now - node.silent_since < options_.learner_patience;
    return begun ? node.live || short_silence : node.live && !node.stopping;
}

Members Voters::choose(const View& view) {
    const size_t wanted = wanted_voters(options_, view.configuration(), view.nodes);
    Members chosen, reserve;
    for (const Member& member : view.configuration().members) {
        if (member.role != Role::kVoter || view.gone(member.id)) {
            continue;
        }
        if (view.stays(member.id) && !dead(view, member.id)) {
            chosen.push_back(member.id);
        } else if (member.id == view.status.self) {
            reserve.insert(reserve.begin(), member.id);
        } else if (view.stays(member.id) || view.answers(member.id)) {
            reserve.push_back(member.id);
        }
    }
    exchange_for_zones(view, chosen);
    view.drop_surplus(chosen, wanted);
    choose_new(view, chosen, wanted);
    // Without a new one, one that goes votes on for as long, and one that is dead if the number
    // would be even without it: one more of an even number does not help.
    for (const MemberId member : reserve) {
        if (chosen.size() < wanted && (view.answers(member) || chosen.size() % 2 == 0)) {
            chosen.push_back(member);
        }
    }
    if (chosen.size() % 2 == 0 && chosen.size() < wanted && !chosen.empty() &&
        !view.configuration().is_voter(chosen.back())) {
        chosen.pop_back();
    }
    return chosen;
}

void Voters::choose_new(const View& view, Members& chosen, size_t wanted) const {
    const Configuration& now = view.configuration();
    const auto rank = [&](const VoterCandidate& node) {
        return std::make_tuple(now.find(node.member) == nullptr,  // a learner is half a voter
                               view.voters_of_zone(chosen, node.zone),
                               node.number);
    };
    while (chosen.size() < wanted) {
        const VoterCandidate* best = nullptr;
        for (const VoterCandidate& node : view.nodes) {
            if (!now.is_voter(node.member) && !has(chosen, node.member) && eligible(view, node) &&
                (best == nullptr || rank(node) < rank(*best))) {
                best = &node;
            }
        }
        if (best == nullptr) {
            return;
        }
        chosen.push_back(best->member);
    }
}

// One at a time: a voter of a zone that has several goes, for a node of a zone that has none.
void Voters::exchange_for_zones(const View& view, Members& chosen) {
    const Configuration& now = view.configuration();
    const auto fits = [&](const Exchange& exchange) {
        const VoterCandidate* const to = view.node(exchange.to);
        const size_t others =
            view.voters_of_zone(chosen, view.zone(exchange.to)) - size_t{has(chosen, exchange.to)};
        return to != nullptr && has(chosen, exchange.from) && others == 0 &&
               view.voters_of_zone(chosen, view.zone(exchange.from)) > 1 &&
               (now.is_voter(exchange.to) || eligible(view, *to));
    };
    const bool settled = chosen.size() == wanted_voters(options_, now, view.nodes) &&
                         now.members.size() == chosen.size();
    if (!exchange_ && settled && view.now - calm_since_ >= options_.zone_calm) {
        for (const VoterCandidate& node : view.nodes) {
            for (const MemberId member : chosen) {
                const Exchange possible{.from = member, .to = node.member};
                if (member != view.status.self && !has(chosen, node.member) && fits(possible)) {
                    exchange_ = possible;
                }
            }
            if (exchange_) {
                break;
            }
        }
    }
    if (!exchange_) {
        return;
    }
    if (!fits(*exchange_)) {
        exchange_.reset();
        return;
    }
    std::erase(chosen, exchange_->from);
    if (!has(chosen, exchange_->to)) {
        chosen.push_back(exchange_->to);
    }
}

// --- the next step -------------------------------------------------------------------------------

VoterStep Voters::transfer(const View& view, const Members& chosen, const char* why) {
    if (view.now < transfer_at_) {
        return {};
    }
    const raft::ProgressView* best = nullptr;
    for (const raft::ProgressView& one : view.status.progress) {
        const VoterCandidate* const node = view.node(one.id);
        if (one.id != view.status.self && one.active && has(chosen, one.id) &&
            view.configuration().is_voter(one.id) && node != nullptr && !node->stopping &&
            (best == nullptr || one.match > best->match)) {
            best = &one;
        }
    }
    if (best == nullptr) {
        return {};
    }
    transfer_at_ = view.now + options_.transfer_every;
    return {.transfer_to = best->id,
            .reason = view.name(best->id) + " is to lead: " + view.name(view.status.self) + why};
}

// What is wrong with members, whoever is to vote.
VoterStep Voters::correct(const View& view, const Members& chosen) {
    const Configuration& now = view.configuration();
    for (const Member& member : now.members) {
        const VoterCandidate* const node = view.node(member.id);
        const Configuration rest = without(now, member.id);
        if (view.gone(member.id) && rest.voters() > 0 && view.majority_answers(rest)) {
            return {.change = rest, .reason = view.name(member.id) + " is no node any more"};
        }
        if (node != nullptr && !node->address.empty() && node->address != member.address) {
            return {.change = with(now, {member.id, member.role, node->address}),
                    .reason = view.name(member.id) + " has the address " + node->address};
        }
        if (member.role == Role::kLearner && !has(chosen, member.id)) {
            return {.change = rest, .reason = view.name(member.id) + " is not to vote any more"};
        }
    }
    return {};
}

// Those who do not answer first, and who leads last: it hands over before.
VoterStep Voters::remove(const View& view, const Members& chosen) {
    const Configuration& now = view.configuration();
    if (now.voters() <= chosen.size()) {
        return {};
    }
    const Member* worst = nullptr;
    for (const Member& member : now.members) {
        const bool removable = member.role == Role::kVoter && !has(chosen, member.id) &&
                               member.id != view.status.self &&
                               view.majority_answers(without(now, member.id));
        if (removable &&
            (worst == nullptr || (view.answers(worst->id) && !view.answers(member.id)))) {
            worst = &member;
        }
    }
    if (worst != nullptr) {
        return {.change = without(now, worst->id),
                .reason = view.name(worst->id) + " votes no more"};
    }
    return has(chosen, view.status.self) ? VoterStep{} : transfer(view, chosen, " votes no more");
}

VoterStep Voters::add(const View& view, const Members& chosen) {
    for (const MemberId member : chosen) {
        const Configuration& now = view.configuration();
        if (now.find(member) == nullptr && now.members.size() < raft::kMembersMax) {
            return {.change = with(now, {member, Role::kLearner, view.node(member)->address}),
                    .reason = view.name(member) + " is to vote: it is sent the log"};
        }
    }
    return {};
}

// A voter that makes their number even brings the group nothing, unless the next step makes it odd.
VoterStep Voters::promote(const View& view, const Members& chosen) {
    const Configuration& now = view.configuration();
    Members ready;
    for (const MemberId member : chosen) {
        if (now.find(member) != nullptr && !now.is_voter(member) && view.caught_up(member)) {
            ready.push_back(member);
        }
    }
    const bool another_leaves = std::ranges::any_of(now.members, [&](const Member& member) {
        return member.role == Role::kVoter && !has(chosen, member.id);
    });
    if (ready.empty() || (now.voters() % 2 == 1 && ready.size() == 1 && !another_leaves)) {
        return {};
    }
    Configuration more = now;
    for (Member& member : more.members) {
        if (member.id == ready.front()) {
            member.role = Role::kVoter;
        }
    }
    if (!view.majority_answers(more)) {
        return {};
    }
    return {.change = std::move(more), .reason = view.name(ready.front()) + " votes"};
}

VoterStep Voters::next(const raft::DriverStatus& status,
                       std::span<const VoterCandidate> nodes,
                       SteadyTime now) {
    if (!status.leads) {
        forget();
        return {};
    }
    const View view{.status = status, .nodes = nodes, .now = now};
    follow(view);
    if (status.configuration_index > status.commit) {
        return {};
    }
    const Members chosen = choose(view);
    const VoterCandidate* const self = view.node(status.self);
    if (self != nullptr && self->stopping) {
        return transfer(view, chosen, " is stopping");
    }
    if (view.configuration().voters() > 1 && now < leads_since_ + options_.first_look) {
        return {};
    }
    for (const auto step : {&Voters::correct, &Voters::remove, &Voters::add, &Voters::promote}) {
        if (VoterStep found = (this->*step)(view, chosen); !found.nothing()) {
            return found;
        }
    }
    return {};
}

}  // namespace shard
