#include "test/sim/faults.h"

#include <algorithm>
#include <array>
#include <span>
#include <sstream>
#include <utility>

#include "base/check.h"

namespace sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::array<const char*, kFaultKinds> kNames = {
    "kill",  "power cut", "pause",     "stall disk", "slow disk", "fail disk", "jump wall",
    "drift", "cut",       "isolate",   "deafen",     "mute",      "partition", "bridge",
    "slow",  "lossy",     "lose disk", "overlap",    "freeze",    "revive",
};
constexpr std::array<const char*, 3> kAims = {"anybody", "the leader", "the next leader"};
constexpr std::array<uint32_t, kFaultKinds> kWeights = {
    10,
    3,
    6,
    4,
    3,
    2,
    1,
    1,
    8,
    6,
    4,
    4,
    6,
    3,
    2,
    3,
    1,
    4,
};
constexpr Time kPauseMin = seconds(1);
constexpr Time kPauseMax = seconds(120);
constexpr Time kWallJumpMax = seconds(2);

Time evenly(base::Random& random, Time max) {
    return Time(random.below(static_cast<uint64_t>(max.count()) + 1));
}

// Short ones are more frequent than long ones.
Time mostly_short(base::Random& random, Time max) {
    return evenly(random, milliseconds(1) + evenly(random, max));
}

Time length_of(base::Random& random, FaultKind kind, const FaultPlan& plan) {
    if (kind == FaultKind::kPause || kind == FaultKind::kFreeze) {
        // One in sixteen as long as it gets; it ends with the round.
        const Time max = random.below(16) == 0 ? kPauseMax - kPauseMin : plan.length_max;
        return kPauseMin + mostly_short(random, max);
    }
    return mostly_short(random, plan.length_max);
}

std::array<uint32_t, kFaultKinds> draw_weights(base::Random& random, const FaultPlan& plan) {
    std::array<uint32_t, kFaultKinds> weights = kWeights;
    for (uint32_t& weight : std::span(weights).first(kDrawnFaultKinds)) {
        weight *= static_cast<uint32_t>(random.below(3));  // left out, as usual, twice as often
    }
    if (!plan.lose_disks) {
        weights[static_cast<size_t>(FaultKind::kLoseDisk)] = 0;
    }
    weights[static_cast<size_t>(FaultKind::kKill)] += 1;
    return weights;
}

FaultKind draw_kind(base::Random& random, const std::array<uint32_t, kFaultKinds>& weights) {
    uint64_t sum = 0;
    for (const uint32_t weight : weights) {
        sum += weight;
    }
    uint64_t at = random.below(sum);
    for (size_t kind = 0; kind < kFaultKinds; ++kind) {
        if (at < weights[kind]) {
            return static_cast<FaultKind>(kind);
        }
        at -= weights[kind];
    }
    return FaultKind::kKill;
}

Aim draw_aim(base::Random& random) {
    const uint64_t number = random.below(8);
    return number < 4 ? Aim::kAnybody : number < 7 ? Aim::kLeader : Aim::kNewLeader;
}

}  // namespace

std::string Fault::text() const {
    std::ostringstream out;
    out << "round " << round << " +" << offset.count() / 1'000'000 << "ms "
        << kNames[static_cast<size_t>(kind)] << " " << kAims[static_cast<size_t>(aim)] << " for "
        << length.count() / 1'000'000 << "ms";
    return out.str();
}

std::vector<Fault> make_faults(base::Random& random, const FaultPlan& plan) {
    const auto weights = draw_weights(random, plan);
    std::vector<Fault> faults;
    for (uint32_t round = 0; round < plan.rounds; ++round) {
        Time at = evenly(random, 2 * plan.gap);
        while (at < plan.round_length) {
            Fault fault;
            fault.round = round;
            fault.offset = at;
            fault.kind = draw_kind(random, weights);
            fault.aim = draw_aim(random);
            fault.length = length_of(random, fault.kind, plan);
            fault.pick = random.u64();
            fault.other = random.u64();
            faults.push_back(fault);
            at += evenly(random, 2 * plan.gap);
        }
    }
    return faults;
}

FaultInjector::FaultInjector(World& world, Network& network, FaultHost& host)
    : world_(world), network_(network), host_(host) {}

void FaultInjector::begin(const std::vector<Fault>& faults, uint32_t round) {
    for (const Fault& fault : faults) {
        if (fault.round == round) {
            later(fault.offset, [this, fault] { strike(fault); });
        }
    }
}

void FaultInjector::later(Time after, World::Task task) {
    world_.at(world_.now() + after, [this, healed = healed_, task = std::move(task)] {
        if (healed == healed_) {
            task();
        }
    });
}

ProcessId FaultInjector::pick(uint64_t number, ProcessId but) {
    std::vector<ProcessId> all = host_.targets();
    std::erase(all, but);
    return all.empty() ? kNoProcess : all[number % all.size()];
}

void FaultInjector::strike(const Fault& fault) {
    ProcessId target = pick(fault.pick);
    if (fault.aim == Aim::kNewLeader) {
        ambushes_.push_back(fault);
        return;
    }
    if (fault.aim == Aim::kLeader && host_.leading() != kNoProcess) {
        target = host_.leading();
    }
    if (target != kNoProcess) {
        hit(fault, target);
    }
}

void FaultInjector::new_leader(ProcessId leader) {
    for (const Fault& fault : std::exchange(ambushes_, {})) {
        later(Time(fault.other % static_cast<uint64_t>(kAmbushMax.count())),
              [this, fault, leader] { hit(fault, leader); });
    }
    for (const auto& [fault, before] : std::exchange(deposed_, {})) {
        later(Time(fault.other % static_cast<uint64_t>(kReignMax.count())),
              [this, fault, before, leader] { revive(fault, before, leader); });
    }
}

void FaultInjector::hit(const Fault& fault, ProcessId target) {
    const auto kind = static_cast<size_t>(fault.kind);
    world_.trace(target, "fault", kind, static_cast<uint64_t>(fault.length.count() / 1'000'000));
    switch (fault.kind) {
        case FaultKind::kKill:
        case FaultKind::kPowerCut:
        case FaultKind::kPause:
        case FaultKind::kJumpWall:
        case FaultKind::kDrift:
            hit_process(fault, target);
            break;
        case FaultKind::kStallDisk:
        case FaultKind::kSlowDisk:
        case FaultKind::kFailDisk:
        case FaultKind::kLoseDisk:
            hit_disk(fault, target);
            break;
        default:
            hit_network(fault, target);
            break;
    }
}

void FaultInjector::hit_process(const Fault& fault, ProcessId target) {
    MachineClock& clock = world_.clock(target);
    switch (fault.kind) {
        case FaultKind::kPowerCut:
            power_cut(fault);
            break;
        case FaultKind::kPause:
            world_.pause(target);
            later(fault.length, [this, target] { world_.resume(target); });
            break;
        case FaultKind::kJumpWall:
            clock.jump_wall(Time(fault.other % (2 * kWallJumpMax.count())) - kWallJumpMax);
            break;
        case FaultKind::kDrift:
            clock.drift(static_cast<int64_t>(fault.other % (2 * World::kDriftPpmMax + 1)) -
                        World::kDriftPpmMax);
            break;
        default:
            host_.crash(target);
            later(fault.length, [this, target] { host_.restart(target); });
            break;
    }
}

void FaultInjector::power_cut(const Fault& fault) {
    uint64_t mask = fault.other;
    for (const ProcessId process : host_.targets()) {
        if ((mask & 3) != 0) {
            host_.crash(process);
            const Time back = fault.length / (1 + static_cast<int64_t>(mask % 7));
            later(back, [this, process] { host_.restart(process); });
        }
        mask = mix(mask + 1);
    }
}

void FaultInjector::hit_disk(const Fault& fault, ProcessId target) {
    Disk& disk = host_.disk(target);
    switch (fault.kind) {
        case FaultKind::kStallDisk:
            disk.stall(world_.now() + fault.length);
            break;
        case FaultKind::kSlowDisk:
            disk.set_profile({.write_min = milliseconds(5), .write_spread = milliseconds(200)});
            later(fault.length, [&disk] { disk.set_profile({}); });
            break;
        case FaultKind::kFailDisk:
            disk.fail();
            later(fault.length, [this, target] {
                host_.crash(target);
                host_.restart(target);
            });
            break;
        default:
            if (!host_.lose_disk(target)) {
                host_.crash(target);
                later(fault.length, [this, target] { host_.restart(target); });
            }
            break;
    }
}

void FaultInjector::separate(ProcessId one, ProcessId other, bool there, bool back, Time length) {
    if (one == other || other == kNoProcess) {
        return;
    }
    if (there) {
        network_.cut(one, other);
        later(length, [this, one, other] { network_.mend(one, other); });
    }
    if (back) {
        network_.cut(other, one);
        later(length, [this, one, other] { network_.mend(other, one); });
    }
}

void FaultInjector::hit_network(const Fault& fault, ProcessId target) {
    const ProcessId other = pick(fault.other, target);
    if (other == kNoProcess) {
        return;
    }
    switch (fault.kind) {
        case FaultKind::kCutLink:
            separate(target, other, true, false, fault.length);
            break;
        case FaultKind::kPartition:
            split(fault, kNoProcess);
            break;
        case FaultKind::kBridge:
            split(fault, target);
            break;
        case FaultKind::kOverlap:
            take_turns(fault, target);
            break;
        case FaultKind::kFreeze:
            freeze(fault, target);
            break;
        case FaultKind::kRevive:
            await_next(fault, target);
            break;
        case FaultKind::kSlowLink:
            for (const auto& [from, to] : {std::pair(target, other), std::pair(other, target)}) {
                network_.set_slow(from, to, milliseconds(fault.other % 500), 200'000);
                later(fault.length, [this, from, to] { network_.set_slow(from, to, Time(0), 0); });
            }
            break;
        case FaultKind::kLossyLink:
            network_.set_loss(target, other, 500'000);
            later(fault.length, [this, target, other] { network_.set_loss(target, other, 0); });
            break;
        default:
            for (const ProcessId each : host_.targets()) {
                separate(target,
                         each,
                         fault.kind != FaultKind::kDeafen,
                         fault.kind != FaultKind::kMute,
                         fault.length);
            }
            break;
    }
}

void FaultInjector::split(const Fault& fault, ProcessId bridge) {
    const std::vector<ProcessId> all = host_.targets();
    for (size_t one = 0; one < all.size(); ++one) {
        for (size_t other = one + 1; other < all.size(); ++other) {
            const bool apart =
                ((fault.other >> (all[one] % 64)) & 1) != ((fault.other >> (all[other] % 64)) & 1);
            if (apart && all[one] != bridge && all[other] != bridge) {
                // One in four lets one direction through.
                const bool both = fault.pick % 4 != 0;
                separate(all[one], all[other], true, both, fault.length);
            }
        }
    }
}

// The target is with one half, then, without a moment with everybody, with the other: what it has
// got from one side meets what the other side decides.
void FaultInjector::take_turns(const Fault& fault, ProcessId target) {
    const Time half = fault.length / 2;
    std::vector<ProcessId> others = host_.targets();
    std::erase(others, target);
    for (const ProcessId each : others) {
        const bool first = ((fault.other >> (each % 64)) & 1) != 0;
        if (first) {
            separate(target, each, true, true, half);
        } else {
            later(half, [this, target, each, half] { separate(target, each, true, true, half); });
        }
    }
}

void FaultInjector::freeze(const Fault& fault, ProcessId target) {
    const Time alone(fault.other % static_cast<uint64_t>(kAloneMax.count()));
    for (const ProcessId each : host_.targets()) {
        separate(target, each, true, true, fault.length + alone);
    }
    world_.pause(target);
    later(fault.length, [this, target] { world_.resume(target); });
}

// Others that vote are not heard by it any more, nor in what waits for it when it goes on.
void FaultInjector::await_next(const Fault& fault, ProcessId target) {
    for (const ProcessId each : host_.targets()) {
        const bool cut = host_.votes(each) || mix(fault.pick + each) % 4 == 0;
        separate(target, each, cut, cut, kReignMax + kInterregnumMax + fault.length);
    }
    world_.pause(target);
    deposed_.emplace_back(fault, target);
}

// It leads on until it finds that no majority hears it. Those that do have lost the leader whom
// they followed since, and look for one.
void FaultInjector::revive(const Fault& fault, ProcessId target, ProcessId next) {
    if (target == next) {
        world_.resume(target);
        return;
    }
    host_.crash(next);
    later(fault.length, [this, next] { host_.restart(next); });
    later(Time(mix(fault.pick) % static_cast<uint64_t>(kInterregnumMax.count())),
          [this, target] { world_.resume(target); });
}

void FaultInjector::heal() {
    ++healed_;
    ambushes_.clear();
    deposed_.clear();
    network_.heal();
    for (const ProcessId process : host_.targets()) {
        Disk& disk = host_.disk(process);
        if (disk.failed()) {
            host_.crash(process);
        }
        disk.heal();
        disk.set_profile({});
        if (world_.up(process)) {
            world_.resume(process);
        } else {
            host_.restart(process);
        }
    }
}

}  // namespace sim
