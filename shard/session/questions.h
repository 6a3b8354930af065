// What nodes ask each other beside their sessions, and its bytes: who somebody is, and what the
// HTTP API of one node passes on to another. docs/protocol.md, skein.v1.Cluster
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shard/membership/founding.h"

namespace shard {

// Of questions and answers.
inline constexpr uint32_t kQuestionVersion = 1;
inline constexpr const char* kIdentifyPath = "/skein.v1.Cluster/Identify";
inline constexpr const char* kAskPath = "/skein.v1.Cluster/Ask";

// --- limits
// ----------------------------------------------------------------------------------------

inline constexpr size_t kQuestionBytesMax = size_t{64} << 10;
inline constexpr size_t kAnswerBytesMax = size_t{64} << 20;
inline constexpr size_t kIdentityBytesMax = size_t{16} << 10;
inline constexpr size_t kParametersMax = 100;
inline constexpr size_t kAnswerWarningsMax = 100;

// About the cluster, for its HTTP API.
struct Question {
    std::string what;  // at most kNameBytesMax, as the parameters' names
    std::map<std::string, std::string> parameters;
    bool change = false;  // it asks for something to be done: not asked again on its own

    bool operator==(const Question&) const = default;
};

struct Answer {
    int status = 200;  // of HTTP
    std::string json;
    std::vector<std::string> warnings;

    bool operator==(const Answer&) const = default;
};

[[nodiscard]] std::string encode_identity_question();
[[nodiscard]] std::string encode(const Identity& identity);
[[nodiscard]] std::string encode(const Question& question);
// Further warnings than kAnswerWarningsMax are left out.
[[nodiscard]] std::string encode(const Answer& answer);

// As with sessions, nothing is believed.
//   errors  kCorrupt: no message, or one that makes no sense; kLimit, naming it; kUnsupported: of
//           another version
[[nodiscard]] base::Status decode_identity_question(std::string_view bytes);
[[nodiscard]] base::Result<Identity> decode_identity(std::string_view bytes);
[[nodiscard]] base::Result<Question> decode_question(std::string_view bytes);
[[nodiscard]] base::Result<Answer> decode_node_answer(std::string_view bytes);

}  // namespace shard
