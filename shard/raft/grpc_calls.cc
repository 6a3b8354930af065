#include "shard/raft/grpc_calls.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shard::raft {

using base::Code;
using base::Error;
using base::fail;
using base::Status;
using base::success;

namespace {

// The other end, not the connection, ended the call: it will do so again.
bool is_refusal(Code code) {
    return code != Code::kUnavailable && code != Code::kCanceled && code != Code::kTimeout;
}

base::rpc::ChannelOptions channel_options(const GrpcTransportOptions& options,
                                          const std::string& address) {
    base::rpc::ChannelOptions channel;
    channel.address = address;
    channel.tls = options.tls;
    channel.message_bytes_max = static_cast<int>(kWireBytesMax + kSealBytes);
    channel.own_connection = true;
    channel.connect_max = options.connect_max;
    return channel;
}

std::chrono::milliseconds retry_delay(const GrpcTransportOptions& options,
                                      uint32_t failures,
                                      bool refused,
                                      base::Random& random) {
    constexpr uint32_t kDoublingsMax = 20;
    const auto delay =
        refused ? options.retry_max
                : std::min(options.retry_max,
                           options.retry_min * (1U << std::min(failures, kDoublingsMax)));
    const auto half = delay.count() / 2;
    return std::chrono::milliseconds(
        half + static_cast<int64_t>(random.below(static_cast<uint64_t>(half) + 1)));
}

}  // namespace

// --- one call ------------------------------------------------------------------------------------

std::optional<size_t> Line::say(Envelope& envelope) {
    if (sealed_ && !sealer_) {
        if (is_bulk(envelope.message.body) || held_.size() >= kHeldMessagesMax) {
            return std::nullopt;
        }
        held_.push_back(envelope);
        return 0;
    }
    const bool left = sequence_ > 0 && duplex_->waiting_bytes() == 0;
    envelope.sequence = ++sequence_;
    std::string bytes = encode(envelope);
    if (sealer_) {
        bytes = sealer_->seal(std::move(bytes));
    }
    const size_t size = bytes.size();
    if (!duplex_->send(std::move(bytes))) {
        return std::nullopt;
    }
    stands_ = stands_ || left;  // for a call that has ended takes nothing
    return size;
}

void Line::seal_with(const Sealer& sealer) {
    sealer_ = sealer;
    stands_ = true;
    for (Envelope& envelope : std::exchange(held_, {})) {
        static_cast<void>(say(envelope));  // as lost as others, if it is
    }
}

OutgoingCall::OutgoingCall(std::shared_ptr<TransportShared> shared,
                           MemberId to,
                           std::unique_ptr<base::rpc::Channel> channel)
    : shared_(std::move(shared)),
      to_(to),
      number_(++shared_->calls_begun),
      inbound_(shared_->cluster, shared_->self, to),
      handshake_(SealSide::kCaller, shared_->nonces),
      channel_(std::move(channel)),
      line_(number_, channel_->duplex(kStreamPath, *this), shared_->sealed()) {
    if (shared_->sealed()) {
        line_.say_opening(handshake_.opening());
    }
}

Status OutgoingCall::take(std::string bytes) {
    std::optional<Sealer> agreed;
    TRY(auto opened, shared_->open_seal(handshake_, unsealer_, std::move(bytes), agreed));
    if (!agreed) {
        return shared_->hear(inbound_, opened, nullptr);
    }
    shared_->post([to = to_, number = number_, sealer = *agreed](Calls& calls) {
        calls.sealed(to, number, sealer);
    });
    return success();
}

void OutgoingCall::received(std::string message) {
    shared_->door.pass([&] {
        if (ended_) {
            return;
        }
        if (const Status heard = take(std::move(message)); !heard) {
            shared_->counters.refused.add();
            end(heard.error());
        }
    });
}

void OutgoingCall::closed(const Status& outcome) {
    shared_->door.pass([&] {
        end(outcome ? Error(Code::kUnavailable, "the other end closed the call") : outcome.error());
    });
}

void OutgoingCall::end(Error error) {
    ended_ = true;
    shared_->post([to = to_, number = number_, error = std::move(error)](Calls& calls) {
        calls.outgoing_ended(to, number, error);
    });
}

IncomingCall::IncomingCall(std::shared_ptr<TransportShared> shared,
                           std::shared_ptr<base::rpc::Duplex> duplex,
                           std::string address)
    : shared_(std::move(shared)),
      address_(std::move(address)),
      inbound_(shared_->cluster, shared_->self, kNobody),
      handshake_(SealSide::kCalled, shared_->nonces),
      line_(std::make_shared<Line>(++shared_->calls_begun, std::move(duplex), shared_->sealed())) {}

Status IncomingCall::take(std::string bytes) {
    std::optional<Sealer> agreed;
    TRY(auto opened, shared_->open_seal(handshake_, unsealer_, std::move(bytes), agreed));
    if (!agreed) {
        return shared_->hear(inbound_, opened, line_);
    }
    // The driver's thread does not know the line before the first message is there.
    line_->say_opening(handshake_.opening());
    line_->seal_with(*agreed);
    return success();
}

void IncomingCall::received(std::string message) {
    Status heard(fail(Code::kUnavailable, "this member is stopping"));
    shared_->door.pass([&] {
        heard = take(std::move(message));
        if (!heard) {
            shared_->count_refusal(address_, heard.error());
        }
    });
    if (!heard) {
        line_->close(std::move(heard));
    }
}

void IncomingCall::closed(const Status& /*outcome*/) {
    shared_->door.pass([&] {
        shared_->post([from = inbound_.from(), number = line_->number()](Calls& calls) {
            calls.incoming_gone(from, number);
        });
    });
}

// --- who is spoken to ----------------------------------------------------------------------------

void Calls::send(Message message) {
    const MemberId to = message.to;
    Peer* const at = peer(to);
    if (at == nullptr) {
        shared_->counters.unsent.add();
        return lose(to, nullptr);
    }
    if (at->out == nullptr && !at->address.empty() &&
        shared_->parts.clock.steady() >= at->retry_at) {
        open(to, *at);
    }
    Envelope envelope{.cluster = shared_->cluster, .message = std::move(message)};
    bool said = false;
    if (at->out != nullptr && (at->out->line().stands() || at->in == nullptr)) {
        said = say(to, *at, at->out->line(), envelope);
    } else if (at->in != nullptr) {
        said = say(to, *at, *at->in, envelope);
        if (at->out != nullptr && !is_bulk(envelope.message.body)) {
            // Whether that call stands shows when something goes through.
            static_cast<void>(say(to, *at, at->out->line(), envelope));
        }
    } else {
        shared_->counters.unsent.add();
    }
    if (said) {
        at->told = false;
    } else {
        lose(to, at);
    }
}

bool Calls::say(MemberId to, Peer& peer, Line& line, Envelope& envelope) {
    if (is_bulk(envelope.message.body) &&
        line.waiting_bytes() >= shared_->options.bulk_waiting_bytes_max) {
        shared_->counters.unsent_bulk.add();
        return false;
    }
    const bool stood = line.stands();
    const auto bytes = line.say(envelope);
    if (!bytes) {
        shared_->counters.unsent.add();
        return false;
    }
    shared_->counters.sent.add();
    shared_->counters.sent_bytes.add(*bytes);
    if (!stood && line.stands() && peer.out != nullptr && &line == &peer.out->line()) {
        stands(to, peer);
    }
    return true;
}

void Calls::stands(MemberId to, Peer& peer) {
    if (peer.failures > 0) {
        shared_->parts.log.info(
            "raft connection to a member stands again", "to", to, "address", peer.address);
    }
    peer.failures = 0;
}

void Calls::members(const Configuration& configuration) {
    for (const Member& member : configuration.members) {
        Peer* const at = member.id == shared_->self ? nullptr : &peers_[member.id];
        if (at != nullptr && at->address != member.address) {
            at->address = member.address;
            if (at->out != nullptr) {
                at->out.reset();
                lose(member.id, at);
            }
            at->failures = 0;
            at->retry_at = {};
        }
    }
    for (auto at = peers_.begin(); at != peers_.end();) {
        Peer& peer = at->second;
        if (configuration.find(at->first) == nullptr) {
            peer.address.clear();
            peer.out.reset();
        }
        const bool idle = peer.address.empty() && peer.in == nullptr;
        at = idle ? peers_.erase(at) : std::next(at);
    }
}

void Calls::close() {
    for (auto& [id, peer] : peers_) {
        if (peer.in != nullptr) {
            peer.in->close(fail(Code::kUnavailable, "this member is stopping"));
        }
    }
    peers_.clear();
}

// --- what comes of gRPC's threads ----------------------------------------------------------------

void Calls::heard(MemberId from, const std::shared_ptr<Line>& line) {
    Peer* const at = peer(from);
    if (at == nullptr) {
        return line->close(fail(Code::kLimit,
                                "too many that are no members speak to this one, the limit is",
                                kStrangersMax));
    }
    if (at->in == nullptr || at->in->number() < line->number()) {
        at->in = line;
    }
}

void Calls::hand_over(Message message) {
    shared_->counters.received.add();
    shared_->parts.received(std::move(message));
}

void Calls::incoming_gone(MemberId from, uint64_t number) {
    const auto found = peers_.find(from);
    if (found == peers_.end() || found->second.in == nullptr ||
        found->second.in->number() != number) {
        return;
    }
    found->second.in = nullptr;
    if (found->second.address.empty()) {
        peers_.erase(found);
    }
}

void Calls::sealed(MemberId to, uint64_t number, const Sealer& sealer) {
    const auto found = peers_.find(to);
    if (found == peers_.end() || found->second.out == nullptr ||
        found->second.out->line().number() != number) {
        return;
    }
    found->second.out->line().seal_with(sealer);
    stands(to, found->second);
}

void Calls::outgoing_ended(MemberId to, uint64_t number, const Error& error) {
    const auto found = peers_.find(to);
    if (found == peers_.end() || found->second.out == nullptr ||
        found->second.out->line().number() != number) {
        return;
    }
    Peer& peer = found->second;
    peer.out.reset();
    failed(peer, to, error);
    peer.told = true;
    shared_->parts.unreachable(to);
}

// --- parts of that -------------------------------------------------------------------------------

Calls::Peer* Calls::peer(MemberId id) {
    const auto found = peers_.find(id);
    if (found != peers_.end()) {
        return &found->second;
    }
    return peers_.size() < kMembersMax + kStrangersMax ? &peers_[id] : nullptr;
}

void Calls::open(MemberId to, Peer& peer) {
    auto channel = base::rpc::Channel::open(channel_options(shared_->options, peer.address));
    if (!channel) {
        return failed(peer, to, channel.error());
    }
    shared_->counters.opened.add();
    peer.out = std::make_unique<OutgoingCall>(shared_, to, std::move(channel).value());
}

void Calls::failed(Peer& peer, MemberId to, const Error& error) {
    const base::SteadyTime now = shared_->parts.clock.steady();
    const auto delay = retry_delay(
        shared_->options, peer.failures, is_refusal(error.code()), shared_->parts.random);
    peer.retry_at = now + delay;
    ++peer.failures;
    shared_->counters.broken.add();
    if (const auto suppressed = peer.lines.pass(now)) {
        shared_->parts.log.warn("raft connection to a member broke, it is tried again",
                                "to",
                                to,
                                "address",
                                peer.address,
                                "error",
                                error,
                                "suppressed",
                                *suppressed);
    }
}

void Calls::lose(MemberId to, Peer* peer) {
    if (peer != nullptr && std::exchange(peer->told, true)) {
        return;
    }
    shared_->post([shared = shared_, to](Calls&) { shared->parts.unreachable(to); });
}

}  // namespace shard::raft
