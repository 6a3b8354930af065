// Any bytes as what nodes say to each other beside raft: what is read of a question, an answer or
// an identity comes back from its own bytes, and what is read of a session is within the limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "shard/session/codec.h"
#include "shard/session/questions.h"

namespace {

using namespace shard;

template <class Message, class Decode>
void comes_back(const base::Result<Message>& read, Decode decode) {
    if (!read) {
        return;
    }
    const auto again = decode(encode(read.value()));
    if (!again || !(again.value() == read.value())) {
        std::abort();
    }
}

void is_within_limits(const NodeMessage& message) {
    const auto* const hello = std::get_if<Hello>(&message);
    if (hello != nullptr &&
        (hello->node_id.size() > kNameBytesMax || hello->jobs.size() > kSessionJobsMax)) {
        std::abort();
    }
}

void is_within_limits(const LeaderMessage& message) {
    const auto* const nodes = std::get_if<Nodes>(&message);
    if (nodes != nullptr && nodes->nodes.size() > kNodesMax) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    static_cast<void>(decode_identity_question(bytes));
    comes_back(decode_identity(bytes), decode_identity);
    comes_back(decode_question(bytes), decode_question);
    comes_back(decode_node_answer(bytes), decode_node_answer);
    if (const auto message = decode_node_message(bytes)) {
        is_within_limits(message.value());
    }
    if (const auto message = decode_leader_message(bytes)) {
        is_within_limits(message.value());
    }
    return 0;
}
