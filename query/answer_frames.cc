#include "query/answer_frames.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "query/exec/shared_pieces.h"
#include "query/result_json.h"

namespace query {
namespace {

// Of text, about: a piece takes several times as long to write as to be handed over.
constexpr size_t kPieceBytes = 32 * 1024;
// An answer of fewer bytes is written before a thread is awake that helps.
constexpr size_t kWorthHelpBytes = 128 * 1024;
// An element of more is written bit by bit: nobody writes all of it ahead.
constexpr size_t kElementBytesMax = 8 * kPieceBytes;

}  // namespace

// The pieces, and who writes which. One that is not shared is written by whoever wants it, as far
// as it is wanted.
class AnswerFrames::Pieces final : public exec::SharedPieces {
  public:
    Pieces(const QueryResult& result, bool with_stats) : result_(result), with_stats_(with_stats) {
        const size_t elements = ResultWriter::elements(result);
        size_t all = 0;
        size_t piece = 0;
        bool small = true;
        for (size_t i = 0; i < elements; ++i) {
            const size_t bytes = ResultWriter::element_bytes(result, i);
            small = small && bytes <= kElementBytesMax;
            all += bytes;
            piece += bytes;
            if (piece >= kPieceBytes && i + 1 < elements) {
                ends_.push_back(i + 1);
                piece = 0;
            }
        }
        shared_ = small && all >= kWorthHelpBytes;
        if (!shared_) {
            ends_.clear();
        }
        ends_.push_back(elements);
    }

    // Asks for as many hands as there are pieces for, beside the one's that asks.
    void ask_for_hands(exec::Helpers& helpers, const std::shared_ptr<Pieces>& self) {
        if (!shared_) {
            return;
        }
        size_t pieces = 0;
        {
            const base::MutexLock lock(mutex_);
            pieces = std::min(ends_.size(), given_ + kAhead) - begun_;
        }
        ask(pieces, helpers, self);
    }

    bool write(std::string& out, size_t bytes) {
        if (!shared_) {
            if (!writer_) {
                writer_.emplace(result_, with_stats_);
            }
            return writer_->write(out, bytes);
        }
        const size_t until = out.size() + bytes;
        const base::MutexLock lock(mutex_);
        while (given_ < ends_.size() && out.size() < until) {
            Slot& slot = slots_[given_ % kAhead];
            if (slot.done) {
                slot.done = false;
                out += slot.text;
                ++given_;
            } else if (may_begin()) {
                do_next();
            } else {
                done_.wait(mutex_);
            }
        }
        return given_ < ends_.size();
    }

    // Nobody touches the result any more.
    void close() {
        const base::MutexLock lock(mutex_);
        begun_ = ends_.size();
        wait_for_helpers();
    }

  private:
    static constexpr size_t kAhead = 4;  // pieces that are there or on their way

    struct Slot {
        std::string text;
        bool done = false;
    };

    [[nodiscard]] bool may_begin() const override REQUIRES_LOCK(mutex_) {
        return begun_ < ends_.size() && begun_ < given_ + kAhead;
    }

    void do_next() override REQUIRES_LOCK(mutex_) {
        const size_t piece = begun_++;
        Slot& slot = slots_[piece % kAhead];
        mutex_.unlock();
        slot.text.clear();
        const size_t first = piece == 0 ? 0 : ends_[piece - 1];
        ResultWriter(result_, with_stats_, first, ends_[piece]).write(slot.text, SIZE_MAX / 2);
        mutex_.lock();
        slot.done = true;
    }

    const QueryResult& result_;
    const bool with_stats_;
    bool shared_ = false;
    std::vector<size_t> ends_;            // of the pieces, in elements
    std::optional<ResultWriter> writer_;  // of all, when they are not shared
    std::array<Slot, kAhead> slots_;  // a piece's text belongs to who writes it until it is done
    size_t begun_ GUARDED_BY(mutex_) = 0;  // pieces
    size_t given_ GUARDED_BY(mutex_) = 0;  // likewise
};

AnswerFrames::AnswerFrames(QueryResult result, bool with_stats, exec::Helpers* helpers)
    : result_(std::move(result)),
      helpers_(helpers),
      pieces_(std::make_shared<Pieces>(result_, with_stats)) {}

AnswerFrames::~AnswerFrames() {
    pieces_->close();
}

bool AnswerFrames::write(std::string& out, size_t bytes) {
    if (helpers_ == nullptr) {
        return pieces_->write(out, bytes);
    }
    const exec::Helpers::Busy busy(*helpers_);
    pieces_->ask_for_hands(*helpers_, pieces_);
    const bool more = pieces_->write(out, bytes);
    if (more) {
        pieces_->ask_for_hands(*helpers_, pieces_);  // while this is sent
    }
    return more;
}

}  // namespace query
