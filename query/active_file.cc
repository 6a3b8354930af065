#include "query/active_file.h"

#include <algorithm>

#include "base/json.h"

namespace query {
namespace {

uint64_t place_of(size_t slot) {
    return 1 + uint64_t{slot} * ActiveFile::kSlotBytes;
}

std::string entry_of(std::string_view query, int64_t started_s) {
    std::string entry = "{\"query\":";
    base::append_json_string(entry, query);
    entry += ",\"timestamp_sec\":";
    entry += std::to_string(started_s);
    entry += "},";
    return entry;
}

// An entry that fits into a slot, of as much of the query as possible.
std::string fitting_entry(std::string_view query, int64_t started_s) {
    query = query.substr(0, ActiveFile::kSlotBytes);
    std::string entry = entry_of(query, started_s);
    while (entry.size() > ActiveFile::kSlotBytes) {
        // A character is at most six bytes longer in JSON: never cuts more than needed by much.
        const size_t over = entry.size() - ActiveFile::kSlotBytes;
        query.remove_suffix(std::min(query.size(), over / 6 + 1));
        entry = entry_of(query, started_s);
    }
    return entry;
}

}  // namespace

ActiveFile::ActiveFile(std::unique_ptr<base::WriteFile> file, size_t slots)
    : file_(std::move(file)) {
    for (size_t i = slots; i > 0; --i) {
        free_.push_back(i - 1);
    }
}

base::Result<std::unique_ptr<ActiveFile>> ActiveFile::open(base::Files& files,
                                                           const base::Path& path,
                                                           size_t slots) {
    TRY(auto file, files.create(path));
    // Written, not only made longer: a disk that is full later is in nobody's way.
    std::string empty(place_of(slots), '\0');
    empty[0] = '[';
    TRY(file->append(base::ByteView(empty)));
    return std::unique_ptr<ActiveFile>(new ActiveFile(std::move(file), slots));
}

std::string ActiveFile::unfinished(base::Files& files, const base::Path& path) {
    auto read = base::read_file(files, path, kFileMax);
    if (!read) {
        return {};
    }
    std::string text = std::move(read).value();
    std::erase(text, '\0');
    if (text.size() <= 1 || text.front() != '[') {
        return {};
    }
    if (text.back() == ',') {
        text.pop_back();
    }
    text += ']';
    return text;
}

std::optional<size_t> ActiveFile::add(std::string_view query, int64_t started_s) {
    std::string entry = fitting_entry(query, started_s);
    entry.resize(kSlotBytes, '\0');
    const base::MutexLock lock(mutex_);
    if (free_.empty()) {
        return std::nullopt;
    }
    const size_t slot = free_.back();
    if (!file_->write_at(place_of(slot), base::ByteView(entry))) {
        return std::nullopt;
    }
    free_.pop_back();
    return slot;
}

void ActiveFile::erase(size_t slot) {
    static const std::string kZeros(kSlotBytes, '\0');
    const base::MutexLock lock(mutex_);
    base::ignore(file_->write_at(place_of(slot), base::ByteView(kZeros)),
                 "it is written over by the next query there");
    free_.push_back(slot);
}

}  // namespace query
