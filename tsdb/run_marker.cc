#include "tsdb/run_marker.h"

#include <charconv>
#include <limits>

namespace tsdb {
namespace {

constexpr size_t kBytesMax = 64;

// A marker that cannot be read is one all the same.
uint32_t parse(const std::string& text) {
    uint32_t count = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
    return parsed.ec == std::errc() ? count : 0;
}

}  // namespace

RunMarker::RunMarker(base::Files& files, const base::Path& data_folder)
    : files_(files), path_(base::join_path(base::join_path(data_folder, "skein"), "running")) {}

base::Status RunMarker::begin() {
    const auto last = base::read_file(files_, path_, kBytesMax);
    if (last || last.error().code() != base::Code::kNotFound) {
        const uint32_t before = last ? parse(last.value()) : 0;
        unclean_starts_ = before + (before < std::numeric_limits<uint32_t>::max() ? 1 : 0);
    }
    TRY(files_.make_folders(base::parent_path(path_)));
    return write(unclean_starts_);
}

base::Status RunMarker::settle() {
    TRY(write(0));
    unclean_starts_ = 0;
    return base::success();
}

base::Status RunMarker::end() {
    if (!there_) {
        return base::success();
    }
    TRY(files_.remove(path_));
    there_ = false;
    return files_.sync_folder(base::parent_path(path_));
}

base::Status RunMarker::write(uint32_t unclean_starts) {
    TRY(base::replace_file(files_, path_, std::to_string(unclean_starts) + "\n"));
    there_ = true;
    return base::success();
}

}  // namespace tsdb
