// Asks a Prometheus HTTP API, or StoreAPI endpoints, and prints the answer as promtool does.
#include <cstdio>
#include <cstring>
#include <span>

#include "base/clock.h"
#include "base/duration.h"
#include "base/http/client.h"
#include "base/http/url.h"
#include "base/json_read.h"
#include "engine/cli.h"
#include "engine/commands/commands.h"
#include "engine/commands/query_stores.h"
#include "model/labels.h"

namespace engine {
namespace {

using base::JsonValue;

constexpr FlagSpec kFlags[] = {
    {"format", FlagKind::kText, "promql", "promql or json."},
    {"time", FlagKind::kText, "", "Evaluation time: RFC 3339 or Unix seconds. Default: now."},
    {"start", FlagKind::kText, "", "Start of the range: RFC 3339 or Unix seconds."},
    {"end", FlagKind::kText, "", "End of the range: RFC 3339 or Unix seconds."},
    {"step", FlagKind::kDuration, "", "Step of a range query."},
    {"match", FlagKind::kList, "", "Series selector; may be repeated."},
    {"timeout", FlagKind::kDuration, "2m", "How long to wait for the answer."},
    {"store",
     FlagKind::kList,
     "",
     "Ask this StoreAPI endpoint (host:port) instead of a server; may be repeated. The query runs "
     "in the command."},
    {"replica-label",
     FlagKind::kList,
     "",
     "Label that tells replicas of a series in --store apart, taken off; may be repeated."},
    {"partial-response",
     FlagKind::kBool,
     "false",
     "Answer without the endpoints of --store that do not, and warn."},
    {"grpc-client-tls-secure", FlagKind::kBool, "false", "Speak TLS to --store."},
    {"grpc-client-tls-ca",
     FlagKind::kText,
     "",
     "Authority that signs their certificates, in PEM; empty: the system's."},
    {"grpc-client-tls-cert", FlagKind::kText, "", "Certificate to show them, in PEM; empty: none."},
    {"grpc-client-tls-key", FlagKind::kText, "", "Its private key, in PEM."},
    {"grpc-client-server-name",
     FlagKind::kText,
     "",
     "Name that their certificates must have; empty: the host of the address."},
};

constexpr std::string_view kUse =
    "skein query instant SERVER EXPRESSION [--time=T]\n"
    "skein query range SERVER EXPRESSION [--start=T] [--end=T] [--step=D]\n"
    "skein query series SERVER --match=SELECTOR... [--start=T] [--end=T]\n"
    "skein query labels SERVER NAME [--start=T] [--end=T]\n"
    "With --store=HOST:PORT... the SERVER is left out: StoreAPI endpoints are asked.\n";

model::Labels labels_of(const JsonValue* object) {
    std::vector<model::LabelView> labels;
    if (object != nullptr && object->object() != nullptr) {
        for (const auto& [name, value] : *object->object()) {
            if (value.string() != nullptr) {
                labels.push_back({name, *value.string()});
            }
        }
    }
    return model::Labels::from_unsorted(std::move(labels));
}

std::string time_text(const JsonValue& pair) {
    double seconds = 0;
    if (pair.array() == nullptr || pair.array()->empty() ||
        !pair.array()->front().number(seconds)) {
        return "?";
    }
    char text[64];
    std::snprintf(text, sizeof text, "%.3f", seconds);
    std::string out(text);
    while (out.ends_with('0')) {
        out.pop_back();
    }
    if (out.ends_with('.')) {
        out.pop_back();
    }
    return out;
}

std::string value_text(const JsonValue& pair) {
    const bool whole = pair.array() != nullptr && pair.array()->size() == 2 &&
                       (*pair.array())[1].string() != nullptr;
    return whole ? *(*pair.array())[1].string() : std::string("?");
}

void print_series(const JsonValue& series) {
    const std::string name = labels_of(series.find("metric")).to_series_string();
    if (const JsonValue* value = series.find("value")) {
        std::printf("%s => %s @[%s]\n",
                    name.c_str(),
                    value_text(*value).c_str(),
                    time_text(*value).c_str());
    }
    if (const JsonValue* values = series.find("values");
        values != nullptr && values->array() != nullptr) {
        std::printf("%s =>\n", name.c_str());
        for (const JsonValue& value : *values->array()) {
            std::printf("%s @[%s]\n", value_text(value).c_str(), time_text(value).c_str());
        }
    }
}

void print_result(const JsonValue& data) {
    const JsonValue* type = data.find("resultType");
    const JsonValue* result = data.find("result");
    if (type != nullptr && type->string() != nullptr && result != nullptr) {
        if (*type->string() == "scalar") {
            std::printf(
                "scalar: %s @[%s]\n", value_text(*result).c_str(), time_text(*result).c_str());
            return;
        }
        if (*type->string() == "string") {
            std::printf(
                "string: %s @[%s]\n", value_text(*result).c_str(), time_text(*result).c_str());
            return;
        }
        for (const JsonValue& series :
             result->array() != nullptr ? *result->array() : JsonValue::Array()) {
            print_series(series);
        }
        return;
    }
    for (const JsonValue& item : data.array() != nullptr ? *data.array() : JsonValue::Array()) {
        if (item.string() != nullptr) {
            std::printf("%s\n", item.string()->c_str());
        } else {
            std::printf("%s\n", labels_of(&item).to_string().c_str());
        }
    }
}

// The API call that a command stands for.
struct Call {
    std::string path;
    base::http::Params params;
};

void add_given(const FlagValues& flags,
               base::http::Params& params,
               std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        if (flags.given(name)) {
            params.add(std::string(name), flags.text(name));
        }
    }
}

base::Result<Call> call_of(const std::string& verb, const FlagValues& flags) {
    // Behind the server, if one is asked.
    std::span<const std::string> operands(flags.positional());
    const bool has_server = flags.list("store").empty();
    if (has_server && !operands.empty()) {
        operands = operands.subspan(1);
    }
    const auto needs = [&](size_t count) -> base::Status {
        if (operands.size() != count || (has_server && flags.positional().empty())) {
            return base::fail(
                base::Code::kInvalid,
                "query " + verb + " takes other operands; use:\n" + std::string(kUse));
        }
        return base::success();
    };
    Call call;
    if (verb == "instant") {
        TRY(needs(1));
        call.path = "/api/v1/query";
        call.params.add("query", operands[0]);
        add_given(flags, call.params, {"time"});
    } else if (verb == "range") {
        TRY(needs(1));
        call.path = "/api/v1/query_range";
        call.params.add("query", operands[0]);
        const base::SystemClock clock;
        const int64_t now = clock.now_ms() / 1000;
        call.params.add("start",
                        flags.given("start") ? flags.text("start") : std::to_string(now - 300));
        call.params.add("end", flags.given("end") ? flags.text("end") : std::to_string(now));
        call.params.add("step", flags.given("step") ? flags.text("step") : "15s");
    } else if (verb == "series") {
        TRY(needs(0));
        call.path = "/api/v1/series";
        for (const std::string& match : flags.list("match")) {
            call.params.add("match[]", match);
        }
        add_given(flags, call.params, {"start", "end"});
    } else if (verb == "labels") {
        TRY(needs(1));
        call.path = "/api/v1/label/" + base::http::percent_encode(operands[0]) + "/values";
        add_given(flags, call.params, {"start", "end"});
    } else {
        return base::fail(base::Code::kInvalid,
                          "unknown query command \"" + verb + "\"; use:\n" + std::string(kUse));
    }
    return call;
}

base::Result<std::string> ask(std::string server, const Call& call, int64_t timeout_ms) {
    if (server.find("://") == std::string::npos) {
        server.insert(0, "http://");
    }
    TRY(auto url, base::http::Url::parse(server));
    base::http::Url full = url.join(call.path);
    full.query = call.params.encode();
    full.has_query = true;
    base::http::ClientRequest request;
    request.url = full.to_string();
    const base::SystemClock clock;
    request.options.deadline = base::Deadline::after(clock, std::chrono::milliseconds(timeout_ms));
    base::http::ClientOptions client;
    if (url.has_userinfo) {
        client.basic_auth = base::http::BasicAuthOptions{url.user, "", url.password, ""};
        full.has_userinfo = false;
        request.url = full.to_string();
    }
    TRY(auto response, base::http::fetch(request, client));
    return std::move(response.body);
}

// What only the endpoints of --store are told.
base::Result<std::string> ask_endpoints(const FlagValues& flags, Call call) {
    for (const std::string& label : flags.list("replica-label")) {
        call.params.add("replicaLabels[]", label);
    }
    call.params.add("partial_response", flags.boolean("partial-response") ? "true" : "false");
    return ask_stores({.addresses = flags.list("store"),
                       .tls = {.enabled = flags.boolean("grpc-client-tls-secure"),
                               .ca_file = flags.text("grpc-client-tls-ca"),
                               .cert_file = flags.text("grpc-client-tls-cert"),
                               .key_file = flags.text("grpc-client-tls-key"),
                               .server_name = flags.text("grpc-client-server-name")},
                       .timeout = std::chrono::milliseconds(flags.duration_ms("timeout"))},
                      call.path,
                      call.params);
}

int fail_with(const base::Error& error) {
    std::fprintf(stderr, "query error: %s\n", error.message().c_str());
    return 1;
}

int print_answer(const std::string& body, bool json) {
    const auto answer = base::parse_json(body, {.bytes = SIZE_MAX, .depth = 32});
    if (answer.has_error()) {
        return fail_with(
            base::Error(base::Code::kCorrupt, "the answer is not JSON: " + body.substr(0, 200)));
    }
    const JsonValue* data = answer.value().find("data");
    const JsonValue* error = answer.value().find("error");
    if (error != nullptr && error->string() != nullptr) {
        const JsonValue* type = answer.value().find("errorType");
        const std::string kind =
            type != nullptr && type->string() != nullptr ? *type->string() : "error";
        return fail_with(base::Error(base::Code::kExecution, kind + ": " + *error->string()));
    }
    for (const char* kind : {"warnings", "infos"}) {
        const JsonValue* notes = answer.value().find(kind);
        for (const JsonValue& note :
             notes != nullptr && notes->array() != nullptr ? *notes->array() : JsonValue::Array()) {
            std::fprintf(stderr, "%s\n", note.string() != nullptr ? note.string()->c_str() : "");
        }
    }
    if (json) {
        std::printf("%s\n", body.c_str());
    } else if (data != nullptr) {
        print_result(*data);
    }
    return 0;
}

}  // namespace

int query_command(const std::vector<std::string>& words) {
    if (words.size() < 2 || words[1] == "--help" || words[1] == "-h") {
        std::fputs(std::string(kUse).c_str(), words.size() < 2 ? stderr : stdout);
        return words.size() < 2 ? 2 : 0;
    }
    const CommandLine line("skein query " + words[1], "Asks a server.", kFlags, "OPERAND");
    auto parsed = line.parse({words.begin() + 2, words.end()});
    if (parsed.has_error()) {
        std::fprintf(stderr, "skein: %s\n", parsed.error().message().c_str());
        return 2;
    }
    if (parsed.value().finished) {
        return 0;
    }
    const FlagValues& flags = parsed.value().values;
    auto call = call_of(words[1], flags);
    if (call.has_error()) {
        std::fprintf(stderr, "skein: %s\n", call.error().message().c_str());
        return 2;
    }
    const auto body =
        flags.list("store").empty()
            ? ask(flags.positional().front(), call.value(), flags.duration_ms("timeout"))
            : ask_endpoints(flags, std::move(call).value());
    return body.has_error() ? fail_with(body.error())
                            : print_answer(body.value(), flags.text("format") == "json");
}

}  // namespace engine
