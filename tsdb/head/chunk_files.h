// chunks_head: the head's complete chunks, written to files and mapped.
// source: docs/formats/chunks_head.md, after Prometheus 3.14 (9.6)
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "model/chunk.h"

namespace tsdb {

// Where a chunk lies, in four bytes: the file's number modulo kFilesMax and the 16-byte granule its
// entry starts in. An entry is longer than a granule, so there is at most one start per granule;
// which byte it is is found by the series' ref.
using ChunkPlace = uint32_t;

// What an entry says of its chunk.
struct FiledChunk {
    uint64_t series_ref = 0;
    ChunkPlace place = 0;
    int64_t min_t = 0;
    int64_t max_t = 0;  // inclusive
    model::Encoding encoding = model::Encoding::kNone;
    bool out_of_order = false;
    std::span<const uint8_t> bytes;  // the payload
};

// A file, or the end of one, that could not be read.
struct ChunkFileDamage {
    base::Path path;
    uint64_t offset = 0;
    std::string reason;
};

// One file as readers see it: mapped while they hold it. Threads: any.
class ChunkFile {
  public:
    virtual ~ChunkFile() = default;

    // The series' chunk at the place, which is in this file. Its bytes live as long as this.
    //   errors  kCorrupt: checksum, or no such entry
    [[nodiscard]] virtual base::Result<FiledChunk> read(uint64_t series_ref,
                                                        ChunkPlace place) const = 0;
    // Asks for the entry's memory ahead of read().
    virtual void prefetch(ChunkPlace place) const = 0;
};

//   threads   append(), flush(), truncate() and close(): one at a time (the caller's). bytes():
//   any.
//             read(): any, for places that were handed over with a release/acquire pair after
//             flush()
//   limits    kFilesMax files of kFileBytes at a time: 64 GiB
class ChunkFiles {
  public:
    static constexpr uint64_t kFileBytes = uint64_t{128} << 20;
    static constexpr uint32_t kGranuleBytes = 16;
    static constexpr uint32_t kFilesMax = 512;
    static constexpr size_t kBufferBytes = size_t{1} << 20;  // written together

    // Opens the folder, made if need be, and tells of every chunk that is whole, file by file in
    // the order written, up to the first damage: the rest of that file and later files are removed,
    // so that a series' chunks never have a hole (what they held is in the write-ahead log). What
    // is lost is in damages(). Writing goes on in a new file.
    // The folder is left so that Prometheus opens it: the last file is cut behind its last whole
    // chunk; one without a good header is set aside as NAME.damaged (until files as old are
    // truncated), with a file without chunks in its place.
    //   file_bytes  of each new file; kFileBytes but in tests
    [[nodiscard]] static base::Result<std::unique_ptr<ChunkFiles>> open(
        base::Files& files,
        const base::Path& folder,
        const std::function<void(const FiledChunk&)>& found,
        uint64_t file_bytes = kFileBytes);
    virtual ~ChunkFiles() = default;

    // Puts a chunk into the buffer, which is written when it is full.
    //   returns  the place; readable after flush()
    //   errors   kNoSpace, kIo: the chunk is not in a file, nor are those since the last flush():
    //            hold them and append them again; kLimit: kFilesMax files are there
    [[nodiscard]] virtual base::Result<ChunkPlace> append(uint64_t series_ref,
                                                          int64_t min_t,
                                                          int64_t max_t,
                                                          model::Encoding encoding,
                                                          bool out_of_order,
                                                          std::span<const uint8_t> bytes) = 0;
    // Writes the buffer: what was appended can be read, and survives the process.
    [[nodiscard]] virtual base::Status flush() = 0;

    // A chunk with what keeps it mapped. errors  kCorrupt: checksum, or no such entry
    struct Pinned {
        FiledChunk chunk;
        std::shared_ptr<const void> pin;
    };

    [[nodiscard]] virtual base::Result<Pinned> read(uint64_t series_ref,
                                                    ChunkPlace place) const = 0;
    // The same without looking at the payload: times only.
    [[nodiscard]] virtual base::Result<FiledChunk> read_times(uint64_t series_ref,
                                                              ChunkPlace place) const = 0;

    // The place's file, for reading many of its chunks; null: it is gone.
    [[nodiscard]] virtual std::shared_ptr<const ChunkFile> file(ChunkPlace place) const = 0;

    // Whether the place's file is still there.
    [[nodiscard]] virtual bool has(ChunkPlace place) const = 0;

    // Mapped pages need not stay resident: they are read again when they are asked for. Any thread.
    virtual void drop_pages() const = 0;

    // The place as Prometheus writes it into logs: the file's number and the offset of the place's
    // granule. Threads: as append().
    [[nodiscard]] virtual uint64_t full_ref(ChunkPlace place) const = 0;

    // From now on truncate() stops at a file that is among these (by number modulo kFilesMax),
    // however old its chunks are.
    virtual void hold(const std::bitset<kFilesMax>& files) = 0;

    // Removes files all of whose chunks end before `min_t`; begins a new file so that the current
    // one can go next time. Readers that pin a file keep it mapped.
    [[nodiscard]] virtual base::Status truncate(int64_t min_t) = 0;

    // Bytes of all files.
    [[nodiscard]] virtual uint64_t bytes() const = 0;
    [[nodiscard]] virtual const std::vector<ChunkFileDamage>& damages() const = 0;
    // Flushes, cuts the current file to its length, syncs and closes it.
    [[nodiscard]] virtual base::Status close() = 0;
};

}  // namespace tsdb
