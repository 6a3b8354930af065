#include "storeapi/node/node_peer.h"

#include <algorithm>
#include <utility>

#include "storeapi/node/node_series.h"
#include "storeapi/node/partial_frames.h"
#include "storeapi/node/protocol.h"
#include "storeapi/proto/node.pb.h"

namespace storeapi {
namespace {

using base::Result;
using base::Status;
using base::rpc::MessageReader;

template <class Request>
void put_matchers(std::span<const model::Matcher> matchers, Request& request) {
    for (const model::Matcher& matcher : matchers) {
        skein::v1::NodeMatcher& out = *request.add_matchers();
        out.set_type(static_cast<skein::v1::NodeMatcher::Type>(matcher.type()));
        out.set_name(matcher.name());
        out.set_value(matcher.value());
    }
}

// What could not be asked, told when the answer is waited for.
class FailedSeries final : public model::SeriesSet {
  public:
    explicit FailedSeries(base::Error error) : error_(std::move(error)) {}

    Result<bool> next(model::SeriesBatch& batch) override {
        batch.clear();
        return base::fail(error_);
    }

  private:
    const base::Error error_;
};

class FailedNames final : public PendingNames {
  public:
    explicit FailedNames(base::Error error) : error_(std::move(error)) {}

    Result<Names> wait() override { return base::fail(error_); }

  private:
    const base::Error error_;
};

class FailedPartial final : public model::PendingPartial {
  public:
    explicit FailedPartial(base::Error error) : error_(std::move(error)) {}

    Result<model::Partial> wait() override { return base::fail(error_); }

  private:
    const base::Error error_;
};

// The one message of a unary call.
Result<std::string> only_message(MessageReader& messages, const model::QueryContext& context) {
    std::string message;
    std::string rest;
    Result<bool> any = messages.next(message);
    Result<bool> more = any && any.value() ? messages.next(rest) : Result<bool>(false);
    if (!any || !more) {
        return base::fail(told_by_node((any ? more : any).error(), context));
    }
    if (!any.value() || more.value()) {
        return base::fail(base::Code::kCorrupt, "the answer is not one message");
    }
    return message;
}

class NodeNames final : public PendingNames {
  public:
    NodeNames(std::unique_ptr<MessageReader> messages, const model::QueryContext& context)
        : messages_(std::move(messages)), context_(context) {}

    Result<Names> wait() override {
        TRY(const std::string bytes, only_message(*messages_, context_));
        base::Reservation reservation;
        if (context_.budget != nullptr) {
            reservation = base::Reservation(*context_.budget);
            TRY(reservation.grow(static_cast<int64_t>(bytes.capacity())));
        }
        skein::v1::LabelListResponse response;
        if (!response.ParseFromString(bytes)) {
            return base::fail(base::Code::kCorrupt, "a list of names or values is no message");
        }
        Names names;
        names.names.assign(std::make_move_iterator(response.mutable_texts()->begin()),
                           std::make_move_iterator(response.mutable_texts()->end()));
        if (std::ranges::adjacent_find(names.names, std::greater_equal<>()) != names.names.end()) {
            return base::fail(base::Code::kCorrupt, "a list of names or values is not in order");
        }
        for (std::string& warning : *response.mutable_warnings()) {
            if (names.warnings.size() < kNodeWarningsMax) {
                names.warnings.push_back(std::move(warning));
            }
        }
        return names;
    }

  private:
    const std::unique_ptr<MessageReader> messages_;
    const model::QueryContext context_;
};

class NodePartial final : public model::PendingPartial {
  public:
    NodePartial(std::unique_ptr<MessageReader> messages,
                uint64_t steps,
                const model::QueryContext& context)
        : messages_(std::move(messages)), context_(context), frames_(steps, context.budget) {}

    Result<model::Partial> wait() override {
        std::string frame;
        while (true) {
            TRY(context_.check());
            Result<bool> more = messages_->next(frame);
            if (!more) {
                return base::fail(told_by_node(std::move(more).error(), context_));
            }
            if (!more.value()) {
                return frames_.take();
            }
            TRY(frames_.read(frame));
        }
    }

  private:
    const std::unique_ptr<MessageReader> messages_;
    const model::QueryContext context_;
    PartialReader frames_;
};

skein::v1::SelectRequest select_request(const model::SelectHints& hints,
                                        std::span<const model::Matcher> matchers) {
    skein::v1::SelectRequest request;
    request.set_version(kNodeProtocol);
    request.set_min_time(hints.min_t);
    request.set_max_time(hints.max_t);
    put_matchers(matchers, request);
    request.set_sorted(true);
    for (const std::string& name : hints.order_without) {
        request.add_order_without(name);
    }
    request.set_skip_chunks(hints.skip_chunks);
    request.set_limit(hints.limit);
    request.set_function(hints.function);
    request.set_range_ms(hints.range_ms);
    request.set_step_ms(hints.step_ms);
    return request;
}

skein::v1::PartialRequest partial_request(const model::Fragment& fragment) {
    skein::v1::PartialRequest request;
    request.set_version(kNodeProtocol);
    request.set_query(fragment.query);
    request.set_start_ms(fragment.start_ms);
    request.set_end_ms(fragment.end_ms);
    request.set_step_ms(fragment.step_ms);
    request.set_lookback_ms(fragment.lookback_ms);
    put_matchers(fragment.matchers, request);
    request.set_min_time(fragment.min_t);
    request.set_max_time(fragment.max_t);
    request.mutable_without()->Add(fragment.without.begin(), fragment.without.end());
    return request;
}

template <class Request>
Request label_request(const model::LabelHints& hints,
                      std::span<const model::Matcher> matchers,
                      int64_t min_t,
                      int64_t max_t) {
    Request request;
    request.set_version(kNodeProtocol);
    request.set_min_time(min_t);
    request.set_max_time(max_t);
    request.set_limit(hints.limit);
    put_matchers(matchers, request);
    return request;
}

}  // namespace

Result<std::unique_ptr<NodePeer>> NodePeer::open(base::rpc::ChannelOptions options) {
    options.message_bytes_max = static_cast<int>(kNodeListMax);
    TRY(auto channel, base::rpc::Channel::open(options));
    return std::make_unique<NodePeer>(options.address, std::move(channel));
}

NodePeer::NodePeer(std::string address, std::unique_ptr<base::rpc::Channel> channel)
    : address_(std::move(address)), channel_(std::move(channel)) {}

Result<PeerFacts> NodePeer::ask_facts(base::Deadline deadline) {
    skein::v1::HelloRequest request;
    request.set_version(kNodeProtocol);
    TRY(const std::string bytes,
        channel_->call(kNodeHello, request.SerializeAsString(), deadline, closing_.get_token()));
    skein::v1::HelloResponse response;
    if (!response.ParseFromString(bytes)) {
        return base::fail(base::Code::kCorrupt,
                          "the node answers Hello with bytes that are no message");
    }
    TRY(check_node_version(response.version(), "the other node"));
    std::vector<model::LabelView> labels;
    for (const skein::v1::NodeLabel& label : response.labels()) {
        labels.push_back({.name = label.name(), .value = label.value()});
    }
    PeerFacts facts{.min_t = response.min_time(),
                    .max_t = response.max_time(),
                    .component = "node",
                    .node_id = response.node_id(),
                    .supports_without_replica_labels = true};
    facts.label_sets.push_back(model::Labels::from_unsorted(std::move(labels)));
    return facts;
}

std::unique_ptr<model::SeriesSet> NodePeer::select(const model::SelectHints& hints,
                                                   std::span<const model::Matcher> matchers,
                                                   const PeerFacts& /*facts*/,
                                                   const model::QueryScope& /*scope*/,
                                                   const model::QueryContext& context) {
    return begin_select(hints, matchers, nullptr, context);
}

std::unique_ptr<model::SeriesSet> NodePeer::select_only(const model::SelectHints& hints,
                                                        std::span<const model::Matcher> matchers,
                                                        std::span<const uint64_t> hashes,
                                                        const model::QueryContext& context) {
    return begin_select(hints, matchers, &hashes, context);
}

std::unique_ptr<model::SeriesSet> NodePeer::begin_select(const model::SelectHints& hints,
                                                         std::span<const model::Matcher> matchers,
                                                         const std::span<const uint64_t>* hashes,
                                                         const model::QueryContext& context) {
    Status fits = check_node_matchers(matchers);
    if (fits && hashes != nullptr) {
        fits = check_node_hashes(*hashes);
    }
    if (!fits) {
        return std::make_unique<FailedSeries>(fits.error());
    }
    skein::v1::SelectRequest request = select_request(hints, matchers);
    if (hashes != nullptr) {
        request.set_only(true);
        request.mutable_hashes()->Add(hashes->begin(), hashes->end());
    }
    auto messages =
        channel_->stream(kNodeSelect, request.SerializeAsString(), context.deadline, context.stop);
    return std::make_unique<NodeSeries>(
        std::move(messages), SelectFrameReader(true, hints.order_without), context);
}

std::unique_ptr<PendingNames> NodePeer::label_names(const model::LabelHints& hints,
                                                    std::span<const model::Matcher> matchers,
                                                    int64_t min_t,
                                                    int64_t max_t,
                                                    const model::QueryScope& /*scope*/,
                                                    const model::QueryContext& context) {
    if (const Status fits = check_node_matchers(matchers); !fits) {
        return std::make_unique<FailedNames>(fits.error());
    }
    const auto request = label_request<skein::v1::LabelNamesRequest>(hints, matchers, min_t, max_t);
    // One message is a stream of one.
    return std::make_unique<NodeNames>(
        channel_->stream(
            kNodeLabelNames, request.SerializeAsString(), context.deadline, context.stop),
        context);
}

std::unique_ptr<PendingNames> NodePeer::label_values(std::string_view name,
                                                     const model::LabelHints& hints,
                                                     std::span<const model::Matcher> matchers,
                                                     int64_t min_t,
                                                     int64_t max_t,
                                                     const model::QueryScope& /*scope*/,
                                                     const model::QueryContext& context) {
    if (const Status fits = check_node_matchers(matchers); !fits) {
        return std::make_unique<FailedNames>(fits.error());
    }
    auto request = label_request<skein::v1::LabelValuesRequest>(hints, matchers, min_t, max_t);
    request.set_label(std::string(name));
    return std::make_unique<NodeNames>(
        channel_->stream(
            kNodeLabelValues, request.SerializeAsString(), context.deadline, context.stop),
        context);
}

std::unique_ptr<model::PendingPartial> NodePeer::partial(const model::Fragment& fragment,
                                                         const model::QueryContext& context) {
    if (const Status fits = check_node_fragment(fragment); !fits) {
        return std::make_unique<FailedPartial>(fits.error());
    }
    auto messages = channel_->stream(kNodePartial,
                                     partial_request(fragment).SerializeAsString(),
                                     context.deadline,
                                     context.stop);
    return std::make_unique<NodePartial>(std::move(messages), node_steps(fragment), context);
}

}  // namespace storeapi
