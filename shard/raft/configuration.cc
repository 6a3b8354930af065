#include "shard/raft/configuration.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "shard/raft/core.h"

namespace shard::raft {

namespace {

using base::Code;
using base::fail;
using base::Status;
using base::success;

constexpr uint8_t kVersion = 1;  // of the encoding

bool in_order(const std::vector<Member>& members) {
    return std::ranges::adjacent_find(members, std::greater_equal<>(), &Member::id) ==
           members.end();
}

bool role_exists(Role role) {
    return role == Role::kVoter || role == Role::kLearner;
}

// Differences in what is known of one member.
size_t differences(const Member& a, const Member& b) {
    return size_t{a.role != b.role} + size_t{a.address != b.address};
}

// Each member of `from` that `to` lacks, or has otherwise, once.
size_t differences(const Configuration& from, const Configuration& to) {
    size_t count = 0;
    for (const Member& member : from.members) {
        const Member* other = to.find(member.id);
        count += other == nullptr ? 1 : differences(member, *other);
    }
    return count;
}

size_t added(const Configuration& from, const Configuration& to) {
    return static_cast<size_t>(std::ranges::count_if(
        to.members, [&](const Member& member) { return from.find(member.id) == nullptr; }));
}

}  // namespace

Status validate(const Configuration& configuration) {
    const auto& members = configuration.members;
    if (members.size() > kMembersMax) {
        return fail(Code::kInvalid, members.size(), "members, the limit is", kMembersMax);
    }
    if (configuration.voters() == 0) {
        return fail(Code::kInvalid, "no voter would be left");
    }
    if (configuration.voters() > kVotersMax) {
        return fail(Code::kInvalid, configuration.voters(), "voters, the limit is", kVotersMax);
    }
    if (!in_order(members) || members.front().id == kNobody) {
        return fail(Code::kInvalid, "members must be sorted by id, each once, none with id 0");
    }
    for (const Member& member : members) {
        if (!role_exists(member.role)) {
            return fail(Code::kInvalid, "member", member.id, "has an unknown role");
        }
        if (member.address.size() > kAddressBytesMax) {
            return fail(Code::kInvalid,
                        "the address of member",
                        member.id,
                        "is longer than",
                        kAddressBytesMax,
                        "bytes");
        }
    }
    return success();
}

Status check_change(const Configuration& from, const Configuration& to) {
    TRY(validate(to));
    const size_t count = differences(from, to) + added(from, to);
    if (count != 1) {
        return fail(
            Code::kInvalid, "a change makes one difference to one member; this one makes", count);
    }
    return success();
}

Configurations::Configurations(Index index, Configuration configuration) {
    held_.push_back({index, std::move(configuration)});
}

const Configuration& Configurations::at(Index index) const {
    const auto after = std::ranges::upper_bound(held_, index, {}, &Held::index);
    SKEIN_CHECK(after != held_.begin(), "nobody knows who belonged to the group at", index);
    return std::prev(after)->configuration;
}

bool Configurations::has_voter(MemberId id, Index commit) const {
    for (auto held = held_.rbegin(); held != held_.rend(); ++held) {
        if (held->configuration.is_voter(id)) {
            return true;
        }
        if (held->index <= commit) {
            break;
        }
    }
    return false;
}

void Configurations::push(Index index, Configuration configuration) {
    SKEIN_CHECK(index > newest_index(), "configurations out of order at", index);
    held_.push_back({index, std::move(configuration)});
}

void Configurations::truncate(Index index) {
    while (held_.back().index >= index) {
        SKEIN_CHECK(held_.size() > 1, "a committed configuration is truncated at", index);
        held_.pop_back();
    }
}

void Configurations::cut(Index index) {
    const auto after = std::ranges::upper_bound(held_, index, {}, &Held::index);
    if (after != held_.begin()) {
        held_.erase(held_.begin(), std::prev(after));
    }
}

void Configurations::reset(Index index, Configuration configuration) {
    held_.clear();
    held_.push_back({index, std::move(configuration)});
}

std::string encode(const Configuration& configuration) {
    std::string bytes;
    base::ByteWriter out(bytes);
    out.u8(kVersion);
    out.uvarint(configuration.members.size());
    for (const Member& member : configuration.members) {
        out.be64(member.id);
        out.u8(static_cast<uint8_t>(member.role));
        out.str(member.address);
    }
    out.finish();
    return bytes;
}

base::Result<Configuration> decode_configuration(std::string_view bytes) {
    base::ByteReader in{base::ByteView(bytes)};
    if (const uint8_t version = in.u8(); version != kVersion) {
        return fail(Code::kCorrupt, "configuration of version", int{version}, "not", int{kVersion});
    }
    const uint64_t count = in.uvarint();
    if (count > kMembersMax) {
        return fail(Code::kCorrupt, "configuration of", count, "members");
    }
    Configuration configuration;
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
        Member member;
        member.id = in.be64();
        member.role = static_cast<Role>(in.u8());
        member.address = in.str();
        configuration.members.push_back(std::move(member));
    }
    if (!in.finished()) {
        return fail(
            Code::kCorrupt, "configuration of", bytes.size(), "bytes is cut off or too long");
    }
    if (const auto valid = validate(configuration); count != 0 && !valid) {
        return fail(Code::kCorrupt, "configuration:", valid.error().message());
    }
    return configuration;
}

}  // namespace shard::raft
