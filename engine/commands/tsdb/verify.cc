// `skein tsdb verify`: reads all there is and names what is damaged.
#include "engine/commands/tsdb/verify.h"

#include "tsdb/block/ulid.h"
#include "tsdb/block/writer.h"

namespace engine {

void Findings::begin(std::string part) {
    part_ = std::move(part);
    in_part_ = 0;
}

void Findings::damage(const std::string& what) {
    ++damages_;
    if (++in_part_ <= kPrintedMax) {
        std::fprintf(out_, "DAMAGED %s: %s\n", part_.c_str(), what.c_str());
    }
}

void Findings::note(const std::string& what) {
    std::fprintf(out_, "NOTE %s: %s\n", part_.c_str(), what.c_str());
}

void Findings::end(const std::string& summary) {
    if (in_part_ > kPrintedMax) {
        std::fprintf(out_,
                     "DAMAGED %s: and %llu more\n",
                     part_.c_str(),
                     static_cast<unsigned long long>(in_part_ - kPrintedMax));
    }
    std::fprintf(out_, "%s %s: %s\n", in_part_ == 0 ? "OK" : "BAD", part_.c_str(), summary.c_str());
    std::fflush(out_);
}

namespace {

// A block on its way in or out, which the server finishes or removes when it starts.
bool unfinished(std::string_view name) {
    return name.ends_with(tsdb::block::kCreationSuffix) ||
           name.ends_with(tsdb::block::kDeletionSuffix);
}

base::Status verify_folder(base::Files& files, const base::Path& folder, Findings& findings) {
    TRY(const auto entries, base::context(files.list(folder), "open the data folder"));
    for (const auto& entry : entries) {
        const base::Path path = base::join_path(folder, entry.name);
        if (entry.is_directory && tsdb::block::Ulid::parse(entry.name)) {
            verify_block(files, path, findings);
        } else if (unfinished(entry.name)) {
            findings.begin(entry.name);
            findings.note("unfinished; the server removes it when it starts");
        }
    }
    verify_log(files, base::join_path(folder, "wal"), "write-ahead log", findings);
    verify_log(files, base::join_path(folder, "wbl"), "out-of-order log", findings);
    verify_head_chunks(files, base::join_path(folder, "chunks_head"), findings);
    return base::success();
}

}  // namespace

int tsdb_verify(const std::vector<std::string>& words) {
    const CommandLine line("skein tsdb verify",
                           "Reads every byte of a data folder and names what is damaged.",
                           {},
                           "DATA");
    const Started started = start_command(line, words, 0, 1);
    if (!started.flags) {
        return started.code;
    }
    const auto files = base::make_posix_files();
    Findings findings(stdout);
    const auto done = verify_folder(*files, operand_or(*started.flags, 0, kDataFolder), findings);
    if (!done) {
        return say_error(done.error());
    }
    if (findings.damages() == 0) {
        std::printf("no damage found\n");
        return 0;
    }
    std::printf("%llu damages found\n", static_cast<unsigned long long>(findings.damages()));
    return 1;
}

}  // namespace engine
