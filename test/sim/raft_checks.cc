#include "test/sim/raft_checks.h"

#include <algorithm>
#include <utility>

namespace sim {

namespace {

// Members by which two configurations differ: added, removed or changed.
size_t differences(const raft::Configuration& one, const raft::Configuration& other) {
    size_t count = 0;
    for (const raft::Member& member : one.members) {
        const raft::Member* same = other.find(member.id);
        count += same == nullptr || *same != member ? 1 : 0;
    }
    for (const raft::Member& member : other.members) {
        count += one.find(member.id) == nullptr ? 1 : 0;
    }
    return count;
}

}  // namespace

raft::Term RaftChecks::Written::term_at(raft::Index index) const {
    if (index + 1 == begin) {
        return before;
    }
    return index >= begin && index <= last() ? terms[index - begin] : 0;
}

void RaftChecks::fail(ProcessId process, std::string invariant, const std::string& text) {
    world_.fail(std::move(invariant), words("process", process, text));
}

void RaftChecks::add(ProcessId process, const RaftDisk& disk) {
    if (members_.size() <= process) {
        members_.resize(process + 1);
    }
    members_[process].disk = &disk;
}

void RaftChecks::started(ProcessId process, const raft::Core& core) {
    Member& member = members_[process];
    const raft::Stored stored = member.disk->stored();
    member.core = &core;
    member.written = {};
    member.written.begin = stored.log_begin;
    member.written.before = member.disk->term_at(stored.log_begin - 1);
    if (stored.snapshot) {
        member.written.configurations.push_back(
            {stored.snapshot->index, stored.snapshot->configuration});
    } else {
        member.written.configurations.push_back({});
    }
    for (const raft::Entry& entry : stored.entries) {
        member.written.terms.push_back(entry.term);
        if (entry.kind == raft::EntryKind::kConfiguration &&
            (!stored.snapshot || entry.index > stored.snapshot->index)) {
            if (auto decoded = raft::decode_configuration(*entry.data)) {
                member.written.configurations.push_back({entry.index, std::move(decoded).value()});
            }
        }
    }
    member.commit = core.commit_index();
    member.led = 0;
    member.configuration_changed = true;
    if (core.term() < member.durable_term) {
        fail(process, "R6", words("starts in term", core.term(), "not", member.durable_term));
    }
    if (member.commit > committed()) {
        fail(process, "R5", words("starts with", member.commit, "committed of", committed()));
    }
}

void RaftChecks::stopped(ProcessId process) {
    members_[process].core = nullptr;
    members_[process].applied = 0;
}

// --- logs ----------------------------------------------------------------------------------------

const RaftChecks::Known* RaftChecks::known(raft::Index index, raft::Term term) const {
    if (index < entries_.size()) {
        for (const Known& each : entries_[index]) {
            if (each.term == term) {
                return &each;
            }
        }
    }
    return nullptr;
}

void RaftChecks::check_entry(ProcessId process, const raft::Entry& entry, raft::Term previous) {
    if (entry.term < previous) {
        fail(process, "R2", words("entry", entry.index, "has an older term than the one before"));
    }
    const Known* same = known(entry.index, entry.term);
    if (same == nullptr) {
        if (entries_.size() <= entry.index) {
            entries_.resize(entry.index + 1);
        }
        entries_[entry.index].push_back(
            {.term = entry.term, .previous = previous, .kind = entry.kind, .data = entry.data});
        return;
    }
    const bool alike = same->previous == previous && same->kind == entry.kind &&
                       (same->data == entry.data || *same->data == *entry.data);
    if (!alike) {
        fail(process,
             "R2",
             words("entry", entry.index, "of term", entry.term, "is another than elsewhere"));
    }
}

void RaftChecks::persisting(ProcessId process, const raft::Persist& batch) {
    if (!batch.entries.empty()) {
        write_entries(process, batch.entries);
    }
    if (batch.snapshot) {
        write_snapshot(process, *batch.snapshot);
    }
    if (batch.install && batch.received) {
        const raft::SnapshotMeta& meta = batch.received->meta;
        Member& member = members_[process];
        member.written = {};
        member.written.begin = meta.index + 1;
        member.written.before = meta.term;
        member.written.configurations.push_back({meta.index, meta.configuration});
        member.configuration_changed = true;
    } else if (batch.install) {
        fail(process, "storage", "a snapshot is installed without its last part");
    }
}

void RaftChecks::write_entries(ProcessId process, const std::vector<raft::Entry>& entries) {
    Member& member = members_[process];
    Written& written = member.written;
    const raft::Index from = entries.front().index;
    if (from < written.begin || from > written.last() + 1) {
        return fail(process,
                    "storage",
                    words("a hole: the log is", written.begin, "to", written.last(), "then", from));
    }
    // As it was before this step: the same request may say that the new one is committed.
    if (from <= member.commit && from <= written.last() &&
        written.term_at(from) != entries.front().term) {
        fail(process, "R5", words("replaces entry", from, "which is committed"));
    }
    written.terms.resize(from - written.begin);
    while (written.configurations.size() > 1 && written.configurations.back().index >= from) {
        written.configurations.pop_back();
        member.configuration_changed = true;
    }
    for (const raft::Entry& entry : entries) {
        if (entry.index != written.last() + 1) {
            return fail(process, "storage", words("entry", entry.index, "is out of order"));
        }
        check_entry(process, entry, written.term_at(entry.index - 1));
        written.terms.push_back(entry.term);
        if (entry.kind == raft::EntryKind::kConfiguration) {
            write_configuration(process, entry);
        }
    }
}

void RaftChecks::write_configuration(ProcessId process, const raft::Entry& entry) {
    Member& member = members_[process];
    auto decoded = raft::decode_configuration(*entry.data);
    if (!decoded) {
        return fail(process, "R7", "writes a configuration that cannot be read");
    }
    const Placed& before = member.written.configurations.back();
    if (!before.configuration.members.empty() &&
        differences(before.configuration, decoded.value()) > 1) {
        fail(process, "R7", words("configuration", entry.index, "differs in more than one member"));
    }
    const raft::Core& core = *member.core;
    const bool own = core.state() == raft::State::kLeader && entry.term == core.term();
    if (own && before.index > core.commit_index()) {
        fail(process,
             "R7",
             words("changes the configuration at",
                   entry.index,
                   "before that at",
                   before.index,
                   "is committed"));
    }
    if (own && core.term_at(core.commit_index()) != core.term()) {
        fail(process,
             "R7",
             words(
                 "changes the configuration before anything of term", core.term(), "is committed"));
    }
    member.written.configurations.push_back({entry.index, std::move(decoded).value()});
    member.configuration_changed = true;
}

void RaftChecks::write_snapshot(ProcessId process, const raft::SavedSnapshot& snapshot) {
    Member& member = members_[process];
    Written& written = member.written;
    const raft::SnapshotMeta& meta = snapshot.meta;
    check_commit(process);  // it may have become so in this step
    if (meta.index > committed() || committed_[meta.index] != meta.term) {
        fail(process, "R5", words("a snapshot at", meta.index, "of what is not committed"));
        return;
    }
    const auto placed = std::ranges::find_if(
        written.configurations.rbegin(), written.configurations.rend(), [&](const Placed& each) {
            return each.index <= meta.index;
        });
    if (placed == written.configurations.rend() || placed->configuration != meta.configuration) {
        fail(process,
             "R7",
             words("the snapshot at", meta.index, "has another configuration than the log"));
    }
    if (snapshot.log_begin > written.last() + 1 || snapshot.log_begin > meta.index + 1) {
        fail(process, "storage", words("the log is cut behind its end", snapshot.log_begin));
        return;
    }
    if (snapshot.log_begin > written.begin) {
        written.before = written.term_at(snapshot.log_begin - 1);
        written.terms.erase(written.terms.begin(),
                            written.terms.begin() +
                                static_cast<std::ptrdiff_t>(snapshot.log_begin - written.begin));
        written.begin = snapshot.log_begin;
    }
}

void RaftChecks::durable(ProcessId process, const raft::Persist& batch) {
    if (!batch.hard_state) {
        return;
    }
    Member& member = members_[process];
    const auto& [term, vote] = *batch.hard_state;
    if (term < member.durable_term) {
        fail(process, "R6", words("term", term, "after term", member.durable_term));
    }
    member.durable_term = term;
    if (vote != raft::kNobody) {
        const auto [at, fresh] = member.votes.emplace(term, vote);
        if (!fresh && at->second != vote) {
            fail(process, "R6", words("two votes in term", term, "for", at->second, "and", vote));
        }
    } else if (member.votes.contains(term)) {
        fail(process, "R6", words("forgets its vote in term", term));
    }
}

// --- state machines ------------------------------------------------------------------------------

void RaftChecks::applying(ProcessId process,
                          raft::Index index,
                          std::string_view command,
                          uint64_t chain) {
    Member& member = members_[process];
    check_commit(process);
    if (index > committed()) {
        return fail(process, "R4", words("applies", index, "which is not committed"));
    }
    if (index <= member.applied) {
        fail(process, "R4", words("applies", index, "after", member.applied));
    }
    member.applied = index;
    const Known* entry = known(index, committed_[index]);
    if (entry == nullptr || entry->kind != raft::EntryKind::kCommand ||
        (entry->data->data() != command.data() && *entry->data != command)) {
        fail(process, "R4", words("applies another command at", index, "than was committed"));
    }
    if (!members_[process].disk->has(index, committed_[index])) {
        fail(process, "R6", words("applies", index, "before it is durable here"));
    }
    if (chains_.size() <= index) {
        chains_.resize(index + 1);
    }
    if (chains_[index] == 0) {
        chains_[index] = chain;
        if (on_first_applied) {
            on_first_applied(index, command);
        }
    } else if (chains_[index] != chain) {
        fail(process, "R4", words("has applied other commands up to", index));
    }
}

void RaftChecks::restored(ProcessId process, raft::Index last, uint64_t chain) {
    members_[process].applied = last;
    if (last != 0 && chain_at(last) != chain) {
        fail(process, "R4", words("was restored to another state at", last));
    }
}

// --- after every step ----------------------------------------------------------------------------

void RaftChecks::after(ProcessId process) {
    Member& member = members_[process];
    if (member.core == nullptr) {
        return;
    }
    check_leader(process);
    check_commit(process);
    if (member.configuration_changed ||
        member.core->configuration_index() != member.configuration_seen) {
        check_configuration(process);
    }
}

void RaftChecks::check_leader(ProcessId process) {
    Member& member = members_[process];
    const raft::Core& core = *member.core;
    if (core.state() != raft::State::kLeader || core.term() == member.led) {
        return;
    }
    const raft::Term term = core.term();
    member.led = term;
    world_.trace(process, "leads", term, core.last_index(), core.commit_index());
    const auto [at, fresh] = leaders_.emplace(term, process);
    if (!fresh && at->second != process) {
        return fail(process, "R1", words("leads term", term, "as does process", at->second));
    }
    const auto vote = member.votes.find(term);
    if (vote == member.votes.end() || vote->second != member_of(process)) {
        fail(process, "R6", words("leads term", term, "before its own vote is durable"));
    }
    // Everything that leaders of earlier terms have committed.
    raft::Index required = 1;
    for (const auto& [by, index] : committed_by_) {
        if (by < term) {
            required = index;
        }
    }
    const raft::Term has = core.term_at(required);
    if (core.last_index() < required || (has != 0 && has != committed_[required])) {
        fail(process,
             "R3",
             words("leads term", term, "without entry", required, "which is committed"));
    }
    if (leaders_.rbegin()->first == term) {
        last_leader_ = process;
    }
    if (on_leader) {
        on_leader(process, term);
    }
}

void RaftChecks::check_commit(ProcessId process) {
    Member& member = members_[process];
    const raft::Core& core = *member.core;
    const raft::Index to = core.commit_index();
    if (to == member.commit) {
        return;
    }
    if (to < member.commit) {
        fail(process, "R5", words("commits", to, "after", member.commit));
    }
    member.commit = to;
    // A leader that commits its own removal leads no more.
    const auto leader = leaders_.find(core.term());
    if (leader != leaders_.end() && leader->second == process) {
        commit_as_leader(process, to);
    }
    if (to > committed()) {
        return fail(process, "R5", words("commits", to, "beyond what any leader has"));
    }
    const raft::Term term = core.term_at(to);
    if (term != 0 && term != committed_[to]) {
        fail(process, "R5", words("commits another entry", to, "of term", term));
    }
}

void RaftChecks::commit_as_leader(ProcessId process, raft::Index to) {
    const raft::Core& core = *members_[process].core;
    if (to > core.last_index()) {
        return fail(process, "R5", words("commits", to, "beyond its log"));
    }
    const raft::Term term = core.term_at(to);
    // Raft 5.4.2: by counting, only entries of its own term.
    if (term != core.term()) {
        fail(process, "R5", words("counts votes for entry", to, "of the older term", term));
    }
    size_t holders = 0;
    for (const raft::Member& each : core.configuration().members) {
        const ProcessId other = process_of(each.id);
        holders += each.role == raft::Role::kVoter && other < members_.size() &&
                           members_[other].disk->has(to, term)
                       ? 1
                       : 0;
    }
    if (holders < core.configuration().majority()) {
        fail(process,
             "R5",
             words("commits", to, "which", holders, "of", core.configuration().voters(), "have"));
    }
    for (raft::Index index = committed() + 1; index <= to; ++index) {
        committed_.push_back(core.term_at(index));
    }
    if (committed_by_.empty() || committed_by_.back().first < core.term()) {
        committed_by_.emplace_back(core.term(), to);
    } else if (committed_by_.back().first == core.term()) {
        committed_by_.back().second = std::max(committed_by_.back().second, to);
    }
}

void RaftChecks::check_configuration(ProcessId process) {
    Member& member = members_[process];
    const raft::Core& core = *member.core;
    // More is in memory than the disk was given, or a snapshot is on its way to the disk.
    const raft::Index last = member.written.last();
    if (core.last_index() != last || core.term_at(last) != member.written.term_at(last)) {
        return;
    }
    member.configuration_changed = false;
    member.configuration_seen = core.configuration_index();
    if (core.configuration() != member.written.configurations.back().configuration) {
        fail(process, "R7", "does not follow the newest configuration in its log");
    }
}

}  // namespace sim
