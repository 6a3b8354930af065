#include "engine/cluster_access.h"

#include <algorithm>
#include <string_view>

#include "engine/store_api.h"

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

}  // namespace

std::vector<std::string> joined_addresses(const FlagValues& flags) {
    std::vector<std::string> addresses;
    for (const std::string& list : flags.list("cluster.join")) {
        for (size_t at = 0; at <= list.size();) {
            const size_t end = std::min(list.find(',', at), list.size());
            if (end != at) {
                addresses.push_back(list.substr(at, end - at));
            }
            at = end + 1;
        }
    }
    return addresses;
}

bool in_cluster(const FlagValues& flags) {
    return !joined_addresses(flags).empty();
}

std::string advertised_address(const FlagValues& flags) {
    const std::string& given = flags.text("cluster.advertise-address");
    return given.empty() ? grpc_address(flags) : given;
}

base::Status check_cluster_access(const FlagValues& flags) {
    const std::string address = grpc_address(flags);
    for (const std::string& joined : joined_addresses(flags)) {
        if (joined.rfind(':') == std::string::npos || host_of(joined).empty()) {
            return base::fail(base::Code::kInvalid,
                              "--cluster.join is a list of host:port, which this is not:",
                              joined);
        }
    }
    if (in_cluster(flags) && address.empty()) {
        return base::fail(base::Code::kInvalid,
                          "--cluster.join needs a gRPC server: give --grpc.listen-address");
    }
    if (!in_cluster(flags) || flags.boolean("cluster.insecure") || is_loopback(host_of(address)) ||
        !grpc_tls(flags).client_ca_file.empty()) {
        return base::success();
    }
    return base::fail(base::Code::kInvalid,
                      "--cluster.join opens this node's data to whoever reaches",
                      address,
                      ": give --grpc-server-tls-cert, -key and -client-ca, so that nodes show each "
                      "other certificates, or --cluster.insecure where the network lets nobody "
                      "else in");
}

}  // namespace engine
