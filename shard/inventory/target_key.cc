#include "shard/inventory/target_key.h"

#include <string>
#include <string_view>

#include "base/checksum.h"

namespace shard {

namespace {

// In no UTF-8 text, so that parts cannot run into each other.
constexpr char kEnd = '\xff';

// Between the authority and the query: "/metrics" of "http://a:1/metrics?x=1".
std::string_view path_of(std::string_view url) {
    const size_t scheme = url.find("://");
    url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
    url = url.substr(0, url.find_first_of("?#"));
    const size_t slash = url.find('/');
    return slash == std::string_view::npos ? std::string_view() : url.substr(slash);
}

}  // namespace

model::TargetId target_key(const model::Target& target) {
    std::string text;
    text.reserve(target.job.size() + target.labels.packed().size() + target.url.size() +
                 target.unix_socket.size() + 4);
    text.append(target.job).push_back(kEnd);
    for (const model::LabelView label : target.labels) {
        text.append(label.name).push_back(kEnd);
        text.append(label.value).push_back(kEnd);
    }
    text.push_back(kEnd);
    text.append(target.url).push_back(kEnd);
    text.append(target.unix_socket);
    return base::xxh64(text);
}

std::optional<uint64_t> place_key(const model::Target& target) {
    const std::string_view address = target.discovered.get("__address__");
    if (address.empty()) {
        return std::nullopt;
    }
    std::string text;
    text.append(target.job).push_back(kEnd);
    text.append(address).push_back(kEnd);
    text.append(path_of(target.url));
    return base::xxh64(text);
}

}  // namespace shard
