#include "storeapi/node/node_service.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "model/matcher.h"
#include "storeapi/node/node_call.h"
#include "storeapi/node/partial_frames.h"
#include "storeapi/node/select_stream.h"
#include "storeapi/proto/node.pb.h"
#include "storeapi/service_methods.h"
#include "storeapi/wire.h"

namespace storeapi {
namespace {

using base::Result;
using base::Status;
using base::rpc::CallContext;
using base::rpc::MessageStream;

using WireMatchers = google::protobuf::RepeatedPtrField<skein::v1::NodeMatcher>;
using WireHashes = google::protobuf::RepeatedField<uint64_t>;
using WireTexts = google::protobuf::RepeatedPtrField<std::string>;

Status check_node_ready(const NodeSources& sources) {
    if (sources.ready()) {
        return base::success();
    }
    return base::fail(base::Code::kUnavailable,
                      "the storage is still being read, or the node is stopping");
}

// A request of a caller that speaks our version, for a node that is ready.
template <class Request>
Result<Request> take_request(const NodeSources& sources,
                             std::string_view bytes,
                             std::string_view method) {
    TRY(check_node_ready(sources));
    TRY(auto request, read_request<Request>(bytes, method));
    TRY(check_node_version(request.version(), "the caller"));
    return request;
}

Result<std::vector<model::Matcher>> read_matchers(const WireMatchers& wanted) {
    TRY(check_node_limit(static_cast<size_t>(wanted.size()), kNodeMatchersMax, "matchers"));
    std::vector<model::Matcher> matchers;
    for (const skein::v1::NodeMatcher& matcher : wanted) {
        const int type = matcher.type();
        if (type < 0 || type > static_cast<int>(model::MatchType::kNotRegex)) {
            return base::fail(base::Code::kInvalid, "unknown kind of matcher", type);
        }
        TRY(auto made,
            base::context(model::Matcher::create(
                              static_cast<model::MatchType>(type), matcher.name(), matcher.value()),
                          "matcher on",
                          matcher.name()));
        matchers.push_back(std::move(made));
    }
    TRY(check_node_matchers(matchers));
    return matchers;
}

Result<std::vector<uint64_t>> read_hashes(const WireHashes& list) {
    std::vector<uint64_t> hashes(list.begin(), list.end());
    TRY(check_node_hashes(hashes));
    return hashes;
}

Result<std::vector<std::string>> read_names(const WireTexts& list) {
    TRY(check_node_limit(static_cast<size_t>(list.size()), kNodeNamesMax, "label names"));
    return std::vector<std::string>(list.begin(), list.end());
}

skein::v1::HelloResponse hello(const NodeSources& sources) {
    skein::v1::HelloResponse response;
    response.set_version(kNodeProtocol);
    response.set_node_id(sources.node_id);
    for (const model::LabelView label : sources.labels()) {
        skein::v1::NodeLabel& out = *response.add_labels();
        out.set_name(std::string(label.name));
        out.set_value(std::string(label.value));
    }
    const auto range = sources.storage.time_range();
    response.set_min_time(range ? range->first : std::numeric_limits<int64_t>::min());
    response.set_max_time(std::numeric_limits<int64_t>::max());  // it goes on
    return response;
}

Result<std::unique_ptr<MessageStream>> select(const NodeSources& sources,
                                              std::string_view bytes,
                                              const CallContext& call) {
    TRY(const auto request, take_request<skein::v1::SelectRequest>(sources, bytes, "Select"));
    TRY(const auto matchers, read_matchers(request.matchers()));
    NodeWish wish{.only = request.only(), .limit = request.limit()};
    TRY(wish.hashes, read_hashes(request.hashes()));
    model::SelectHints hints{.min_t = request.min_time(),
                             .max_t = request.max_time(),
                             .step_ms = request.step_ms(),
                             .range_ms = request.range_ms(),
                             .function = request.function(),
                             .sorted = request.sorted(),
                             .skip_chunks = request.skip_chunks(),
                             .limit = wish.only ? 0 : wish.limit};
    TRY(hints.order_without, read_names(request.order_without()));
    if (hints.min_t > hints.max_t) {
        return std::make_unique<MessageList>(std::vector<std::string>());
    }
    NodeCall storage(sources, call);
    TRY(storage.open(sources, hints.min_t, hints.max_t));
    TRY(auto set, storage.querier->select(hints, matchers, *storage.context));
    return std::make_unique<SelectStream>(
        std::move(storage), std::move(set), std::move(wish), sources.frames);
}

// The answer to LabelNames and LabelValues.
//   list  Result<vector<string>>(NodeCall&, hints, matchers)
template <class Request, class List>
Result<std::string> label_list(const NodeSources& sources,
                               const Request& request,
                               const CallContext& call,
                               const List& list) {
    skein::v1::LabelListResponse response;
    TRY(const auto matchers, read_matchers(request.matchers()));
    if (request.min_time() > request.max_time()) {
        return response.SerializeAsString();
    }
    NodeCall storage(sources, call);
    TRY(storage.open(sources, request.min_time(), request.max_time()));
    TRY(auto texts, list(storage, model::LabelHints{.limit = request.limit()}, matchers));
    size_t bytes = 0;
    for (std::string& text : texts) {
        bytes += WireWriter::text_size(text);
        response.add_texts(std::move(text));
    }
    if (bytes > kNodeListMax) {
        return base::fail(base::Code::kLimit,
                          "the list has",
                          bytes,
                          "bytes, a node answers at most",
                          kNodeListMax,
                          "- give a limit, or narrower matchers");
    }
    const std::vector<std::string> warnings = storage.querier->warnings();
    for (size_t i = 0; i < std::min(warnings.size(), kNodeWarningsMax); ++i) {
        response.add_warnings(warnings[i]);
    }
    return response.SerializeAsString();
}

Result<std::string> label_names(const NodeSources& sources,
                                std::string_view bytes,
                                const CallContext& call) {
    TRY(const auto request,
        take_request<skein::v1::LabelNamesRequest>(sources, bytes, "LabelNames"));
    return label_list(
        sources, request, call, [](NodeCall& storage, const auto& hints, const auto& matchers) {
            return storage.querier->label_names(hints, matchers, *storage.context);
        });
}

Result<std::string> label_values(const NodeSources& sources,
                                 std::string_view bytes,
                                 const CallContext& call) {
    TRY(const auto request,
        take_request<skein::v1::LabelValuesRequest>(sources, bytes, "LabelValues"));
    if (request.label().empty()) {
        return base::fail(base::Code::kInvalid, "LabelValues was asked without a label's name");
    }
    return label_list(
        sources, request, call, [&](NodeCall& storage, const auto& hints, const auto& matchers) {
            return storage.querier->label_values(
                request.label(), hints, matchers, *storage.context);
        });
}

Result<model::Fragment> read_fragment(const skein::v1::PartialRequest& request) {
    model::Fragment fragment{.query = request.query(),
                             .start_ms = request.start_ms(),
                             .end_ms = request.end_ms(),
                             .step_ms = request.step_ms(),
                             .lookback_ms = request.lookback_ms(),
                             .min_t = request.min_time(),
                             .max_t = request.max_time()};
    TRY(fragment.matchers, read_matchers(request.matchers()));
    fragment.without.assign(request.without().begin(), request.without().end());
    TRY(check_node_fragment(fragment));
    return fragment;
}

Result<std::unique_ptr<MessageStream>> partial(const NodeSources& sources,
                                               std::string_view bytes,
                                               const CallContext& call) {
    if (!sources.partial) {
        return base::fail(base::Code::kUnsupported, "this node does not work out fragments");
    }
    TRY(const auto request, take_request<skein::v1::PartialRequest>(sources, bytes, "Partial"));
    TRY(const model::Fragment fragment, read_fragment(request));
    NodeCall storage(sources, call);
    TRY(model::Partial answer, sources.partial(fragment, *storage.context));
    return std::make_unique<PartialStream>(std::move(storage), std::move(answer), sources.frames);
}

base::rpc::Method unary(const NodeSources& sources,
                        const char* path,
                        Result<std::string> (*answer)(const NodeSources&,
                                                      std::string_view,
                                                      const CallContext&)) {
    return {.path = path,
            .unary = [&sources, answer](std::string_view bytes, const CallContext& call) {
                return answer(sources, bytes, call);
            }};
}

base::rpc::Method stream(const NodeSources& sources,
                         const char* path,
                         Result<std::unique_ptr<MessageStream>> (*answer)(const NodeSources&,
                                                                          std::string_view,
                                                                          const CallContext&)) {
    return {.path = path,
            .stream = [&sources, answer](std::string_view bytes, const CallContext& call) {
                return answer(sources, bytes, call);
            }};
}

// Says the node's version whatever the caller's is: the caller tells its user which side is older.
Result<std::string> answer_hello(const NodeSources& sources,
                                 std::string_view bytes,
                                 const CallContext&) {
    TRY(check_node_ready(sources));
    TRY(const auto request, read_request<skein::v1::HelloRequest>(bytes, "Hello"));
    return hello(sources).SerializeAsString();
}

}  // namespace

std::vector<base::rpc::Method> make_node_service(const NodeSources& sources) {
    std::vector<base::rpc::Method> methods;
    methods.push_back(unary(sources, kNodeHello, answer_hello));
    methods.push_back(stream(sources, kNodeSelect, select));
    methods.push_back(unary(sources, kNodeLabelNames, label_names));
    methods.push_back(unary(sources, kNodeLabelValues, label_values));
    methods.push_back(stream(sources, kNodePartial, partial));
    return methods;
}

}  // namespace storeapi
