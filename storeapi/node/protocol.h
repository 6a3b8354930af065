// The version and the limits of skein.v1.Node, and what both sides do alike.
// source: docs/protocol.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/push_down.h"

namespace storeapi {

// What this program speaks. One number for the whole service; it grows with every change that the
// other side has to know of.
inline constexpr uint32_t kNodeProtocol = 1;

inline constexpr const char* kNodeHello = "/skein.v1.Node/Hello";
inline constexpr const char* kNodeSelect = "/skein.v1.Node/Select";
inline constexpr const char* kNodeLabelNames = "/skein.v1.Node/LabelNames";
inline constexpr const char* kNodeLabelValues = "/skein.v1.Node/LabelValues";
inline constexpr const char* kNodePartial = "/skein.v1.Node/Partial";

// Limits on a request; errors name them.
inline constexpr size_t kNodeMatchersMax = 1'000;
inline constexpr size_t kNodeNamesMax = 1'000;            // of order_without
inline constexpr size_t kNodeHashesMax = 1'500'000;       // 12 MB
inline constexpr size_t kNodeTextMax = size_t{1} << 20;   // bytes of a name or value, and of all
inline constexpr size_t kNodeQueryMax = size_t{1} << 20;  // bytes of a fragment's query
inline constexpr uint64_t kNodeStepsMax = 100'000;        // of a fragment

// Limits on an answer.
inline constexpr size_t kNodeFrameMax = size_t{16} << 20;  // bytes of one message of a stream
inline constexpr size_t kNodeListMax = size_t{64} << 20;   // bytes of a list of names or values
inline constexpr uint32_t kNodeSymbolsMax = 1U << 28;      // of one stream
inline constexpr uint32_t kNodeWidthMax = 1'024;           // numbers per group and step
inline constexpr size_t kNodeWarningsMax = 100;            // further ones are left out

// How large the messages of a stream are, in bytes. A frame ends with the entry that makes it as
// large as `target`; a series is cut before the chunk that would make a frame larger than `max`.
struct FrameSizes {
    size_t target = size_t{512} * 1024;
    size_t max = size_t{1024} * 1024;
};

// Whether the other side speaks our version.
//   them    who they are, as the error names them: "the node at a:1", "the caller"
//   errors  kUnsupported, saying which side is older
[[nodiscard]] base::Status check_node_version(uint32_t theirs, std::string_view them);

// errors  kLimit, naming the limit
[[nodiscard]] base::Status check_node_limit(size_t count, size_t limit, std::string_view what);
// errors  kInvalid: they do not ascend; kLimit
[[nodiscard]] base::Status check_node_hashes(std::span<const uint64_t> hashes);
[[nodiscard]] base::Status check_node_matchers(std::span<const model::Matcher> matchers);
// errors  kInvalid: times that make no sense; kLimit
[[nodiscard]] base::Status check_node_fragment(const model::Fragment& fragment);

// How many steps a fragment has, whose times are in order.
[[nodiscard]] uint64_t node_steps(const model::Fragment& fragment);

// Words of 64 bits that hold a bit per step.
[[nodiscard]] constexpr size_t step_words(uint64_t steps) {
    return static_cast<size_t>((steps + 63) / 64);
}

}  // namespace storeapi
