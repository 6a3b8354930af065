// The page lies in cluster_page.html and is built into the program.
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/checksum.h"
#include "base/http/base64.h"
#include "engine/cluster/cluster_web.h"

namespace engine {

extern const std::string_view kClusterPage;

namespace {

// The text between a tag and its end.
std::string_view between(std::string_view page, std::string_view begin, std::string_view end) {
    const size_t from = page.find(begin);
    const size_t to = page.find(end);
    SKEIN_CHECK(from != std::string_view::npos && to != std::string_view::npos && from < to,
                "the cluster page has no part",
                begin);
    return page.substr(from + begin.size(), to - from - begin.size());
}

std::string hash_source(std::string_view text) {
    const base::Sha256 hash = base::sha256(text);
    const std::string_view bytes(reinterpret_cast<const char*>(hash.data()), hash.size());
    return "'sha256-" + base::http::base64_encode(bytes) + "'";
}

// Its own script and style run, nothing else, and it asks this server alone.
std::string security_policy() {
    return "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'self'; script-src " +
           hash_source(between(kClusterPage, "<script>", "</script>")) + "; style-src " +
           hash_source(between(kClusterPage, "<style>", "</style>"));
}

}  // namespace

void add_cluster_page(base::http::Router& router) {
    router.add({base::http::Method::kGet},
               "/cluster",
               [policy = security_policy()](const base::http::Request&,
                                            const base::http::RequestContext&) {
                   auto response = base::http::Response::text(200, std::string(kClusterPage));
                   response.headers.set("Content-Type", "text/html; charset=utf-8");
                   response.headers.set("Content-Security-Policy", policy);
                   response.headers.set("X-Content-Type-Options", "nosniff");
                   return response;
               });
}

}  // namespace engine
