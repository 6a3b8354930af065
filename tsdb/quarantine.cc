#include "tsdb/quarantine.h"

namespace tsdb {
namespace {

using base::Code;
using base::fail;
using base::Path;
using base::Result;

constexpr size_t kFileNameMax = 255;  // bytes, on every file system we know
constexpr size_t kNumberMax = 5;      // of "-1000"

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// "Bad magic number: 0x0!" becomes "bad-magic-number-0x0".
std::string file_name_of(std::string_view reason) {
    std::string out;
    for (const char raw : reason) {
        const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
        if (is_plain(c)) {
            out += c;
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
        if (out.size() == kQuarantineReasonMax) {
            break;
        }
    }
    while (!out.empty() && out.back() == '-') {
        out.pop_back();
    }
    return out.empty() ? "unknown" : out;
}

// A reason names files with their folders, which would take all the room there is for it.
std::string without_folder(std::string_view reason, const Path& folder) {
    const std::string prefix = folder + "/";
    std::string out(reason);
    for (size_t at = out.find(prefix); at != std::string::npos; at = out.find(prefix, at)) {
        out.erase(at, prefix.size());
    }
    return out;
}

// A path that nothing has yet.
Result<Path> free_path(base::Files& files,
                       const Path& folder,
                       std::string_view name,
                       const std::string& reason) {
    const size_t room = kFileNameMax - 1 - reason.size() - kNumberMax;
    const std::string stem = std::string(name.substr(0, room)) + "." + reason;
    TRY(const auto entries, files.list(folder));
    const auto taken = [&](const std::string& wanted) {
        for (const base::FolderEntry& entry : entries) {
            if (entry.name == wanted) {
                return true;
            }
        }
        return false;
    };
    for (unsigned i = 1; i <= kQuarantineSameNameMax; ++i) {
        const std::string wanted = i == 1 ? stem : stem + "-" + std::to_string(i);
        if (!taken(wanted)) {
            return base::join_path(folder, wanted);
        }
    }
    return fail(Code::kLimit, "quarantine: too many of", stem, "- delete some of", folder);
}

}  // namespace

Result<Path> quarantine(base::Files& files,
                        const Path& data_folder,
                        std::string_view name,
                        std::string_view reason) {
    const Path from = base::join_path(data_folder, name);
    const Path folder = base::join_path(data_folder, kQuarantineFolder);
    TRY(files.make_folders(folder));
    TRY(files.sync_folder(data_folder));
    const std::string words = without_folder(without_folder(reason, from), data_folder);
    TRY(const Path to, free_path(files, folder, base::file_name(from), file_name_of(words)));
    TRY(files.rename(from, to));
    // First the new name: at no time is the only name on the disk the one that was taken away.
    TRY(files.sync_folder(folder));
    TRY(files.sync_folder(base::parent_path(from)));
    return to;
}

Result<std::vector<Quarantined>> list_quarantine(base::Files& files, const Path& data_folder) {
    const Path folder = base::join_path(data_folder, kQuarantineFolder);
    const auto entries = files.list(folder);
    if (!entries.has_value()) {
        if (entries.error().code() == Code::kNotFound) {
            return std::vector<Quarantined>();
        }
        return fail(entries.error());
    }
    std::vector<Quarantined> found;
    for (const base::FolderEntry& entry : entries.value()) {
        const size_t dot = entry.name.rfind('.');
        const bool has_reason = dot != std::string::npos && dot > 0;
        found.push_back({.name = entry.name.substr(0, has_reason ? dot : std::string::npos),
                         .reason = has_reason ? entry.name.substr(dot + 1) : "",
                         .path = base::join_path(folder, entry.name)});
    }
    return found;
}

}  // namespace tsdb
