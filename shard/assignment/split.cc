#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "shard/assignment/edits.h"
#include "shard/assignment/plan_columns.h"

namespace shard {

namespace {

// Numbers, and the tags and lengths of columns, at most.
constexpr size_t kPlanOverheadMax = 160;
constexpr uint32_t kNotNamed = UINT32_MAX;

// Fills plans one after another.
class Splitter {
  public:
    explicit Splitter(EditPlan plan) : plan_(std::move(plan)) {
        numbers_.assign(plan_.jobs.size(), kNotNamed);
        begin_piece();
    }

    std::vector<EditPlan> run() {
        for (PlanEdit& edit : plan_.edits) {
            add(edit);
        }
        end_piece();
        return std::move(pieces_);
    }

  private:
    void add(PlanEdit& edit) {
        if (bytes_ + cost(edit) > kEditBytesMax) {
            end_piece();
            begin_piece();
        }
        bytes_ += cost(edit);
        if (auto* const assign = std::get_if<Assign>(&edit)) {
            assign->job = name_job(assign->job);
        }
        piece_.edits.push_back(std::move(edit));
    }

    [[nodiscard]] size_t cost(const PlanEdit& edit) const {
        size_t bytes = column_bytes(edit);
        if (piece_.edits.empty() || piece_.edits.back().index() != edit.index()) {
            bytes += kRunBytesMax;
        }
        if (const auto* const assign = std::get_if<Assign>(&edit)) {
            bytes += job_cost(assign->job);
        }
        return bytes;
    }

    // Of the job's number in the piece, and of its name when it has none there yet.
    [[nodiscard]] size_t job_cost(uint32_t job) const {
        if (job >= numbers_.size()) {
            return base::kUvarint32Max;
        }
        if (is_new_job(job)) {
            const size_t name = plan_.jobs[job].size();
            return base::uvarint_size(piece_.jobs.size()) + 1 + base::uvarint_size(name) + name;
        }
        return base::uvarint_size(numbers_[job]);
    }

    [[nodiscard]] bool is_new_job(uint32_t job) const {
        return job < numbers_.size() && numbers_[job] == kNotNamed;
    }

    // The job's number in the piece. One that the plan does not name stays without a name, so that
    // the piece is refused as the plan would be.
    uint32_t name_job(uint32_t job) {
        if (job >= numbers_.size()) {
            return kNotNamed;
        }
        if (is_new_job(job)) {
            numbers_[job] = static_cast<uint32_t>(piece_.jobs.size());
            piece_.jobs.push_back(plan_.jobs[job]);
            named_.push_back(job);
        }
        return numbers_[job];
    }

    void begin_piece() {
        piece_ = {plan_.expected + pieces_.size(), plan_.now_s, {}, {}};
        bytes_ = kPlanOverheadMax;
    }

    void end_piece() {
        if (!piece_.edits.empty()) {
            pieces_.push_back(std::move(piece_));
        }
        for (const uint32_t job : std::exchange(named_, {})) {
            numbers_[job] = kNotNamed;
        }
    }

    EditPlan plan_;
    std::vector<EditPlan> pieces_;
    EditPlan piece_;
    size_t bytes_ = 0;               // of piece_, at most
    std::vector<uint32_t> numbers_;  // by job of plan_: its number in piece_
    std::vector<uint32_t> named_;    // jobs of plan_ that piece_ names
};

}  // namespace

std::vector<EditPlan> split(EditPlan plan) {
    return Splitter(std::move(plan)).run();
}

}  // namespace shard
