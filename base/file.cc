#include "base/file.h"

namespace base {

Path join_path(std::string_view folder, std::string_view name) {
    Path path(folder);
    if (!path.empty() && path.back() != '/') {
        path.push_back('/');
    }
    path.append(name);
    return path;
}

Path parent_path(std::string_view path) {
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) {
        return ".";
    }
    return Path(path.substr(0, slash == 0 ? 1 : slash));
}

std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

Result<bool> Files::exists(const Path& path) {
    const auto info = stat(path);
    if (info.has_value()) {
        return true;
    }
    if (info.error().code() == Code::kNotFound) {
        return false;
    }
    return fail(info.error());
}

Result<std::string> read_file(Files& files, const Path& path, size_t limit) {
    TRY(const auto file, files.open_read(path));
    std::string content;
    constexpr size_t kPiece = size_t{64} << 10;
    TRY(const auto size, file->size());
    // Files of /proc and pipes do not tell their size, so the end is where reading stops.
    size_t room = size + 1;
    while (true) {
        const size_t used = content.size();
        if (used > limit) {
            return fail(Code::kLimit, "file", path, "is longer than the limit of", limit, "bytes");
        }
        room = room < limit - used + 1 ? room : limit - used + 1;
        content.resize(used + room);
        const std::span<uint8_t> to(reinterpret_cast<uint8_t*>(content.data()) + used, room);
        TRY(const auto got, file->read_at(used, to));
        content.resize(used + got);
        if (got < room) {
            return content;
        }
        room = kPiece;
    }
}

Status replace_file(Files& files, const Path& path, ByteView bytes) {
    const Path temporary = path + ".tmp";
    TRY(auto file, files.create(temporary));
    TRY(file->append(bytes));
    TRY(file->sync());
    TRY(file->close());
    TRY(files.rename(temporary, path));
    return files.sync_folder(parent_path(path));
}

}  // namespace base
