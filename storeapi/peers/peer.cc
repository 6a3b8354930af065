#include "storeapi/peers/peer.h"

#include "base/check.h"

namespace storeapi {

std::unique_ptr<model::PendingPartial> Peer::partial(const model::Fragment&,
                                                     const model::QueryContext&) {
    SKEIN_CHECK(false, "a peer that takes no fragments was handed one", address());
    return nullptr;
}

std::unique_ptr<model::SeriesSet> Peer::select_only(const model::SelectHints&,
                                                    std::span<const model::Matcher>,
                                                    std::span<const uint64_t>,
                                                    const model::QueryContext&) {
    SKEIN_CHECK(false, "a peer that takes no fragments was asked for a part", address());
    return nullptr;
}

}  // namespace storeapi
