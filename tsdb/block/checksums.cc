#include "tsdb/block/checksums.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/block_file.h"
#include "tsdb/block/format.h"
#include "tsdb/block/meta.h"
#include "tsdb/block/tombstones.h"

namespace tsdb::block {
namespace {

constexpr std::string_view kMagic = "SKCS";
constexpr uint8_t kVersion = 1;
constexpr size_t kFileBytesMax = size_t{256} << 20;  // the sums of a block of 4 TiB
constexpr size_t kTombstonesBytesMax = size_t{1} << 30;

uint64_t pages_of(uint64_t bytes) {
    return (bytes + kChecksumPageBytes - 1) / kChecksumPageBytes;
}

// A name that cannot lead out of the block's folder.
bool stays_inside(std::string_view name) {
    return !name.empty() && name.front() != '/' && name.find("..") == std::string_view::npos;
}

FileChecksums parse_file(base::ByteReader& reader) {
    FileChecksums file;
    file.name = reader.str();
    file.bytes = reader.uvarint();
    const uint64_t pages = pages_of(file.bytes);
    if (!stays_inside(file.name) || pages > reader.remaining() / sizeof(uint32_t)) {
        reader.fail();
        return file;
    }
    file.pages.reserve(static_cast<size_t>(pages));
    for (uint64_t page = 0; page < pages; ++page) {
        file.pages.push_back(reader.be32());
    }
    return file;
}

base::Result<Checksums> parse(base::ByteView bytes) {
    if (bytes.size() < kMagic.size() + 1 + kCrcBytes ||
        bytes.part(0, kMagic.size()).text() != kMagic) {
        return base::fail(base::Code::kCorrupt, "no checksum file");
    }
    const size_t end = bytes.size() - kCrcBytes;
    if (base::crc32c(bytes.part(0, end)) != base::load_be<uint32_t>(bytes.data() + end)) {
        return base::fail(base::Code::kCorrupt, "the sums do not fit their own checksum");
    }
    base::ByteReader reader(bytes.part(kMagic.size(), end - kMagic.size()));
    const uint8_t version = reader.u8();
    if (version != kVersion) {
        return base::fail(base::Code::kUnsupported, "unknown version", int{version});
    }
    const uint64_t page_bytes = reader.uvarint();
    if (page_bytes != kChecksumPageBytes) {
        return base::fail(base::Code::kUnsupported, "unknown size of a page", page_bytes);
    }
    Checksums checksums;
    for (uint64_t left = reader.uvarint(); left != 0 && reader.ok(); --left) {
        checksums.files.push_back(parse_file(reader));
    }
    if (!reader.finished()) {
        return base::fail(base::Code::kCorrupt, "the sums end in mid-air");
    }
    return checksums;
}

base::Path checksums_path(const base::Path& folder) {
    return base::join_path(folder, kChecksumsFile);
}

// Goes over a file page by page until `page` returns false.
template <class Page>
base::Status for_each_page(base::Files& files, const base::Path& path, const Page& page) {
    TRY(const auto file, files.open_read(path));
    std::vector<uint8_t> buffer(kChecksumPageBytes);
    for (uint64_t offset = 0;; offset += kChecksumPageBytes) {
        TRY(const size_t got, file->read_at(offset, buffer));
        if (got == 0 || !page(base::ByteView(buffer.data(), got)) || got < buffer.size()) {
            return base::success();
        }
    }
}

base::Result<FileChecksums> sum_file(base::Files& files,
                                     const base::Path& folder,
                                     const std::string& name) {
    PageSums sums(name);
    TRY(for_each_page(files, base::join_path(folder, name), [&](base::ByteView page) {
        sums.add(page);
        return true;
    }));
    return std::move(sums).finish();
}

// The names of the block's files that are there, chunks in their order.
base::Result<std::vector<std::string>> block_files(base::Files& files, const base::Path& folder) {
    std::vector<std::string> names;
    for (const std::string_view name : {kMetaFile, kTombstonesFile, kIndexFile}) {
        TRY(const bool there, files.exists(base::join_path(folder, name)));
        if (there) {
            names.emplace_back(name);
        }
    }
    TRY(const auto chunks, files.list(base::join_path(folder, kChunksFolder)));
    for (const base::FolderEntry& entry : chunks) {
        if (!entry.is_directory) {
            names.push_back(base::join_path(kChunksFolder, entry.name));
        }
    }
    return names;
}

bool sound_tombstones(base::Files& files, const base::Path& folder) {
    const auto bytes =
        base::read_file(files, base::join_path(folder, kTombstonesFile), kTombstonesBytesMax);
    return bytes && parse_tombstones(bytes.value());
}

// Whether meta.json was written anew since it was summed up, rather than damaged: damage that keeps
// it readable keeps its length.
bool rewritten_meta(base::Files& files,
                    const base::Path& folder,
                    const FileChecksums& want,
                    const FileChecksums& found) {
    return found.bytes != want.bytes && read_meta(files, folder).has_value();
}

ChecksumMismatch wrong_bytes(const FileChecksums& want, uint64_t offset) {
    return {want.name, offset, "the bytes from here on do not fit their checksum"};
}

//   offset  of the first page that differs
ChecksumMismatch wrong_length(const FileChecksums& want, uint64_t bytes, uint64_t offset = 0) {
    return {want.name,
            offset,
            "the file has " + std::to_string(bytes) + " bytes and should have " +
                std::to_string(want.bytes)};
}

// Reads a block's files beside their sums.
class Verification {
  public:
    Verification(base::Files& files,
                 const base::Path& folder,
                 const std::function<bool(size_t)>& pace)
        : files_(files), folder_(folder), pace_(pace) {}

    [[nodiscard]] bool ended() const { return ended_; }

    // One file, against the contents that are good for it.
    base::Result<std::optional<ChecksumMismatch>> check(
        const std::vector<const FileChecksums*>& good) {
        const std::string& name = good.front()->name;
        TRY(const bool there, files_.exists(base::join_path(folder_, name)));
        if (!there) {
            return std::optional(ChecksumMismatch{name, 0, "the file is missing"});
        }
        TRY(const FileChecksums found, sum(name));
        if (ended_) {
            return std::optional<ChecksumMismatch>();
        }
        for (const FileChecksums* const one : good) {
            if (*one == found) {
                return std::optional<ChecksumMismatch>();
            }
        }
        if (name == kTombstonesFile && sound_tombstones(files_, folder_)) {
            return std::optional<ChecksumMismatch>();
        }
        if (name == kMetaFile && rewritten_meta(files_, folder_, *good.back(), found)) {
            return std::optional<ChecksumMismatch>();
        }
        return std::optional(difference(*good.back(), found));
    }

  private:
    base::Result<FileChecksums> sum(const std::string& name) {
        PageSums sums(name);
        TRY(for_each_page(files_, base::join_path(folder_, name), [&](base::ByteView page) {
            sums.add(page);
            ended_ = pace_ && !pace_(page.size());
            return !ended_;
        }));
        return std::move(sums).finish();
    }

    static ChecksumMismatch difference(const FileChecksums& want, const FileChecksums& found) {
        const auto [in_want, in_found] = std::mismatch(
            want.pages.begin(), want.pages.end(), found.pages.begin(), found.pages.end());
        const uint64_t offset =
            static_cast<uint64_t>(in_want - want.pages.begin()) * kChecksumPageBytes;
        return want.bytes == found.bytes ? wrong_bytes(want, offset)
                                         : wrong_length(want, found.bytes, offset);
    }

    base::Files& files_;
    const base::Path& folder_;
    const std::function<bool(size_t)>& pace_;
    bool ended_ = false;
};

}  // namespace

void PageSums::add(base::ByteView bytes) {
    while (!bytes.empty()) {
        const size_t in_page = sums_.bytes % kChecksumPageBytes;
        if (in_page == 0) {
            sums_.pages.push_back(0);
        }
        const base::ByteView piece = bytes.part(0, kChecksumPageBytes - in_page);
        sums_.pages.back() = base::crc32c(piece, sums_.pages.back());
        sums_.bytes += piece.size();
        bytes = bytes.part(piece.size());
    }
}

void PageSums::patch(uint64_t offset, base::ByteView bytes) {
    while (!bytes.empty()) {
        const size_t in_page = offset % kChecksumPageBytes;
        const base::ByteView piece = bytes.part(0, kChecksumPageBytes - in_page);
        const uint64_t page_end = std::min(offset - in_page + kChecksumPageBytes, sums_.bytes);
        uint32_t& sum = sums_.pages[static_cast<size_t>(offset / kChecksumPageBytes)];
        sum = crc32c_patched(sum, piece, page_end - offset - piece.size());
        offset += piece.size();
        bytes = bytes.part(piece.size());
    }
}

FileChecksums checksums_of(std::string name, base::ByteView bytes) {
    PageSums sums(std::move(name));
    sums.add(bytes);
    return std::move(sums).finish();
}

base::Result<Checksums> compute_checksums(base::Files& files, const base::Path& folder) {
    TRY(const auto names, block_files(files, folder));
    Checksums checksums;
    for (const std::string& name : names) {
        TRY(auto sums, sum_file(files, folder, name));
        checksums.files.push_back(std::move(sums));
    }
    return checksums;
}

std::string encode_checksums(const Checksums& checksums) {
    std::string out;
    base::ByteWriter writer(out);
    writer.bytes(kMagic);
    writer.u8(kVersion);
    writer.uvarint(kChecksumPageBytes);
    writer.uvarint(checksums.files.size());
    for (const FileChecksums& file : checksums.files) {
        writer.str(file.name);
        writer.uvarint(file.bytes);
        for (const uint32_t page : file.pages) {
            writer.be32(page);
        }
    }
    writer.be32(base::crc32c(writer.written()));
    writer.finish();
    return out;
}

base::Status write_checksums(base::Files& files,
                             const base::Path& folder,
                             const Checksums& checksums) {
    return base::replace_file(files, checksums_path(folder), encode_checksums(checksums));
}

base::Result<Checksums> read_checksums(base::Files& files, const base::Path& folder) {
    const base::Path path = checksums_path(folder);
    TRY(const std::string bytes, base::read_file(files, path, kFileBytesMax));
    return base::context(parse(bytes), "read checksums", path);
}

base::Status replace_block_file(base::Files& files,
                                const base::Path& folder,
                                std::string_view name,
                                base::ByteView content) {
    const base::Path path = base::join_path(folder, name);
    auto checksums = read_checksums(files, folder);
    if (!checksums) {
        if (checksums.error().code() != base::Code::kNotFound) {
            return base::fail(std::move(checksums).error());
        }
        return base::replace_file(files, path, content);
    }
    auto& sums = checksums.value().files;
    FileChecksums now = checksums_of(std::string(name), content);
    sums.push_back(now);
    TRY(write_checksums(files, folder, checksums.value()));
    TRY(base::replace_file(files, path, content));
    std::erase_if(sums, [&](const FileChecksums& file) { return file.name == name; });
    sums.push_back(std::move(now));
    return write_checksums(files, folder, checksums.value());
}

base::Result<std::optional<ChecksumMismatch>> glance_at_checksums(base::Files& files,
                                                                  const base::Path& folder,
                                                                  const Checksums& checksums) {
    std::vector<uint8_t> buffer(kChecksumPageBytes);
    for (const FileChecksums& file : checksums.files) {
        if (file.name == kMetaFile || file.name == kTombstonesFile || file.pages.empty()) {
            continue;
        }
        const base::Path path = base::join_path(folder, file.name);
        TRY(const base::FileInfo info, files.stat(path));
        if (info.size != file.bytes) {
            return std::optional(wrong_length(file, info.size));
        }
        TRY(const auto opened, files.open_read(path));
        TRY(const size_t got, opened->read_at(0, buffer));
        if (base::crc32c(base::ByteView(buffer.data(), got)) != file.pages.front()) {
            return std::optional(wrong_bytes(file, 0));
        }
    }
    return std::optional<ChecksumMismatch>();
}

base::Result<std::vector<ChecksumMismatch>> verify_checksums(
    base::Files& files, const base::Path& folder, const std::function<bool(size_t)>& pace) {
    TRY(const Checksums checksums, read_checksums(files, folder));
    std::vector<std::vector<const FileChecksums*>> by_name;
    for (const FileChecksums& file : checksums.files) {
        const auto same = std::find_if(by_name.begin(), by_name.end(), [&](const auto& good) {
            return good.front()->name == file.name;
        });
        if (same != by_name.end()) {
            same->push_back(&file);
        } else {
            by_name.push_back({&file});
        }
    }
    Verification verification(files, folder, pace);
    std::vector<ChecksumMismatch> mismatches;
    for (const auto& good : by_name) {
        TRY(auto mismatch, verification.check(good));
        if (verification.ended()) {
            break;
        }
        if (mismatch) {
            mismatches.push_back(std::move(*mismatch));
        }
    }
    return mismatches;
}

}  // namespace tsdb::block
