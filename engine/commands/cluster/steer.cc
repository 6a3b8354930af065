#include "engine/commands/cluster/steer.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "base/http/client.h"
#include "base/http/url.h"
#include "base/json_read.h"
#include "engine/cli.h"
#include "engine/commands/cluster/tables.h"

namespace engine {
namespace {

using base::JsonValue;

constexpr FlagSpec kFlags[] = {
    {"url", FlagKind::kText, "http://localhost:9090", "A node of the cluster; any will do."},
    {"output", FlagKind::kText, "table", "table, or json: the API's answer.", {}, "o"},
    {"timeout", FlagKind::kDuration, "2m", "How long to wait for the answer."},
    {"limit", FlagKind::kText, "", "targets, plan, simulate, history: this many at most."},
    {"job", FlagKind::kText, "", "targets: of this job."},
    {"node", FlagKind::kText, "", "targets, history: of this node."},
    {"state", FlagKind::kText, "", "targets: up, down, unknown, moving, orphan or standing_in."},
    {"search", FlagKind::kText, "", "targets: whose job, labels or URL contain this."},
    {"since", FlagKind::kText, "", "history: after this time, in seconds since 1970."},
    {"kind", FlagKind::kText, "", "history: of this kind."},
    {"full", FlagKind::kBool, "false", "plan, apply, simulate: without what spreads moves out."},
    {"maintenance",
     FlagKind::kText,
     "",
     "drain: for so long, as 30m: others scrape for it, and it keeps its targets."},
    {"slot", FlagKind::kText, "", "move: which of its owners gives the target; 0 is the first."},
    {"add", FlagKind::kText, "", "simulate: so many nodes more."},
    {"budget", FlagKind::kText, "", "simulate: the budget of each of them, in series."},
    {"zone", FlagKind::kText, "", "simulate: their zone."},
    {"drain", FlagKind::kText, "", "simulate: these nodes are drained, with commas between them."},
    {"lose", FlagKind::kText, "", "simulate: these nodes are gone."},
    {"lose-zone", FlagKind::kText, "", "simulate: all nodes of these zones are gone."},
    {"grow", FlagKind::kText, "", "simulate: this job grows, by --factor."},
    {"factor", FlagKind::kText, "", "simulate: by so much."},
};

// Flags that are the command's own; the others are parameters of the same name.
constexpr std::string_view kOwnFlags[] = {"url", "output", "timeout", "full"};

base::Result<base::http::Params> parameters_of(const SteerVerb& verb, const FlagValues& flags) {
    base::http::Params parameters;
    const auto& operands = flags.positional();
    if (operands.size() < verb.operands_min || operands.size() > verb.operands.size()) {
        return base::fail(base::Code::kInvalid,
                          "it takes other operands; use: skein cluster " + std::string(verb.use));
    }
    for (size_t i = 0; i < operands.size(); ++i) {
        parameters.add(std::string(verb.operands[i]), operands[i]);
    }
    for (const FlagSpec& flag : kFlags) {
        const bool own = std::ranges::find(kOwnFlags, flag.name) != std::end(kOwnFlags);
        if (!own && flags.given(flag.name)) {
            const std::string_view name = flag.name == "lose-zone" ? "lose_zone" : flag.name;
            parameters.add(std::string(name), flags.text(flag.name));
        }
    }
    if (flags.boolean("full")) {
        parameters.add("full", "1");
    }
    return parameters;
}

base::Result<std::string> ask(const SteerVerb& verb,
                              const FlagValues& flags,
                              const base::http::Params& parameters) {
    std::string server = flags.text("url");
    if (server.find("://") == std::string::npos) {
        server.insert(0, "http://");
    }
    TRY(const auto url, base::http::Url::parse(server));
    base::http::Url full = url.join("/api/v1/cluster/" + std::string(verb.path));
    full.has_userinfo = false;
    base::http::ClientRequest request;
    if (verb.change) {
        request.method = base::http::Method::kPost;
        request.body = parameters.encode();
        request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    } else {
        full.query = parameters.encode();
        full.has_query = true;
    }
    request.url = full.to_string();
    const base::SystemClock clock;
    request.options.deadline =
        base::Deadline::after(clock, std::chrono::milliseconds(flags.duration_ms("timeout")));
    base::http::ClientOptions client;
    if (url.has_userinfo) {
        client.basic_auth = base::http::BasicAuthOptions{url.user, "", url.password, ""};
    }
    TRY(auto response, base::context(base::http::fetch(request, client), "ask", flags.text("url")));
    return std::move(response.body);
}

int fail_with(const std::string& message) {
    std::fprintf(stderr, "skein: %s\n", message.c_str());
    return 1;
}

int print_answer(const SteerVerb& verb, const std::string& body, bool json) {
    const auto answer = base::parse_json(body, {.bytes = SIZE_MAX, .depth = 32});
    if (answer.has_error()) {
        return fail_with("the answer is not JSON: " + body.substr(0, 200));
    }
    if (const std::string error = text_of(answer.value(), "error"); !error.empty()) {
        return fail_with(error);
    }
    const JsonValue* const warnings = answer.value().find("warnings");
    for (const JsonValue& warning : items_of(warnings)) {
        std::fprintf(
            stderr, "warning: %s\n", warning.string() == nullptr ? "" : warning.string()->c_str());
    }
    if (json) {
        std::printf("%s\n", body.c_str());
    } else if (const JsonValue* const data = answer.value().find("data")) {
        std::fputs(cluster_text(verb.path, *data).c_str(), stdout);
    }
    return 0;
}

}  // namespace

std::span<const SteerVerb> steer_verbs() {
    static const std::vector<SteerVerb> verbs{
        {"status", "status", "status"},
        {"nodes", "nodes", "nodes"},
        {"targets",
         "targets [--job=J] [--node=ID] [--state=S] [--search=TEXT] [--limit=N]",
         "targets"},
        {"plan", "plan [--full] [--limit=N]", "plan"},
        {"history", "history [--limit=N] [--since=T] [--kind=K] [--node=ID]", "history"},
        {"simulate",
         "simulate [--add=N [--budget=SERIES] [--zone=Z]] [--drain=ID,…] [--lose=ID,…] "
         "[--lose-zone=Z] [--grow=JOB --factor=F] [--full]",
         "simulate"},
        {"pause", "pause", "pause", true},
        {"resume", "resume", "resume", true},
        {"drain", "drain NODE [--maintenance=TIME]", "drain", true, {"node"}, 1},
        {"undrain", "undrain NODE", "undrain", true, {"node"}, 1},
        {"move", "move TARGET NODE [--slot=N]", "move", true, {"target", "to"}, 2},
        {"transfer", "transfer [NODE]", "transfer", true, {"to"}, 0},
        {"remove", "remove NODE", "remove", true, {"node"}, 1},
        {"apply", "apply [--full]", "plan/apply", true},
    };
    return verbs;
}

int cluster_steer(const SteerVerb& verb, const std::vector<std::string>& words) {
    const CommandLine line("skein cluster " + std::string(verb.name),
                           "Asks a node of a cluster, which asks the leader.",
                           kFlags,
                           "OPERAND");
    auto parsed = line.parse(words);
    if (parsed.has_error()) {
        std::fprintf(stderr, "skein: %s\n", parsed.error().message().c_str());
        return 2;
    }
    if (parsed.value().finished) {
        return 0;
    }
    const FlagValues& flags = parsed.value().values;
    const std::string& output = flags.text("output");
    if (output != "table" && output != "json") {
        std::fprintf(stderr, "skein: --output is table or json, not %s\n", output.c_str());
        return 2;
    }
    const auto parameters = parameters_of(verb, flags);
    if (parameters.has_error()) {
        std::fprintf(stderr, "skein: %s\n", parameters.error().message().c_str());
        return 2;
    }
    const auto body = ask(verb, flags, parameters.value());
    return body.has_error() ? fail_with(body.error().message())
                            : print_answer(verb, body.value(), output == "json");
}

}  // namespace engine
