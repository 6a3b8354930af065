// PeersQuerier: parts of a query that are worked out by other nodes.
#include <algorithm>
#include <utility>

#include "storeapi/peers/peers_querier.h"

namespace storeapi {
namespace {

class PeerPartial final : public model::PendingPartial {
  public:
    PeerPartial(PeerCall call, std::unique_ptr<model::PendingPartial> answer)
        : call_(std::move(call)), answer_(std::move(answer)) {}

    base::Result<model::Partial> wait() override {
        base::Result<model::Partial> answer = answer_->wait();
        if (!answer) {
            TRY(auto text, call_.told(answer.error()));
            model::Partial nothing;
            nothing.warnings.push_back(std::move(text));
            return nothing;
        }
        call_.end();
        for (std::string& warning : answer.value().warnings) {
            warning = call_.from_peer(warning);
        }
        return answer;
    }

  private:
    PeerCall call_;
    const std::unique_ptr<model::PendingPartial> answer_;
};

Wanted wanted_by(const model::Fragment& fragment) {
    return {.matchers = fragment.matchers, .min_t = fragment.min_t, .max_t = fragment.max_t};
}

}  // namespace

model::PushDown* PeersQuerier::push_down() {
    const bool offered = own_ != nullptr && scope_.dedup && scope_.replica_labels.empty() &&
                         std::ranges::any_of(endpoints_, [](const auto& endpoint) {
                             return endpoint->healthy && endpoint->peer->takes_fragments();
                         });
    return offered ? this : nullptr;
}

bool PeersQuerier::possible(const model::Fragment& fragment) {
    const Choice choice = choose(endpoints_, scope_, wanted_by(fragment));
    return choice.missing.empty() && !choice.asked.empty() &&
           std::ranges::all_of(choice.asked, [](const ChosenEndpoint& chosen) {
               return chosen.endpoint->peer->takes_fragments();
           });
}

base::Result<std::vector<std::unique_ptr<model::PendingPartial>>> PeersQuerier::ask(
    const model::Fragment& fragment, const model::QueryContext& context) {
    std::vector<std::string> warnings;
    TRY(const auto asked, choose_peers(wanted_by(fragment), warnings));
    std::vector<std::unique_ptr<model::PendingPartial>> answers;
    for (const ChosenEndpoint& chosen : asked) {
        TRY(auto call, PeerCall::begin(chosen.endpoint, calls_, scope_.partial_response, context));
        auto answer = chosen.endpoint->peer->partial(fragment, context);
        answers.push_back(std::make_unique<PeerPartial>(std::move(call), std::move(answer)));
    }
    return answers;
}

}  // namespace storeapi
