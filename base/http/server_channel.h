// The bytes of one client of the server: received and sent with limits of time, and read ahead
// while a handler runs, to see the client go away.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/async/deadline.h"
#include "base/async/waiter.h"
#include "base/http/server_core.h"
#include "base/http/stream.h"

namespace base::http {

// When a limit of time passes, the stream is closed, and whoever waits for it gets an error.
//   threads   the lane
//   lifetime  end() before it goes
class ServerChannel {
  public:
    static constexpr size_t kReadAheadMax = 64 * 1024;  // pipelined bytes taken in by watch()

    //   gone  called when the client goes away during watch()
    ServerChannel(ServerLane& lane, std::unique_ptr<Stream> stream, std::function<void()> gone);
    ~ServerChannel();
    ServerChannel(const ServerChannel&) = delete;
    ServerChannel& operator=(const ServerChannel&) = delete;

    [[nodiscard]] Stream& stream() { return *stream_; }

    // Received, not yet parsed: whoever parses takes from its beginning.
    [[nodiscard]] std::string& input() { return input_; }

    // Appends to input(). False: the peer closed.
    [[nodiscard]] Task<bool> read_more();
    // Sends both; each wait for the client takes `timeout` at most.
    [[nodiscard]] Task<void> write(std::string_view first,
                                   std::string_view second,
                                   Duration timeout);

    // Reads ahead, until read_more() is called or the client goes away.
    void watch();
    // Closes, and waits for watch() to end.
    [[nodiscard]] Task<void> end();

    // The limit of time for everything that follows.
    void limit_time(Duration duration) { timer_.arm(now() + duration); }

    void limit_time_until(SteadyTime when) { timer_.arm(when); }

    void no_time_limit() { timer_.disarm(); }

    [[nodiscard]] SteadyTime now() const { return lane_.lane.clock().steady(); }

    [[nodiscard]] bool peer_gone() const { return peer_gone_; }

    [[nodiscard]] uint64_t sent() const { return sent_; }

  private:
    // Says that the read of watch() is over when its task ends, or is dropped before it began.
    class ReadMark {
      public:
        explicit ReadMark(ServerChannel& channel) : channel_(channel) { channel_.reading_ = true; }

        ~ReadMark() {
            channel_.reading_ = false;
            channel_.reader_.wake();
        }

        ReadMark(const ReadMark&) = delete;
        ReadMark& operator=(const ReadMark&) = delete;

      private:
        ServerChannel& channel_;
    };

    [[nodiscard]] Task<void> read_ahead(std::unique_ptr<ReadMark> mark);

    ServerLane& lane_;
    const std::unique_ptr<Stream> stream_;
    const std::function<void()> gone_;
    std::string input_;
    uint64_t sent_ = 0;     // bytes, by write()
    bool reading_ = false;  // watch() has a read under way
    bool peer_gone_ = false;
    Waiter reader_;  // who waits for watch()
    Timer timer_;    // last: its callback uses the stream
};

}  // namespace base::http
