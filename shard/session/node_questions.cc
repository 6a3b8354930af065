#include "shard/session/node_questions.h"

#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "shard/sealed_question.h"

namespace shard {

using base::Code;
using base::Deadline;
using base::fail;
using base::MutexLock;
using base::Result;
using base::rpc::Channel;

// --- asking --------------------------------------------------------------------------------------

struct NodeQuestions::Asked {
    // The one message of the answer, opened.
    [[nodiscard]] Result<std::string> read() {
        std::string message;
        TRY(const bool there, reader->next(message));
        if (!there) {
            return fail(Code::kCorrupt, "the node ended the call without an answer");
        }
        return seal ? seal->unseal(std::move(message)) : Result<std::string>(std::move(message));
    }

    std::shared_ptr<Channel> channel;
    std::optional<SealedQuestion> seal;
    std::unique_ptr<base::rpc::MessageReader> reader;  // before the channel
};

NodeQuestions::NodeQuestions(base::rpc::ClientTls tls, base::Secret key, const base::Clock& clock)
    : tls_(std::move(tls)), key_(std::move(key)), clock_(clock) {}

NodeQuestions::~NodeQuestions() = default;

Result<std::shared_ptr<Channel>> NodeQuestions::channel(const std::string& address) {
    const MutexLock lock(mutex_);
    if (const auto found = channels_.find(address); found != channels_.end()) {
        return found->second;
    }
    if (channels_.size() >= kQuestionChannelsMax) {
        std::erase_if(channels_, [](const auto& one) { return one.second.use_count() == 1; });
    }
    TRY(auto opened,
        Channel::open({.address = address,
                       .tls = tls_,
                       .message_bytes_max = static_cast<int>(kAnswerBytesMax + kQuestionSealBytes),
                       .connect_max = kQuestionConnectMax}));
    std::shared_ptr<Channel> shared = std::move(opened);
    channels_.emplace(address, shared);
    return shared;
}

Result<std::unique_ptr<NodeQuestions::Asked>> NodeQuestions::begin(const std::string& address,
                                                                   const char* path,
                                                                   std::string question,
                                                                   Deadline deadline,
                                                                   std::stop_token stop) {
    auto asked = std::make_unique<Asked>();
    TRY(asked->channel, channel(address));
    if (!key_.empty()) {
        asked->seal.emplace(key_, path, nonces_);
        question = asked->seal->seal(question, clock_.now_ms());
    }
    asked->reader = asked->channel->stream(path, std::move(question), deadline, std::move(stop));
    return asked;
}

Result<Answer> NodeQuestions::ask(const std::string& address,
                                  const Question& question,
                                  Deadline deadline,
                                  std::stop_token stop) {
    std::string bytes = encode(question);
    if (bytes.size() > kQuestionBytesMax) {
        return fail(Code::kLimit,
                    "a question of",
                    bytes.size(),
                    "bytes, the limit is",
                    kQuestionBytesMax,
                    "(kQuestionBytesMax)");
    }
    TRY(const auto asked, begin(address, kAskPath, std::move(bytes), deadline, std::move(stop)));
    TRY(const std::string answer, base::context(asked->read(), "ask the node at", address));
    return base::context(decode_node_answer(answer), "the answer of the node at", address);
}

// --- identities ----------------------------------------------------------------------------------

// Waits for one answer after another; all are under way meanwhile, and none longer than
// kIdentifyMax.
class GrpcIdentities::Reader {
  public:
    struct Pending {
        std::unique_ptr<NodeQuestions::Asked> asked;
        std::function<void(Result<Identity>)> told;  // any thread
    };

    Reader() : thread_([this] { run(); }) {}

    ~Reader() {
        stop_.request_stop();
        {
            const MutexLock lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }

    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    void add(Pending pending) {
        {
            const MutexLock lock(mutex_);
            pending_.push_back(std::move(pending));
        }
        changed_.notify_one();
    }

    [[nodiscard]] std::stop_token stop() const { return stop_.get_token(); }

  private:
    void run() {
        while (auto next = take()) {
            next->told(read(*next->asked));
        }
    }

    static Result<Identity> read(NodeQuestions::Asked& asked) {
        TRY(const std::string bytes, asked.read());
        return decode_identity(bytes);
    }

    std::optional<Pending> take() {
        const MutexLock lock(mutex_);
        while (pending_.empty() && !stopping_) {
            changed_.wait(mutex_);
        }
        if (stopping_) {
            return std::nullopt;
        }
        Pending next = std::move(pending_.front());
        pending_.pop_front();
        return next;
    }

    std::stop_source stop_;
    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<Pending> pending_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: it uses everything above
};

GrpcIdentities::GrpcIdentities(NodeQuestions& questions, Post post, const base::Clock& clock)
    : questions_(questions),
      post_(std::move(post)),
      clock_(clock),
      reader_(std::make_unique<Reader>()) {}

GrpcIdentities::~GrpcIdentities() {
    alive_.reset();
}

void GrpcIdentities::ask(const std::string& address, std::function<void(Result<Identity>)> done) {
    // Told on the caller's thread, if this is still there then.
    auto told = [post = post_, here = std::weak_ptr<bool>(alive_), done = std::move(done)](
                    Result<Identity> identity) {
        post([here, done, identity = std::move(identity)] {
            if (!here.expired()) {
                done(identity);
            }
        });
    };
    auto asked = questions_.begin(address,
                                  kIdentifyPath,
                                  encode_identity_question(),
                                  Deadline::after(clock_, kIdentifyMax),
                                  reader_->stop());
    if (!asked) {
        told(fail(std::move(asked).error()));
        return;
    }
    reader_->add({.asked = std::move(asked).value(), .told = std::move(told)});
}

}  // namespace shard
