#include "shard/membership/list_check.h"

#include <set>
#include <utility>

namespace shard {

using base::SteadyTime;

struct ListCheck::Body {
    Body(std::string cluster_id, ListCheckOptions how, Parts with)
        : cluster(std::move(cluster_id)),
          options(std::move(how)),
          parts(std::move(with)),
          open(options.join.begin(), options.join.end()) {
        open.erase(options.self_address);
    }

    void answered(const std::string& address, const base::Result<Identity>& who);

    const std::string cluster;
    const ListCheckOptions options;
    const Parts parts;
    std::set<std::string> open;   // addresses that have not said yet that they belong here
    std::set<std::string> known;  // of these: said to belong elsewhere, and logged
    SteadyTime next_round{};
};

void ListCheck::Body::answered(const std::string& address, const base::Result<Identity>& who) {
    if (!who || who.value().cluster_id.empty()) {
        return;  // it is silent, or belongs to none yet
    }
    if (who.value().cluster_id == cluster) {
        open.erase(address);
    } else if (known.insert(address).second) {
        parts.log.error(
            "a node of --cluster.join belongs to another cluster: correct the list, or let this "
            "node leave its own with skein cluster reset",
            "address",
            address,
            "node",
            who.value().node_id,
            "belongs to",
            who.value().cluster_id,
            "this one to",
            cluster);
    }
}

ListCheck::ListCheck(std::string cluster_id, ListCheckOptions options, Parts parts)
    : body_(std::make_shared<Body>(std::move(cluster_id), std::move(options), std::move(parts))) {}

ListCheck::~ListCheck() = default;

SteadyTime ListCheck::poll() {
    Body& at = *body_;
    if (at.open.empty()) {
        return SteadyTime::max();
    }
    const SteadyTime now = at.parts.clock.steady();
    if (now < at.next_round) {
        return at.next_round;
    }
    at.next_round = now + at.options.ask_every;
    const std::set<std::string> asked = at.open;
    for (const std::string& address : asked) {
        at.parts.identities.ask(
            address,
            [body = std::weak_ptr<Body>(body_), address](const base::Result<Identity>& who) {
                if (const auto here = body.lock()) {
                    here->answered(address, who);
                }
            });
    }
    return at.next_round;
}

}  // namespace shard
