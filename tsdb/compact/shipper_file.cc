#include "tsdb/compact/shipper_file.h"

#include <set>
#include <string_view>

#include "base/json_read.h"

namespace tsdb {
namespace {

using block::Ulid;

// Names of other blocks, and of what is none, do no harm.
base::Result<std::set<Ulid>> read_uploaded(base::Files& files, const base::Path& path) {
    TRY(const std::string text, base::read_file(files, path, kShipperFileMax));
    TRY(const base::JsonValue document, base::parse_json(text, {.bytes = kShipperFileMax}));
    if (document.object() == nullptr) {
        return base::fail(base::Code::kInvalid, "an object is needed, not a", document.kind_name());
    }
    std::set<Ulid> uploaded;
    const base::JsonValue* const list = document.find("uploaded");
    if (list == nullptr || list->is_null()) {
        return uploaded;
    }
    if (list->array() == nullptr) {
        return base::fail(base::Code::kInvalid, "\"uploaded\" is a", list->kind_name());
    }
    for (const base::JsonValue& entry : *list->array()) {
        if (entry.string() == nullptr) {
            return base::fail(base::Code::kInvalid, "\"uploaded\" holds a", entry.kind_name());
        }
        if (const auto ulid = Ulid::parse(*entry.string()); ulid.has_value()) {
            uploaded.insert(*ulid);
        }
    }
    return uploaded;
}

}  // namespace

AwaitingUpload awaiting_upload(base::Files& files,
                               const base::Path& shipper_file,
                               std::span<const PlannedBlock> blocks) {
    const auto uploaded = base::context(
        read_uploaded(files, shipper_file), "read the list of uploaded blocks", shipper_file);
    if (!uploaded.has_value()) {
        return {.blocks = {},
                .warning = uploaded.error().message() +
                           "; compaction goes on without waiting for uploads"};
    }
    AwaitingUpload awaiting;
    for (const PlannedBlock& block : blocks) {
        if (block.meta.level <= 1 && !uploaded.value().contains(block.meta.ulid)) {
            awaiting.blocks.push_back(block.meta.ulid);
        }
    }
    return awaiting;
}

}  // namespace tsdb
