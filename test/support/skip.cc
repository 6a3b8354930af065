#include "test/support/skip.h"

#include <iostream>

#define CATCH_CONFIG_EXTERNAL_INTERFACES  // the listener interface
#include <catch2/catch.hpp>

namespace test {
namespace {

// The reason of the running test case; empty when it is not skipped.
std::string& reason_of_case() {
    static std::string reason;
    return reason;
}

class SkipListener : public Catch::TestEventListenerBase {
  public:
    using TestEventListenerBase::TestEventListenerBase;

    void testCaseStarting(const Catch::TestCaseInfo& info) override {
        TestEventListenerBase::testCaseStarting(info);
        reason_of_case().clear();
    }

    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        if (!reason_of_case().empty() && stats.totals.assertions.failed == 0) {
            std::cout << "\nSKIPPED: " << reason_of_case() << '\n' << std::flush;
        }
        TestEventListenerBase::testCaseEnded(stats);
    }
};

CATCH_REGISTER_LISTENER(SkipListener)  // NOLINT(cert-err58-cpp): Catch2 registers this way

}  // namespace

void note_skip(const std::string& reason) {
    reason_of_case() = reason.empty() ? "no reason given" : reason;
}

}  // namespace test
