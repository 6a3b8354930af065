// A server that looks at itself, for the lists in docs/.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>

#include <unistd.h>

#include "engine/flags.h"
#include "engine/node.h"
#include "engine/node_body.h"

namespace engine {
namespace {

// Has look() see a server on an empty configuration, in a temporary folder and on free ports.
void look_at_server(const std::function<void(Node&)>& look) {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("skein-self-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    std::fclose(std::fopen((folder / "empty.yml").c_str(), "w"));
    const CommandLine line("skein", "", server_flags());
    const auto parsed = line.parse({"--config.file=" + (folder / "empty.yml").string(),
                                    "--storage.tsdb.path=" + (folder / "data").string(),
                                    "--web.listen-address=127.0.0.1:0",
                                    "--grpc.listen-address=",
                                    "--log.level=error"});
    {
        Node node(parsed.value().values);
        if (node.start().has_value()) {
            look(node);
        }
        node.stop();
    }
    std::filesystem::remove_all(folder);
}

}  // namespace

std::vector<base::MetricDescription> server_metrics() {
    std::vector<base::MetricDescription> metrics;
    look_at_server([&](Node& node) { metrics = node.registry().describe(); });
    return metrics;
}

std::vector<std::string> server_operations() {
    constexpr base::http::Method kMethods[] = {base::http::Method::kGet,
                                               base::http::Method::kPost,
                                               base::http::Method::kPut,
                                               base::http::Method::kDelete};
    std::vector<std::string> operations;
    look_at_server([&](Node& node) {
        const base::http::Router router = node.routes();
        for (const auto& route : router.routes()) {
            for (const base::http::Method method : kMethods) {
                if (route->methods.has(method)) {
                    operations.push_back(std::string(base::http::method_name(method)) + " " +
                                         route->pattern);
                }
            }
        }
    });
    std::ranges::sort(operations);
    return operations;
}

}  // namespace engine
