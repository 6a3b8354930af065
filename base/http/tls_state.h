// What a TlsContext is inside; for tls.cc and stream.cc.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include "base/http/tls.h"

namespace base::http {

struct TlsContext::State {
    boost::asio::ssl::context context{boost::asio::ssl::context::tls};
    bool verify = true;                      // client: check chain and name
    std::vector<std::string> allowed_names;  // server: client_allowed_sans
};

}  // namespace base::http
