// Throw-away certificates for TLS tests.
#pragma once

#include <string>

namespace test {

struct Certificate {
    std::string cert;  // PEM
    std::string key;   // PEM
};

// A certificate for `name` (DNS) and 127.0.0.1; signed by `issuer`, or by itself.
Certificate make_certificate(const std::string& name, const Certificate* issuer = nullptr);

}  // namespace test
