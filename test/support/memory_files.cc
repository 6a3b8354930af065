#include "test/support/memory_files.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace test_support {

using base::ByteView;
using base::Code;
using base::fail;
using base::Mutex;
using base::MutexLock;
using base::Path;
using base::Result;
using base::Status;
using base::success;

namespace {

// The bytes of a file. Growing moves them; a mapping keeps the old place alive. What was never
// written is not touched, so that a preallocated file costs nothing.
class Content {
  public:
    [[nodiscard]] size_t size() const { return size_; }

    // Zeros follow behind these bytes.
    [[nodiscard]] size_t written() const { return written_; }

    [[nodiscard]] ByteView view() const { return {place_.get(), size_}; }

    [[nodiscard]] std::shared_ptr<uint8_t[]> place() const { return place_; }

    void resize(size_t size) {
        if (size > capacity_) {
            const size_t capacity = std::max(size, capacity_ * 2);
            // calloc leaves untouched pages to the kernel.
            std::shared_ptr<uint8_t[]> place(static_cast<uint8_t*>(std::calloc(capacity, 1)),
                                             std::free);
            copy(place.get(), view().part(0, written_));
            place_ = std::move(place);
            capacity_ = capacity;
        } else if (size < written_) {
            std::memset(place_.get() + size, 0, written_ - size);
        }
        size_ = size;
        written_ = std::min(written_, size);
    }

    void write(size_t offset, ByteView bytes) {
        if (offset + bytes.size() > size_) {
            resize(offset + bytes.size());
        }
        copy(place_.get() + offset, bytes);
        written_ = std::max(written_, offset + bytes.size());
    }

    void assign(ByteView bytes) {
        resize(0);
        write(0, bytes);
    }

    void flip(size_t offset, unsigned bit) {
        SKEIN_CHECK(offset < size_, "flip beyond the end", offset);
        place_[offset] ^= static_cast<uint8_t>(1U << bit);
        written_ = std::max(written_, offset + 1);
    }

  private:
    static void copy(uint8_t* to, ByteView from) {
        if (!from.empty()) {
            std::memcpy(to, from.data(), from.size());
        }
    }

    std::shared_ptr<uint8_t[]> place_;
    size_t size_ = 0;
    size_t written_ = 0;
    size_t capacity_ = 0;
};

// A file or a folder, whatever its names.
struct Node {
    bool is_folder = false;
    Content live;
    std::string synced;
    uint64_t inode = 0;
    int64_t modified_ns = 0;
};

using NodePtr = std::shared_ptr<Node>;
using Names = std::map<Path, NodePtr>;

Path normal(const Path& path) {
    Path out = path;
    while (out.size() > 1 && out.back() == '/') {
        out.pop_back();
    }
    return out;
}

Path below(const Path& folder) {
    return folder == "/" ? folder : folder + "/";
}

bool is_root(const Path& path) {
    return path == "/" || path == ".";
}

auto missing(std::string_view what, const Path& path) {
    return fail(Code::kNotFound, std::string(what) + " " + path + ": no such file or directory");
}

}  // namespace

struct MemoryFiles::Disk {
    mutable Mutex mutex;
    Names live GUARDED_BY(mutex);
    Names synced GUARDED_BY(mutex);
    std::set<Path> locked GUARDED_BY(mutex);
    uint64_t capacity GUARDED_BY(mutex) = UINT64_MAX;
    uint64_t last_inode GUARDED_BY(mutex) = 0;
    int64_t ticks GUARDED_BY(mutex) = 0;

    [[nodiscard]] NodePtr find(const Path& path) const REQUIRES_LOCK(mutex) {
        const auto found = live.find(normal(path));
        return found == live.end() ? nullptr : found->second;
    }

    [[nodiscard]] bool is_folder(const Path& path) const REQUIRES_LOCK(mutex) {
        const NodePtr node = find(path);
        return is_root(path) || (node != nullptr && node->is_folder);
    }

    NodePtr make(const Path& path, bool is_folder) REQUIRES_LOCK(mutex) {
        auto node = std::make_shared<Node>();
        node->is_folder = is_folder;
        node->inode = ++last_inode;
        node->modified_ns = ++ticks;
        live[normal(path)] = node;
        return node;
    }

    [[nodiscard]] uint64_t used() const REQUIRES_LOCK(mutex) {
        std::set<const Node*> seen;
        uint64_t sum = 0;
        for (const auto& [path, node] : live) {
            sum += seen.insert(node.get()).second ? node->live.size() : 0;
        }
        return sum;
    }

    // Like a disk, it takes what fits of a write that does not.
    Status write(Node& node, const Path& path, uint64_t offset, ByteView bytes)
        REQUIRES_LOCK(mutex) {
        node.modified_ns = ++ticks;
        const uint64_t end = offset + bytes.size();
        const uint64_t growth = end > node.live.size() ? end - node.live.size() : 0;
        const uint64_t in_use = capacity == UINT64_MAX ? 0 : used();
        const uint64_t room = capacity > in_use ? capacity - in_use : 0;
        if (growth <= room) {
            node.live.write(offset, bytes);
            return success();
        }
        node.live.write(offset, bytes.part(0, bytes.size() - (growth - room)));
        return fail(Code::kNoSpace, "write " + path + ": no space left on device");
    }

    void power_cut(base::Random* random) EXCLUDES_LOCK(mutex) {
        const MutexLock lock(mutex);
        std::map<const Node*, NodePtr> reborn;
        Names after;
        for (const auto& [path, node] : synced) {
            const Path parent = base::parent_path(path);
            if (!is_root(parent) && !after.contains(parent)) {
                continue;  // its folder is not on the disk
            }
            NodePtr& copy = reborn[node.get()];
            if (copy == nullptr) {
                copy = reborn_node(*node, random);
            }
            after[path] = copy;
        }
        live = after;
        synced = std::move(after);
        locked.clear();
    }

    static NodePtr reborn_node(const Node& node, base::Random* random) {
        auto copy = std::make_shared<Node>();
        copy->is_folder = node.is_folder;
        copy->inode = node.inode;
        copy->modified_ns = node.modified_ns;
        copy->synced = node.synced;
        const ByteView now = node.live.view().part(0, node.live.written());
        if (random != nullptr && now.size() > node.synced.size()) {
            const size_t unsynced = now.size() - node.synced.size();
            copy->synced.append(now.part(node.synced.size(), random->below(unsynced + 1)).text());
        }
        copy->live.assign(copy->synced);
        return copy;
    }
};

namespace {

class MemoryWriteFile final : public base::WriteFile {
  public:
    MemoryWriteFile(std::shared_ptr<MemoryFiles::Disk> disk, NodePtr node, Path path)
        : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)) {}

    Status append(ByteView bytes) override {
        const MutexLock lock(disk_->mutex);
        return disk_->write(*node_, path_, node_->live.size(), bytes);
    }

    Status write_at(uint64_t offset, ByteView bytes) override {
        const MutexLock lock(disk_->mutex);
        return disk_->write(*node_, path_, offset, bytes);
    }

    Status truncate(uint64_t size) override {
        const MutexLock lock(disk_->mutex);
        node_->live.resize(size);
        return success();
    }

    Status sync_data() override { return sync(); }

    Status sync() override {
        const MutexLock lock(disk_->mutex);
        node_->synced = node_->live.view().text();
        return success();
    }

    Status close() override { return success(); }

    [[nodiscard]] uint64_t size() const override {
        const MutexLock lock(disk_->mutex);
        return node_->live.size();
    }

    [[nodiscard]] const Path& path() const override { return path_; }

  private:
    const std::shared_ptr<MemoryFiles::Disk> disk_;
    const NodePtr node_;
    const Path path_;
};

class MemoryReadFile final : public base::ReadFile {
  public:
    MemoryReadFile(std::shared_ptr<MemoryFiles::Disk> disk, NodePtr node, Path path)
        : disk_(std::move(disk)), node_(std::move(node)), path_(std::move(path)) {}

    [[nodiscard]] Result<size_t> read_at(uint64_t offset, std::span<uint8_t> to) const override {
        const MutexLock lock(disk_->mutex);
        const ByteView from = node_->live.view().part(offset, to.size());
        std::copy(from.begin(), from.end(), to.begin());
        return from.size();
    }

    [[nodiscard]] Result<uint64_t> size() const override {
        const MutexLock lock(disk_->mutex);
        return uint64_t{node_->live.size()};
    }

    [[nodiscard]] const Path& path() const override { return path_; }

  private:
    const std::shared_ptr<MemoryFiles::Disk> disk_;
    const NodePtr node_;
    const Path path_;
};

class MemoryMapping final : public base::MappedFile {
  public:
    MemoryMapping(std::shared_ptr<uint8_t[]> place, size_t size, Path path)
        : place_(std::move(place)), size_(size), path_(std::move(path)) {}

    [[nodiscard]] ByteView bytes() const override { return {place_.get(), size_}; }

    void advise(Advice) const override {}

    [[nodiscard]] const Path& path() const override { return path_; }

  private:
    const std::shared_ptr<uint8_t[]> place_;
    const size_t size_;
    const Path path_;
};

class MemoryLock final : public base::FileLock {
  public:
    MemoryLock(std::shared_ptr<MemoryFiles::Disk> disk, Path path)
        : disk_(std::move(disk)), path_(std::move(path)) {}

    ~MemoryLock() override {
        const MutexLock lock(disk_->mutex);
        disk_->locked.erase(path_);
    }

    MemoryLock(const MemoryLock&) = delete;
    MemoryLock& operator=(const MemoryLock&) = delete;

  private:
    const std::shared_ptr<MemoryFiles::Disk> disk_;
    const Path path_;
};

}  // namespace

MemoryFiles::MemoryFiles() : disk_(std::make_shared<Disk>()) {}

MemoryFiles::~MemoryFiles() = default;

Result<std::unique_ptr<base::WriteFile>> MemoryFiles::create(const Path& path) {
    TRY(auto file, open_append(path));
    TRY(file->truncate(0));
    return file;
}

Result<std::unique_ptr<base::WriteFile>> MemoryFiles::open_append(const Path& path) {
    const MutexLock lock(disk_->mutex);
    if (disk_->is_folder(path)) {
        return fail(Code::kIo, "open " + path + ": is a directory");
    }
    if (!disk_->is_folder(base::parent_path(normal(path)))) {
        return missing("open", path);
    }
    NodePtr node = disk_->find(path);
    if (node == nullptr) {
        node = disk_->make(path, false);
    }
    return std::make_unique<MemoryWriteFile>(disk_, std::move(node), path);
}

Result<std::unique_ptr<base::ReadFile>> MemoryFiles::open_read(const Path& path) {
    const MutexLock lock(disk_->mutex);
    NodePtr node = disk_->find(path);
    if (node == nullptr) {
        return missing("open", path);
    }
    return std::make_unique<MemoryReadFile>(disk_, std::move(node), path);
}

Result<std::unique_ptr<base::MappedFile>> MemoryFiles::map(const Path& path) {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(path);
    if (node == nullptr) {
        return missing("map", path);
    }
    return std::make_unique<MemoryMapping>(node->live.place(), node->live.size(), path);
}

Result<base::FileInfo> MemoryFiles::stat(const Path& path) {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(path);
    if (node == nullptr) {
        if (is_root(path)) {
            return base::FileInfo{.is_directory = true};
        }
        return missing("stat", path);
    }
    return base::FileInfo{node->live.size(), node->is_folder, node->modified_ns, node->inode};
}

Result<std::vector<base::FolderEntry>> MemoryFiles::list(const Path& folder) {
    const MutexLock lock(disk_->mutex);
    if (!disk_->is_folder(folder)) {
        return missing("list", folder);
    }
    const Path wanted = normal(folder);
    std::vector<base::FolderEntry> entries;
    for (const auto& [path, node] : disk_->live) {
        if (base::parent_path(path) == wanted) {
            entries.push_back({Path(base::file_name(path)), node->is_folder});
        }
    }
    std::sort(entries.begin(), entries.end(), [](const auto& left, const auto& right) {
        return left.name < right.name;
    });
    return entries;
}

Status MemoryFiles::make_folders(const Path& folder) {
    {
        const MutexLock lock(disk_->mutex);
        if (disk_->is_folder(folder)) {
            return success();
        }
        if (disk_->find(folder) != nullptr) {
            return fail(Code::kInvalid, "make folder " + folder + ": a file is there");
        }
    }
    TRY(make_folders(base::parent_path(normal(folder))));
    const MutexLock lock(disk_->mutex);
    disk_->make(folder, true);
    return success();
}

Status MemoryFiles::rename(const Path& from, const Path& to) {
    const MutexLock lock(disk_->mutex);
    const Path source = normal(from);
    const Path target = normal(to);
    const NodePtr node = disk_->find(source);
    if (node == nullptr || !disk_->is_folder(base::parent_path(target))) {
        return missing("rename", from + " to " + to);
    }
    if (source == target) {
        return success();
    }
    const auto first = disk_->live.lower_bound(below(target));
    if (first != disk_->live.end() && first->first.starts_with(below(target))) {
        return fail(Code::kIo, "rename " + from + " to " + to + ": directory not empty");
    }
    Names moved;
    for (auto at = disk_->live.begin(); at != disk_->live.end();) {
        if (at->first == source || at->first.starts_with(below(source))) {
            moved[target + at->first.substr(source.size())] = at->second;
            at = disk_->live.erase(at);
        } else {
            ++at;
        }
    }
    for (auto& [path, moved_node] : moved) {
        disk_->live[path] = moved_node;
    }
    return success();
}

Status MemoryFiles::link(const Path& existing, const Path& to) {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(existing);
    if (node == nullptr || !disk_->is_folder(base::parent_path(normal(to)))) {
        return missing("link", existing + " to " + to);
    }
    if (disk_->find(to) != nullptr) {
        return fail(Code::kInvalid, "link " + existing + " to " + to + ": file exists");
    }
    disk_->live[normal(to)] = node;
    return success();
}

Status MemoryFiles::remove(const Path& path) {
    const MutexLock lock(disk_->mutex);
    if (disk_->find(path) == nullptr) {
        return missing("remove", path);
    }
    const auto next = disk_->live.lower_bound(below(normal(path)));
    if (next != disk_->live.end() && next->first.starts_with(below(normal(path)))) {
        return fail(Code::kIo, "remove " + path + ": directory not empty");
    }
    disk_->live.erase(normal(path));
    return success();
}

Status MemoryFiles::remove_tree(const Path& path) {
    const MutexLock lock(disk_->mutex);
    const Path wanted = normal(path);
    std::erase_if(disk_->live, [&](const auto& entry) {
        return entry.first == wanted || entry.first.starts_with(below(wanted));
    });
    return success();
}

Status MemoryFiles::truncate(const Path& path, uint64_t size) {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(path);
    if (node == nullptr) {
        return missing("truncate", path);
    }
    node->live.resize(size);
    return success();
}

Status MemoryFiles::sync_folder(const Path& folder) {
    const MutexLock lock(disk_->mutex);
    if (!disk_->is_folder(folder)) {
        return missing("sync", folder);
    }
    const Path wanted = normal(folder);
    const Path prefix = wanted == "." ? Path() : below(wanted);
    // Names in the folder that are not among the others, or are of something else there.
    const auto changed_within = [&](const Names& names, const Names& others) {
        std::vector<Names::value_type> changed;
        for (auto at = names.lower_bound(prefix);
             at != names.end() && at->first.starts_with(prefix);
             ++at) {
            const auto other = others.find(at->first);
            const bool same = other != others.end() && other->second == at->second;
            if (!same && base::parent_path(at->first) == wanted) {
                changed.push_back(*at);
            }
        }
        return changed;
    };
    // A folder that moved takes what was synced below it along.
    Names carried;
    for (const auto& entry : changed_within(disk_->live, disk_->synced)) {
        carried.insert(entry);
        for (const auto& [old_path, old_node] : disk_->synced) {
            if (entry.second->is_folder && old_node == entry.second) {
                for (auto at = disk_->synced.lower_bound(below(old_path));
                     at != disk_->synced.end() && at->first.starts_with(below(old_path));
                     ++at) {
                    carried[entry.first + at->first.substr(old_path.size())] = at->second;
                }
            }
        }
    }
    for (const auto& [path, node] : changed_within(disk_->synced, disk_->live)) {
        std::erase_if(disk_->synced, [&](const auto& entry) {
            return entry.first == path || entry.first.starts_with(below(path));
        });
    }
    disk_->synced.merge(carried);
    return success();
}

Result<std::unique_ptr<base::FileLock>> MemoryFiles::lock(const Path& path) {
    TRY(auto file, open_append(path));
    TRY(file->close());
    const MutexLock lock(disk_->mutex);
    if (!disk_->locked.insert(path).second) {
        return fail(Code::kUnavailable, "lock " + path + ": another process holds it");
    }
    return std::make_unique<MemoryLock>(disk_, path);
}

Result<base::DiskSpace> MemoryFiles::space(const Path&) {
    const MutexLock lock(disk_->mutex);
    const uint64_t used = disk_->used();
    return base::DiskSpace{disk_->capacity, disk_->capacity > used ? disk_->capacity - used : 0};
}

void MemoryFiles::power_cut() {
    disk_->power_cut(nullptr);
}

void MemoryFiles::power_cut(base::Random& random) {
    disk_->power_cut(&random);
}

void MemoryFiles::set_capacity(uint64_t bytes) {
    const MutexLock lock(disk_->mutex);
    disk_->capacity = bytes;
}

void MemoryFiles::tear_tail(const Path& path, size_t bytes) {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(path);
    SKEIN_CHECK(node != nullptr && bytes <= node->live.size(), "nothing to tear", path);
    node->live.resize(node->live.size() - bytes);
    node->synced = node->live.view().text();
}

void MemoryFiles::flip_bit(const Path& path, size_t offset, unsigned bit) {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(path);
    SKEIN_CHECK(node != nullptr, "nothing to damage", path);
    node->live.flip(offset, bit);
    node->synced = node->live.view().text();
}

std::string MemoryFiles::content(const Path& path) const {
    const MutexLock lock(disk_->mutex);
    const NodePtr node = disk_->find(path);
    SKEIN_CHECK(node != nullptr, "no such file", path);
    return std::string(node->live.view().text());
}

void MemoryFiles::put(const Path& path, ByteView bytes) {
    const Path folder = base::parent_path(normal(path));
    SKEIN_CHECK(make_folders(folder).has_value(), "make folders", folder);
    auto file = create(path);
    SKEIN_CHECK(file.has_value(), "create", path);
    SKEIN_CHECK(file.value()->append(bytes).has_value(), "write", path);
    SKEIN_CHECK(file.value()->sync().has_value(), "sync", path);
    for (Path at = folder;; at = base::parent_path(at)) {
        SKEIN_CHECK(sync_folder(at).has_value(), "sync", at);
        if (is_root(at)) {
            break;
        }
    }
}

}  // namespace test_support
