#include "base/kv_store.h"

#include <algorithm>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/check.h"

namespace base {

namespace {

// RocksDB's families count from its "default" one, which stays empty.
constexpr int kMaxBackgroundJobs = 1;
constexpr size_t kLogFileMax = size_t{1} << 20;
constexpr size_t kLogFilesKept = 2;
constexpr size_t kWalMax = size_t{32} << 20;
constexpr size_t kMaxOpenFiles = 64;

rocksdb::Slice slice(ByteView bytes) {
    return {bytes.text().data(), bytes.size()};
}

Code code_of(const rocksdb::Status& status) {
    if (status.IsNoSpace()) {
        return Code::kNoSpace;
    }
    if (status.IsCorruption()) {
        return Code::kCorrupt;
    }
    if (status.IsBusy() || status.IsTryAgain() || status.IsShutdownInProgress()) {
        return Code::kUnavailable;
    }
    if (status.IsInvalidArgument()) {
        return Code::kInvalid;
    }
    return Code::kIo;
}

Status outcome(const rocksdb::Status& status, std::string_view what) {
    if (status.ok()) {
        return success();
    }
    return fail(code_of(status), std::string(what) + ":", status.ToString());
}

Error open_error(const rocksdb::Status& status, const std::string& path) {
    const std::string text = status.ToString();
    if (status.IsIOError() && text.find("lock") != std::string::npos) {
        return Error(Code::kUnavailable,
                     "state store " + path +
                         " is in use by another process; stop that one first (" + text + ")");
    }
    const std::string advice =
        status.IsCorruption() ? "; its files are damaged: move the folder away to start empty" : "";
    return Error(code_of(status), "open state store " + path + ": " + text + advice);
}

rocksdb::ColumnFamilyOptions family_options(const KvOptions& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    rocksdb::ColumnFamilyOptions family;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family.compression = rocksdb::kNoCompression;
    const size_t share = options.write_buffer_bytes / (options.families.size() + 1);
    family.write_buffer_size = std::max(share, size_t{64} << 10);
    family.arena_block_size = 0;  // an eighth of the buffer
    family.max_write_buffer_number = 2;
    return family;
}

rocksdb::Options store_options(const KvOptions& options) {
    rocksdb::Options db;
    db.create_if_missing = true;
    db.create_missing_column_families = true;
    db.db_write_buffer_size = options.write_buffer_bytes;
    db.max_total_wal_size = kWalMax;
    db.max_background_jobs = kMaxBackgroundJobs;
    db.max_open_files = kMaxOpenFiles;
    db.max_log_file_size = kLogFileMax;
    db.keep_log_file_num = kLogFilesKept;
    db.stats_dump_period_sec = 0;
    db.stats_persist_period_sec = 0;
    db.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    // A torn end of the log is a crash; a hole in its middle is damage.
    db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    return db;
}

rocksdb::WriteOptions write_options(KvSync sync) {
    rocksdb::WriteOptions options;
    options.sync = sync == KvSync::kYes;
    return options;
}

}  // namespace

struct KvBatch::Op {
    enum class Kind : uint8_t { kPut, kRemove, kRemoveRange };

    Kind kind;
    KvFamily family;
    std::string key;
    std::string value;  // of a put; of a range the end
};

KvBatch::KvBatch() = default;
KvBatch::~KvBatch() = default;
KvBatch::KvBatch(KvBatch&&) noexcept = default;
KvBatch& KvBatch::operator=(KvBatch&&) noexcept = default;

void KvBatch::put(KvFamily family, ByteView key, ByteView value) {
    ops_.push_back({Op::Kind::kPut, family, std::string(key.text()), std::string(value.text())});
}

void KvBatch::remove(KvFamily family, ByteView key) {
    ops_.push_back({Op::Kind::kRemove, family, std::string(key.text()), {}});
}

void KvBatch::remove_range(KvFamily family, ByteView begin, ByteView end) {
    ops_.push_back(
        {Op::Kind::kRemoveRange, family, std::string(begin.text()), std::string(end.text())});
}

void KvBatch::clear() {
    ops_.clear();
}

bool KvBatch::empty() const {
    return ops_.empty();
}

struct KvCursor::State {
    std::unique_ptr<rocksdb::Iterator> iterator;
};

KvCursor::KvCursor(std::unique_ptr<State> state) : state_(std::move(state)) {}

KvCursor::~KvCursor() = default;
KvCursor::KvCursor(KvCursor&&) noexcept = default;
KvCursor& KvCursor::operator=(KvCursor&&) noexcept = default;

void KvCursor::seek(ByteView key) {
    state_->iterator->Seek(slice(key));
}

void KvCursor::seek_back(ByteView key) {
    state_->iterator->SeekForPrev(slice(key));
}

void KvCursor::seek_last() {
    state_->iterator->SeekToLast();
}

void KvCursor::next() {
    state_->iterator->Next();
}

void KvCursor::previous() {
    state_->iterator->Prev();
}

bool KvCursor::valid() const {
    return state_->iterator->Valid();
}

Status KvCursor::status() const {
    return outcome(state_->iterator->status(), "read state store");
}

std::string_view KvCursor::key() const {
    const rocksdb::Slice key = state_->iterator->key();
    return {key.data(), key.size()};
}

std::string_view KvCursor::value() const {
    const rocksdb::Slice value = state_->iterator->value();
    return {value.data(), value.size()};
}

struct KvStore::State {
    std::unique_ptr<rocksdb::DB> db;
    std::vector<std::string> names;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;  // one per name, then "default"

    ~State() {
        for (rocksdb::ColumnFamilyHandle* handle : handles) {
            db->DestroyColumnFamilyHandle(handle);
        }
        if (db != nullptr) {
            const rocksdb::Status closed = db->Close();
            static_cast<void>(closed);  // everything asked to be durable is in the log already
        }
    }

    [[nodiscard]] rocksdb::ColumnFamilyHandle* handle(KvFamily family) const {
        SKEIN_CHECK(family.index < names.size(), "no such column family", family.index);
        return handles[family.index];
    }
};

KvStore::KvStore(std::unique_ptr<State> state) : state_(std::move(state)) {}

KvStore::~KvStore() = default;

Result<std::unique_ptr<KvStore>> KvStore::open(const KvOptions& options) {
    const auto cache = rocksdb::NewLRUCache(options.cache_bytes);
    const rocksdb::ColumnFamilyOptions family = family_options(options, cache);
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : options.families) {
        families.emplace_back(name, family);
    }
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, family);
    auto state = std::make_unique<State>();
    state->names = options.families;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status =
        rocksdb::DB::Open(store_options(options), options.path, families, &state->handles, &db);
    state->db.reset(db);
    if (!status.ok()) {
        return fail(open_error(status, options.path));
    }
    return std::unique_ptr<KvStore>(new KvStore(std::move(state)));
}

KvFamily KvStore::family(std::string_view name) const {
    const auto& names = state_->names;
    const auto found = std::find(names.begin(), names.end(), name);
    SKEIN_CHECK(found != names.end(), "no such column family:", name);
    return {static_cast<uint32_t>(found - names.begin())};
}

Result<std::optional<std::string>> KvStore::get(KvFamily family, ByteView key) const {
    std::string value;
    const rocksdb::Status status =
        state_->db->Get(rocksdb::ReadOptions(), state_->handle(family), slice(key), &value);
    if (status.IsNotFound()) {
        return std::optional<std::string>();
    }
    TRY(outcome(status, "read state store"));
    return std::optional(std::move(value));
}

Status KvStore::put(KvFamily family, ByteView key, ByteView value, KvSync sync) {
    return outcome(
        state_->db->Put(write_options(sync), state_->handle(family), slice(key), slice(value)),
        "write state store");
}

Status KvStore::remove(KvFamily family, ByteView key, KvSync sync) {
    return outcome(state_->db->Delete(write_options(sync), state_->handle(family), slice(key)),
                   "write state store");
}

Status KvStore::write(const KvBatch& batch, KvSync sync) {
    rocksdb::WriteBatch changes;
    for (const KvBatch::Op& op : batch.ops_) {
        rocksdb::ColumnFamilyHandle* const handle = state_->handle(op.family);
        rocksdb::Status added;
        switch (op.kind) {
            case KvBatch::Op::Kind::kPut:
                added = changes.Put(handle, op.key, op.value);
                break;
            case KvBatch::Op::Kind::kRemove:
                added = changes.Delete(handle, op.key);
                break;
            case KvBatch::Op::Kind::kRemoveRange:
                added = changes.DeleteRange(handle, op.key, op.value);
                break;
        }
        TRY(outcome(added, "prepare a batch for the state store"));
    }
    return outcome(state_->db->Write(write_options(sync), &changes), "write state store");
}

KvCursor KvStore::cursor(KvFamily family) const {
    auto state = std::make_unique<KvCursor::State>();
    state->iterator.reset(state_->db->NewIterator(rocksdb::ReadOptions(), state_->handle(family)));
    return KvCursor(std::move(state));
}

}  // namespace base
