#include "shard/session/worker.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/rate_limit.h"
#include "shard/session/holdings.h"
#include "shard/session/leader_search.h"
#include "shard/session/sent_reports.h"

namespace shard {

using base::SteadyTime;

namespace {

constexpr size_t kHoldingsOfMessage = 16'384;
constexpr SteadyTime kNever = SteadyTime::max();

}  // namespace

struct Worker::Parts_ {
    Parts_(Hello hello, const WorkerOptions& how, const Parts& with)
        : self(std::move(hello)),
          options(how),
          parts(with),
          search(self.address, options, with.random),
          absent_since(with.clock.steady()),
          changes(how.loads) {}

    // --- sessions ---
    void attempt(SteadyTime now);
    void fail(std::string why, std::chrono::milliseconds wait);
    void say_absence(SteadyTime now);
    void look_at_lease(SteadyTime now);
    void extend_lease(uint64_t report, std::chrono::milliseconds lease);
    // Remembers a new term, before anything is obeyed. False: it comes from a leader that is none
    // any more, and the session is left.
    [[nodiscard]] bool in_order(const Order& order);

    // --- messages ---
    void handle(const Welcome& welcome);
    void handle(const Redirect& redirect);
    void handle(const Refused& refused);
    void handle(const Lease& lease);
    void handle(Assignment& assign);
    void handle(const Nodes& known);

    void send_report();
    void send_progress();
    void carry_out(const HoldingChange& change, const Order& order);
    void confirm(const std::vector<Release>& releases);
    void watch_clock(int64_t leader_ms);
    void save_identity();

    Hello self;
    const WorkerOptions options;
    const Parts parts;

    SessionState state = SessionState::kNone;
    std::string address;  // of the session or attempt
    LeaderSearch search;
    SteadyTime next_attempt{};
    SteadyTime answer_due = kNever;
    SteadyTime heard{};
    SteadyTime absent_since{};  // of the leader
    base::RateLimit absences{std::chrono::seconds(30)};
    std::string problem = "no leader was found yet";
    std::optional<Refusal> refusal;
    SentReports reports;
    SteadyTime lease_until{};
    bool lease_valid = false;
    bool leaving = false;
    uint64_t rejected = 0;
    int64_t clock_behind_ms = 0;

    NodeNumber number = kNoNode;
    Order seen;
    HeldTargets held;
    std::map<model::TargetId, Incoming> incoming;
    LoadChanges changes;
};

// --- sessions
// --------------------------------------------------------------------------------------

void Worker::Parts_::attempt(SteadyTime now) {
    address = search.next();
    if (address.empty()) {
        next_attempt = kNever;
        problem = "there is no address to ask for the leader: give --cluster.join";
        return;
    }
    state = SessionState::kOpening;
    answer_due = now + options.open_timeout;
    parts.link.open(address);
}

void Worker::Parts_::fail(std::string why, std::chrono::milliseconds wait) {
    const SteadyTime now = parts.clock.steady();
    if (state != SessionState::kNone) {
        parts.link.leave();
    }
    if (state == SessionState::kOpen) {
        absent_since = now;
        parts.log.warn("session with the leader lost, scraping goes on",
                       "leader",
                       address,
                       "targets",
                       held.digest().targets,
                       "reason",
                       why);
    }
    state = SessionState::kNone;
    problem = std::move(why);
    answer_due = kNever;
    next_attempt = now + wait;
    held.forget_list();
    say_absence(now);
}

// An election is no news. A refusal was logged, with what the leader said.
void Worker::Parts_::say_absence(SteadyTime now) {
    if (refusal || now < absent_since + options.absence_said) {
        return;
    }
    if (const auto suppressed = absences.pass(now)) {
        parts.log.warn("there is no session with a leader, what this node held is scraped on",
                       "asked",
                       address,
                       "reason",
                       problem,
                       "suppressed",
                       *suppressed);
    }
}

// Exclusive targets are held under one lease: once it has lapsed the leader may have given them to
// others, and whoever leads gives them anew.
void Worker::Parts_::look_at_lease(SteadyTime now) {
    const bool was_valid = std::exchange(lease_valid, now < lease_until);
    if (was_valid && !lease_valid) {
        carry_out(held.release_exclusive(), seen);
    }
}

void Worker::Parts_::extend_lease(uint64_t report, std::chrono::milliseconds lease) {
    const auto sent = reports.when(report);
    if (sent && lease.count() > 0 && *sent + lease > lease_until) {
        lease_until = *sent + lease;
        parts.holdings.lease(lease_until);
    }
}

bool Worker::Parts_::in_order(const Order& order) {
    if (order < seen) {
        ++rejected;
        fail("it was deposed: its term or epoch is behind what this node has obeyed",
             search.failed());
        return false;
    }
    if (order.term != seen.term) {
        // The lease is another leader's, who may not know what this one holds exclusively.
        carry_out(held.release_exclusive(), order);
    }
    return true;
}

// --- messages
// --------------------------------------------------------------------------------------

void Worker::Parts_::watch_clock(int64_t leader_ms) {
    clock_behind_ms = leader_ms - parts.clock.now_ms();
    if (std::abs(clock_behind_ms) > options.clock_skew_warn.count()) {
        parts.log.warn(
            "this node's clock differs from the leader's: samples of one target from two nodes "
            "do not fit together; look after NTP",
            "behind_ms",
            clock_behind_ms);
    }
}

void Worker::Parts_::save_identity() {
    if (base::Status saved = parts.store.save_identity(self.cluster_id, number, search.nodes());
        !saved) {
        parts.log.error(
            "who is in the cluster was not kept for the next start", "error", saved.error());
    }
}

void Worker::Parts_::handle(const Welcome& welcome) {
    if (state != SessionState::kGreeting) {
        return fail("it sent a second welcome", search.failed());
    }
    if (!self.cluster_id.empty() && self.cluster_id != welcome.cluster_id) {
        return fail("it belongs to cluster " + welcome.cluster_id + ", this node to " +
                        self.cluster_id +
                        "; correct --cluster.join, or leave with skein cluster reset",
                    options.refused_retry);
    }
    if (!in_order(welcome.order)) {
        return;
    }
    state = SessionState::kOpen;
    answer_due = kNever;
    problem.clear();
    refusal.reset();
    search.found();
    if (self.cluster_id != welcome.cluster_id || number != welcome.number) {
        self.cluster_id = welcome.cluster_id;
        number = welcome.number;
        save_identity();
    }
    extend_lease(0, welcome.lease);
    watch_clock(welcome.clock_ms);
    parts.log.info("session with the leader", "leader", address, "term", welcome.order.term);
    changes.forget_all();
    send_report();
    send_progress();
}

void Worker::Parts_::handle(const Redirect& redirect) {
    if (redirect.address.empty()) {
        return fail("it does not lead, and knows nobody who does", search.failed());
    }
    fail("it does not lead; " + redirect.address + " does, it says",
         search.redirected(redirect.address));
}

void Worker::Parts_::handle(const Refused& refused) {
    refusal = refused.why;
    parts.log.error("the leader refuses this node", "leader", address, "reason", refused.reason);
    if (refused.why == Refusal::kRemoved) {
        carry_out(held.release_all(ReleaseReason::kMoved), seen);
    }
    fail(refused.reason, options.refused_retry);
}

void Worker::Parts_::handle(const Lease& lease) {
    if (!in_order(lease.order)) {
        return;
    }
    extend_lease(lease.report, lease.lease);
    if (lease.holds != held.digest()) {
        for (Holdings& list : held.list(kHoldingsOfMessage)) {
            parts.link.send(std::move(list));
        }
    }
    send_report();
}

// Without a lease nothing exclusive is held: the digest tells the leader, who gives it again.
void Worker::Parts_::handle(Assignment& assign) {
    if (!in_order(assign.order)) {
        return;
    }
    if (!lease_valid) {
        for (const AssignedTarget& target : assign.targets) {
            if (target.exclusive) {
                assign.releases.push_back({.id = target.id});
            }
        }
        std::erase_if(assign.targets,
                      [](const AssignedTarget& target) { return target.exclusive; });
    }
    carry_out(held.apply(assign), assign.order);
    confirm(assign.releases);
}

void Worker::Parts_::confirm(const std::vector<Release>& releases) {
    Released released;
    for (const Release& release : releases) {
        if (release.number != 0) {
            released.numbers.push_back(release.number);
        }
    }
    if (!released.numbers.empty()) {
        parts.holdings.settle();
        parts.link.send(std::move(released));
    }
}

void Worker::Parts_::handle(const Nodes& known) {
    if (known.nodes != search.nodes()) {
        search.know(known.nodes);
        save_identity();
    }
}

// Kept before it is obeyed, so that a node that starts again obeys nothing older.
void Worker::Parts_::carry_out(const HoldingChange& change, const Order& order) {
    std::vector<model::TargetId> removed;
    removed.reserve(change.released.size());
    for (const Release& release : change.released) {
        removed.push_back(release.id);
    }
    // What is exclusive does not outlive the lease, and so no restart.
    std::vector<AssignedTarget> kept;
    kept.reserve(change.put.size());
    for (const AssignedTarget& target : change.put) {
        if (target.exclusive) {
            removed.push_back(target.id);
        } else {
            kept.push_back(target);
        }
    }
    const bool new_term = order.term != seen.term;
    if (!change.empty() || order != seen) {
        if (base::Status saved = parts.store.save_targets(order, kept, removed, new_term); !saved) {
            parts.log.error(
                "an assignment was not kept for the next start", "error", saved.error());
        }
    }
    seen = order;
    for (const Release& release : change.released) {
        incoming.erase(release.id);
        changes.forget(release.id);
        parts.holdings.release(release.id, release.reason);
    }
    for (const AssignedTarget& target : change.put) {
        if (target.holding != Holding::kIncoming) {
            incoming.erase(target.id);
        } else if (Incoming& one = incoming[target.id]; one.since != target.since) {
            one = {.id = target.id, .since = target.since};
        }
        parts.holdings.hold(target);
    }
}

void Worker::Parts_::send_report() {
    const SteadyTime now = parts.clock.steady();
    Report report{.number = reports.add(now), .seen = seen, .totals = parts.loads.totals()};
    report.totals.clock_ms = parts.clock.now_ms();
    if (leaving) {
        report.totals.flags |= kNodeStopping;
    }
    report.loads = changes.take(parts.loads, now);
    parts.link.send(std::move(report));
}

void Worker::Parts_::send_progress() {
    Progress progress;
    for (const auto& [id, one] : incoming) {
        if (one.good + one.failed > 0) {
            progress.targets.push_back(one);
        }
    }
    if (!progress.targets.empty()) {
        parts.link.send(std::move(progress));
    }
}

// --- the worker
// ------------------------------------------------------------------------------------

Worker::Worker(std::unique_ptr<Parts_> parts) : parts_(std::move(parts)) {}

Worker::~Worker() {
    if (parts_->state != SessionState::kNone) {
        parts_->parts.link.leave();
    }
}

base::Result<std::unique_ptr<Worker>> Worker::start(Hello self,
                                                    const WorkerOptions& options,
                                                    const Parts& parts) {
    TRY(StoredSession stored, parts.store.load());
    auto state = std::make_unique<Parts_>(std::move(self), options, parts);
    state->self.cluster_id = std::move(stored.cluster_id);
    state->number = stored.number;
    state->seen = stored.seen;
    state->search.know(std::move(stored.nodes));
    state->held.restore(std::move(stored.targets));
    for (const auto& [id, target] : state->held.targets()) {
        if (target.holding == Holding::kIncoming) {
            state->incoming[id] = {.id = id, .since = target.since};
        }
        parts.holdings.hold(target);
    }
    return std::unique_ptr<Worker>(new Worker(std::move(state)));
}

SteadyTime Worker::poll() {
    Parts_& at = *parts_;
    const SteadyTime now = at.parts.clock.steady();
    at.look_at_lease(now);
    if (now >= at.answer_due) {
        at.fail("no answer within " + std::to_string(at.options.open_timeout.count()) + " ms",
                at.search.failed());
    }
    if (at.state == SessionState::kOpen && now >= at.heard + at.options.silence_max) {
        at.fail("it has been silent for " + std::to_string(at.options.silence_max.count()) + " ms",
                at.search.failed());
    }
    if (at.state == SessionState::kNone && now >= at.next_attempt) {
        at.attempt(now);
    }
    SteadyTime next = at.lease_valid ? at.lease_until : kNever;
    next = std::min(next, at.answer_due);
    if (at.state == SessionState::kOpen) {
        next = std::min(next, at.heard + at.options.silence_max);
    } else if (at.state == SessionState::kNone) {
        next = std::min(next, at.next_attempt);
    }
    return next;
}

void Worker::opened() {
    Parts_& at = *parts_;
    if (at.state != SessionState::kOpening) {
        return;
    }
    at.state = SessionState::kGreeting;
    at.heard = at.parts.clock.steady();
    at.reports.begin(at.heard);
    Hello hello = at.self;
    hello.clock_ms = at.parts.clock.now_ms();
    hello.seen = at.seen;
    at.parts.link.send(std::move(hello));
}

void Worker::received(LeaderMessage message) {
    Parts_& at = *parts_;
    const bool greeting = at.state == SessionState::kGreeting;
    if (!greeting && at.state != SessionState::kOpen) {
        return;
    }
    at.heard = at.parts.clock.steady();
    at.look_at_lease(at.heard);  // before it is extended: it may have lapsed meanwhile
    const bool first = std::holds_alternative<Welcome>(message) ||
                       std::holds_alternative<Redirect>(message) ||
                       std::holds_alternative<Refused>(message);
    if (greeting && !first) {
        at.fail("it did not answer the greeting", at.search.failed());
        return;
    }
    std::visit([&at](auto& said) { at.handle(said); }, message);
    at.look_at_lease(at.heard);
}

void Worker::closed(const std::string& why) {
    Parts_& at = *parts_;
    if (at.state != SessionState::kNone) {
        at.fail(why, at.search.failed());
    }
}

void Worker::scraped(model::TargetId id, bool good, int64_t timestamp_ms, uint64_t series) {
    Parts_& at = *parts_;
    const auto found = at.incoming.find(id);
    if (found == at.incoming.end()) {
        return;
    }
    Incoming& one = found->second;
    if (good) {
        ++one.good;
        one.failed = 0;
        one.last_ms = timestamp_ms;
        one.series = series;
    } else {
        ++one.failed;
        one.good = 0;
    }
    if (at.state == SessionState::kOpen) {
        at.parts.link.send(Progress{.targets = {one}});
    }
}

void Worker::leader_is(const std::string& address) {
    Parts_& at = *parts_;
    if (address.empty() || (address == at.address && at.state != SessionState::kNone)) {
        return;
    }
    at.search.prefer(address);
    // Whoever is being asked meanwhile does not lead.
    at.fail("another node leads: " + address, std::chrono::milliseconds(0));
}

void Worker::configured(uint64_t configuration, std::vector<JobHash> jobs) {
    Parts_& at = *parts_;
    at.self.configuration = configuration;
    at.self.jobs = std::move(jobs);
    if (at.state == SessionState::kOpen) {
        at.parts.link.send(Configured{.configuration = configuration, .jobs = at.self.jobs});
    }
}

void Worker::belongs_to(const std::string& cluster_id) {
    Parts_& at = *parts_;
    if (at.self.cluster_id != cluster_id) {
        SKEIN_CHECK(
            at.self.cluster_id.empty(), "belongs to", at.self.cluster_id, "not", cluster_id);
        at.self.cluster_id = cluster_id;
        at.save_identity();
    }
}

void Worker::stopping() {
    parts_->leaving = true;
    totals_changed();
}

void Worker::totals_changed() {
    Parts_& at = *parts_;
    if (at.state == SessionState::kOpen) {
        at.send_report();
    }
}

WorkerStatus Worker::status() const {
    const Parts_& at = *parts_;
    return {.state = at.state,
            .leader_address = at.address,
            .cluster_id = at.self.cluster_id,
            .number = at.number,
            .seen = at.seen,
            .lease = at.lease_valid,
            .targets = at.held.targets().size(),
            .refused = at.refusal,
            .problem = at.problem,
            .clock_behind_ms = at.clock_behind_ms,
            .rejected = at.rejected};
}

const std::map<model::TargetId, AssignedTarget>& Worker::holds() const {
    return parts_->held.targets();
}

const std::vector<KnownNode>& Worker::nodes() const {
    return parts_->search.nodes();
}

}  // namespace shard
