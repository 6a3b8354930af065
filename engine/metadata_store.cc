#include "engine/metadata_store.h"

#include "base/bytes.h"
#include "base/checksum.h"

namespace engine {
namespace {

// Key: metric, a zero byte, a hash of the rest. Value: u8 type, help, unit (as strings with
// lengths).
std::string encode_value(const model::Metadata& metadata) {
    std::string out;
    base::ByteWriter writer(out);
    writer.u8(static_cast<uint8_t>(metadata.type));
    writer.str(metadata.help);
    writer.str(metadata.unit);
    return out;
}

std::string encode_key(std::string_view metric, std::string_view value) {
    std::string out(metric);
    out.push_back('\0');
    base::ByteWriter writer(out);
    writer.be64(base::hash64(value, 0));
    return out;
}

bool decode(std::string_view key, std::string_view value, model::MetricMetadata& out) {
    const size_t end = key.find('\0');
    if (end == std::string_view::npos) {
        return false;
    }
    out.metric = key.substr(0, end);
    base::ByteReader reader(value);
    const uint8_t type = reader.u8();
    out.metadata.help = reader.str();
    out.metadata.unit = reader.str();
    out.metadata.type = static_cast<model::MetricType>(type);
    return reader.ok() && type <= static_cast<uint8_t>(model::MetricType::kStateSet);
}

// At a character's beginning, so that what was UTF-8 stays so.
void cut(std::string& help) {
    if (help.size() <= MetadataStore::kHelpBytesMax) {
        return;
    }
    size_t end = MetadataStore::kHelpBytesMax;
    while (end > 0 && (static_cast<uint8_t>(help[end]) & 0xC0) == 0x80) {
        --end;
    }
    help.resize(end);
}

}  // namespace

base::Result<std::unique_ptr<MetadataStore>> MetadataStore::open(base::KvStore& store) {
    std::unique_ptr<MetadataStore> out(new MetadataStore(store));
    const base::MutexLock lock(out->mutex_);
    TRY(store.scan(store.family(kFamily),
                   "",
                   [&](std::string_view key, std::string_view value) NO_LOCK_ANALYSIS {
                       model::MetricMetadata entry;
                       if (decode(key, value, entry) &&
                           out->metrics_[entry.metric].insert(entry.metadata).second) {
                           ++out->entries_;
                       }
                       return out->entries_ < kEntriesMax;
                   }));
    return out;
}

void MetadataStore::record(std::string_view metric, const model::Metadata& metadata) {
    model::Metadata kept = metadata;
    cut(kept.help);
    const base::MutexLock lock(mutex_);
    const auto found = metrics_.find(metric);
    if (found != metrics_.end() &&
        (found->second.contains(kept) || found->second.size() >= kVariantsPerMetricMax)) {
        return;
    }
    if (entries_ >= kEntriesMax) {
        return;
    }
    metrics_[std::string(metric)].insert(kept);
    ++entries_;
    unwritten_.push_back({std::string(metric), std::move(kept)});
}

std::vector<model::MetricMetadata> MetadataStore::all() const {
    std::vector<model::MetricMetadata> out;
    const base::MutexLock lock(mutex_);
    out.reserve(entries_);
    for (const auto& [metric, variants] : metrics_) {
        for (const model::Metadata& metadata : variants) {
            out.push_back({metric, metadata});
        }
    }
    return out;
}

base::Status MetadataStore::flush() {
    std::vector<model::MetricMetadata> entries;
    {
        const base::MutexLock lock(mutex_);
        entries.swap(unwritten_);
    }
    if (entries.empty()) {
        return base::success();
    }
    base::KvBatch batch;
    const base::KvFamily family = store_.family(kFamily);
    for (const model::MetricMetadata& entry : entries) {
        const std::string value = encode_value(entry.metadata);
        batch.put(family, encode_key(entry.metric, value), value);
    }
    base::Status written = store_.write(batch, base::KvSync::kNo);
    if (written.has_error()) {
        const base::MutexLock lock(mutex_);
        unwritten_.insert(unwritten_.end(), entries.begin(), entries.end());
    }
    return written;
}

}  // namespace engine
