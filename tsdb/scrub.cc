#include "tsdb/scrub.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/mapped_guard.h"
#include "tsdb/block/checksums.h"

namespace tsdb {
namespace {

constexpr size_t kStateBytesMax = size_t{4} << 20;
constexpr std::string_view kBlockGone = "the block is gone, or is tried again";

}  // namespace

Scrub::Scrub(Options options, const Parts& parts, base::Logger log)
    : options_(std::move(options)),
      parts_(parts),
      path_(base::join_path(base::join_path(options_.data_folder, "skein"), "scrub")),
      log_(std::move(log)),
      pages_lost_(base::mapped_pages_lost()) {}

Scrub::~Scrub() {
    stop();
}

void Scrub::start() {
    if (options_.interval.count() != 0) {
        thread_ = std::thread([this] { loop(); });
    }
}

void Scrub::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Scrub::loop() {
    while (rest(kLookInterval)) {
        // A mapped file lost bytes: some block has, and who knows which.
        const uint64_t lost = base::mapped_pages_lost();
        const bool all = lost != pages_lost_;
        pages_lost_ = lost;
        run_once(all);
    }
}

void Scrub::run_once(bool all) {
    load();
    const std::shared_ptr<const View> view = parts_.views.current();
    std::set<std::string> present;
    for (const auto& block : view->blocks) {
        const std::string name = block->meta().ulid.text();
        present.insert(name);
        if (block->damage() || !(all || due(*block))) {
            continue;
        }
        check(*block);
        {
            const base::MutexLock lock(mutex_);
            if (stopping_) {
                return;
            }
        }
        read_at_ms_[name] = parts_.clock.now_ms();
        save();
    }
    std::erase_if(read_at_ms_, [&](const auto& entry) { return !present.contains(entry.first); });
}

// A block that was just written need not be read at once; one without checksums gets them.
bool Scrub::due(const block::Block& block) const {
    const auto known = read_at_ms_.find(block.meta().ulid.text());
    int64_t from = 0;
    if (known != read_at_ms_.end()) {
        from = known->second;
    } else {
        const auto sums = parts_.files.stat(base::join_path(block.folder(), block::kChecksumsFile));
        if (!sums) {
            return true;
        }
        from = sums.value().modified_ns / 1'000'000;
    }
    return parts_.clock.now_ms() - from >= options_.interval.count();
}

void Scrub::check(const block::Block& block) {
    const auto mismatches = block::verify_checksums(
        parts_.files, block.folder(), [&](size_t bytes) { return pace(bytes); });
    if (!mismatches) {
        const base::Code code = mismatches.error().code();
        if (code == base::Code::kNotFound) {
            sum_up(block);
        } else {
            // The sums themselves are damaged, or cannot be read. What they cover has checksums of
            // its own where it is read.
            log_.warn("checksums of a block cannot be used",
                      "ulid",
                      block.meta().ulid.text(),
                      "error",
                      mismatches.error());
            parts_.metrics.failures.add();
            if (code == base::Code::kCorrupt) {
                sum_up(block);
            }
        }
        return;
    }
    parts_.metrics.blocks.add();
    for (const block::ChecksumMismatch& mismatch : mismatches.value()) {
        const base::Error error(
            base::Code::kCorrupt,
            mismatch.file + " at " + std::to_string(mismatch.offset) + ": " + mismatch.reason);
        parts_.metrics.damaged.add();
        log_.error("block damaged: it goes to quarantine",
                   "ulid",
                   block.meta().ulid.text(),
                   "error",
                   error);
        block.report_damage(error);
    }
}

void Scrub::sum_up(const block::Block& block) {
    if (parts_.disk.readonly()) {
        return;
    }
    const auto write = [&]() -> base::Status {
        TRY(const auto sums, block::compute_checksums(parts_.files, block.folder()));
        return block::write_checksums(parts_.files, block.folder(), sums);
    };
    base::ignore(write(), kBlockGone.data());
}

bool Scrub::pace(size_t bytes) {
    parts_.metrics.bytes.add(bytes);
    if (options_.bytes_per_second == 0) {
        return rest(std::chrono::nanoseconds(0));
    }
    return rest(std::chrono::nanoseconds(bytes * 1'000'000'000 / options_.bytes_per_second));
}

bool Scrub::rest(std::chrono::nanoseconds duration) {
    const auto until = std::chrono::steady_clock::now() + duration;
    const base::MutexLock lock(mutex_);
    while (!stopping_ && std::chrono::steady_clock::now() < until) {
        wake_.wait_until(mutex_, until);
    }
    return !stopping_;
}

// Lines of a ULID and the time in milliseconds. Without the file, blocks are read when their
// checksums are old.
void Scrub::load() {
    if (loaded_) {
        return;
    }
    loaded_ = true;
    const auto text = base::read_file(parts_.files, path_, kStateBytesMax);
    if (!text) {
        return;
    }
    std::string_view left = text.value();
    while (!left.empty()) {
        const std::string_view line = left.substr(0, left.find('\n'));
        left.remove_prefix(std::min(left.size(), line.size() + 1));
        const size_t space = line.find(' ');
        int64_t at = 0;
        if (space != std::string_view::npos &&
            std::from_chars(line.data() + space + 1, line.data() + line.size(), at).ec ==
                std::errc()) {
            read_at_ms_[std::string(line.substr(0, space))] = at;
        }
    }
}

void Scrub::save() {
    std::string text;
    for (const auto& [name, at] : read_at_ms_) {
        text += name + " " + std::to_string(at) + "\n";
    }
    base::ignore(base::replace_file(parts_.files, path_, text), "blocks are read once more");
}

}  // namespace tsdb
