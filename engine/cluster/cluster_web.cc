#include "engine/cluster/cluster_web.h"

#include <utility>

#include "engine/cluster/cluster_api.h"
#include "engine/cluster/merged_targets.h"

namespace engine {

namespace {

constexpr size_t kThreads = 4;
constexpr size_t kQueueMax = 64;

scrape::ApiOptions with_node(scrape::ApiOptions options, const std::string& node_id) {
    options.node = node_id;
    return options;
}

}  // namespace

ClusterWeb::ClusterWeb(Parts parts)
    : parts_(std::move(parts)),
      pool_(std::make_unique<base::WorkerPool>(
          base::WorkerPoolOptions{"cluster", kThreads, kQueueMax})) {
    if (parts_.cluster == nullptr) {
        return;
    }
    dropped_ = std::make_unique<DroppedTargets>(parts_.cluster->discovered());
    targets_ = std::make_unique<scrape::HttpApi>(
        parts_.manager, nullptr, with_node(parts_.targets, parts_.node_id));
    answers_ = std::make_unique<ClusterAnswers>(ClusterAnswers::Parts{
        .node_id = parts_.node_id,
        .clock = parts_.clock,
        .with_member =
            [cluster = parts_.cluster](const std::function<void(shard::Member&)>& see) {
                return cluster->with_member(see);
            },
        .own =
            [this](const shard::Question& question) {
                return own_targets(*targets_, *dropped_, question);
            }});
}

ClusterWeb::~ClusterWeb() = default;

base::Result<shard::Answer> ClusterWeb::answer(const shard::Question& question,
                                               base::Deadline deadline) {
    if (answers_ != nullptr) {
        return answers_->answer(question, deadline);
    }
    return answer_alone(parts_.alone(), parts_.manager, question);
}

void ClusterWeb::add_routes(base::http::Router& router) {
    const auto where = [this]() -> base::Result<ClusterWhere> {
        return answers_ == nullptr ? ClusterWhere{.leads = true} : answers_->where();
    };
    const auto ask = [this](const std::string& address,
                            const shard::Question& question,
                            base::Deadline deadline,
                            std::stop_token stop) {
        return parts_.cluster->questions().ask(address, question, deadline, std::move(stop));
    };
    register_cluster_routes(
        router,
        {.changes = parts_.flags.boolean("web.enable-admin-api"),
         .pool = pool_.get(),
         .clock = parts_.clock,
         .here = [this](const shard::Question& question,
                        base::Deadline deadline) { return answer(question, deadline); },
         .where = where,
         .ask = ask});
    if (answers_ != nullptr) {
        register_merged_targets(router,
                                {.local = parts_.flags.text("query.scope") == "local",
                                 .pool = pool_.get(),
                                 .clock = parts_.clock,
                                 .own = *targets_,
                                 .dropped = *dropped_,
                                 .where = where,
                                 .ask = ask});
    }
}

}  // namespace engine
