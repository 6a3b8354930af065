#include "shard/sealed_end.h"

#include <catch2/catch.hpp>

using namespace shard;

namespace {

const base::Secret kKey("a key that is long enough");

class Wire final : public base::rpc::Duplex {
  public:
    bool send(std::string message) override {
        sent.push_back(std::move(message));
        return true;
    }

    [[nodiscard]] size_t waiting_bytes() const override { return 0; }

    void close(base::Status /*outcome*/) override {}

    void abort() override {}

    std::vector<std::string> sent;
};

struct Call {
    explicit Call(const base::Secret& key)
        : caller(key, SealSide::kCaller, random), called(key, SealSide::kCalled, random) {
        called.attach(back);
    }

    // Carries what was sent over; what came of it, opened.
    static std::vector<std::string> carry(Wire& wire, SealedEnd& to) {
        std::vector<std::string> heard;
        for (std::string& message : std::exchange(wire.sent, {})) {
            if (auto opened = to.receive(std::move(message)).value()) {
                heard.push_back(std::move(*opened));
            }
        }
        return heard;
    }

    base::SystemRandom random;
    Wire there, back;
    SealedEnd caller, called;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("what is said before both ends know their keys is kept, in order", "[seal]") {
    Call call(kKey);
    CHECK(call.caller.send("one"));
    call.caller.attach(call.there);
    CHECK(call.caller.send("two"));
    CHECK(call.called.send("early"));
    CHECK(call.there.sent.size() == 1);
    CHECK(call.back.sent.empty());
    CHECK(Call::carry(call.there, call.called).empty());
    CHECK(Call::carry(call.back, call.caller) == Texts{"early"});
    CHECK(call.caller.send("three"));
    CHECK(call.there.sent.front() != "one");
    CHECK(Call::carry(call.there, call.called) == Texts{"one", "two", "three"});
}

TEST_CASE("without a key messages go as they are", "[seal]") {
    Call call{base::Secret()};
    CHECK(call.caller.send("one"));
    call.caller.attach(call.there);
    CHECK(call.caller.send("two"));
    CHECK(call.there.sent == Texts{"one", "two"});
    CHECK(Call::carry(call.there, call.called) == Texts{"one", "two"});
}

TEST_CASE("so much is kept and no more, and nothing once the call goes", "[seal]") {
    Call call(kKey);
    CHECK(call.caller.send(std::string(kUnsealedBytesMax, 'x')));
    CHECK_FALSE(call.caller.send("y"));
    call.caller.detach();
    CHECK_FALSE(call.caller.send("z"));
}
