#include "shard/session/grpc_link.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "base/sync.h"
#include "shard/sealed_end.h"
#include "shard/session/codec.h"

namespace shard {

using base::Code;
using base::fail;
using base::MutexLock;
using base::Result;
using base::Status;

namespace {

constexpr const char* kCannotSend =
    "a message cannot be sent: the session has ended, or the leader reads too slowly and more than "
    "DuplexOptions::queue_bytes_max wait for it";

}  // namespace

// The worker's thread's, and kept by what is posted to it: which session is told of.
class GrpcLink::Told {
  public:
    explicit Told(LinkListener listener) : listener_(std::move(listener)) {}

    void begin(uint64_t session) { session_ = session; }

    void leave() { session_ = 0; }

    void opened(uint64_t session) const {
        if (session == session_) {
            listener_.opened();
        }
    }

    void received(uint64_t session, LeaderMessage message) const {
        if (session == session_) {
            listener_.received(std::move(message));
        }
    }

    // The listener opens the next one, maybe, or leaves: closed() is the last that it is told.
    void closed(uint64_t session, const std::string& why) {
        if (session == session_) {
            session_ = 0;
            listener_.closed(why);
        }
    }

  private:
    const LinkListener listener_;
    uint64_t session_ = 0;  // 0: of none
};

// --- one session ---------------------------------------------------------------------------------

class GrpcLink::Session final : public base::rpc::DuplexListener {
  public:
    Session(uint64_t number,
            const Post& post,
            std::shared_ptr<Told> told,
            const base::Secret& key,
            base::Random& nonces)
        : number_(number),
          post_(post),
          told_(std::move(told)),
          end_(key, SealSide::kCaller, nonces) {}

    // What comes while the call ends is answered no more.
    ~Session() override { end_.detach(); }

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Status prepare(const base::rpc::ChannelOptions& options) {
        TRY(channel_, base::rpc::Channel::open(options));
        return base::success();
    }

    void begin() {
        call_ = channel_->duplex(kSessionPath, *this);
        end_.attach(*call_);
    }

    [[nodiscard]] bool send(std::string bytes) { return end_.send(std::move(bytes)); }

    void received(std::string sent) override {
        if (over_) {
            return;
        }
        const auto opened = end_.receive(std::move(sent));
        if (!opened) {
            end(opened.error().message());
        } else if (opened.value()) {
            take(*opened.value());
        }
    }

    void closed(const Status& outcome) override {
        end(outcome ? "the leader closed the session" : outcome.error().message());
    }

  private:
    void take(const std::string& bytes) {
        Result<LeaderMessage> message = decode_leader_message(bytes);
        if (!message) {
            end("the leader sent what makes no sense: " + message.error().message());
        } else if (*waiting_ += bytes.size(); *waiting_ > kLinkWaitingBytesMax) {
            end("the leader sends faster than this node takes it: more than " +
                std::to_string(kLinkWaitingBytesMax) + " bytes wait (kLinkWaitingBytesMax)");
        } else {
            post_([number = number_,
                   told = told_,
                   waiting = waiting_,
                   size = bytes.size(),
                   said = std::move(message).value()]() mutable {
                *waiting -= size;
                told->received(number, std::move(said));
            });
        }
    }

    // Nothing is told after it. The call itself ends when the worker opens another one, or leaves.
    void end(std::string why) {
        if (!over_.exchange(true)) {
            post_([number = number_, told = told_, why = std::move(why)] {
                told->closed(number, why);
            });
        }
    }

    const uint64_t number_;
    const Post& post_;
    const std::shared_ptr<Told> told_;
    const std::shared_ptr<std::atomic<size_t>> waiting_ = std::make_shared<std::atomic<size_t>>(0);
    std::atomic<bool> over_{false};
    SealedEnd end_;
    std::unique_ptr<base::rpc::Channel> channel_;
    std::unique_ptr<base::rpc::Duplex> call_;  // last: its end waits for who is listening
};

// --- the thread that ends sessions ---------------------------------------------------------------

class GrpcLink::Closer {
  public:
    Closer() : thread_([this] { run(); }) {}

    ~Closer() {
        {
            const MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    Closer(const Closer&) = delete;
    Closer& operator=(const Closer&) = delete;

    void add(std::unique_ptr<Session> session) {
        {
            const MutexLock lock(mutex_);
            sessions_.push_back(std::move(session));
        }
        changed_.notify_one();
    }

  private:
    void run() {
        for (auto ended = next(); !ended.empty(); ended = next()) {
            ended.clear();
        }
    }

    // Empty: it is over.
    [[nodiscard]] std::vector<std::unique_ptr<Session>> next() {
        const MutexLock lock(mutex_);
        while (sessions_.empty() && !stopping_) {
            changed_.wait(mutex_);
        }
        return std::exchange(sessions_, {});
    }

    base::Mutex mutex_;
    base::CondVar changed_;
    std::vector<std::unique_ptr<Session>> sessions_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: it uses everything above
};

// --- the link ------------------------------------------------------------------------------------

GrpcLink::GrpcLink(base::rpc::ClientTls tls, Post post, LinkListener listener, base::Secret key)
    : tls_(std::move(tls)),
      key_(std::move(key)),
      post_(std::move(post)),
      told_(std::make_shared<Told>(std::move(listener))),
      closer_(std::make_unique<Closer>()) {}

GrpcLink::~GrpcLink() {
    leave();
}

void GrpcLink::open(const std::string& address) {
    leave();
    const uint64_t number = ++last_;
    told_->begin(number);
    auto session = std::make_unique<Session>(number, post_, told_, key_, nonces_);
    const Status prepared =
        session->prepare({.address = address,
                          .tls = tls_,
                          .message_bytes_max = int{kSessionMessageBytesMax + kSealBytes}});
    if (!prepared) {
        end(prepared.error().message());
        return;
    }
    // Before the call begins, and with it whatever else is told.
    post_([number, told = told_] { told->opened(number); });
    session->begin();
    session_ = std::move(session);
}

void GrpcLink::send(NodeMessage message) {
    if (session_ == nullptr) {
        return;
    }
    std::string bytes = encode(message);
    if (bytes.size() > kSessionMessageBytesMax) {
        end("a message of " + std::to_string(bytes.size()) + " bytes, the limit is " +
            std::to_string(kSessionMessageBytesMax) + " (kSessionMessageBytesMax)");
    } else if (!session_->send(std::move(bytes))) {
        end(kCannotSend);
    }
}

void GrpcLink::leave() {
    told_->leave();
    if (session_ != nullptr) {
        closer_->add(std::move(session_));
    }
}

// Told later: the worker is in the middle of something.
void GrpcLink::end(const std::string& why) {
    post_([number = last_, told = told_, why] { told->closed(number, why); });
}

}  // namespace shard
