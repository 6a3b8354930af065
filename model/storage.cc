#include "model/storage.h"

#include "base/checksum.h"
#include "base/sync.h"

namespace model {
namespace {

// Waits for the one call of committed().
class Waiter final : public CommitListener {
  public:
    void committed(base::Result<CommitReport> report, AppendBatch&& batch) override {
        const base::MutexLock lock(mutex_);
        batch_ = std::move(batch);
        report_.emplace(std::move(report));
        // Under the lock: the waiting thread destroys this object as soon as it may go on.
        done_.notify_one();
    }

    base::Result<CommitReport> wait() {
        const base::MutexLock lock(mutex_);
        while (!report_.has_value()) {
            done_.wait(mutex_);
        }
        return std::move(*report_);
    }

  private:
    base::Mutex mutex_;
    base::CondVar done_;
    AppendBatch batch_ GUARDED_BY(mutex_);
    std::optional<base::Result<CommitReport>> report_ GUARDED_BY(mutex_);
};

}  // namespace

Origin origin_of(std::string_view job, std::string_view instance) {
    return base::hash64(instance, base::hash64(job));
}

Origin origin_of(const Labels& labels) {
    return origin_of(labels.get("job"), labels.get("instance"));
}

base::Result<CommitReport> commit_and_wait(Appender& appender, AppendBatch&& batch) {
    Waiter waiter;
    appender.commit(std::move(batch), waiter);
    return waiter.wait();
}

base::Status QueryContext::check() const {
    if (stop.stop_requested()) {
        return base::fail(base::Code::kCanceled, "the request was canceled");
    }
    if (clock != nullptr && deadline.bounded() && deadline.passed(clock->steady())) {
        return base::fail(base::Code::kTimeout, "the request's deadline has passed");
    }
    return base::success();
}

}  // namespace model
