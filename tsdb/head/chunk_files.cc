#include "tsdb/head/chunk_files.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/sync.h"
#include "tsdb/head/chunk_entry.h"

namespace tsdb {

namespace {

constexpr std::string_view kSetAsideSuffix = ".damaged";
constexpr size_t kRefBytes = sizeof(uint64_t);  // at the front of an entry

// The entry of a series that starts in the granule at `from`. A payload can look like the start of
// an entry, so where several places would do, the checksum decides.
//   verify  the checksum must match in any case
std::optional<ChunkEntry> find_entry(base::ByteView file,
                                     uint64_t from,
                                     uint64_t series_ref,
                                     bool verify) {
    std::optional<ChunkEntry> guess;
    const uint64_t first = std::max<uint64_t>(from, kChunkFileHeaderBytes);
    const uint64_t end = std::min<uint64_t>(from + ChunkFiles::kGranuleBytes,
                                            file.size() - std::min(file.size(), kRefBytes - 1));
    for (uint64_t at = first; at < end; ++at) {
        if (base::load_be<uint64_t>(file.data() + at) != series_ref) {
            continue;
        }
        const base::ByteView rest = file.part(at);
        const auto entry = parse_chunk_entry(rest);
        if (!entry) {
            continue;
        }
        if ((verify || guess) && chunk_entry_intact(rest, *entry)) {
            return entry;
        }
        if (!verify && !guess) {
            guess = entry;
        }
    }
    return guess;
}

class MappedChunkFile final : public ChunkFile {
  public:
    MappedChunkFile(std::unique_ptr<base::MappedFile> map, uint64_t readable)
        : map_(std::move(map)), bytes_(map_->bytes()), readable_(readable) {}

    [[nodiscard]] const base::MappedFile& map() const { return *map_; }

    // Whole entries lie before this byte.
    void set_readable(uint64_t end) { readable_.store(end, std::memory_order_release); }

    base::Result<FiledChunk> read(uint64_t series_ref, ChunkPlace place) const override {
        return locate(series_ref, place, true);
    }

    void prefetch(ChunkPlace place) const override {
        constexpr size_t kLine = 64;
        constexpr size_t kLines = 4;  // most chunks of floats
        const uint8_t* const entry = bytes_.data() + place_offset(place);
        for (size_t i = 0; i < kLines; ++i) {
            __builtin_prefetch(entry + i * kLine);
        }
    }

    // verify  whether the payload's checksum is looked at in any case
    [[nodiscard]] base::Result<FiledChunk> locate(uint64_t series_ref,
                                                  ChunkPlace place,
                                                  bool verify) const;

  private:
    const std::unique_ptr<base::MappedFile> map_;
    const base::ByteView bytes_;
    std::atomic<uint64_t> readable_;  // what lies behind may not even be in the file
};

base::Result<FiledChunk> MappedChunkFile::locate(uint64_t series_ref,
                                                 ChunkPlace place,
                                                 bool verify) const {
    const base::ByteView readable = bytes_.part(0, readable_.load(std::memory_order_acquire));
    auto entry = find_entry(readable, place_offset(place), series_ref, verify);
    if (!entry) {
        return base::fail(base::Code::kCorrupt,
                          "no whole chunk of series",
                          series_ref,
                          "in",
                          map_->path(),
                          "near byte",
                          place_offset(place));
    }
    entry->chunk.place = place;
    return entry->chunk;
}

// Bytes of a finished file: readers of the format expect kChunkEntryMetaMax from the start of the
// last entry on (last_start; 0: there is none).
uint64_t file_end(uint64_t end, uint64_t last_start) {
    return last_start == 0 ? end : std::max<uint64_t>(end, last_start + kChunkEntryMetaMax);
}

class Store final : public ChunkFiles {
  public:
    Store(base::Files& files, base::Path folder, uint64_t file_bytes)
        : files_(files), folder_(std::move(folder)), file_bytes_(file_bytes) {}

    base::Status load(const std::function<void(const FiledChunk&)>& found);

    base::Result<ChunkPlace> append(uint64_t series_ref,
                                    int64_t min_t,
                                    int64_t max_t,
                                    model::Encoding encoding,
                                    bool out_of_order,
                                    std::span<const uint8_t> bytes) override;
    base::Status flush() override;
    base::Result<Pinned> read(uint64_t series_ref, ChunkPlace place) const override;
    base::Result<FiledChunk> read_times(uint64_t series_ref, ChunkPlace place) const override;

    void drop_pages() const override EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        for (const auto& file : slots_) {
            if (file != nullptr) {
                file->map().advise(base::MappedFile::Advice::kDontNeed);
            }
        }
    }

    std::shared_ptr<const ChunkFile> file(ChunkPlace place) const override EXCLUDES_LOCK(mutex_) {
        return mapped(place);
    }

    bool has(ChunkPlace place) const override EXCLUDES_LOCK(mutex_) {
        return mapped(place) != nullptr;
    }

    uint64_t full_ref(ChunkPlace place) const override;

    void hold(const std::bitset<kFilesMax>& files) override { held_ = files; }

    base::Status truncate(int64_t min_t) override;
    base::Status close() override;

    uint64_t bytes() const override { return total_.load(std::memory_order_relaxed); }

    const std::vector<ChunkFileDamage>& damages() const override { return damages_; }

  private:
    struct Kept {
        uint32_t number = 0;
        uint64_t bytes = 0;  // in the file, without the zeros behind
        int64_t max_t = INT64_MIN;
    };

    // How far everything went at a flush().
    struct Mark {
        uint32_t number = 0;
        uint64_t bytes = 0;
        uint64_t last_start = 0;
    };

    struct Begun {
        std::unique_ptr<base::WriteFile> writing;
        std::unique_ptr<base::MappedFile> map;
    };

    base::Path path_of(uint32_t number) const {
        return base::join_path(folder_, chunk_file_name(number));
    }

    base::Status load_file(const ChunkFileName& name,
                           bool last,
                           const std::function<void(const FiledChunk&)>& found);
    base::Status mend(const ChunkFileName& name, const ChunkFileWalk& walk, uint64_t file_size);
    base::Status give_up(const ChunkFileName& name);
    base::Status set_aside(const ChunkFileName& name);
    base::Status write_empty(const base::Path& path);
    base::Status drop_set_aside(uint32_t before);

    std::shared_ptr<const MappedChunkFile> mapped(ChunkPlace place) const;
    std::shared_ptr<MappedChunkFile> keep(Kept file, std::unique_ptr<base::MappedFile> map);
    void forget_slot(uint32_t number);
    base::Result<std::shared_ptr<const MappedChunkFile>> present(ChunkPlace place) const;

    bool fits(size_t entry_bytes) const;
    base::Status put(const FiledChunk& chunk, size_t entry_bytes);
    base::Status begin_file();
    base::Result<Begun> make_file(const base::Path& path);
    base::Status finish_file();
    base::Status write_buffer();
    void roll_back();
    base::Status put_end_mark();

    base::Files& files_;
    const base::Path folder_;
    const uint64_t file_bytes_;
    std::vector<ChunkFileDamage> damages_;
    std::atomic<uint64_t> total_ = 0;

    mutable base::Mutex mutex_;
    std::array<std::shared_ptr<MappedChunkFile>, kFilesMax> slots_ GUARDED_BY(mutex_);

    // The writer's.
    std::deque<Kept> kept_;  // by number, without gaps; while writing the last is the current one
    uint32_t next_number_ = 1;
    std::unique_ptr<base::WriteFile> current_;
    std::shared_ptr<MappedChunkFile> current_map_;
    std::string buffer_;           // follows what is in the current file
    uint64_t last_start_ = 0;      // of the last entry, in the current file
    std::bitset<kFilesMax> held_;  // not to be removed
    bool cut_next_ = false;        // the next append begins a file
    Mark flushed_;                 // what was appended behind it goes when a write fails
};

// --- opening ------------------------------------------------------------------------------------

base::Status Store::load(const std::function<void(const FiledChunk&)>& found) {
    TRY(base::context(files_.make_folders(folder_), "create the folder of head chunks"));
    TRY(files_.sync_folder(base::parent_path(folder_)));
    TRY(auto names, list_chunk_files(files_, folder_));
    // Numbers too far apart to share places: the newest stay.
    while (!names.empty() && names.back().number - names.front().number >= kFilesMax - 1) {
        damages_.push_back({names.front().path, 0, "more chunk files than can be kept"});
        TRY(set_aside(names.front()));
        names.erase(names.begin());
    }
    for (size_t i = 0; i < names.size(); ++i) {
        if (damages_.empty() && !kept_.empty() && kept_.back().number + 1 < names[i].number) {
            damages_.push_back({path_of(kept_.back().number + 1), 0, "the file is missing"});
        }
        if (!damages_.empty()) {
            TRY(give_up(names[i]));
            continue;
        }
        TRY(base::context(load_file(names[i], i + 1 == names.size(), found), "open head chunks"));
    }
    if (!kept_.empty()) {
        next_number_ = kept_.back().number + 1;
        flushed_ = {kept_.back().number, kept_.back().bytes, 0};
    }
    return files_.sync_folder(folder_);
}

base::Status Store::load_file(const ChunkFileName& name,
                              bool last,
                              const std::function<void(const FiledChunk&)>& found) {
    auto mapped_file = files_.map(name.path);
    if (!mapped_file) {
        damages_.push_back({name.path, 0, mapped_file.error().message()});
        kept_.push_back({.number = name.number});
        return base::success();
    }
    auto map = std::move(mapped_file).value();
    if (last && chunk_file_unborn(map->bytes())) {
        return files_.remove(name.path);
    }
    map->advise(base::MappedFile::Advice::kSequential);
    const ChunkFileWalk walk = walk_chunk_file(map->bytes(), name, found, damages_);
    map->advise(base::MappedFile::Advice::kDontNeed);
    map->advise(base::MappedFile::Advice::kNormal);
    TRY(mend(name, walk, map->bytes().size()));
    keep({name.number, walk.header_good ? walk.end : kChunkFileHeaderBytes, walk.max_t},
         walk.header_good ? std::move(map) : nullptr);
    return base::success();
}

// Leaves the file so that Prometheus opens it too: without what is not whole.
base::Status Store::mend(const ChunkFileName& name, const ChunkFileWalk& walk, uint64_t file_size) {
    if (!walk.header_good) {
        TRY(set_aside(name));
        return write_empty(name.path);
    }
    const uint64_t wanted = file_end(walk.end, walk.last_start);
    return wanted < file_size ? files_.truncate(name.path, wanted) : base::success();
}

// A file behind damage: a series' chunk that is lost must not stand between two that are known.
base::Status Store::give_up(const ChunkFileName& name) {
    damages_.push_back({name.path, 0, "a file before it is damaged"});
    return base::context(files_.remove(name.path), "remove head chunks behind damage");
}

base::Status Store::set_aside(const ChunkFileName& name) {
    return files_.rename(name.path, name.path + std::string(kSetAsideSuffix));
}

base::Status Store::write_empty(const base::Path& path) {
    TRY(const auto file, files_.create(path));
    TRY(file->append(chunk_file_header()));
    TRY(file->sync());
    return file->close();
}

// --- reading ------------------------------------------------------------------------------------

std::shared_ptr<const MappedChunkFile> Store::mapped(ChunkPlace place) const {
    const base::MutexLock lock(mutex_);
    return slots_[place_file(place)];
}

base::Result<std::shared_ptr<const MappedChunkFile>> Store::present(ChunkPlace place) const {
    auto file = mapped(place);
    if (file == nullptr) {
        return base::fail(base::Code::kCorrupt, "the file of head chunk", place, "is gone");
    }
    return file;
}

base::Result<ChunkFiles::Pinned> Store::read(uint64_t series_ref, ChunkPlace place) const {
    TRY(auto file, present(place));
    TRY(const FiledChunk chunk, file->locate(series_ref, place, true));
    return Pinned{chunk, std::move(file)};
}

base::Result<FiledChunk> Store::read_times(uint64_t series_ref, ChunkPlace place) const {
    TRY(const auto file, present(place));
    TRY(FiledChunk chunk, file->locate(series_ref, place, false));
    chunk.bytes = {};  // nothing pins them
    return chunk;
}

std::shared_ptr<MappedChunkFile> Store::keep(Kept file, std::unique_ptr<base::MappedFile> map) {
    kept_.push_back(file);
    total_.fetch_add(file.bytes, std::memory_order_relaxed);
    if (map == nullptr) {
        return nullptr;
    }
    auto entry = std::make_shared<MappedChunkFile>(std::move(map), file.bytes);
    const base::MutexLock lock(mutex_);
    slots_[file.number % kFilesMax] = entry;
    return entry;
}

void Store::forget_slot(uint32_t number) {
    std::shared_ptr<MappedChunkFile> gone;  // unmapped without the lock
    const base::MutexLock lock(mutex_);
    gone.swap(slots_[number % kFilesMax]);
}

// --- writing ------------------------------------------------------------------------------------

base::Result<ChunkPlace> Store::append(uint64_t series_ref,
                                       int64_t min_t,
                                       int64_t max_t,
                                       model::Encoding encoding,
                                       bool out_of_order,
                                       std::span<const uint8_t> bytes) {
    SKEIN_DCHECK(series_ref != 0 && min_t <= max_t, "a chunk without a series or times");
    const size_t entry_bytes = chunk_entry_bytes(bytes.size());
    if (kChunkFileHeaderBytes + std::max(entry_bytes, kChunkEntryMetaMax) > file_bytes_) {
        return base::fail(base::Code::kLimit, "a chunk of", bytes.size(), "bytes fits no file");
    }
    const FiledChunk chunk{series_ref, 0, min_t, max_t, encoding, out_of_order, bytes};
    auto status = put(chunk, entry_bytes);
    if (!status) {
        roll_back();
        return base::fail(std::move(status).error());
    }
    return chunk_place(kept_.back().number, last_start_);
}

base::Status Store::put(const FiledChunk& chunk, size_t entry_bytes) {
    if (current_ == nullptr || cut_next_ || !fits(entry_bytes)) {
        TRY(finish_file());
        TRY(begin_file());
    }
    if (buffer_.size() + entry_bytes > kBufferBytes) {
        TRY(write_buffer());
    }
    Kept& file = kept_.back();
    last_start_ = file.bytes + buffer_.size();
    file.max_t = std::max(file.max_t, chunk.max_t);
    put_chunk_entry(buffer_, chunk);
    return base::success();
}

// A reader of the format expects kChunkEntryMetaMax bytes from each entry's start on.
bool Store::fits(size_t entry_bytes) const {
    return kept_.back().bytes + buffer_.size() + std::max(entry_bytes, kChunkEntryMetaMax) <=
           file_bytes_;
}

base::Status Store::begin_file() {
    if (!kept_.empty() && next_number_ - kept_.front().number >= kFilesMax) {
        return base::fail(base::Code::kLimit,
                          "head chunks fill",
                          kFilesMax,
                          "files: wait until a block is cut from them");
    }
    const base::Path path = path_of(next_number_);
    auto begun = make_file(path);
    if (!begun) {
        base::ignore(files_.remove(path), "a file without chunks; its number is used again");
        return base::fail(std::move(begun).error());
    }
    current_ = std::move(begun.value().writing);
    current_map_ =
        keep({next_number_, kChunkFileHeaderBytes, INT64_MIN}, std::move(begun.value().map));
    ++next_number_;
    cut_next_ = false;
    last_start_ = 0;
    return base::success();
}

base::Result<Store::Begun> Store::make_file(const base::Path& path) {
    Begun begun;
    TRY(begun.writing, files_.create(path));
    TRY(begun.writing->truncate(file_bytes_));
    TRY(begun.writing->write_at(0, chunk_file_header()));
    TRY(files_.sync_folder(folder_));
    TRY(begun.map, files_.map(path));
    return begun;
}

// Writes out, cuts, syncs and closes the current file, if there is one.
base::Status Store::finish_file() {
    if (current_ == nullptr) {
        return base::success();
    }
    TRY(write_buffer());
    // Whatever happens now, nothing more is written to it.
    const auto file = std::exchange(current_, nullptr);
    current_map_ = nullptr;
    base::ignore(file->truncate(file_end(kept_.back().bytes, last_start_)),
                 "the zeros behind the chunks are as good an end");
    TRY(base::context(file->sync(), "sync head chunks"));
    return file->close();
}

base::Status Store::write_buffer() {
    if (buffer_.empty()) {
        return base::success();
    }
    Kept& file = kept_.back();
    TRY(base::context(current_->write_at(file.bytes, buffer_), "write head chunks"));
    file.bytes += buffer_.size();
    total_.fetch_add(buffer_.size(), std::memory_order_relaxed);
    buffer_.clear();
    current_map_->set_readable(file.bytes);
    return base::success();
}

base::Status Store::flush() {
    auto status = write_buffer();
    if (!status) {
        roll_back();
        return status;
    }
    if (!kept_.empty()) {
        flushed_ = {kept_.back().number, kept_.back().bytes, last_start_};
    }
    return base::success();
}

// Takes back what was appended since the last flush(), so that it can be appended again without
// being there twice.
void Store::roll_back() {
    buffer_.clear();
    while (!kept_.empty() && kept_.back().number > flushed_.number) {
        const uint32_t number = kept_.back().number;
        total_.fetch_sub(kept_.back().bytes, std::memory_order_relaxed);
        kept_.pop_back();
        forget_slot(number);
        current_ = nullptr;
        current_map_ = nullptr;
        base::ignore(files_.remove(path_of(number)), "its number is used again");
        next_number_ = number;
    }
    last_start_ = flushed_.last_start;
    if (kept_.empty() || kept_.back().number != flushed_.number) {
        return;
    }
    total_.fetch_sub(kept_.back().bytes - flushed_.bytes, std::memory_order_relaxed);
    kept_.back().bytes = flushed_.bytes;
    if (current_ != nullptr) {
        // Cut down and up again: what a torn write left becomes zeros.
        current_map_->set_readable(flushed_.bytes);
        if (current_->truncate(flushed_.bytes) && current_->truncate(file_bytes_)) {
            return;
        }
        current_ = nullptr;
        current_map_ = nullptr;
    }
    if (!files_.truncate(path_of(flushed_.number), file_end(flushed_.bytes, flushed_.last_start))) {
        base::ignore(put_end_mark(), "nothing more can be done to the file");
    }
}

// Zeros behind the last flushed chunk: readers go no farther.
base::Status Store::put_end_mark() {
    TRY(const auto file, files_.open_append(path_of(flushed_.number)));
    return file->write_at(flushed_.bytes, std::string(kChunkEntryMetaMax, '\0'));
}

// --- removing -----------------------------------------------------------------------------------

// At most kFilesMax files are there at a time, the newest below next_number_.
uint64_t Store::full_ref(ChunkPlace place) const {
    const uint32_t newest = next_number_ - 1;
    const uint32_t back = (newest + kFilesMax - place_file(place)) % kFilesMax;
    return uint64_t{newest - back} << 32 | place_offset(place);
}

base::Status Store::truncate(int64_t min_t) {
    TRY(flush());
    cut_next_ = !kept_.empty() && kept_.back().bytes > kChunkFileHeaderBytes;
    bool removed = false;
    // From the oldest on and without leaving gaps.
    while (kept_.size() > (current_ != nullptr ? 1 : 0) && kept_.front().max_t < min_t &&
           !held_.test(kept_.front().number % kFilesMax)) {
        const Kept file = kept_.front();
        TRY(base::context(files_.remove(path_of(file.number)), "remove head chunks"));
        kept_.pop_front();
        forget_slot(file.number);
        total_.fetch_sub(file.bytes, std::memory_order_relaxed);
        removed = true;
    }
    if (!removed) {
        return base::success();
    }
    TRY(drop_set_aside(kept_.empty() ? next_number_ : kept_.front().number));
    return files_.sync_folder(folder_);
}

base::Status Store::drop_set_aside(uint32_t before) {
    TRY(const auto entries, files_.list(folder_));
    for (const auto& entry : entries) {
        std::string_view name = entry.name;
        if (!name.ends_with(kSetAsideSuffix)) {
            continue;
        }
        name.remove_suffix(kSetAsideSuffix.size());
        const auto number = chunk_file_number(name);
        if (number && *number < before) {
            TRY(files_.remove(base::join_path(folder_, entry.name)));
        }
    }
    return base::success();
}

base::Status Store::close() {
    TRY(flush());
    return finish_file();
}

}  // namespace

base::Result<std::unique_ptr<ChunkFiles>> ChunkFiles::open(
    base::Files& files,
    const base::Path& folder,
    const std::function<void(const FiledChunk&)>& found,
    uint64_t file_bytes) {
    SKEIN_CHECK(file_bytes <= kFileBytes, "places reach no farther", file_bytes);
    auto store = std::make_unique<Store>(files, folder, file_bytes);
    TRY(store->load(found));
    return store;
}

}  // namespace tsdb
