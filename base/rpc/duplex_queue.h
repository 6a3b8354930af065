// What one end of a duplex call has to send, and when the call may end: the same for server and
// client.
#pragma once

#include <memory>
#include <string>

#include "base/rpc/duplex.h"

namespace base::rpc {

// The call as gRPC has it.
class DuplexCall {
  public:
    // DuplexQueue::written() follows.
    virtual void write(std::string message) = 0;
    // Makes what is on its way fail soon.
    virtual void cancel() = 0;
    // Nothing is on its way, and nothing is asked of the call any more.
    virtual void finish(const Status& outcome) = 0;

  protected:
    ~DuplexCall() = default;
};

// One write at a time; the call is finished when it is to end and neither a write nor another call
// of DuplexCall is under way. What gRPC calls back may run within a call of it: none is made with
// the lock held.
//   threads   any
//   lifetime  `call` is borrowed until finish()
class DuplexQueue final : public Duplex {
  public:
    DuplexQueue(DuplexCall& call, size_t bytes_max);
    ~DuplexQueue() override;
    DuplexQueue(const DuplexQueue&) = delete;
    DuplexQueue& operator=(const DuplexQueue&) = delete;

    bool send(std::string message) override;
    [[nodiscard]] size_t waiting_bytes() const override;
    void close(Status outcome) override;

    // The write that was begun is done; with `ok` false the call is broken.
    void written(bool ok);
    // The other end has gone, or closed its half: what waits is dropped.
    void end(Status outcome);
    // end(), and what is on its way fails.
    void abort() override;

    [[nodiscard]] bool ending() const;

  private:
    // Hidden, for gRPC's headers have macros of the names that base/sync.h gives its own.
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace base::rpc
