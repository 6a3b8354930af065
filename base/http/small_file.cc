#include "base/http/small_file.h"

#include <cerrno>
#include <fstream>

#include <sys/stat.h>

#include "base/http/stream.h"

namespace base::http {

Result<std::string> read_small_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return fail(Code::kIo, "open " + path + ":", errno_text(errno));
    }
    std::string text(kSmallFileMax + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) {
        return fail(Code::kIo, "read " + path + ":", errno_text(errno));
    }
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > kSmallFileMax) {
        return fail(Code::kLimit, path, "is larger than", kSmallFileMax, "bytes");
    }
    return text;
}

std::string file_stamp(const std::string& path) {
    if (path.empty()) {
        return "";
    }
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) {
        return "absent";
    }
    return std::to_string(info.st_ino) + "/" + std::to_string(info.st_size) + "/" +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

Result<std::string> WatchedFile::text(bool& changed) {
    std::string stamp = file_stamp(path_);
    if (stamp == stamp_) {
        return text_;
    }
    TRY(std::string text, read_small_file(path_));
    constexpr std::string_view kBlank = " \t\r\n";
    const size_t begin = text.find_first_not_of(kBlank);
    text_ = begin == std::string::npos
                ? ""
                : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
    stamp_ = std::move(stamp);
    changed = true;
    return text_;
}

}  // namespace base::http
