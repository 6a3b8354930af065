#include "tsdb/block/writer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/chunk_codec.h"
#include "tsdb/block/checksums.h"
#include "tsdb/block/format.h"
#include "tsdb/block/index_writer.h"
#include "tsdb/block/tombstones.h"

namespace tsdb::block {
namespace {

constexpr size_t kFilesAtOnce = 2;  // of chunks, and the index

// The folder of a block that is not published yet: gone with the object.
class DraftFolder {
  public:
    DraftFolder(base::Files& files, const base::Path& data_folder, const Ulid& ulid)
        : files_(files),
          data_folder_(data_folder),
          published_(base::join_path(data_folder, ulid.text())),
          draft_(published_ + std::string(kCreationSuffix)) {}

    ~DraftFolder() {
        if (!kept_) {
            base::ignore(files_.remove_tree(draft_), "removed at the next start then");
        }
    }

    DraftFolder(const DraftFolder&) = delete;
    DraftFolder& operator=(const DraftFolder&) = delete;

    [[nodiscard]] const base::Path& path() const { return draft_; }

    base::Status make() {
        TRY(files_.remove_tree(draft_));
        return files_.make_folders(base::join_path(draft_, kChunksFolder));
    }

    // After everything in it was synced. Its own name is synced too before it changes: what moves
    // is on the disk already then, with all that is in it.
    base::Status publish() {
        TRY(files_.sync_folder(draft_));
        TRY(files_.sync_folder(data_folder_));
        TRY(files_.rename(draft_, published_));
        auto synced = files_.sync_folder(data_folder_);
        if (!synced) {
            take_back();
            return synced;
        }
        kept_ = true;
        return base::success();
    }

  private:
    // The caller will try again: two blocks of the same samples must not be. Renamed first, so that
    // there is never a part of a block under a block's name.
    void take_back() {
        if (!files_.rename(published_, draft_)) {
            kept_ = true;  // whole, if not for certain there after a power cut
        }
    }

    base::Files& files_;
    const base::Path data_folder_;
    const base::Path published_;
    const base::Path draft_;
    bool kept_ = false;
};

bool known(model::Encoding encoding) {
    return encoding > model::Encoding::kNone && encoding <= model::Encoding::kFloatHistogramSt;
}

void count(const ChunkInput& chunk, BlockStats& stats) {
    const uint64_t samples = model::sample_count(chunk.encoding, chunk.bytes);
    const bool floats =
        chunk.encoding == model::Encoding::kXor || chunk.encoding == model::Encoding::kXor2;
    (floats ? stats.float_samples : stats.histogram_samples) += samples;
    stats.samples += samples;
    ++stats.chunks;
}

}  // namespace

struct BlockWriter::Parts {
    Parts(base::Files& writes_to,
          const base::Path& data_folder,
          const Ulid& name,
          const Options& options)
        : files(writes_to),
          ulid(name),
          folder(writes_to, data_folder, name),
          chunks(writes_to, folder.path(), options.segment_bytes),
          buffers(options.memory) {
        buffers.set(kFilesAtOnce * BlockFile::kBufferBytes);
    }

    base::Status add_series(std::span<const model::LabelSymbols> labels,
                            std::span<const ChunkInput> inputs);
    base::Status finish(const BlockMeta& meta);
    base::Status write_file(std::string_view name, base::ByteView content);

    // Remembers the first error: the block is given up then.
    template <class T>
    base::Result<T> keep(base::Result<T> outcome) {
        if (!outcome) {
            given_up = outcome.error();
        }
        return outcome;
    }

    base::Files& files;
    const Ulid ulid;
    DraftFolder folder;
    ChunkSegments chunks;
    std::unique_ptr<IndexWriter> index;
    Checksums checksums;
    BlockStats stats;
    std::vector<ChunkMeta> places;  // scratch
    base::TakenMemory buffers;
    std::optional<base::Error> given_up;
};

base::Status BlockWriter::Parts::add_series(std::span<const model::LabelSymbols> labels,
                                            std::span<const ChunkInput> inputs) {
    places.clear();
    for (const ChunkInput& input : inputs) {
        if (!known(input.encoding)) {
            return base::fail(
                base::Code::kInvalid, "no encoding of a chunk:", static_cast<int>(input.encoding));
        }
        TRY(const ChunkRef ref, chunks.add(input));
        places.push_back({input.min_t, input.max_t, ref});
        count(input, stats);
    }
    TRY(index->add_series(labels, places));
    ++stats.series;
    return base::success();
}

base::Status BlockWriter::Parts::write_file(std::string_view name, base::ByteView content) {
    TRY(auto file, BlockFile::create(files, folder.path(), name));
    TRY(file.append(content));
    TRY(auto sums, file.finish());
    checksums.files.push_back(std::move(sums));
    return base::success();
}

base::Status BlockWriter::Parts::finish(const BlockMeta& meta) {
    TRY(checksums.files, chunks.finish());
    TRY(auto index_sums, index->finish());
    checksums.files.push_back(std::move(index_sums));
    TRY(write_file(kMetaFile, to_json(meta)));
    TRY(write_file(kTombstonesFile, to_bytes(Tombstones())));
    TRY(write_checksums(files, folder.path(), checksums));
    return folder.publish();
}

base::Result<std::unique_ptr<BlockWriter>> BlockWriter::create(base::Files& files,
                                                               const base::Path& data_folder,
                                                               const Ulid& ulid,
                                                               const Options& options) {
    auto parts = std::make_unique<Parts>(files, data_folder, ulid, options);
    TRY(parts->folder.make());
    TRY(parts->index,
        IndexWriter::create(files, parts->folder.path(), options.postings_bytes, options.memory));
    return std::unique_ptr<BlockWriter>(new BlockWriter(std::move(parts)));
}

uint64_t BlockWriter::memory_max(uint64_t symbols,
                                 uint64_t pairs,
                                 uint64_t labels,
                                 uint64_t postings_bytes) {
    return kFilesAtOnce * BlockFile::kBufferBytes +
           IndexWriter::memory_max(symbols, pairs, labels, postings_bytes);
}

BlockWriter::BlockWriter(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

BlockWriter::~BlockWriter() = default;

base::Status BlockWriter::add_symbol(std::string_view symbol) {
    if (parts_->given_up) {
        return base::fail(*parts_->given_up);
    }
    return parts_->keep(parts_->index->add_symbol(symbol));
}

base::Status BlockWriter::add_series(std::span<const model::LabelSymbols> labels,
                                     std::span<const ChunkInput> chunks) {
    if (parts_->given_up) {
        return base::fail(*parts_->given_up);
    }
    return parts_->keep(parts_->add_series(labels, chunks));
}

base::Result<std::optional<BlockMeta>> BlockWriter::publish(BlockMeta meta) {
    if (parts_->given_up) {
        return base::fail(*parts_->given_up);
    }
    if (parts_->stats.series == 0) {
        return std::optional<BlockMeta>();
    }
    meta.ulid = parts_->ulid;
    meta.stats = parts_->stats;
    if (meta.sources.empty()) {
        meta.sources.push_back(meta.ulid);
    }
    TRY(base::context(parts_->keep(parts_->finish(meta)), "write block", meta.ulid.text()));
    return std::optional(std::move(meta));
}

}  // namespace tsdb::block
