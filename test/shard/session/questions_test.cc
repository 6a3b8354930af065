// Questions over a real connection, and their bytes.
#include "shard/session/questions.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "shard/session/identity_service.h"
#include "shard/session/node_questions.h"
#include "test/base/certificates.h"
#include "test/shard/session/link_world.h"
#include "test/support/seed.h"
#include "test/support/temp_folder.h"

using namespace link_test;
using namespace std::chrono_literals;
using base::Code;

namespace {

const base::Secret kKey("a key that is long enough");

// A node that is asked.
class Asked {
  public:
    explicit Asked(base::Secret key = {}, base::rpc::ServerOptions options = {})
        : service_(std::make_unique<IdentityService>(IdentityService::Parts{
              .identity = [this] { return identity; },
              .answer = [this](const Question& question,
                               base::Deadline /*deadline*/) { return answer(question); },
              .admission = [this](const base::rpc::CallPeer& who) -> base::Status {
                  names = who.names;
                  if (refuses) {
                      return base::fail(Code::kPermission, "not you");
                  }
                  return base::success();
              },
              .key = std::move(key),
              .clock = clock})) {
        options.listen_address = "127.0.0.1:0";
        server_ = std::move(base::rpc::Server::start(
                                options, service_->methods(), {pool_, clock, counted_}))
                      .value();
    }

    [[nodiscard]] const std::string& address() const { return server_->address(); }

    void stop_service() { service_.reset(); }

    Identity identity{.cluster_id = "geese", .node_id = "a", .member = 7, .leader_address = "b:1"};
    std::function<base::Result<Answer>(const Question&)> answer = [](const Question& question) {
        return base::Result<Answer>(Answer{.status = 200, .json = question.what});
    };
    std::atomic<bool> refuses{false};
    std::vector<std::string> names;
    base::SystemClock clock;

  private:
    base::Registry metrics_;
    base::rpc::ServerMetrics counted_{metrics_};
    base::WorkerPool pool_{{.name = "rpc", .threads = 2, .queue_max = 2000}};
    std::unique_ptr<IdentityService> service_;
    std::unique_ptr<base::rpc::Server> server_;
};

class Asker {
  public:
    explicit Asker(base::Secret key = {}, base::rpc::ClientTls tls = {})
        : questions(std::move(tls), std::move(key), clock_) {
        loop_.run([this] {
            identities_ = std::make_unique<GrpcIdentities>(questions, loop_.poster(), clock_);
        });
    }

    ~Asker() {
        loop_.run([this] { identities_.reset(); });
    }

    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    void begin(const std::string& address) {
        loop_.run([&] {
            identities_->ask(address, [this](base::Result<Identity> identity) {
                answers_.push_back(std::move(identity));
            });
        });
    }

    [[nodiscard]] size_t answers() {
        return loop_.ask([this] { return answers_.size(); });
    }

    [[nodiscard]] base::Result<Identity> identify(const std::string& address) {
        const size_t before = answers();
        begin(address);
        REQUIRE(becomes([&] { return answers() > before; }));
        return answers_.back();
    }

    [[nodiscard]] base::Result<Answer> ask(const std::string& address, const Question& question) {
        return questions.ask(address, question, base::Deadline::after(clock_, 10s));
    }

    void drop_identities() {
        loop_.run([this] { identities_.reset(); });
    }

    NodeQuestions questions;

  private:
    base::SystemClock clock_;
    std::vector<base::Result<Identity>> answers_;  // the loop's
    std::unique_ptr<GrpcIdentities> identities_;
    Loop loop_;
};

}  // namespace

TEST_CASE("a node says who it is", "[shard][session][questions]") {
    const base::Secret key = GENERATE(base::Secret(), kKey);
    Asked node(key);
    Asker asker(key);
    const auto identity = asker.identify(node.address());
    REQUIRE(identity.has_value());
    CHECK(identity.value() == node.identity);
}

TEST_CASE("a question is answered for the HTTP API of another node",
          "[shard][session][questions]") {
    const base::Secret key = GENERATE(base::Secret(), kKey);
    Asked node(key);
    Question heard;
    node.answer = [&](const Question& question) -> base::Result<Answer> {
        heard = question;
        return Answer{
            .status = 422, .json = std::string(3'000'000, 'x'), .warnings = {"look", "out"}};
    };
    Asker asker(key);
    const Question question{
        .what = "plan", .parameters = {{"node", "a"}, {"why", "\n?"}}, .change = true};
    const auto answer = asker.ask(node.address(), question);
    REQUIRE(answer.has_value());
    CHECK(answer.value().status == 422);
    CHECK(answer.value().json.size() == 3'000'000);
    CHECK(answer.value().warnings == std::vector<std::string>{"look", "out"});
    CHECK(heard == question);
    node.answer = [](const Question&) -> base::Result<Answer> {
        return base::fail(Code::kNotFound, "no such plan");
    };
    const auto failed = asker.ask(node.address(), question);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code() == Code::kNotFound);
    CHECK_THAT(failed.error().message(), Catch::Contains("no such plan"));
}

TEST_CASE("who has another key, or none, is neither answered nor believed",
          "[shard][session][questions]") {
    const base::Secret other("another key, long enough");
    const auto check = [](const base::Secret& of_node, const base::Secret& of_asker) {
        Asked node(of_node);
        Asker asker(of_asker);
        const auto identity = asker.identify(node.address());
        REQUIRE_FALSE(identity.has_value());
        CHECK(identity.error().code() == Code::kPermission);
        CHECK_THAT(identity.error().message(), Catch::Contains("--cluster.key-file"));
        const auto answer = asker.ask(node.address(), {.what = "status"});
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().code() == Code::kPermission);
    };
    check(kKey, other);
    check(kKey, {});
    check({}, kKey);
}

TEST_CASE("who may not speak is refused", "[shard][session][questions]") {
    Asked node;
    node.refuses = true;
    Asker asker;
    const auto identity = asker.identify(node.address());
    REQUIRE_FALSE(identity.has_value());
    CHECK(identity.error().code() == Code::kPermission);
    CHECK_THAT(identity.error().message(), Catch::Contains("not you"));
}

TEST_CASE("who asks is known by his certificate", "[shard][session][questions]") {
    const test_support::TempFolder folder;
    const auto authority = test::make_certificate("authority");
    const auto server = test::make_certificate("localhost", &authority);
    const auto client = test::make_certificate("node-a", &authority);
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(folder.path() + "/" + name) << text;
        return folder.path() + "/" + name;
    };
    base::rpc::ServerOptions options;
    options.tls = {.cert_file = write("server.pem", server.cert),
                   .key_file = write("server.key", server.key),
                   .client_ca_file = write("ca.pem", authority.cert)};
    Asked node({}, options);
    Asker asker({},
                {.enabled = true,
                 .ca_file = options.tls.client_ca_file,
                 .cert_file = write("client.pem", client.cert),
                 .key_file = write("client.key", client.key),
                 .server_name = "localhost"});
    REQUIRE(asker.identify(node.address()).has_value());
    CHECK(node.names.front() == "node-a");
    CHECK_FALSE(Asker().identify(node.address()).has_value());
}

TEST_CASE("somebody who does not answer does not make others late", "[shard][session][questions]") {
    Asked node;
    Asker asker;
    asker.begin("127.0.0.1:1");
    const auto identity = asker.identify(node.address());
    REQUIRE(becomes([&] { return asker.answers() == 2; }));
    node.stop_service();
    const auto stopped = asker.identify(node.address());
    REQUIRE_FALSE(stopped.has_value());
    CHECK(stopped.error().code() == Code::kUnavailable);
}

TEST_CASE("answers are not told to who is gone", "[shard][session][questions]") {
    Asked node;
    Asker asker;
    asker.begin(node.address());
    asker.drop_identities();
    CHECK(asker.answers() <= 1);
}

TEST_CASE("questions and answers beyond their limits name them", "[shard][session][questions]") {
    Asked node;
    Asker asker;
    const auto limit = [&](const Question& question) {
        const auto answer = asker.ask(node.address(), question);
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().code() == Code::kLimit);
        return answer.error().message();
    };
    CHECK_THAT(limit({.what = "x", .parameters = {{"a", std::string(kQuestionBytesMax, 'x')}}}),
               Catch::Contains("kQuestionBytesMax"));
    Question many{.what = "x"};
    for (size_t i = 0; i <= kParametersMax; ++i) {
        many.parameters[std::to_string(i)] = "";
    }
    CHECK_THAT(limit(many), Catch::Contains("kParametersMax"));
    node.answer = [](const Question&) -> base::Result<Answer> {
        return Answer{.json = std::string(kAnswerBytesMax, 'x')};
    };
    CHECK_THAT(limit({.what = "x"}), Catch::Contains("kAnswerBytesMax"));
}

TEST_CASE("bytes of questions make sense or are refused", "[shard][session][questions]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const std::vector<std::string> good{
        encode_identity_question(),
        encode(Identity{.cluster_id = "c", .node_id = "n", .member = 3, .leader_address = "x:1"}),
        encode(Question{.what = "plan", .parameters = {{"a", "b"}}, .change = true}),
        encode(Answer{.status = 200, .json = "{}", .warnings = {"w"}})};
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes = good[random.below(good.size())];
        for (uint64_t j = 0; j < 1 + random.below(4); ++j) {
            bytes[random.below(bytes.size())] = static_cast<char>(random.u64());
        }
        static_cast<void>(decode_identity_question(bytes));
        if (const auto identity = decode_identity(bytes)) {
            CHECK(decode_identity(encode(identity.value())).value() == identity.value());
        }
        if (const auto question = decode_question(bytes)) {
            CHECK(decode_question(encode(question.value())).value() == question.value());
        }
        if (const auto answer = decode_node_answer(bytes)) {
            CHECK(decode_node_answer(encode(answer.value())).value() == answer.value());
        }
    }
    CHECK_FALSE(decode_identity(encode(Identity{.node_id = ""})).has_value());
    CHECK_FALSE(decode_identity(encode(Identity{.node_id = std::string(254, 'x')})).has_value());
    CHECK_FALSE(decode_node_answer(encode(Answer{.status = 7})).has_value());
}
