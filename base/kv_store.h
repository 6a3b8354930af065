// A small durable key–value store for the node's own state: raft log, cluster tables, rule state.
// RocksDB behind plain words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

namespace base {

// A column family, named when the store is opened.
struct KvFamily {
    uint32_t index = 0;
};

enum class KvSync : bool { kNo, kYes };

// Changes that are made together or not at all. Reusable after clear().
class KvBatch {
  public:
    KvBatch();
    ~KvBatch();
    KvBatch(KvBatch&&) noexcept;
    KvBatch& operator=(KvBatch&&) noexcept;

    void put(KvFamily family, ByteView key, ByteView value);
    void remove(KvFamily family, ByteView key);
    // Every key from `begin` up to, not including, `end`.
    void remove_range(KvFamily family, ByteView begin, ByteView end);
    void clear();
    [[nodiscard]] bool empty() const;

  private:
    friend class KvStore;
    struct Op;
    std::vector<Op> ops_;
};

// Walks keys in byte order over the store as it was when the cursor was made. Not thread-safe; gone
// before the store.
class KvCursor {
  public:
    ~KvCursor();
    KvCursor(KvCursor&&) noexcept;
    KvCursor& operator=(KvCursor&&) noexcept;

    // To the first key >= `key`, or the last key <= `key`.
    void seek(ByteView key);
    void seek_back(ByteView key);
    void seek_last();
    void next();
    void previous();

    // False past either end, and after an error: then look at status().
    [[nodiscard]] bool valid() const;
    [[nodiscard]] Status status() const;
    // Valid until the cursor moves.
    [[nodiscard]] std::string_view key() const;
    [[nodiscard]] std::string_view value() const;

  private:
    friend class KvStore;
    struct State;
    explicit KvCursor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct KvOptions {
    std::string path;
    // Created when missing; their order gives the KvFamily indexes.
    std::vector<std::string> families;
    size_t write_buffer_bytes = size_t{16} << 20;  // over all families
    size_t cache_bytes = size_t{8} << 20;
};

// Threads: any.
//   errors  kUnavailable when another process holds the store, kCorrupt when its files are damaged,
//           kNoSpace, kIo
class KvStore {
  public:
    [[nodiscard]] static Result<std::unique_ptr<KvStore>> open(const KvOptions& options);
    ~KvStore();
    KvStore(const KvStore&) = delete;
    KvStore& operator=(const KvStore&) = delete;

    // The family of that name; CHECKed: it was named at open().
    [[nodiscard]] KvFamily family(std::string_view name) const;

    // Nothing when the key is not there.
    [[nodiscard]] Result<std::optional<std::string>> get(KvFamily family, ByteView key) const;
    // With kYes it returns after the change is on the disk.
    [[nodiscard]] Status put(KvFamily family, ByteView key, ByteView value, KvSync sync);
    [[nodiscard]] Status remove(KvFamily family, ByteView key, KvSync sync);
    [[nodiscard]] Status write(const KvBatch& batch, KvSync sync);

    [[nodiscard]] KvCursor cursor(KvFamily family) const;

    // Calls visit(key, value) for every key that starts with `prefix`, in order, until it returns
    // false.
    template <class Visit>
    [[nodiscard]] Status scan(KvFamily family, std::string_view prefix, Visit&& visit) const {
        KvCursor at = cursor(family);
        for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next()) {
            if (!visit(at.key(), at.value())) {
                return success();
            }
        }
        return at.status();
    }

  private:
    struct State;
    explicit KvStore(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace base
