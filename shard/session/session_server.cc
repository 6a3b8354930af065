#include "shard/session/session_server.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/random.h"
#include "base/sync.h"
#include "shard/sealed_end.h"
#include "shard/session/codec.h"

namespace shard {

using base::Code;
using base::fail;
using base::MutexLock;
using base::Result;
using base::Status;
using base::SteadyTime;
using base::rpc::CallPeer;
using base::rpc::Duplex;
using base::rpc::DuplexListener;

namespace {

constexpr SteadyTime kNever = SteadyTime::max();

std::string text_of(const Status& outcome) {
    return outcome ? "the session was closed" : outcome.error().message();
}

}  // namespace

// The handler's thread's, and kept by what is posted to it: which sessions are told of.
class SessionServer::Told {
  public:
    explicit Told(SessionHandler& handler) : handler_(&handler) {}

    void stop() {
        handler_ = nullptr;
        open_.clear();
    }

    // Nothing is told of it but closed().
    void leave(SessionId id) { left_.insert(id); }

    void opened(SessionId id, const CallPeer& peer) {
        if (handler_ != nullptr) {
            open_.insert(id);
            handler_->opened(id, peer);
        }
    }

    void received(SessionId id, NodeMessage message) {
        if (open_.contains(id) && !left_.contains(id)) {
            handler_->received(id, std::move(message));
        }
    }

    void closed(SessionId id, const std::string& why) {
        left_.erase(id);
        if (open_.erase(id) > 0) {
            handler_->closed(id, why);
        }
    }

  private:
    SessionHandler* handler_;  // null: it is over
    std::set<SessionId> open_;
    std::set<SessionId> left_;  // that the handler closed
};

// The way to one node.
struct SessionServer::Line {
    Line(const base::Secret& key, base::Random& nonces, std::shared_ptr<Duplex> to)
        : peer(std::move(to)), end(key, SealSide::kCalled, nonces) {
        end.attach(*peer);
    }

    const std::shared_ptr<Duplex> peer;
    SealedEnd end;
};

// The calls there are, by session.
//   threads  any
class SessionServer::Calls {
  public:
    Calls(const SessionServerOptions& options, Parts parts, std::shared_ptr<Told> told)
        : options_(options), parts_(std::move(parts)), told_(std::move(told)) {}

    [[nodiscard]] const SessionServerOptions& options() const { return options_; }

    // Lets in who may.
    [[nodiscard]] Result<SessionId> open(const std::shared_ptr<Line>& line, const CallPeer& who);

    [[nodiscard]] std::shared_ptr<Line> line(std::shared_ptr<Duplex> peer) {
        return std::make_shared<Line>(parts_.key, nonces_, std::move(peer));
    }

    void greeted(SessionId id);
    // Hands over what came, which was of so many bytes; the counter says what waits.
    void received(SessionId id,
                  NodeMessage message,
                  size_t bytes,
                  std::shared_ptr<std::atomic<size_t>> waiting);
    // The call has ended.
    void gone(SessionId id, const std::string& why);

    void send(SessionId id, const LeaderMessage& message);
    // Ends the call once what waits is sent, or closing_max later.
    void close(SessionId id, Status outcome);
    // close(), and tells the handler why.
    void end_session(SessionId id, Status outcome);
    SteadyTime poll();
    void stop();
    [[nodiscard]] size_t size() const;

  private:
    struct Call {
        std::shared_ptr<Line> line;
        bool closing = false;
        SteadyTime due = kNever;  // Hello, or its end
    };

    void tell_closed(SessionId id, std::string why);
    [[nodiscard]] std::shared_ptr<Line> find(SessionId id) const;
    // Those whose time is over.
    [[nodiscard]] std::vector<std::pair<SessionId, Call>> late(SteadyTime now,
                                                               SteadyTime& next) const;

    const SessionServerOptions options_;
    const Parts parts_;
    const std::shared_ptr<Told> told_;
    base::SystemRandom nonces_;

    mutable base::Mutex mutex_;
    std::map<SessionId, Call> calls_ GUARDED_BY(mutex_);
    SessionId last_ GUARDED_BY(mutex_) = 0;
    bool stopped_ GUARDED_BY(mutex_) = false;
};

// --- one call ------------------------------------------------------------------------------------

class SessionServer::Listener final : public DuplexListener {
  public:
    Listener(SessionId id, std::shared_ptr<Line> line, std::shared_ptr<Calls> calls)
        : id_(id), line_(std::move(line)), calls_(std::move(calls)) {}

    void received(std::string bytes) override {
        if (over_) {
            return;
        }
        if (Status taken = take(std::move(bytes)); !taken) {
            over_ = true;
            calls_->end_session(id_, std::move(taken));
        }
    }

    void closed(const Status& outcome) override { calls_->gone(id_, text_of(outcome)); }

  private:
    Status take(std::string sent) {
        TRY(const auto opened, line_->end.receive(std::move(sent)));
        if (!opened) {
            return base::success();
        }
        const std::string& bytes = *opened;
        TRY(NodeMessage message,
            base::context(decode_node_message(bytes), "the node sent what makes no sense"));
        if (!greeted_) {
            if (!std::holds_alternative<Hello>(message)) {
                return fail(Code::kInvalid, "the first message of a session is no Hello");
            }
            greeted_ = true;
            calls_->greeted(id_);
        }
        const size_t most = calls_->options().waiting_bytes_max;
        if (*waiting_ += bytes.size(); *waiting_ > most) {
            return fail(Code::kLimit,
                        "the node sends faster than the leader takes it: more than",
                        most,
                        "bytes wait (SessionServerOptions::waiting_bytes_max)");
        }
        calls_->received(id_, std::move(message), bytes.size(), waiting_);
        return base::success();
    }

    const SessionId id_;
    const std::shared_ptr<Line> line_;
    const std::shared_ptr<Calls> calls_;
    const std::shared_ptr<std::atomic<size_t>> waiting_ = std::make_shared<std::atomic<size_t>>(0);
    bool greeted_ = false;
    bool over_ = false;
};

// --- all calls -----------------------------------------------------------------------------------

Result<SessionId> SessionServer::Calls::open(const std::shared_ptr<Line>& line,
                                             const CallPeer& who) {
    TRY(parts_.admission(who));
    SessionId id = 0;
    {
        const MutexLock lock(mutex_);
        if (stopped_) {
            return fail(Code::kUnavailable, "this node leads no more: it is stopping");
        }
        if (calls_.size() >= options_.sessions_max) {
            return fail(Code::kLimit,
                        "too many sessions, the limit is",
                        options_.sessions_max,
                        "(SessionServerOptions::sessions_max)");
        }
        id = ++last_;
        calls_.emplace(id, Call{.line = line, .due = parts_.clock.steady() + options_.hello_max});
    }
    parts_.post([told = told_, id, who] { told->opened(id, who); });
    return id;
}

void SessionServer::Calls::greeted(SessionId id) {
    const MutexLock lock(mutex_);
    if (const auto found = calls_.find(id); found != calls_.end() && !found->second.closing) {
        found->second.due = kNever;
    }
}

void SessionServer::Calls::received(SessionId id,
                                    NodeMessage message,
                                    size_t bytes,
                                    std::shared_ptr<std::atomic<size_t>> waiting) {
    parts_.post([told = told_,
                 id,
                 bytes,
                 waiting = std::move(waiting),
                 said = std::move(message)]() mutable {
        *waiting -= bytes;
        told->received(id, std::move(said));
    });
}

void SessionServer::Calls::gone(SessionId id, const std::string& why) {
    {
        const MutexLock lock(mutex_);
        calls_.erase(id);
    }
    tell_closed(id, why);
}

void SessionServer::Calls::tell_closed(SessionId id, std::string why) {
    parts_.post([told = told_, id, why = std::move(why)] { told->closed(id, why); });
}

std::shared_ptr<SessionServer::Line> SessionServer::Calls::find(SessionId id) const {
    const MutexLock lock(mutex_);
    const auto found = calls_.find(id);
    return found == calls_.end() || found->second.closing ? nullptr : found->second.line;
}

void SessionServer::Calls::send(SessionId id, const LeaderMessage& message) {
    const std::shared_ptr<Line> line = find(id);
    if (line == nullptr) {
        return;
    }
    std::string bytes = encode(message);
    if (bytes.size() > kSessionMessageBytesMax) {
        end_session(id,
                    fail(Code::kLimit,
                         "a message of",
                         bytes.size(),
                         "bytes, the limit is",
                         kSessionMessageBytesMax,
                         "(kSessionMessageBytesMax)"));
    } else if (!line->end.send(std::move(bytes))) {
        end_session(id,
                    fail(Code::kLimit,
                         "the session has ended, or the node reads too slowly and more than "
                         "DuplexOptions::queue_bytes_max wait for it"));
    }
}

void SessionServer::Calls::close(SessionId id, Status outcome) {
    std::shared_ptr<Duplex> peer;
    {
        const MutexLock lock(mutex_);
        const auto found = calls_.find(id);
        if (found == calls_.end() || found->second.closing) {
            return;
        }
        found->second.closing = true;
        found->second.due = parts_.clock.steady() + options_.closing_max;
        peer = found->second.line->peer;
    }
    peer->close(std::move(outcome));
}

void SessionServer::Calls::end_session(SessionId id, Status outcome) {
    tell_closed(id, text_of(outcome));
    close(id, std::move(outcome));
}

std::vector<std::pair<SessionId, SessionServer::Calls::Call>> SessionServer::Calls::late(
    SteadyTime now, SteadyTime& next) const {
    std::vector<std::pair<SessionId, Call>> found;
    const MutexLock lock(mutex_);
    for (const auto& [id, call] : calls_) {
        if (call.due <= now) {
            found.emplace_back(id, call);
        } else {
            next = std::min(next, call.due);
        }
    }
    return found;
}

SteadyTime SessionServer::Calls::poll() {
    const SteadyTime now = parts_.clock.steady();
    // A session that opens right after this is looked at in time.
    SteadyTime next = now + std::min(options_.hello_max, options_.closing_max);
    for (const auto& [id, call] : late(now, next)) {
        if (call.closing) {
            call.line->peer->abort();
        } else {
            end_session(id,
                        fail(Code::kTimeout,
                             "no Hello within",
                             options_.hello_max.count(),
                             "ms (SessionServerOptions::hello_max)"));
        }
    }
    return next;
}

void SessionServer::Calls::stop() {
    std::vector<std::shared_ptr<Duplex>> peers;
    {
        const MutexLock lock(mutex_);
        stopped_ = true;
        for (auto& [id, call] : calls_) {
            call.closing = true;
            peers.push_back(call.line->peer);
        }
    }
    for (const std::shared_ptr<Duplex>& peer : peers) {
        peer->close(fail(Code::kUnavailable, "this node leads no more: it is stopping"));
    }
}

size_t SessionServer::Calls::size() const {
    const MutexLock lock(mutex_);
    return calls_.size();
}

// --- the server ----------------------------------------------------------------------------------

SessionServer::SessionServer(const SessionServerOptions& options, Parts parts)
    : told_(std::make_shared<Told>(parts.handler)),
      calls_(std::make_shared<Calls>(options, std::move(parts), told_)) {}

SessionServer::~SessionServer() {
    told_->stop();
    calls_->stop();
}

std::vector<base::rpc::Method> SessionServer::methods() const {
    std::vector<base::rpc::Method> methods;
    methods.push_back({.path = kSessionPath,
                       .duplex = [calls = calls_](std::shared_ptr<Duplex> peer, const CallPeer& who)
                           -> Result<std::unique_ptr<DuplexListener>> {
                           auto line = calls->line(std::move(peer));
                           TRY(const SessionId id, calls->open(line, who));
                           return std::make_unique<Listener>(id, std::move(line), calls);
                       }});
    return methods;
}

SteadyTime SessionServer::poll() {
    return calls_->poll();
}

void SessionServer::send(SessionId id, const LeaderMessage& message) {
    calls_->send(id, message);
}

void SessionServer::close(SessionId id, Status outcome) {
    told_->leave(id);
    calls_->end_session(id, std::move(outcome));
}

size_t SessionServer::sessions() const {
    return calls_->size();
}

}  // namespace shard
