#include "scrape/discovery/dns_lookup.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include <ares.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"

namespace scrape {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kClassInternet = 1;

int number_of(DnsRecordType type) {
    switch (type) {
        case DnsRecordType::kSrv:
            return 33;
        case DnsRecordType::kA:
            return 1;
        case DnsRecordType::kAaaa:
            return 28;
        case DnsRecordType::kMx:
            return 15;
        case DnsRecordType::kNs:
            return 2;
    }
    return 0;
}

// Milliseconds to wait in poll(): rounded up, never negative, an hour at most.
int poll_ms(Clock::duration left) {
    constexpr std::chrono::milliseconds kMost{3'600'000};
    const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(left);
    return static_cast<int>(std::clamp(rounded, std::chrono::milliseconds(0), kMost).count());
}

// One name on its way through its candidates.
struct Lookup {
    DnsRecordType type = DnsRecordType::kSrv;
    std::vector<std::string> candidates;
    size_t next = 0;       // the candidate to ask for
    bool waiting = false;  // for an answer
    std::optional<base::Error> trouble;
    std::optional<DnsAnswer> answer;  // the end

    void settle() {
        if (!answer && next == candidates.size()) {
            answer =
                trouble ? DnsAnswer(base::fail(*trouble)) : DnsAnswer(std::vector<DnsRecord>());
        }
    }

    void give_up(base::Code code, const char* why) {
        waiting = false;
        if (!answer) {
            answer = DnsAnswer(base::fail(code, why));
        }
    }

    void answered(int status, std::span<const unsigned char> message) {
        if (!waiting) {
            return;  // given up before
        }
        waiting = false;
        switch (status) {
            case ARES_SUCCESS: {
                DnsAnswer records = parse_dns_answer(message, type);
                if (records) {
                    answer = std::move(records);
                } else {
                    trouble = records.error();
                }
                break;
            }
            case ARES_ENODATA:
                answer = DnsAnswer(std::vector<DnsRecord>());
                break;
            case ARES_ENOTFOUND:
                break;
            case ARES_ECONNREFUSED:  // also what is left when every server answered with SERVFAIL
                trouble = base::Error(base::Code::kUnavailable, "no server gave a usable answer");
                break;
            default:
                trouble = base::Error(base::Code::kUnavailable, ares_strerror(status));
        }
        settle();
    }
};

void on_answer(void* lookup, int status, int /*timeouts*/, unsigned char* bytes, int size) {
    const size_t length = bytes == nullptr || size < 0 ? 0 : static_cast<size_t>(size);
    static_cast<Lookup*>(lookup)->answered(status, {bytes, length});
}

// The library's channel with its sockets. Destroying it calls the callbacks of what is unanswered.
class Channel {
  public:
    Channel() = default;

    ~Channel() {
        if (channel_ != nullptr) {
            ares_destroy(channel_);
        }
    }

    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    [[nodiscard]] base::Status open(const DnsResolver& resolver) {
        static const int ready = ares_library_init(ARES_LIB_INIT_ALL);
        ares_options options{};
        options.flags = ARES_FLAG_EDNS;
        options.ednspsz = kDnsUdpAnswerBytes;
        options.timeout = static_cast<int>(resolver.query_timeout.count());
        options.tries = kDnsTries;
        options.sock_state_cb = on_socket;
        options.sock_state_cb_data = this;
        constexpr int kGiven = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS |
                               ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
        int status = ready;
        if (status == ARES_SUCCESS) {
            status = ares_init_options(&channel_, &options, kGiven);
        }
        if (status == ARES_SUCCESS && !resolver.servers.empty()) {
            status = ares_set_servers_ports_csv(channel_, resolver.servers.c_str());
        }
        if (status == ARES_SUCCESS) {
            status = read_search();
        }
        if (status != ARES_SUCCESS) {
            return base::fail(base::Code::kUnavailable,
                              "cannot read the system's resolver settings:",
                              ares_strerror(status));
        }
        if (resolver.search) {
            search_ = *resolver.search;
        }
        return base::success();
    }

    void ask(Lookup& lookup) {
        const std::string& name = lookup.candidates[lookup.next++];
        lookup.waiting = true;
        ares_query(
            channel_, name.c_str(), kClassInternet, number_of(lookup.type), on_answer, &lookup);
    }

    // Waits until something came in, `most` passed or `stop`, and deals with it.
    void wait(Clock::duration most, const DnsStop& stop) {
        std::vector<pollfd> watched = {{stop.descriptor(), POLLIN, 0}};
        for (const auto& [socket, events] : sockets_) {
            watched.push_back({socket, events, 0});
        }
        poll(watched.data(), watched.size(), poll_ms(std::min(most, until_timeout(most))));
        for (size_t index = 1; index < watched.size(); ++index) {
            const pollfd& socket = watched[index];
            const int told = socket.revents;
            const bool broken = (told & (POLLERR | POLLHUP | POLLNVAL)) != 0;
            const bool readable = (told & POLLIN) != 0 || broken;
            const bool writable = (told & POLLOUT) != 0 || broken;
            if (readable || writable) {
                ares_process_fd(channel_,
                                readable ? socket.fd : ARES_SOCKET_BAD,
                                writable ? socket.fd : ARES_SOCKET_BAD);
            }
        }
        ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // timeouts
    }

    [[nodiscard]] const std::vector<std::string>& search() const { return search_; }

    [[nodiscard]] int ndots() const { return ndots_; }

  private:
    static void on_socket(void* self, ares_socket_t socket, int readable, int writable) {
        auto& sockets = static_cast<Channel*>(self)->sockets_;
        if (readable == 0 && writable == 0) {
            sockets.erase(socket);
            return;
        }
        const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
        sockets[socket] = static_cast<short>(events);  // NOLINT: poll's type
    }

    int read_search() {
        ares_options settings{};
        int given = 0;
        const int status = ares_save_options(channel_, &settings, &given);
        if (status == ARES_SUCCESS) {
            ndots_ = settings.ndots;
            for (int index = 0; index < settings.ndomains; ++index) {
                search_.emplace_back(settings.domains[index]);
            }
        }
        ares_destroy_options(&settings);
        return status;
    }

    [[nodiscard]] Clock::duration until_timeout(Clock::duration otherwise) const {
        timeval left{};
        if (ares_timeout(channel_, nullptr, &left) == nullptr) {
            return otherwise;
        }
        return std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
    }

    std::map<ares_socket_t, short> sockets_;  // NOLINT: poll's type
    std::vector<std::string> search_;
    int ndots_ = 1;
    ares_channel channel_ = nullptr;
};

bool stopped(const DnsStop& stop) {
    return stop.wait_until(Clock::time_point());
}

// Asks, kDnsInFlightMax names at a time, until every name has an answer.
void run(std::vector<Lookup>& lookups,
         Channel& channel,
         Clock::time_point deadline,
         const DnsStop& stop) {
    while (true) {
        size_t waiting = 0;
        for (const Lookup& lookup : lookups) {
            waiting += lookup.waiting ? 1 : 0;
        }
        for (Lookup& lookup : lookups) {
            if (waiting == kDnsInFlightMax) {
                break;
            }
            if (lookup.waiting) {
                continue;
            }
            while (!lookup.answer && !lookup.waiting) {
                channel.ask(lookup);  // a bad name is answered at once
            }
            waiting += lookup.waiting ? 1 : 0;
        }
        if (waiting == 0) {
            return;
        }
        const auto left = deadline - Clock::now();
        const bool late = left <= Clock::duration(0);
        if (late || stopped(stop)) {
            for (Lookup& lookup : lookups) {
                lookup.give_up(late ? base::Code::kTimeout : base::Code::kCanceled,
                               late ? "no answer in time" : "stopped");
            }
            return;
        }
        channel.wait(left, stop);
    }
}

}  // namespace

DnsStop::DnsStop() : descriptor_(eventfd(0, EFD_CLOEXEC)) {
    SKEIN_CHECK(descriptor_ >= 0, "no descriptor left for an eventfd", errno);
}

DnsStop::~DnsStop() {
    close(descriptor_);
}

void DnsStop::stop() const {
    const uint64_t one = 1;
    const ssize_t written = ::write(descriptor_, &one, sizeof one);
    static_cast<void>(written);  // a full counter has the same effect
}

bool DnsStop::wait_until(std::chrono::steady_clock::time_point time) const {
    while (true) {
        pollfd watched{descriptor_, POLLIN, 0};
        if (poll(&watched, 1, poll_ms(time - Clock::now())) > 0) {
            return true;
        }
        if (Clock::now() >= time) {
            return false;
        }
    }
}

std::vector<std::string> dns_candidates(const std::string& name,
                                        const std::vector<std::string>& search,
                                        int ndots) {
    if (name.ends_with('.')) {
        return {name};
    }
    const bool alone_first = std::count(name.begin(), name.end(), '.') >= ndots;
    std::vector<std::string> candidates;
    if (alone_first) {
        candidates.push_back(name + ".");
    }
    for (std::string domain : search) {
        while (domain.ends_with('.')) {
            domain.pop_back();
        }
        if (!domain.empty()) {
            candidates.push_back(name + "." + domain + ".");
        }
    }
    if (!alone_first) {
        candidates.push_back(name + ".");
    }
    return candidates;
}

std::vector<DnsAnswer> look_up_dns(const std::vector<std::string>& names,
                                   DnsRecordType type,
                                   const DnsResolver& resolver,
                                   const DnsStop& stop) {
    const Clock::time_point deadline = Clock::now() + resolver.lookup_timeout;
    std::vector<Lookup> lookups(names.size());
    Channel channel;  // ends before the lookups, which its callbacks touch
    const base::Status opened = channel.open(resolver);
    for (size_t index = 0; index < names.size(); ++index) {
        Lookup& lookup = lookups[index];
        lookup.type = type;
        if (opened) {
            lookup.candidates = dns_candidates(names[index], channel.search(), channel.ndots());
        } else {
            lookup.answer = DnsAnswer(base::fail(opened.error()));
        }
    }
    run(lookups, channel, deadline, stop);
    std::vector<DnsAnswer> answers;
    answers.reserve(lookups.size());
    for (Lookup& lookup : lookups) {
        answers.push_back(std::move(*lookup.answer));
    }
    return answers;
}

}  // namespace scrape
