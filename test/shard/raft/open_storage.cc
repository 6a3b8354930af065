#include "test/shard/raft/open_storage.h"

#include <catch2/catch.hpp>

namespace raft_test {

void Posts::add(std::function<void()> call) {
    {
        const base::MutexLock lock(mutex_);
        waiting_.push_back(std::move(call));
    }
    changed_.notify_all();
}

void Posts::run_one() {
    std::function<void()> call;
    {
        const base::MutexLock lock(mutex_);
        while (waiting_.empty()) {
            changed_.wait(mutex_);
        }
        call = std::move(waiting_.front());
        waiting_.pop_front();
    }
    call();
}

OpenStorage::OpenStorage(const std::string& path) {
    base::KvOptions options;
    options.path = path;
    options.families = {
        std::string(kLogFamily), std::string(kMetaFamily), std::string(kSnapshotFamily)};
    auto opened = base::KvStore::open(options);
    REQUIRE(opened.has_value());
    store_ = std::move(opened).value();
    storage_ = std::make_unique<KvStorage>(
        *store_, [posts = posts_.get()](auto call) { posts->add(std::move(call)); });
}

std::vector<base::Status> OpenStorage::persist(std::vector<Persist> batches) {
    std::vector<base::Status> outcomes;
    const size_t count = batches.size();
    for (Persist& batch : batches) {
        storage_->persist(std::move(batch), [&](uint64_t, const base::Status& status) {
            outcomes.push_back(status);
        });
    }
    while (outcomes.size() < count) {
        posts_->run_one();
    }
    return outcomes;
}

base::Status OpenStorage::persist(Persist batch) {
    std::vector<Persist> batches;
    batches.push_back(std::move(batch));
    return persist(std::move(batches)).front();
}

std::string difference(const Stored& left, const Stored& right) {
    if (left.hard_state != right.hard_state) {
        return "hard state";
    }
    if (left.snapshot != right.snapshot) {
        return "snapshot";
    }
    if ((left.snapshot_data == nullptr) != (right.snapshot_data == nullptr) ||
        (left.snapshot_data != nullptr && *left.snapshot_data != *right.snapshot_data)) {
        return "snapshot's bytes";
    }
    if (left.log_begin != right.log_begin || left.entries.size() != right.entries.size()) {
        return "where the log begins or ends";
    }
    for (size_t i = 0; i < left.entries.size(); ++i) {
        const Entry& one = left.entries[i];
        const Entry& other = right.entries[i];
        if (one.index != other.index || one.term != other.term || one.kind != other.kind ||
            *one.data != *other.data) {
            return "entry " + std::to_string(one.index);
        }
    }
    if (left.receiving != right.receiving || left.received_bytes != right.received_bytes) {
        return "what was received";
    }
    return "";
}

}  // namespace raft_test
