#include "shard/session/questions.h"

#include <algorithm>
#include <utility>

#include "shard/proto/session.pb.h"
#include "shard/session/codec_parts.h"

namespace shard {

using base::Code;
using base::fail;
using base::Result;
using base::Status;
using base::success;

namespace {

template <class Message>
Result<Message> read(std::string_view bytes, size_t bytes_max, const char* limit) {
    if (bytes.size() > bytes_max) {
        return fail(
            Code::kLimit, "a message of", bytes.size(), "bytes, the limit is", bytes_max, limit);
    }
    Message message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Code::kCorrupt, "bytes that are no message of skein.v1.Cluster");
    }
    return message;
}

Status check_version(uint32_t version) {
    if (version != kQuestionVersion) {
        return fail(Code::kUnsupported,
                    "a question of version",
                    version,
                    "and this node speaks",
                    kQuestionVersion,
                    ": the program of the",
                    version < kQuestionVersion ? "node that asks" : "node that is asked",
                    "is the older one");
    }
    return success();
}

}  // namespace

std::string encode_identity_question() {
    skein::v1::IdentityQuestion message;
    message.set_version(kQuestionVersion);
    return message.SerializeAsString();
}

std::string encode(const Identity& identity) {
    skein::v1::ClusterIdentity message;
    message.set_cluster_id(identity.cluster_id);
    message.set_node_id(identity.node_id);
    message.set_member(identity.member);
    message.set_leader_address(identity.leader_address);
    return message.SerializeAsString();
}

std::string encode(const Question& question) {
    skein::v1::ClusterQuestion message;
    message.set_version(kQuestionVersion);
    message.set_what(question.what);
    for (const auto& [name, value] : question.parameters) {
        auto& parameter = *message.add_parameters();
        parameter.set_name(name);
        parameter.set_value(value);
    }
    message.set_change(question.change);
    return message.SerializeAsString();
}

std::string encode(const Answer& answer) {
    skein::v1::ClusterAnswer message;
    message.set_status(static_cast<uint32_t>(answer.status));
    message.set_json(answer.json);
    const size_t warnings = std::min(answer.warnings.size(), kAnswerWarningsMax);
    for (size_t i = 0; i < warnings; ++i) {
        message.add_warnings(answer.warnings[i]);
    }
    return message.SerializeAsString();
}

Status decode_identity_question(std::string_view bytes) {
    TRY(const auto message,
        read<skein::v1::IdentityQuestion>(bytes, kIdentityBytesMax, "(kIdentityBytesMax)"));
    return check_version(message.version());
}

Result<Identity> decode_identity(std::string_view bytes) {
    TRY(const auto message,
        read<skein::v1::ClusterIdentity>(bytes, kIdentityBytesMax, "(kIdentityBytesMax)"));
    Identity identity{.member = message.member()};
    TRY(identity.cluster_id, take_name(message.cluster_id(), "the id of a cluster"));
    TRY(identity.node_id, take_name(message.node_id(), "the id of a node"));
    TRY(identity.leader_address, take_address(message.leader_address()));
    if (identity.node_id.empty()) {
        return fail(Code::kCorrupt, "a node without an id");
    }
    return identity;
}

Result<Question> decode_question(std::string_view bytes) {
    TRY(const auto message,
        read<skein::v1::ClusterQuestion>(bytes, kQuestionBytesMax, "(kQuestionBytesMax)"));
    TRY(check_version(message.version()));
    if (static_cast<size_t>(message.parameters_size()) > kParametersMax) {
        return fail(Code::kLimit,
                    "a question with more than",
                    kParametersMax,
                    "(kParametersMax) parameters");
    }
    Question question{.change = message.change()};
    TRY(question.what, take_name(message.what(), "what is asked"));
    for (const auto& parameter : message.parameters()) {
        TRY(std::string name, take_name(parameter.name(), "the name of a parameter"));
        if (!question.parameters.emplace(std::move(name), parameter.value()).second) {
            return fail(Code::kCorrupt, "a parameter that is there twice");
        }
    }
    return question;
}

Result<Answer> decode_node_answer(std::string_view bytes) {
    TRY(const auto message,
        read<skein::v1::ClusterAnswer>(bytes, kAnswerBytesMax, "(kAnswerBytesMax)"));
    constexpr uint32_t kStatusMin = 100, kStatusMax = 599;
    if (message.status() < kStatusMin || message.status() > kStatusMax) {
        return fail(Code::kCorrupt, "there is no HTTP status", message.status());
    }
    if (static_cast<size_t>(message.warnings_size()) > kAnswerWarningsMax) {
        return fail(Code::kLimit,
                    "an answer with more than",
                    kAnswerWarningsMax,
                    "(kAnswerWarningsMax) warnings");
    }
    Answer answer{.status = static_cast<int>(message.status()), .json = message.json()};
    answer.warnings.assign(message.warnings().begin(), message.warnings().end());
    return answer;
}

}  // namespace shard
