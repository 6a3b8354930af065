#include "tsdb/block/block.h"

#include <utility>

#include "base/sync.h"
#include "tsdb/block/format.h"

namespace tsdb::block {
namespace {

constexpr size_t kTombstonesBytesMax = size_t{256} << 20;

base::Result<Tombstones> read_tombstones(base::Files& files, const base::Path& folder) {
    const base::Path path = base::join_path(folder, kTombstonesFile);
    auto content = base::read_file(files, path, kTombstonesBytesMax);
    if (!content.has_value()) {
        if (content.error().code() == base::Code::kNotFound) {
            return Tombstones();
        }
        return base::fail(std::move(content).error());
    }
    return base::context(parse_tombstones(content.value()), path);
}

// Bytes of the files in a folder and in the folders below it.
base::Result<uint64_t> bytes_below(base::Files& files, const base::Path& folder) {
    uint64_t bytes = 0;
    TRY(const auto entries, files.list(folder));
    for (const base::FolderEntry& entry : entries) {
        const base::Path path = base::join_path(folder, entry.name);
        if (entry.is_directory) {
            TRY(const uint64_t below, bytes_below(files, path));
            bytes += below;
            continue;
        }
        TRY(const base::FileInfo info, files.stat(path));
        bytes += info.size;
    }
    return bytes;
}

}  // namespace

struct Block::Parts {
    base::Path folder;
    BlockMeta meta;
    uint64_t bytes = 0;
    std::unique_ptr<base::MappedFile> index_file;
    std::unique_ptr<IndexReader> index;  // reads index_file
    ChunkReader chunks;
    Tombstones tombstones;

    mutable base::Mutex mutex;
    mutable std::optional<std::string> damage GUARDED_BY(mutex);
};

Block::Block(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Block::~Block() = default;

base::Result<std::shared_ptr<const Block>> Block::open(base::Files& files,
                                                       const base::Path& folder) {
    auto parts = std::make_unique<Parts>();
    parts->folder = folder;
    TRY(parts->meta, read_meta(files, folder));
    const base::Path index = base::join_path(folder, kIndexFile);
    TRY(parts->index_file, files.map(index));
    TRY(parts->index, base::context(IndexReader::open(parts->index_file->bytes()), index));
    TRY(parts->chunks, ChunkReader::open(files, folder));
    TRY(parts->tombstones, read_tombstones(files, folder));
    TRY(parts->bytes, bytes_below(files, folder));
    return std::shared_ptr<const Block>(new Block(std::move(parts)));
}

const BlockMeta& Block::meta() const {
    return parts_->meta;
}

const base::Path& Block::folder() const {
    return parts_->folder;
}

uint64_t Block::bytes() const {
    return parts_->bytes;
}

const IndexReader& Block::index() const {
    return *parts_->index;
}

base::Path Block::index_path() const {
    return base::join_path(parts_->folder, kIndexFile);
}

const Tombstones& Block::tombstones() const {
    return parts_->tombstones;
}

base::Result<ChunkBytes> Block::chunk(ChunkRef ref) const {
    return parts_->chunks.chunk(ref);
}

void Block::prefetch(ChunkRef ref) const {
    parts_->chunks.prefetch(ref);
}

bool Block::overlaps(int64_t min_t, int64_t max_t) const {
    return parts_->meta.min_t < max_t && min_t < parts_->meta.max_t;
}

void Block::report_damage(const base::Error& error) const {
    const base::MutexLock lock(parts_->mutex);
    if (!parts_->damage.has_value()) {
        parts_->damage = error.message();
    }
}

std::optional<std::string> Block::damage() const {
    const base::MutexLock lock(parts_->mutex);
    return parts_->damage;
}

}  // namespace tsdb::block
