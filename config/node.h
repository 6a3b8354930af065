// A YAML document as a tree of our own: every node knows where it stands, and whether its text is a
// secret.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace config {

// Limits on a document; errors name them.
inline constexpr size_t kMaxYamlBytes = 64 << 20;
inline constexpr size_t kMaxYamlNodes =
    4'000'000;  // with aliases counted as often as they stand for something
inline constexpr size_t kMaxYamlDepth = 64;

struct Node;
using NodePtr = std::shared_ptr<Node>;

// Immutable after parsing but for `secret`, which readers set when they learn what a text is.
struct Node {
    enum class Kind : uint8_t { kNull, kScalar, kSequence, kMap };

    Kind kind = Kind::kNull;
    bool quoted = false;          // the scalar stood in quotes: always text
    mutable bool secret = false;  // print a mask instead of the text
    std::shared_ptr<const std::string> file;
    int line = 0;  // from 1
    std::string text;
    std::vector<NodePtr> items;
    std::vector<std::pair<NodePtr, NodePtr>> entries;
    size_t weight = 1;  // nodes below and including this one

    [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }

    // The value of `key` in a map, or null.
    [[nodiscard]] const Node* find(std::string_view key) const;
    // "file:line"
    [[nodiscard]] std::string place() const;
};

// Parses one YAML document. Merge keys (<<) are resolved; duplicate keys are errors. An empty text
// is a null node.
//   errors  kInvalid "FILE:LINE: …"; kLimit naming the limit above
[[nodiscard]] base::Result<NodePtr> parse_yaml(std::string_view text, const std::string& file);

// Writes a tree as block-style YAML with secrets masked.
[[nodiscard]] std::string print_yaml(const Node& root);

}  // namespace config
