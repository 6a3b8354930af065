// `skein tsdb snapshot`: has a running server write a snapshot.
#include "base/http/client.h"
#include "base/http/url.h"
#include "base/json_read.h"
#include "engine/commands/tsdb/tool.h"

namespace engine {
namespace {

constexpr FlagSpec kFlags[] = {
    {"server.url", FlagKind::kText, "http://localhost:9090", "The server."},
    {"skip-head", FlagKind::kBool, "false", "Only blocks; leave out what is still in memory."},
    {"timeout", FlagKind::kDuration, "10m", "How long to wait for the answer."},
};

base::Result<std::string> ask(const FlagValues& flags) {
    std::string server = flags.text("server.url");
    if (server.find("://") == std::string::npos) {
        server.insert(0, "http://");
    }
    TRY(auto url, base::http::Url::parse(server));
    base::http::Url full = url.join("/api/v1/admin/tsdb/snapshot");
    full.query = flags.boolean("skip-head") ? "skip_head=true" : "skip_head=false";
    full.has_query = true;
    base::http::ClientOptions client;
    if (url.has_userinfo) {
        client.basic_auth = base::http::BasicAuthOptions{url.user, "", url.password, ""};
        full.has_userinfo = false;
    }
    base::http::ClientRequest request;
    request.method = base::http::Method::kPost;
    request.url = full.to_string();
    const base::SystemClock clock;
    request.options.deadline =
        base::Deadline::after(clock, std::chrono::milliseconds(flags.duration_ms("timeout")));
    TRY(auto response, base::http::fetch(request, client));
    return std::move(response.body);
}

// The snapshot's name, out of the answer.
base::Result<std::string> name_in(const std::string& body) {
    TRY(const auto answer,
        base::context(base::parse_json(body, {.bytes = SIZE_MAX, .depth = 32}),
                      "read the server's answer",
                      "\"" + body.substr(0, 200) + "\""));
    const auto* error = answer.find("error");
    if (error != nullptr && error->string() != nullptr) {
        return base::fail(base::Code::kUnavailable, "the server says: " + *error->string());
    }
    const auto* data = answer.find("data");
    const auto* name = data != nullptr ? data->find("name") : nullptr;
    if (name == nullptr || name->string() == nullptr) {
        return base::fail(base::Code::kCorrupt, "the answer names no snapshot: " + body);
    }
    return *name->string();
}

}  // namespace

int tsdb_snapshot(const std::vector<std::string>& words) {
    const CommandLine line(
        "skein tsdb snapshot", "Has a server write a snapshot into its data folder.", kFlags);
    const Started started = start_command(line, words, 0, 0);
    if (!started.flags) {
        return started.code;
    }
    const auto body = ask(*started.flags);
    if (!body) {
        return say_error(body.error());
    }
    const auto name = name_in(body.value());
    if (!name) {
        return say_error(name.error());
    }
    std::printf("snapshots/%s\n", name.value().c_str());
    return 0;
}

}  // namespace engine
