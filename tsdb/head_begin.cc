#include "tsdb/head_begin.h"

#include <charconv>
#include <string>

namespace tsdb {
namespace {

constexpr size_t kBytesMax = 64;

}  // namespace

HeadBegin::HeadBegin(base::Files& files, const base::Path& data_folder)
    : files_(files), path_(base::join_path(base::join_path(data_folder, "skein"), "head-begin")) {}

int64_t HeadBegin::read() const {
    const auto text = base::read_file(files_, path_, kBytesMax);
    if (!text) {
        return INT64_MIN;
    }
    int64_t t = 0;
    const char* const end = text.value().data() + text.value().size();
    const auto parsed = std::from_chars(text.value().data(), end, t);
    return parsed.ec == std::errc() ? t : INT64_MIN;
}

base::Status HeadBegin::note(int64_t t) {
    TRY(files_.make_folders(base::parent_path(path_)));
    return base::context(base::replace_file(files_, path_, std::to_string(t) + "\n"),
                         "note where the head begins");
}

}  // namespace tsdb
