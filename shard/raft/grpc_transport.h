// The network of a member: calls to /skein.v1.Raft/Stream, one to each other member, and those that
// others open. docs/protocol.md, skein.v1.Raft
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "base/rpc/client.h"
#include "base/rpc/duplex.h"
#include "base/rpc/server.h"
#include "base/secret.h"
#include "shard/raft/driver.h"
#include "shard/raft/types.h"
#include "shard/raft/wire.h"

namespace shard::raft {

class Calls;
struct TransportShared;

struct GrpcTransportOptions {
    base::rpc::ClientTls tls;
    // Seals every message (shard/seal.h); empty: none is sealed. check_seal_key() is the caller's.
    base::Secret key;
    // Between a call that broke and the next, doubled with each that never stood, and of each
    // between a half and the whole, at random. A call that the other end refused is tried again
    // after the longest.
    std::chrono::milliseconds retry_min{100};
    std::chrono::milliseconds retry_max{2'000};
    std::chrono::milliseconds connect_max{2'000};  // that making a connection may take
    // Bytes that wait to be sent to one member, from which on entries and parts of snapshots are
    // dropped, so that heartbeats do not wait behind them: as much as the core sends unanswered.
    // Of anything, base::rpc::DuplexOptions::queue_bytes_max wait at most.
    size_t bulk_waiting_bytes_max = size_t{4} << 20;
    // Bytes that came and wait for the driver's thread: beyond it messages are dropped, entries and
    // parts of snapshots beyond the half of it.
    size_t received_waiting_bytes_max = size_t{16} << 20;
};

// Since the transport was made. Threads: any.
struct GrpcTransportCounters {
    base::Counter sent, sent_bytes;  // handed to a call; a message that goes two ways counts twice
    base::Counter received;          // handed to the driver
    base::Counter unsent;            // dropped: no connection, or a full queue
    base::Counter unsent_bulk;       // dropped: the other end is slow, and heartbeats go first
    base::Counter unheard;           // dropped: this member is slow
    base::Counter repeated;          // dropped: an old sequence number
    base::Counter refused;           // calls, of either direction, closed for what came over them
    base::Counter opened, broken;    // calls to others
};

// Says a message over the call to its member, which is opened when first needed and again after it
// broke. To a member whose address is not known, or cannot be reached, it goes over the newest call
// that came from there. unreachable() is told once when what is said to a member begins to be lost,
// and with every call that breaks.
//   threads   The driver's: construction, send(), members() and destruction. methods() run in
//             gRPC's; what comes of them goes through Parts::post.
//   lifetime  After the destructor nothing of Parts is called; methods() may outlive it, and refuse
//             calls from then on.
class GrpcTransport final : public RaftTransport {
  public:
    struct Parts {
        // Runs what it is given on the driver's thread, later and in order. Never blocks. Called
        // from any thread.
        std::function<void(std::function<void()>)> post;
        // On the driver's thread, never within send() or members(): Driver::receive() and
        // unreachable().
        std::function<void(Message)> received;
        std::function<void(MemberId)> unreachable;
        // Whether he who calls may speak at all; an error refuses the call. Called from any thread.
        // Empty: everybody may.
        std::function<base::Status(const base::rpc::CallPeer&)> admit;
        const base::Clock& clock;
        base::Random& random;
        base::Logger log;
    };

    GrpcTransport(const ClusterId& cluster,
                  MemberId self,
                  GrpcTransportOptions options,
                  Parts parts);
    ~GrpcTransport() override;
    GrpcTransport(const GrpcTransport&) = delete;
    GrpcTransport& operator=(const GrpcTransport&) = delete;

    // What the server answers for this member.
    [[nodiscard]] std::vector<base::rpc::Method> methods();

    void send(Message message) override;
    // Calls to who is not among them, or has another address now, end.
    void members(const Configuration& configuration) override;

    // Outlives the transport for those who keep it.
    [[nodiscard]] std::shared_ptr<const GrpcTransportCounters> counters() const;

  private:
    const std::shared_ptr<TransportShared> shared_;
    std::shared_ptr<Calls> calls_;
};

}  // namespace shard::raft
