// Targets on their way to the node that scrapes them: texts of their labels come once per message.
#include <unordered_map>

#include "shard/proto/session.pb.h"
#include "shard/session/codec_parts.h"

namespace shard {

using base::Code;
using base::fail;
using base::Result;

namespace {

using Message = skein::v1::SessionAssign;
using Numbers = google::protobuf::RepeatedField<uint32_t>;

// The numbers of texts in one message.
class SymbolWriter {
  public:
    explicit SymbolWriter(Message& message) : message_(message) {}

    [[nodiscard]] uint32_t number(std::string_view text) {
        const auto [at, added] = numbers_.try_emplace(text, message_.symbols_size());
        if (added) {
            message_.add_symbols(text.data(), text.size());
        }
        return at->second;
    }

    void put(const model::Labels& labels, Numbers& to) {
        for (const model::LabelView label : labels) {
            to.Add(number(label.name));
            to.Add(number(label.value));
        }
    }

  private:
    Message& message_;
    std::unordered_map<std::string_view, uint32_t> numbers_;  // views into what is being written
};

Result<std::string_view> symbol(const Message& message, uint32_t number) {
    if (number >= static_cast<uint32_t>(message.symbols_size())) {
        return fail(Code::kCorrupt, "a symbol that was not given:", number);
    }
    return std::string_view(message.symbols(static_cast<int>(number)));
}

Result<model::Labels> take_labels(const Message& message, const Numbers& numbers) {
    if (numbers.size() % 2 != 0) {
        return fail(Code::kCorrupt, "a label without a value");
    }
    std::vector<model::LabelView> labels;
    for (int i = 0; i < numbers.size(); i += 2) {
        TRY(const std::string_view name, symbol(message, numbers[i]));
        TRY(const std::string_view value, symbol(message, numbers[i + 1]));
        if (name.empty() || value.empty() || (!labels.empty() && name <= labels.back().name)) {
            return fail(Code::kCorrupt,
                        "labels that are empty, or not in the order of their names");
        }
        labels.push_back({.name = name, .value = value});
    }
    return model::Labels::from_sorted(labels);
}

Result<std::chrono::milliseconds> take_time(uint64_t ms) {
    constexpr uint64_t kMost = uint64_t{1000} * 60 * 60 * 24 * 365 * 100;
    if (ms == 0 || ms > kMost) {
        return fail(Code::kCorrupt, "an interval or timeout of", ms, "milliseconds");
    }
    return std::chrono::milliseconds(ms);
}

Result<std::shared_ptr<const TargetDescriptor>> take_descriptor(const Message& message,
                                                                const Message::Target& target) {
    auto descriptor = std::make_shared<TargetDescriptor>();
    TRY(const std::string_view job, symbol(message, target.job()));
    TRY(descriptor->job, take_name(std::string(job), "a job's name"));
    TRY(descriptor->labels, take_labels(message, target.labels()));
    TRY(descriptor->discovered, take_labels(message, target.discovered()));
    TRY(descriptor->interval, take_time(target.interval_ms()));
    TRY(descriptor->timeout, take_time(target.timeout_ms()));
    descriptor->url = target.url();
    descriptor->unix_socket = target.unix_socket();
    descriptor->over_target_limit = target.over_target_limit();
    const size_t bytes = descriptor->labels.packed().size() +
                         descriptor->discovered.packed().size() + descriptor->url.size() +
                         descriptor->unix_socket.size();
    if (bytes > kTargetBytesMax) {
        return fail(Code::kLimit,
                    "labels and URL of a target of",
                    bytes,
                    "bytes, the limit is",
                    kTargetBytesMax);
    }
    return std::shared_ptr<const TargetDescriptor>(std::move(descriptor));
}

Result<AssignedTarget> take_target(const Message& message, const Message::Target& target) {
    AssignedTarget assigned{.id = target.id(),
                            .exclusive = target.exclusive(),
                            .since = target.since(),
                            .descriptor = nullptr};
    TRY(assigned.slot, take_slot(target.slot()));
    TRY(assigned.slots, take_slot(target.slots()));
    TRY(assigned.holding, take_holding(target.holding()));
    TRY(assigned.descriptor, take_descriptor(message, target));
    if (assigned.slot >= assigned.slots) {
        return fail(Code::kCorrupt, "slot", int{assigned.slot}, "of", int{assigned.slots}, "slots");
    }
    return assigned;
}

}  // namespace

void put(const Assignment& assign, skein::v1::SessionAssign& message) {
    put(assign.order, *message.mutable_order());
    message.set_everything(assign.everything);
    message.set_more(!assign.last);
    SymbolWriter symbols(message);
    for (const AssignedTarget& target : assign.targets) {
        const TargetDescriptor& descriptor = *target.descriptor;
        Message::Target& to = *message.add_targets();
        to.set_id(target.id);
        to.set_slot(target.slot);
        to.set_slots(target.slots);
        to.set_holding(static_cast<uint32_t>(target.holding));
        to.set_exclusive(target.exclusive);
        to.set_since(target.since);
        symbols.put(descriptor.labels, *to.mutable_labels());
        symbols.put(descriptor.discovered, *to.mutable_discovered());
        to.set_job(symbols.number(descriptor.job));
        to.set_url(descriptor.url);
        to.set_unix_socket(descriptor.unix_socket);
        to.set_interval_ms(static_cast<uint64_t>(descriptor.interval.count()));
        to.set_timeout_ms(static_cast<uint64_t>(descriptor.timeout.count()));
        to.set_over_target_limit(descriptor.over_target_limit);
    }
    for (const Release& release : assign.releases) {
        message.add_released(release.id);
        message.add_reasons(static_cast<uint32_t>(release.reason));
        message.add_numbers(release.number);
    }
}

Result<Assignment> take_assign(const skein::v1::SessionAssign& message) {
    Assignment assign{.order = take_order(message.order()),
                      .everything = message.everything(),
                      .last = !message.more()};
    assign.targets.reserve(static_cast<size_t>(message.targets_size()));
    for (const Message::Target& target : message.targets()) {
        TRY(AssignedTarget assigned, take_target(message, target));
        assign.targets.push_back(std::move(assigned));
    }
    if (message.released_size() != message.reasons_size() ||
        message.released_size() != message.numbers_size()) {
        return fail(Code::kCorrupt, "columns of releases differ in length");
    }
    for (int i = 0; i < message.released_size(); ++i) {
        const uint32_t reason = message.reasons(i);
        if (reason != static_cast<uint32_t>(ReleaseReason::kMoved) &&
            reason != static_cast<uint32_t>(ReleaseReason::kGone)) {
            return fail(Code::kCorrupt, "there is no reason of number", reason);
        }
        assign.releases.push_back({.id = message.released(i),
                                   .reason = static_cast<ReleaseReason>(reason),
                                   .number = message.numbers(i)});
    }
    return assign;
}

}  // namespace shard
