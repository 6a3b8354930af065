#include "engine/cluster/cluster_answers.h"

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "base/json.h"
#include "shard/answers/answers.h"
#include "shard/answers/commands.h"

namespace engine {

using base::Code;
using base::fail;
using base::Result;
using shard::Answer;
using shard::ClusterView;
using shard::Command;
using shard::Member;
using shard::Parameters;
using shard::Question;

namespace {

using Outcome = std::promise<Result<shard::EditAnswer>>;

auto no_leader() {
    return fail(Code::kUnavailable, "this node does not lead any more; ask again in a few seconds");
}

Answer done_answer(const std::string& done) {
    Answer answer;
    base::JsonWriter json(answer.json);
    json.begin_object();
    json.member("done", done);
    json.end_object();
    return answer;
}

// Begins what the command says; the outcome comes now or later, on the cluster's thread.
void begin(Member& member, const Command& command, const std::shared_ptr<Outcome>& outcome) {
    const auto tell = [outcome](Result<shard::EditAnswer> answer) {
        outcome->set_value(std::move(answer));
    };
    switch (command.kind) {
        case Command::Kind::kNothing:
            tell(shard::EditAnswer{.applied = true});
            return;
        case Command::Kind::kEdit:
            member.edit(command.edit, tell);
            return;
        case Command::Kind::kApplyPlan:
            member.leading()->apply_plan(command.full, tell);
            return;
        case Command::Kind::kTransfer: {
            member.leading()->note(shard::EventKind::kVoters, command.to, command.done);
            const base::Status begun = member.transfer(command.to);
            tell(begun ? Result<shard::EditAnswer>(shard::EditAnswer{.applied = true})
                       : fail(begun.error()));
            return;
        }
    }
}

}  // namespace

ClusterView ClusterAnswers::view_of(Member& member) const {
    const shard::MemberStatus status = member.status();
    ClusterView view{.cluster_id = status.cluster_id,
                     .self_id = parts_.node_id,
                     .leader_id = status.leads ? parts_.node_id : status.leader_id,
                     .term = std::max(status.raft.term, status.session.seen.term),
                     .epoch = status.session.seen.epoch,
                     .leader = member.leading(),
                     .known = member.worker().nodes(),
                     .holds = &member.worker().holds(),
                     .problem = status.raft_problem};
    if (member.has_part()) {
        view.table = &member.table();
        view.epoch = member.table().epoch();
    }
    for (const shard::raft::Member& one : status.raft.configuration.members) {
        (one.role == shard::raft::Role::kVoter ? view.voters : view.learners).push_back(one.id);
    }
    view.descriptor = [&inventory = member.inventory()](model::TargetId id) {
        return inventory.descriptor(id);
    };
    return view;
}

Result<ClusterWhere> ClusterAnswers::where() {
    ClusterWhere where;
    TRY(parts_.with_member([&](Member& member) {
        const shard::MemberStatus status = member.status();
        where.leads = status.leads;
        where.leader_address = status.leader_address;
        where.discovers = member.has_part();
        for (const shard::KnownNode& node : member.worker().nodes()) {
            if (node.id != parts_.node_id) {
                where.others.push_back(node);
            }
        }
    }));
    return where;
}

Result<Answer> ClusterAnswers::answer(const Question& question, base::Deadline deadline) {
    std::string_view what = question.what;
    if (what.starts_with(kOfNode)) {
        Question own = question;
        own.what.erase(0, kOfNode.size());
        return parts_.own(own);
    }
    const bool as_leader = what.starts_with(kForLeader);
    if (as_leader) {
        what.remove_prefix(kForLeader.size());
    }
    const Parameters parameters(question.parameters.begin(), question.parameters.end());
    return question.change ? change(what, parameters, deadline) : look(what, parameters, as_leader);
}

Result<Answer> ClusterAnswers::look(std::string_view what,
                                    const Parameters& parameters,
                                    bool as_leader) {
    std::optional<Result<shard::Finish>> begun;
    TRY(parts_.with_member([&](Member& member) {
        const ClusterView view = view_of(member);
        if (as_leader && view.leader == nullptr) {
            begun = no_leader();
        } else {
            begun = shard::look(view, what, parameters);
        }
    }));
    TRY(const shard::Finish finish, std::move(*begun));
    TRY(shard::Reply reply, finish());
    return Answer{.json = std::move(reply.json), .warnings = std::move(reply.warnings)};
}

Result<Answer> ClusterAnswers::change(std::string_view what,
                                      const Parameters& parameters,
                                      base::Deadline deadline) {
    const auto outcome = std::make_shared<Outcome>();
    std::future<Result<shard::EditAnswer>> told = outcome->get_future();
    std::optional<Result<Command>> made;
    TRY(parts_.with_member([&](Member& member) {
        made = shard::make_command(view_of(member), what, parameters, parts_.clock.now_ms());
        if (*made) {
            begin(member, made->value(), outcome);
        }
    }));
    TRY(const Command command, std::move(*made));
    const base::Duration left =
        deadline.bounded() ? deadline.at() - parts_.clock.steady() : base::Duration(kChangeMax);
    if (told.wait_for(left) != std::future_status::ready) {
        return fail(Code::kTimeout,
                    "the cluster has not taken it in time, and still may; look at its status");
    }
    TRY(const shard::EditAnswer taken, told.get());
    if (taken.applied) {
        return done_answer(command.done);
    }
    if (taken.reason.empty()) {
        return done_answer("there is nothing to do");
    }
    return fail(Code::kInvalid, "the cluster refused:", taken.reason);
}

}  // namespace engine
