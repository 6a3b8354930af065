#include "engine/cluster_access.h"

#include <algorithm>
#include <string_view>

#include "config/config.h"
#include "engine/store_api.h"
#include "shard/assignment/names.h"
#include "shard/types.h"

namespace engine {
namespace {

// host:port → host, without the brackets of IPv6.
std::string_view host_of(std::string_view address) {
    std::string_view host = address.substr(0, address.rfind(':'));
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    return host;
}

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// The items of a list flag that was given with commas, repeated, or both.
std::vector<std::string> parted_list(const FlagValues& flags, std::string_view name) {
    std::vector<std::string> items;
    for (const std::string& list : flags.list(name)) {
        for (size_t at = 0; at <= list.size();) {
            const size_t end = std::min(list.find(',', at), list.size());
            if (end != at) {
                items.push_back(list.substr(at, end - at));
            }
            at = end + 1;
        }
    }
    return items;
}

base::Status check_join(const FlagValues& flags) {
    for (const std::string& joined : joined_addresses(flags)) {
        if (joined.rfind(':') == std::string::npos || host_of(joined).empty()) {
            return base::fail(base::Code::kInvalid,
                              "--cluster.join is a list of host:port, which this is not:",
                              joined);
        }
    }
    if (in_cluster(flags) && grpc_address(flags).empty()) {
        return base::fail(base::Code::kInvalid,
                          "--cluster.join needs a gRPC server: give --grpc.listen-address");
    }
    return base::success();
}

base::Status check_identity(const FlagValues& flags) {
    TRY(shard::check_text("--cluster.zone", flags.text("cluster.zone"), shard::kNameBytesMax));
    const int64_t budget = flags.integer("cluster.series-budget");
    if (budget < 0 || budget > static_cast<int64_t>(config::kSeriesBudgetMax)) {
        return base::fail(
            base::Code::kInvalid, "--cluster.series-budget must be 0 to", config::kSeriesBudgetMax);
    }
    return base::success();
}

bool asks_for_certificates(const FlagValues& flags) {
    return !grpc_tls(flags).client_ca_file.empty();
}

}  // namespace

std::vector<std::string> joined_addresses(const FlagValues& flags) {
    return parted_list(flags, "cluster.join");
}

std::vector<std::string> accepted_names(const FlagValues& flags) {
    return parted_list(flags, "cluster.accepted-names");
}

bool in_cluster(const FlagValues& flags) {
    return !joined_addresses(flags).empty();
}

std::string advertised_address(const FlagValues& flags) {
    const std::string& given = flags.text("cluster.advertise-address");
    return given.empty() ? grpc_address(flags) : given;
}

base::rpc::ClientTls node_tls(const FlagValues& flags) {
    const base::rpc::ServerTls tls = grpc_tls(flags);
    return {.enabled = tls.enabled(),
            .ca_file = tls.client_ca_file,
            .cert_file = tls.client_ca_file.empty() ? "" : tls.cert_file,
            .key_file = tls.client_ca_file.empty() ? "" : tls.key_file,
            .server_name = {}};
}

base::Status check_cluster_access(const FlagValues& flags) {
    TRY(check_join(flags));
    TRY(check_identity(flags));
    if (!accepted_names(flags).empty() && !asks_for_certificates(flags)) {
        return base::fail(base::Code::kInvalid,
                          "--cluster.accepted-names are names in certificates, which nodes only "
                          "show with --grpc-server-tls-cert, -key and -client-ca: give these, or "
                          "leave the names out");
    }
    const std::string address = grpc_address(flags);
    if (!in_cluster(flags) || flags.boolean("cluster.insecure") || is_loopback(host_of(address)) ||
        asks_for_certificates(flags) || !flags.text("cluster.key-file").empty()) {
        return base::success();
    }
    return base::fail(base::Code::kInvalid,
                      "--cluster.join lets whoever reaches",
                      address,
                      "speak as a node of the cluster: give --grpc-server-tls-cert, -key and "
                      "-client-ca, so that nodes show each other certificates, or a "
                      "--cluster.key-file that they share, or --cluster.insecure where the network "
                      "lets nobody else in");
}

}  // namespace engine
