#include "shard/seal.h"

#include <catch2/catch.hpp>

using namespace shard;
using base::Code;

namespace {

const base::Secret kKey("a key that is long enough");

struct Ends {
    explicit Ends(const base::Secret& callers = kKey, const base::Secret& calleds = kKey)
        : first(SealSide::kCaller, random),
          second(SealSide::kCalled, random),
          caller(std::move(first.agree(callers, second.opening())).value()),
          called(std::move(second.agree(calleds, first.opening())).value()) {}

    base::SystemRandom random;
    SealHandshake first, second;
    Seals caller, called;
};

Code refusal(Unsealer& unsealer, const std::string& message) {
    const auto opened = unsealer.unseal(message);
    REQUIRE(!opened.has_value());
    return opened.error().code();
}

}  // namespace

TEST_CASE("sealed messages are opened by the other end, in both directions", "[seal]") {
    Ends ends;
    for (const std::string text : {"one", "", "three"}) {
        const std::string sealed = ends.caller.sealer.seal(text);
        CHECK(sealed.size() == text.size() + kSealBytes);
        CHECK(ends.called.unsealer.unseal(sealed).value() == text);
        CHECK(ends.caller.unsealer.unseal(ends.called.sealer.seal(text)).value() == text);
    }
}

TEST_CASE("a seal is broken by any change of a byte", "[seal]") {
    Ends ends;
    const std::string sealed = ends.caller.sealer.seal("pay ten");
    for (size_t i = 0; i < sealed.size(); ++i) {
        CAPTURE(i);
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK(refusal(ends.called.unsealer, changed) == Code::kPermission);
    }
    CHECK(refusal(ends.called.unsealer, sealed.substr(1)) == Code::kPermission);
    CHECK(refusal(ends.called.unsealer, "") == Code::kPermission);
    CHECK(ends.called.unsealer.unseal(sealed).has_value());
}

TEST_CASE("a sealed message is opened once, and none before it any more", "[seal]") {
    Ends ends;
    const std::string one = ends.caller.sealer.seal("one");
    const std::string two = ends.caller.sealer.seal("two");
    const std::string three = ends.caller.sealer.seal("three");
    CHECK(ends.called.unsealer.unseal(one).has_value());
    CHECK(ends.called.unsealer.unseal(three).has_value());  // one that is missing does no harm
    CHECK(refusal(ends.called.unsealer, three) == Code::kPermission);
    CHECK(refusal(ends.called.unsealer, two) == Code::kPermission);
}

TEST_CASE("a seal is good for one call and one direction", "[seal]") {
    Ends ends, others;
    const std::string sealed = ends.caller.sealer.seal("one");
    CHECK(refusal(ends.caller.unsealer, sealed) == Code::kPermission);
    CHECK(refusal(others.called.unsealer, sealed) == Code::kPermission);
}

TEST_CASE("another key, or none, is refused with what to do", "[seal]") {
    Ends ends(kKey, base::Secret("another key, long enough"));
    const auto opened = ends.called.unsealer.unseal(ends.caller.sealer.seal("one"));
    REQUIRE(!opened.has_value());
    CHECK_THAT(opened.error().message(), Catch::Contains("--cluster.key-file"));
    const auto agreed = ends.first.agree(kKey, "\x08\x01 a message");
    REQUIRE(!agreed.has_value());
    CHECK(agreed.error().code() == Code::kPermission);
    CHECK_THAT(agreed.error().message(), Catch::Contains("--cluster.key-file"));
    CHECK(is_seal_opening(ends.first.opening()));
    CHECK(!check_seal_key(base::Secret("short")).has_value());
    CHECK(check_seal_key(kKey).has_value());
}
