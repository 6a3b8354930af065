// What a TlsContext is inside; for tls.cc and stream.cc.
#pragma once

#include "base/http/tls.h"

namespace boost::asio::ssl {
class context;
}

namespace base::http {

struct TlsContext::State {
    State();
    ~State();

    const std::unique_ptr<boost::asio::ssl::context> owned;
    boost::asio::ssl::context& context;
    bool verify = true;                      // client: check chain and name
    std::vector<std::string> allowed_names;  // server: client_allowed_sans
};

}  // namespace base::http
