#include "storeapi/node/protocol.h"

#include <algorithm>

namespace storeapi {

base::Status check_node_version(uint32_t theirs, std::string_view them) {
    if (theirs == kNodeProtocol) {
        return base::success();
    }
    if (theirs == 0) {
        return base::fail(base::Code::kUnsupported, them, "names no version of skein.v1.Node");
    }
    return base::fail(base::Code::kUnsupported,
                      them,
                      "speaks version",
                      theirs,
                      "of skein.v1.Node, this node version",
                      kNodeProtocol,
                      theirs < kNodeProtocol ? "and is the newer: upgrade the other one"
                                             : "and is the older: upgrade it");
}

base::Status check_node_limit(size_t count, size_t limit, std::string_view what) {
    if (count > limit) {
        return base::fail(base::Code::kLimit,
                          "too many",
                          what,
                          "for one request between nodes:",
                          count,
                          "the limit is",
                          limit);
    }
    return base::success();
}

base::Status check_node_hashes(std::span<const uint64_t> hashes) {
    TRY(check_node_limit(hashes.size(), kNodeHashesMax, "hashes of series"));
    if (std::ranges::adjacent_find(hashes, std::greater_equal<>()) != hashes.end()) {
        return base::fail(base::Code::kInvalid, "the hashes of series do not ascend");
    }
    return base::success();
}

base::Status check_node_matchers(std::span<const model::Matcher> matchers) {
    TRY(check_node_limit(matchers.size(), kNodeMatchersMax, "matchers"));
    size_t bytes = 0;
    for (const model::Matcher& matcher : matchers) {
        bytes += matcher.name().size() + matcher.value().size();
    }
    return check_node_limit(bytes, kNodeTextMax, "bytes of matchers");
}

uint64_t node_steps(const model::Fragment& fragment) {
    if (fragment.step_ms == 0) {
        return 1;
    }
    const uint64_t length =
        static_cast<uint64_t>(fragment.end_ms) - static_cast<uint64_t>(fragment.start_ms);
    const uint64_t whole = length / static_cast<uint64_t>(fragment.step_ms);
    return whole == UINT64_MAX ? whole : whole + 1;
}

base::Status check_node_fragment(const model::Fragment& fragment) {
    TRY(check_node_limit(fragment.query.size(), kNodeQueryMax, "bytes of a query"));
    TRY(check_node_matchers(fragment.matchers));
    if (fragment.start_ms > fragment.end_ms || fragment.step_ms < 0 || fragment.lookback_ms < 0) {
        return base::fail(base::Code::kInvalid, "the times of the fragment are not in order");
    }
    TRY(check_node_limit(node_steps(fragment), kNodeStepsMax, "steps"));
    return check_node_hashes(fragment.without);
}

}  // namespace storeapi
