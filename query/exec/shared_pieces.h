// Work that a query's thread does piece by piece, with helpers beside it when there are some.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/sync.h"
#include "query/exec/helpers.h"

namespace query::exec {

// Whoever derives from it keeps the pieces, guarded by mutex_, and says how one is taken and done.
//   lifetime  held by the helpers that are asked, beside the one who asks: that one ends with
//             wait_for_helpers(), so that pieces may use what belongs to it
class SharedPieces : public SharedWork {
  public:
    void help() final;

  protected:
    // Whether there is a piece that nobody has begun.
    [[nodiscard]] virtual bool may_begin() const REQUIRES_LOCK(mutex_) = 0;
    // Takes the next piece and does it, without the lock meanwhile.
    virtual void do_next() REQUIRES_LOCK(mutex_) = 0;

    // Asks for as many helpers as there are pieces beside the first, which is this thread's own;
    // less those that were asked before and have not left, and no more than are free.
    void ask(size_t pieces, Helpers& helpers, const std::shared_ptr<SharedPieces>& self)
        EXCLUDES_LOCK(mutex_);

    // Returns when no helper is at a piece. The caller has seen to it that none begins another.
    void wait_for_helpers() REQUIRES_LOCK(mutex_);

    base::Mutex mutex_;
    base::CondVar done_;  // a helper has done a piece, or leaves; one thread waits: the query's

  private:
    size_t asked_ GUARDED_BY(mutex_) = 0;    // helpers that were asked and have not left
    size_t helping_ GUARDED_BY(mutex_) = 0;  // of them, those that are here
};

// Calls work(i) for every i below `count`, once each, in any order, on this thread and on helpers
// that are free; returns when all calls have.
//   helpers  may be null
void spread(Helpers* helpers, size_t count, const std::function<void(size_t)>& work);

}  // namespace query::exec
