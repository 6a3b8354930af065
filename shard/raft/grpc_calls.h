// The calls of a member's transport: what gRPC's threads share with the driver's, and what is the
// driver's alone. Private to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rate_limit.h"
#include "base/rpc/client.h"
#include "shard/raft/grpc_transport.h"
#include "shard/raft/inbound.h"
#include "shard/seal.h"

namespace shard::raft {

class Calls;
class Line;

inline constexpr const char* kStreamPath = "/skein.v1.Raft/Stream";

// Of those that are no members of the group as this member knows it, and speak to it: one that
// joins hears its leader before it has heard of it.
inline constexpr size_t kStrangersMax = 64;
// Messages that wait for the other end's opening of a sealed call; none of them is bulk.
inline constexpr size_t kHeldMessagesMax = 64;
inline constexpr std::chrono::seconds kLogInterval{10};  // between lines of the same kind

// Who this member is, and the way to the driver's thread. `parts` is for those who are within the
// door, and the driver's thread.
struct TransportShared {
    TransportShared(const ClusterId& cluster_of,
                    MemberId self_is,
                    GrpcTransportOptions with,
                    GrpcTransport::Parts from);

    // Within the door: hands what came to the driver's thread, with the line it came over if that
    // can be answered. errors  the call is to be closed
    [[nodiscard]] base::Status hear(Inbound& inbound,
                                    std::string_view bytes,
                                    const std::shared_ptr<Line>& line);
    // Within the door: a call is closed for what came over it, or who opened it.
    void count_refusal(const std::string& address, const base::Error& error);
    // Within the door: what the other end sent, opened, to be heard; empty: it was the opening of
    // its seal, and `agreed` is set.
    [[nodiscard]] base::Result<std::string> open_seal(const SealHandshake& handshake,
                                                      std::optional<Unsealer>& unsealer,
                                                      std::string bytes,
                                                      std::optional<Sealer>& agreed);

    [[nodiscard]] bool sealed() const { return !options.key.empty(); }

    // Runs `task` on the driver's thread, if the transport is still there then.
    void post(std::function<void(Calls&)> task);

    const ClusterId cluster;
    const MemberId self;
    const GrpcTransportOptions options;
    const GrpcTransport::Parts parts;
    GrpcTransportCounters counters;
    Door door;
    base::SystemRandom nonces;
    std::atomic<uint64_t> calls_begun{0};
    std::atomic<size_t> received_waiting_bytes{0};
    base::RateLimit refusals{kLogInterval};
    std::weak_ptr<Calls> calls;  // set before anything else happens
};

// What is said over one call.
//   threads  the driver's
class Line {
  public:
    // sealed  what is said waits for seal_with()
    Line(uint64_t number, std::shared_ptr<base::rpc::Duplex> duplex, bool sealed)
        : number_(number), duplex_(std::move(duplex)), sealed_(sealed) {}

    // Of calls; a later one has a higher number.
    [[nodiscard]] uint64_t number() const { return number_; }

    // Numbers the message, too. returns  its bytes, 0 if it waits for the seal; nothing: it is
    // dropped
    std::optional<size_t> say(Envelope& envelope);

    // What goes first, and is not sealed.
    void say_opening(std::string opening) { duplex_->send(std::move(opening)); }

    // Both ends have said their openings.
    void seal_with(const Sealer& sealer);

    void close(base::Status outcome) { duplex_->close(std::move(outcome)); }

    [[nodiscard]] size_t waiting_bytes() const { return duplex_->waiting_bytes(); }

    // Something went through.
    [[nodiscard]] bool stands() const { return stands_; }

  private:
    const uint64_t number_;
    const std::shared_ptr<base::rpc::Duplex> duplex_;
    const bool sealed_;
    std::optional<Sealer> sealer_;
    std::vector<Envelope> held_;  // until it is there
    uint64_t sequence_ = 0;
    bool stands_ = false;
};

// A call to another member, from its opening on.
class OutgoingCall final : public base::rpc::DuplexListener {
  public:
    // Destroying it ends the call, and waits until nothing is heard of it.
    OutgoingCall(std::shared_ptr<TransportShared> shared,
                 MemberId to,
                 std::unique_ptr<base::rpc::Channel> channel);

    [[nodiscard]] Line& line() { return line_; }

    void received(std::string message) override;
    void closed(const base::Status& outcome) override;

  private:
    [[nodiscard]] base::Status take(std::string bytes);
    void end(base::Error error);

    const std::shared_ptr<TransportShared> shared_;
    const MemberId to_;
    const uint64_t number_;
    Inbound inbound_;
    const SealHandshake handshake_;
    std::optional<Unsealer> unsealer_;
    bool ended_ = false;  // as far as the listener knows
    const std::unique_ptr<base::rpc::Channel> channel_;
    Line line_;  // last: destroyed first, and then nobody calls
};

// A call that another member opened.
class IncomingCall final : public base::rpc::DuplexListener {
  public:
    IncomingCall(std::shared_ptr<TransportShared> shared,
                 std::shared_ptr<base::rpc::Duplex> duplex,
                 std::string address);

    void received(std::string message) override;
    void closed(const base::Status& outcome) override;

  private:
    [[nodiscard]] base::Status take(std::string bytes);

    const std::shared_ptr<TransportShared> shared_;
    const std::string address_;
    Inbound inbound_;
    const SealHandshake handshake_;
    std::optional<Unsealer> unsealer_;
    const std::shared_ptr<Line> line_;
};

// Who is spoken to over which call.
//   threads  the driver's
class Calls {
  public:
    explicit Calls(std::shared_ptr<TransportShared> shared) : shared_(std::move(shared)) {}

    void send(Message message);
    void members(const Configuration& configuration);
    // Ends them all.
    void close();

    // --- what gRPC's threads post ---
    // A message came over an incoming call of that member.
    void heard(MemberId from, const std::shared_ptr<Line>& line);
    void hand_over(Message message);
    void incoming_gone(MemberId from, uint64_t number);
    void sealed(MemberId to, uint64_t number, const Sealer& sealer);
    void outgoing_ended(MemberId to, uint64_t number, const base::Error& error);

  private:
    struct Peer {
        std::string address;  // empty: not known
        std::unique_ptr<OutgoingCall> out;
        std::shared_ptr<Line> in;  // the newest
        base::SteadyTime retry_at{};
        uint32_t failures = 0;  // calls in a row that never stood
        bool told = false;      // that it is unreachable, and nothing was sent since
        base::RateLimit lines{kLogInterval};
    };

    // Null: there are too many.
    [[nodiscard]] Peer* peer(MemberId id);
    void open(MemberId to, Peer& peer);
    // false: dropped, and counted
    [[nodiscard]] bool say(MemberId to, Peer& peer, Line& line, Envelope& envelope);
    void stands(MemberId to, Peer& peer);
    void failed(Peer& peer, MemberId to, const base::Error& error);
    // A message to it was dropped; unreachable(), once, after what is under way.
    void lose(MemberId to, Peer* peer);

    const std::shared_ptr<TransportShared> shared_;
    std::map<MemberId, Peer> peers_;
};

}  // namespace shard::raft
