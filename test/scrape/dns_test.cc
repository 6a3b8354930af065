#include "scrape/discovery/dns.h"

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "test/support/capture_sink.h"
#include "test/support/dns_server.h"
#include "test/support/seed.h"

using namespace std::chrono_literals;
using namespace test_support;  // NOLINT: the server's words

namespace {

constexpr auto kPatience = 10s;  // until a test gives up; nothing waits that long when all is well

using Names = std::vector<std::string>;

// Asks one server, with the given search domains.
scrape::DnsResolver resolver_of(const DnsServer& server, Names search = {}) {
    return {.servers = server.address(),
            .search = std::move(search),
            .query_timeout = 5s,
            .lookup_timeout = kPatience};
}

scrape::DnsAnswer look_up(const std::string& name,
                          scrape::DnsRecordType type,
                          const scrape::DnsResolver& resolver) {
    const scrape::DnsStop stop;
    return scrape::look_up_dns({name}, type, resolver, stop).front();
}

Names hosts(const scrape::DnsAnswer& answer) {
    REQUIRE(answer);
    Names out;
    for (const scrape::DnsRecord& record : answer.value()) {
        out.push_back(record.host);
    }
    return out;
}

// What a source said last.
class Groups final : public model::GroupListener {
  public:
    using List = std::vector<model::TargetGroup>;

    void groups_changed(List groups) override {
        const std::lock_guard lock(mutex_);
        last_ = std::move(groups);
        ++count_;
        changed_.notify_all();
    }

    // Waits until it satisfies `good`; fails the test when it never does.
    List wait_for(const std::function<bool(const List&)>& good) {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, kPatience, [&] { return count_ > 0 && good(last_); }));
        return last_;
    }

    size_t count() {
        const std::lock_guard lock(mutex_);
        return count_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    List last_;
    size_t count_ = 0;
};

Names addresses(const model::TargetGroup& group) {
    Names out;
    for (const model::Labels& target : group.targets) {
        out.emplace_back(target.get("__address__"));
    }
    return out;
}

// A source that asks for "it." and "clock." again and again. Groups are sorted by name: the clock's
// comes first.
struct Watched {
    Watched() { server.script("clock.", {.records = {dns_a("10.0.0.1")}}); }

    void start() {
        source = std::make_unique<scrape::DnsSource>(
            scrape::DnsDiscoveryOptions{.names = {"it.", "clock."},
                                        .type = scrape::DnsRecordType::kA,
                                        .port = 80,
                                        .refresh_interval = 5ms},
            metrics,
            "j",
            base::Logger(backend),
            resolver);
        source->start(groups);
    }

    // What is known of "it." after a refresh that began after this call.
    Names after_a_refresh() {
        Groups::List last;
        for (int time = 0; time < 2; ++time) {  // the first may have begun before
            const std::string now = "10.0.1." + std::to_string(++clock);
            server.script("clock.", {.records = {dns_a(now)}});
            last = groups.wait_for(
                [&](const auto& all) { return addresses(all.front()) == Names{now + ":80"}; });
        }
        return last.back().source == "it." ? addresses(last.back()) : Names{"no group"};
    }

    DnsServer server;
    scrape::DnsResolver resolver = resolver_of(server);
    int clock = 0;
    base::SystemClock system_clock;
    CaptureSink sink;
    base::LogBackend backend{sink, system_clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    base::Registry registry;
    scrape::Metrics metrics{registry};
    Groups groups;
    std::unique_ptr<scrape::DnsSource> source;
};

// About the name "it.".
size_t lines_with(const CaptureSink& sink, std::string_view text) {
    size_t count = 0;
    for (const std::string& line : sink.lines()) {
        const bool about_it = line.find("name=it.") != std::string::npos;
        count += about_it && line.find(text) != std::string::npos ? 1 : 0;
    }
    return count;
}

Groups::List first_groups(scrape::DnsDiscoveryOptions options, const DnsServer& server) {
    base::Registry registry;
    scrape::Metrics metrics(registry);
    Groups groups;
    scrape::DnsSource source(std::move(options), metrics, "j", base::Logger(), resolver_of(server));
    source.start(groups);
    auto all = groups.wait_for([](const auto&) { return true; });
    source.stop();
    return all;
}

}  // namespace

TEST_CASE("names are tried with the search domains as resolvers do", "[scrape][dns]") {
    const Names search = {"one.example", "two.example.", "."};
    CHECK(scrape::dns_candidates("a.b.", search, 1) == Names{"a.b."});
    CHECK(scrape::dns_candidates("a", search, 1) ==
          Names{"a.one.example.", "a.two.example.", "a."});
    CHECK(scrape::dns_candidates("a.b", search, 1) ==
          Names{"a.b.", "a.b.one.example.", "a.b.two.example."});
    CHECK(scrape::dns_candidates("a.b", search, 5) ==
          Names{"a.b.one.example.", "a.b.two.example.", "a.b."});
    CHECK(scrape::dns_candidates("a", {}, 1) == Names{"a."});
}

TEST_CASE("service records make targets with their own ports, one group per name",
          "[scrape][dns]") {
    DnsServer server;
    server.script("_web._tcp.example.com.",
                  {.records = {dns_srv("b.example.com.", 9100), dns_srv("a.example.com.", 81)}});
    server.script("_db._tcp.example.com.", {.records = {dns_srv("c.example.com.", 3306)}});
    const auto groups = first_groups(
        {.names = {"_web._tcp.example.com", "_db._tcp.example.com.", "_web._tcp.example.com"}},
        server);
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].source == "_db._tcp.example.com.");
    CHECK(addresses(groups[0]) == Names{"c.example.com:3306"});
    CHECK(groups[1].source == "_web._tcp.example.com");
    CHECK(addresses(groups[1]) == Names{"a.example.com:81", "b.example.com:9100"});
    const model::Labels want{{"__address__", "b.example.com:9100"},
                             {"__meta_dns_name", "_web._tcp.example.com"},
                             {"__meta_dns_srv_record_port", "9100"},
                             {"__meta_dns_srv_record_target", "b.example.com."}};
    CHECK(groups[1].targets[1] == want);
}

TEST_CASE("address, mail and name server records make targets with the configured port",
          "[scrape][dns]") {
    DnsServer server;
    const auto check =
        [&](scrape::DnsRecordType type, const DnsServerRecord& record, const model::Labels& want) {
            server.script("it.", {.records = {record}});
            const auto groups = first_groups({.names = {"it."}, .type = type, .port = 80}, server);
            REQUIRE(groups.size() == 1);
            REQUIRE(groups[0].targets.size() == 1);
            CHECK(groups[0].targets[0] == want);
        };
    using enum scrape::DnsRecordType;
    check(kA, dns_a("10.1.2.3"), {{"__address__", "10.1.2.3:80"}, {"__meta_dns_name", "it."}});
    check(kAaaa,
          dns_aaaa("2001:db8::7"),
          {{"__address__", "[2001:db8::7]:80"}, {"__meta_dns_name", "it."}});
    check(kAaaa,
          dns_aaaa("::ffff:10.1.2.3"),
          {{"__address__", "10.1.2.3:80"}, {"__meta_dns_name", "it."}});
    check(kMx,
          dns_mx("mail.example.com."),
          {{"__address__", "mail.example.com:80"},
           {"__meta_dns_name", "it."},
           {"__meta_dns_mx_record_target", "mail.example.com."}});
    check(kNs,
          dns_ns("ns1.example.com."),
          {{"__address__", "ns1.example.com:80"},
           {"__meta_dns_name", "it."},
           {"__meta_dns_ns_record_target", "ns1.example.com."}});
}

TEST_CASE("an address behind an alias is found, and other records are passed over",
          "[scrape][dns]") {
    DnsServer server;
    server.script("it.", {.records = {dns_cname("it."), dns_a("10.0.0.1"), dns_mx("m.")}});
    CHECK(hosts(look_up("it.", scrape::DnsRecordType::kA, resolver_of(server))) ==
          Names{"10.0.0.1"});
    CHECK(hosts(look_up("it.", scrape::DnsRecordType::kMx, resolver_of(server))) == Names{"m"});
    // The root as a target says that there is no such service.
    server.script("it.", {.records = {dns_srv(".", 0)}});
    CHECK(hosts(look_up("it.", scrape::DnsRecordType::kSrv, resolver_of(server))).empty());
}

TEST_CASE("an answer that is cut off is asked for again over TCP", "[scrape][dns]") {
    DnsServer server;
    std::vector<DnsServerRecord> many;
    for (int index = 0; index < 1000; ++index) {
        many.push_back(dns_srv("host" + std::to_string(index) + ".example.com.", 9100));
    }
    server.script("many.", {.records = many, .only_over_tcp = true});
    CHECK(hosts(look_up("many.", scrape::DnsRecordType::kSrv, resolver_of(server))).size() == 1000);
    CHECK(server.asked_over_tcp() == 1);
}

TEST_CASE("a server that knows no options is asked without them", "[scrape][dns]") {
    DnsServer server;
    server.script("it.", {.records = {dns_a("10.0.0.1")}, .refuses_edns = true});
    CHECK(hosts(look_up("it.", scrape::DnsRecordType::kA, resolver_of(server))) ==
          Names{"10.0.0.1"});
}

TEST_CASE("the first search domain in which a name exists is its answer", "[scrape][dns]") {
    DnsServer server;
    const auto resolver = resolver_of(server, {"one", "two", "three"});
    server.script("it.two.", {.records = {dns_a("10.0.0.2")}});
    server.script("it.three.", {.records = {dns_a("10.0.0.3")}});
    CHECK(hosts(look_up("it", scrape::DnsRecordType::kA, resolver)) == Names{"10.0.0.2"});
    CHECK(server.asked("it.three.") == 0);
    server.script("it.two.", {});  // exists, without such records
    CHECK(hosts(look_up("it", scrape::DnsRecordType::kA, resolver)).empty());
    CHECK(server.asked("it.three.") == 0);
    // A domain without an answer does not hide the others.
    server.script("it.two.", {.code = kDnsServerFailure});
    CHECK(hosts(look_up("it", scrape::DnsRecordType::kA, resolver)) == Names{"10.0.0.3"});
    // But when the name is nowhere else, it may still exist there.
    server.script("it.three.", {.code = kDnsNoSuchName});
    const auto answer = look_up("it", scrape::DnsRecordType::kA, resolver);
    REQUIRE(!answer);
    CHECK(answer.error().code() == base::Code::kUnavailable);
    CHECK(server.asked("it.") > 0);
}

TEST_CASE("search domains and dots come from the system's settings", "[scrape][dns]") {
    // What resolvers take before the words of /etc/resolv.conf.
    setenv("LOCALDOMAIN", "one two", 1);  // NOLINT(concurrency-mt-unsafe)
    setenv("RES_OPTIONS", "ndots:2", 1);  // NOLINT(concurrency-mt-unsafe)
    DnsServer server;
    auto resolver = resolver_of(server);
    resolver.search.reset();
    server.script("a.b.two.", {.records = {dns_a("10.0.0.2")}});
    CHECK(hosts(look_up("a.b", scrape::DnsRecordType::kA, resolver)) == Names{"10.0.0.2"});
    CHECK(server.asked("a.b.one.") == 1);
    CHECK(server.asked("a.b.") == 0);
    unsetenv("LOCALDOMAIN");  // NOLINT(concurrency-mt-unsafe)
    unsetenv("RES_OPTIONS");  // NOLINT(concurrency-mt-unsafe)
}

TEST_CASE("the next server is asked when one fails", "[scrape][dns]") {
    DnsServer bad;
    DnsServer good;
    bad.script("it.", {.code = kDnsServerFailure});
    good.script("it.", {.records = {dns_a("10.0.0.1")}});
    auto resolver = resolver_of(bad);
    resolver.servers += "," + good.address();
    CHECK(hosts(look_up("it.", scrape::DnsRecordType::kA, resolver)) == Names{"10.0.0.1"});
    CHECK(bad.asked("it.") == 1);
}

TEST_CASE("more names than may be asked for at a time are all answered in order", "[scrape][dns]") {
    const auto address = [](size_t index) {
        return "10.0." + std::to_string(index / 256) + "." + std::to_string(index % 256);
    };
    DnsServer server;
    Names names;
    for (size_t index = 0; index < 3 * scrape::kDnsInFlightMax + 1; ++index) {
        names.push_back("n" + std::to_string(index) + ".");
        server.script(names.back(), {.records = {dns_a(address(index))}});
    }
    const std::string too_long(64, 'x');  // a label of 64 bytes is none
    names[1] = too_long + ".";
    const scrape::DnsStop stop;
    const auto answers =
        scrape::look_up_dns(names, scrape::DnsRecordType::kA, resolver_of(server), stop);
    REQUIRE(answers.size() == names.size());
    for (size_t index = 0; index < names.size(); ++index) {
        CAPTURE(index);
        if (index == 1) {
            CHECK(!answers[index]);
        } else {
            CHECK(hosts(answers[index]) == Names{address(index)});
        }
    }
}

TEST_CASE("a lookup without an answer ends at its deadline, and at once when stopped",
          "[scrape][dns]") {
    DnsServer server;
    server.script("it.", {.silent = true});
    auto resolver = resolver_of(server);
    resolver.query_timeout = 1h;
    resolver.lookup_timeout = 20ms;
    const auto late = look_up("it.", scrape::DnsRecordType::kA, resolver);
    REQUIRE(!late);
    CHECK(late.error().code() == base::Code::kTimeout);
    resolver.lookup_timeout = 1h;
    const scrape::DnsStop stop;
    std::thread stopper([&] {
        while (server.asked("it.") < 2) {
            std::this_thread::yield();
        }
        stop.stop();
    });
    const auto stopped =
        scrape::look_up_dns({"it."}, scrape::DnsRecordType::kA, resolver, stop).front();
    stopper.join();
    REQUIRE(!stopped);
    CHECK(stopped.error().code() == base::Code::kCanceled);
}

TEST_CASE("dns discovery follows the records and forgets those that went away", "[scrape][dns]") {
    Watched world;
    world.server.script("it.", {.records = {dns_a("10.0.0.1"), dns_a("10.0.0.2")}});
    world.start();
    CHECK(world.after_a_refresh() == Names{"10.0.0.1:80", "10.0.0.2:80"});
    world.server.script("it.", {.records = {dns_a("10.0.0.2")}});
    CHECK(world.after_a_refresh() == Names{"10.0.0.2:80"});
    world.server.script("it.", {.code = kDnsNoSuchName});
    CHECK(world.after_a_refresh().empty());
    CHECK(world.metrics.dns_lookups.value() >= 6);
    CHECK(world.metrics.dns_lookup_failures.value() == 0);
    world.source->stop();
    CHECK(world.sink.lines().empty());
}

TEST_CASE("dns discovery keeps the last good records while a name fails, and says so once",
          "[scrape][dns]") {
    Watched world;
    const DnsReply bad =
        GENERATE(DnsReply{.code = kDnsServerFailure},
                 DnsReply{.silent = true},
                 DnsReply{.garbage_count = 3, .garbage = std::string("\xc0\xff\0\1\0\1", 6)});
    if (bad.silent) {
        world.resolver.query_timeout = 60ms;  // and then twice that: time enough on loopback
    }
    world.server.script("it.", bad);
    world.start();
    CHECK(world.after_a_refresh() == Names{"no group"});
    world.server.script("it.", {.records = {dns_a("10.0.0.1")}});
    CHECK(world.after_a_refresh() == Names{"10.0.0.1:80"});
    const double before = world.metrics.dns_lookup_failures.value();
    CHECK(before > 0);
    world.server.script("it.", bad);
    CHECK(world.after_a_refresh() == Names{"10.0.0.1:80"});
    CHECK(world.after_a_refresh() == Names{"10.0.0.1:80"});
    CHECK(world.metrics.dns_lookup_failures.value() > before);
    world.source->stop();
    CHECK(lines_with(world.sink, "dns discovery failed") == 2);
    CHECK(lines_with(world.sink, "dns discovery works again") == 1);
}

TEST_CASE("dns discovery tells nothing when only the order of records changed", "[scrape][dns]") {
    Watched world;
    world.server.script("it.", {.records = {dns_a("10.0.0.1"), dns_a("10.0.0.2")}});
    world.start();
    CHECK(world.after_a_refresh().size() == 2);
    const size_t count = world.groups.count();
    world.server.script("it.", {.records = {dns_a("10.0.0.2"), dns_a("10.0.0.1")}});
    CHECK(world.after_a_refresh().size() == 2);
    CHECK(world.groups.count() == count + 2);  // the clock's
}

TEST_CASE("dns discovery stops while a server is silent", "[scrape][dns]") {
    Watched world;
    world.resolver.query_timeout = 1h;
    world.resolver.lookup_timeout = 1h;
    world.server.script("it.", {.silent = true});
    world.start();
    while (world.server.asked("it.") == 0) {
        std::this_thread::yield();
    }
    const auto before = std::chrono::steady_clock::now();
    world.source->stop();
    CHECK(std::chrono::steady_clock::now() - before < 1min);
}

TEST_CASE("any bytes as a dns answer are records or an error", "[scrape][dns][hostile]") {
    const uint64_t seed = test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    using enum scrape::DnsRecordType;
    const auto parse = [](const std::string& message) {
        size_t good = 0;
        for (const auto type : {kSrv, kA, kAaaa, kMx, kNs}) {
            // A block of its own, so that a byte read behind it is seen.
            const std::vector<unsigned char> bytes(message.begin(), message.end());
            const auto records = scrape::parse_dns_answer(bytes, type);
            good += records ? 1 : 0;
            if (records) {
                CHECK(records.value().size() <= scrape::kDnsAnswersMax);
            }
        }
        return good;
    };
    // A header, the question "a." and one record of every kind.
    std::string message("\0\1\x81\x80\0\1\0\5\0\0\0\0\1a\0\0\x21\0\1", 19);
    for (const DnsServerRecord& record : {dns_srv("s.example.", 1),
                                          dns_a("10.0.0.1"),
                                          dns_aaaa("::1"),
                                          dns_mx("m."),
                                          dns_ns("n.")}) {
        message += std::string("\xc0\x0c\0", 3) + static_cast<char>(record.type);
        message += std::string("\0\1\0\0\0\1\0", 7) + static_cast<char>(record.data.size());
        message += record.data;
    }
    CHECK(parse(message) == 5);
    for (size_t size = 0; size < message.size(); ++size) {
        parse(message.substr(0, size));
    }
    for (int round = 0; round < 20'000; ++round) {
        std::string bad = message;
        for (uint64_t change = random.below(4) + 1; change > 0; --change) {
            bad[random.below(bad.size())] = static_cast<char>(random.below(256));
        }
        parse(bad);
    }
    for (int round = 0; round < 2'000; ++round) {
        parse(random_bytes(random, random.below(600)));
    }
    CHECK(parse(std::string(70'000, '\0')) == 0);
}
