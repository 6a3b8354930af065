#include "shard/raft/waiting.h"

namespace shard::raft {

using base::Code;
using base::Error;
using base::fail;

// --- answers -------------------------------------------------------------------------------------

void Answers::add(ProposalDone done, base::Result<std::string> answer) {
    due_.push_back([done = std::move(done), answer = std::move(answer)]() mutable {
        done(std::move(answer));
    });
}

void Answers::add(ReadDone done, base::Status answer) {
    due_.push_back([done = std::move(done), answer = std::move(answer)]() mutable {
        done(std::move(answer));
    });
}

std::function<void()> Answers::take() {
    std::function<void()> oldest = std::move(due_.front());
    due_.pop_front();
    return oldest;
}

// --- proposals -----------------------------------------------------------------------------------

void WaitingProposals::add(Term term, Index index, ProposalDone done) {
    waiting_.emplace(Key(term, index), Waiting{std::move(done), std::nullopt});
}

void WaitingProposals::applied(Term term, Index index, std::string said) {
    lose_older(term);
    const auto found = waiting_.find(Key(term, index));
    if (found != waiting_.end()) {
        answer(found, std::move(said));
    }
}

void WaitingProposals::restored(Term term, Index index) {
    for (auto one = waiting_.begin(); one != waiting_.end();) {
        if (one->first.second <= index) {
            one = answer(one,
                         fail(Code::kTimeout,
                              "a snapshot came instead of the entry: nobody here knows whether the "
                              "command was applied; look before proposing it again"));
        } else {
            ++one;
        }
    }
    lose_older(term);
}

void WaitingProposals::lose_older(Term term) {
    while (!waiting_.empty() && waiting_.begin()->first.first < term) {
        answer(waiting_.begin(),
               fail(Code::kUnavailable,
                    "another leader's entry stands there: the command was not applied and will "
                    "not be; propose it to the leader"));
    }
}

void WaitingProposals::expire(base::SteadyTime now, base::Duration wait, Term led) {
    for (auto one = waiting_.begin(); one != waiting_.end();) {
        auto& given_up = one->second.given_up;
        if (one->first.first != led && !given_up) {
            given_up = now + wait;
        }
        if (one->first.first == led || now < *given_up) {
            ++one;
            continue;
        }
        one = answer(one,
                     fail(Code::kTimeout,
                          "leadership was lost, and nobody here knows whether the command will be "
                          "applied; look before proposing it again"));
    }
}

WaitingProposals::Map::iterator WaitingProposals::answer(Map::iterator one,
                                                         base::Result<std::string> answer) {
    answers_.add(std::move(one->second.done), std::move(answer));
    return waiting_.erase(one);
}

void WaitingProposals::fail_all(const Error& error) {
    for (auto& [key, waiting] : waiting_) {
        answers_.add(std::move(waiting.done), fail(Error(error)));
    }
    waiting_.clear();
}

// --- reads ---------------------------------------------------------------------------------------

uint64_t WaitingReads::add(ReadDone done) {
    asked_.emplace(++last_context_, std::move(done));
    return last_context_;
}

ReadDone WaitingReads::take(uint64_t context) {
    const auto found = asked_.find(context);
    ReadDone done = std::move(found->second);
    asked_.erase(found);
    return done;
}

void WaitingReads::failed(uint64_t context, const Error& error) {
    const auto found = asked_.find(context);
    if (found != asked_.end()) {
        answers_.add(std::move(found->second), fail(Error(error)));
        asked_.erase(found);
    }
}

void WaitingReads::ready(uint64_t context, Index index, Index applied) {
    const auto found = asked_.find(context);
    if (found == asked_.end()) {
        return;
    }
    if (index <= applied) {
        answers_.add(std::move(found->second), base::success());
    } else {
        confirmed_.emplace(index, std::move(found->second));
    }
    asked_.erase(found);
}

void WaitingReads::applied(Index index) {
    const auto end = confirmed_.upper_bound(index);
    for (auto one = confirmed_.begin(); one != end; ++one) {
        answers_.add(std::move(one->second), base::success());
    }
    confirmed_.erase(confirmed_.begin(), end);
}

void WaitingReads::fail_all(const Error& error) {
    for (auto& [context, done] : asked_) {
        answers_.add(std::move(done), fail(Error(error)));
    }
    for (auto& [index, done] : confirmed_) {
        answers_.add(std::move(done), fail(Error(error)));
    }
    asked_.clear();
    confirmed_.clear();
}

}  // namespace shard::raft
