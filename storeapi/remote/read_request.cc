#include "storeapi/remote/read_request.h"

#include <utility>

#include "base/compress.h"
#include "storeapi/field_reader.h"

namespace storeapi {
namespace {

using base::Code;
using base::Result;

// ReadRequest
constexpr uint32_t kQueries = 1;
constexpr uint32_t kAcceptedResponseTypes = 2;
// Query
constexpr uint32_t kStart = 1;
constexpr uint32_t kEnd = 2;
constexpr uint32_t kMatchers = 3;
constexpr uint32_t kHints = 4;
// LabelMatcher
constexpr uint32_t kType = 1;
constexpr uint32_t kName = 2;
constexpr uint32_t kValue = 3;
// ReadHints; its times are those of the query, or further
constexpr uint32_t kStep = 1;
constexpr uint32_t kFunction = 2;
constexpr uint32_t kGrouping = 5;
constexpr uint32_t kBy = 6;
constexpr uint32_t kRange = 7;

constexpr uint64_t kSamples = 0;
constexpr uint64_t kStreamedChunks = 1;

base::Status finished(const FieldReader& fields, std::string_view what) {
    if (!fields.ok()) {
        return base::fail(Code::kInvalid, "not a remote read:", what);
    }
    return base::success();
}

Result<model::Matcher> read_matcher(std::string_view message, const model::Labels& external) {
    uint64_t type = 0;
    std::string name;
    std::string value;
    FieldReader fields(message);
    while (fields.next()) {
        if (fields.is_number(kType)) {
            type = fields.number();
        } else if (fields.is_bytes(kName)) {
            name = fields.bytes();
        } else if (fields.is_bytes(kValue)) {
            value = fields.bytes();
        }
    }
    TRY(finished(fields, "a matcher"));
    if (type > static_cast<uint64_t>(model::MatchType::kNotRegex)) {
        return base::fail(Code::kInvalid, "unknown kind of matcher", type);
    }
    const auto kind = static_cast<model::MatchType>(type);
    if (kind == model::MatchType::kEqual && !value.empty() && external.get(name) == value) {
        value.clear();
    }
    return base::context(model::Matcher::create(kind, std::move(name), std::move(value)),
                         "matcher");
}

Result<model::SelectHints> read_hints(std::string_view message) {
    model::SelectHints hints;
    FieldReader fields(message);
    while (fields.next()) {
        if (fields.is_number(kStep)) {
            hints.step_ms = static_cast<int64_t>(fields.number());
        } else if (fields.is_bytes(kFunction)) {
            hints.function = fields.bytes();
        } else if (fields.is_bytes(kGrouping)) {
            hints.grouping.emplace_back(fields.bytes());
        } else if (fields.is_number(kBy)) {
            hints.by = fields.number() != 0;
        } else if (fields.is_number(kRange)) {
            hints.range_ms = static_cast<int64_t>(fields.number());
        }
    }
    TRY(finished(fields, "hints"));
    return hints;
}

Result<ReadQuery> read_query(std::string_view message, const model::Labels& external) {
    ReadQuery query;
    FieldReader fields(message);
    while (fields.next()) {
        if (fields.is_number(kStart)) {
            query.start_ms = static_cast<int64_t>(fields.number());
        } else if (fields.is_number(kEnd)) {
            query.end_ms = static_cast<int64_t>(fields.number());
        } else if (fields.is_bytes(kMatchers)) {
            TRY(auto matcher, read_matcher(fields.bytes(), external));
            query.matchers.push_back(std::move(matcher));
        } else if (fields.is_bytes(kHints)) {
            TRY(query.hints, read_hints(fields.bytes()));
        }
    }
    TRY(finished(fields, "a query"));
    if (query.end_ms < query.start_ms) {
        return base::fail(Code::kInvalid, "a query ends before it starts");
    }
    query.hints.min_t = query.start_ms;
    query.hints.max_t = query.end_ms;
    query.hints.sorted = true;
    query.hints.skip_chunks = query.hints.function == "series";
    return query;
}

// The first kind of answer that is known decides.
class AcceptedTypes {
  public:
    void add(uint64_t type) {
        if (!decided_ && (type == kSamples || type == kStreamedChunks)) {
            decided_ = true;
            streamed_ = type == kStreamedChunks;
        }
    }

    [[nodiscard]] base::Status add_packed(std::string_view list) {
        base::ByteReader reader{base::ByteView(list)};
        while (reader.remaining() > 0) {
            add(reader.uvarint());
        }
        if (!reader.ok()) {
            return base::fail(Code::kInvalid, "not a remote read: response types");
        }
        return base::success();
    }

    [[nodiscard]] bool streamed() const { return streamed_; }

  private:
    bool decided_ = false;
    bool streamed_ = false;
};

}  // namespace

Result<ReadRequest> parse_read_request(std::string_view body, const model::Labels& external) {
    std::string message;
    TRY(base::context(base::snappy_decode(body, ReadRequest::kBytesMax, message),
                      "remote read request"));
    ReadRequest request;
    AcceptedTypes accepted;
    FieldReader fields(message);
    while (fields.next()) {
        if (fields.is_bytes(kQueries)) {
            if (request.queries.size() == ReadRequest::kQueriesMax) {
                return base::fail(
                    Code::kLimit, "a remote read has at most", ReadRequest::kQueriesMax, "queries");
            }
            TRY(auto query, read_query(fields.bytes(), external));
            request.queries.push_back(std::move(query));
        } else if (fields.is_number(kAcceptedResponseTypes)) {
            accepted.add(fields.number());
        } else if (fields.is_bytes(kAcceptedResponseTypes)) {
            TRY(accepted.add_packed(fields.bytes()));
        }
    }
    TRY(finished(fields, "the request"));
    request.streamed = accepted.streamed();
    return request;
}

}  // namespace storeapi
