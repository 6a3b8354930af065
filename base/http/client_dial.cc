// How a client gets to its peer: names, addresses, proxies, TLS.
#include "base/http/base64.h"
#include "base/http/client_state.h"

namespace base::http {

Task<void> ClientConnection::State::connect(Deadline deadline) {
    const Url& to = proxy ? *proxy : url;
    std::vector<Address> addresses;
    if (to.scheme == "http+unix") {
        CO_TRY(const Address address, unix_address(to.host));
        addresses.push_back(address);
    } else if (auto literal = ip_address(to.host, to.effective_port()); literal.has_value()) {
        addresses.push_back(literal.value());
    } else {
        auto found = co_await shared->resolver.resolve(lane, to.host, deadline);
        CO_TRY(addresses, context(std::move(found), "dial tcp"));
        for (Address& address : addresses) {
            auto& in =
                reinterpret_cast<sockaddr_in&>(address.storage);  // the port lies alike in v6
            in.sin_port = __builtin_bswap16(to.effective_port());
        }
    }
    Status status = fail(Code::kIo, "dial tcp: no address for", to.host);
    for (const Address& address : addresses) {
        status = co_await stream.connect(address);
        if (status || timed_out || status.error().code() == Code::kCanceled) {
            break;
        }
    }
    co_return status;
}

// CONNECT through a proxy (RFC 9110 §9.3.6).
Task<void> ClientConnection::State::open_tunnel() {
    std::string request =
        "CONNECT " + url.address() + " HTTP/1.1\r\nHost: " + url.address() + "\r\n";
    if (proxy->has_userinfo) {
        const std::string pair = proxy->user + ":" + proxy->password.reveal();
        request += "Proxy-Authorization: Basic " + base64_encode(pair) + "\r\n";
    }
    for (const auto& [name, values] : options.proxy_connect_headers) {
        for (const Secret& value : values) {
            request += name + ": " + value.reveal() + "\r\n";
        }
    }
    request += "\r\n";
    CO_TRY(co_await write(request, ""));
    ResponseHead answer;
    CO_TRY(co_await reader.read_head(true, answer));
    if (answer.status != 200) {
        co_return fail(Code::kIo,
                       "proxy refused CONNECT:",
                       std::to_string(answer.status) + " " + answer.reason);
    }
    reader.forget();
    co_return success();
}

Task<void> ClientConnection::State::dial(Deadline deadline) {
    ++dials;
    reader.forget();
    Status status = co_await connect(deadline);
    if (!status) {
        co_return proxy ? context(std::move(status), "proxyconnect tcp") : std::move(status);
    }
    if (url.tls()) {
        if (proxy) {
            CO_TRY(co_await open_tunnel());
        }
        CO_TRY(auto tls, shared->tls.client(options.tls));
        std::string name = options.tls.server_name.empty() ? url.host : options.tls.server_name;
        CO_TRY(co_await stream.start_tls_client(std::move(tls), std::move(name)));
    }
    connected = true;
    co_return success();
}

}  // namespace base::http
