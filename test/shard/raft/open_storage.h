// A member's disk on a real key-value store, and what its completions are posted to.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/kv_store.h"
#include "base/sync.h"
#include "shard/raft/kv_storage.h"
#include "test/shard/raft/core_harness.h"
#include "test/support/temp_folder.h"

namespace raft_test {

// What the driver's thread is: runs what was posted when the test says so.
class Posts {
  public:
    // Threads: any.
    void add(std::function<void()> call);
    // Runs one, waiting for it.
    void run_one();

  private:
    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
};

// A store in a folder with a storage over it.
class OpenStorage {
  public:
    explicit OpenStorage(const std::string& path);

    [[nodiscard]] base::KvStore& store() { return *store_; }

    [[nodiscard]] KvStorage& operator*() { return *storage_; }

    [[nodiscard]] KvStorage* operator->() { return storage_.get(); }

    [[nodiscard]] Posts& posts() { return *posts_; }

    // Hands the batches over at once, and waits until all are done.
    std::vector<base::Status> persist(std::vector<Persist> batches);
    base::Status persist(Persist batch);

    // The families, for looking and spoiling.
    [[nodiscard]] base::KvFamily log() const { return store_->family(kLogFamily); }

    [[nodiscard]] base::KvFamily meta() const { return store_->family(kMetaFamily); }

    [[nodiscard]] base::KvFamily parts() const { return store_->family(kSnapshotFamily); }

  private:
    std::unique_ptr<Posts> posts_ = std::make_unique<Posts>();
    std::unique_ptr<base::KvStore> store_;
    std::unique_ptr<KvStorage> storage_;
};

// "" when they are the same, or what differs.
[[nodiscard]] std::string difference(const Stored& left, const Stored& right);

}  // namespace raft_test
