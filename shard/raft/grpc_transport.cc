#include "shard/raft/grpc_transport.h"

#include <utility>

#include "shard/raft/grpc_calls.h"

namespace shard::raft {

using base::Code;
using base::fail;
using base::Result;
using base::Status;
using base::success;

// --- from gRPC's threads to the driver's
// -----------------------------------------------------------

TransportShared::TransportShared(const ClusterId& cluster_of,
                                 MemberId self_is,
                                 GrpcTransportOptions with,
                                 GrpcTransport::Parts from)
    : cluster(cluster_of), self(self_is), options(std::move(with)), parts(std::move(from)) {}

Status TransportShared::hear(Inbound& inbound,
                             std::string_view bytes,
                             const std::shared_ptr<Line>& line) {
    TRY(auto message, inbound.take(bytes));
    if (!message.has_value()) {
        counters.repeated.add();
        return success();
    }
    const size_t most = is_bulk(message->body) ? options.received_waiting_bytes_max / 2
                                               : options.received_waiting_bytes_max;
    const size_t size = bytes.size();
    if (received_waiting_bytes.load() + size > most) {
        counters.unheard.add();
        return success();
    }
    received_waiting_bytes.fetch_add(size);
    const auto held = std::make_shared<Message>(*std::move(message));
    post([this, held, line, size](Calls& to) {
        received_waiting_bytes.fetch_sub(size);
        if (line != nullptr) {
            to.heard(held->from, line);
        }
        to.hand_over(std::move(*held));
    });
    return success();
}

Result<std::string> TransportShared::open_seal(const SealHandshake& handshake,
                                               std::optional<Unsealer>& unsealer,
                                               std::string bytes,
                                               std::optional<Sealer>& agreed) {
    if (unsealer) {
        return unsealer->unseal(std::move(bytes));
    }
    if (sealed()) {
        TRY(auto seals, handshake.agree(options.key, bytes));
        unsealer = seals.unsealer;
        agreed = seals.sealer;
        return std::string();
    }
    if (is_seal_opening(bytes)) {
        return fail(Code::kPermission,
                    "messages are not sealed here: give all nodes the same --cluster.key-file");
    }
    return bytes;
}

void TransportShared::count_refusal(const std::string& address, const base::Error& error) {
    counters.refused.add();
    if (const auto suppressed = refusals.pass(parts.clock.steady())) {
        parts.log.warn(
            "raft call refused", "peer", address, "error", error, "suppressed", *suppressed);
    }
}

void TransportShared::post(std::function<void(Calls&)> task) {
    parts.post([calls = calls, task = std::move(task)] {
        if (const auto alive = calls.lock()) {
            task(*alive);
        }
    });
}

// --- the transport -------------------------------------------------------------------------------

GrpcTransport::GrpcTransport(const ClusterId& cluster,
                             MemberId self,
                             GrpcTransportOptions options,
                             Parts parts)
    : shared_(
          std::make_shared<TransportShared>(cluster, self, std::move(options), std::move(parts))),
      calls_(std::make_shared<Calls>(shared_)) {
    shared_->calls = calls_;
}

GrpcTransport::~GrpcTransport() {
    shared_->door.close();
    calls_->close();
}

std::vector<base::rpc::Method> GrpcTransport::methods() {
    const auto take =
        [shared = shared_](
            std::shared_ptr<base::rpc::Duplex> duplex,
            const base::rpc::CallPeer& who) -> Result<std::unique_ptr<base::rpc::DuplexListener>> {
        Status admitted(fail(Code::kUnavailable, "this member is stopping"));
        shared->door.pass([&] {
            admitted = shared->parts.admit ? shared->parts.admit(who) : success();
            if (!admitted) {
                shared->count_refusal(who.address, admitted.error());
            }
        });
        TRY(std::move(admitted));
        return std::make_unique<IncomingCall>(shared, std::move(duplex), who.address);
    };
    std::vector<base::rpc::Method> methods;
    methods.push_back({.path = kStreamPath, .duplex = take});
    return methods;
}

void GrpcTransport::send(Message message) {
    calls_->send(std::move(message));
}

void GrpcTransport::members(const Configuration& configuration) {
    calls_->members(configuration);
}

std::shared_ptr<const GrpcTransportCounters> GrpcTransport::counters() const {
    return {shared_, &shared_->counters};
}

}  // namespace shard::raft
