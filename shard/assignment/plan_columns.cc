#include "shard/assignment/plan_columns.h"

#include <utility>

#include "base/bytes.h"
#include "shard/proto/table.pb.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

// Numbers of kinds in EditPlan.runs: positions in PlanEdit, from 1.
constexpr uint32_t kKinds = std::variant_size_v<PlanEdit>;

template <class Kind, size_t Position = 0>
constexpr uint32_t kind_number() {
    if constexpr (std::is_same_v<Kind, std::variant_alternative_t<Position, PlanEdit>>) {
        return Position + 1;
    } else {
        return kind_number<Kind, Position + 1>();
    }
}

class PartWriter {
  public:
    explicit PartWriter(skein::v1::EditPlan& message) : message_(message) {}

    void operator()(const Assign& edit) {
        message_.add_targets(edit.target);
        message_.add_job_numbers(edit.job);
        message_.add_weights(edit.weight);
        message_.add_owner_counts(static_cast<uint32_t>(edit.owners.size()));
        message_.mutable_owners()->Add(edit.owners.begin(), edit.owners.end());
    }

    void operator()(const StartMove& edit) {
        message_.add_targets(edit.target);
        message_.add_slots(edit.slot);
        message_.add_receivers(edit.to);
    }

    void operator()(const FinishMove& edit) { add_end(edit.target, edit.epoch); }

    void operator()(const AbortMove& edit) { add_end(edit.target, edit.epoch); }

    void operator()(const Weigh& edit) {
        message_.add_targets(edit.target);
        message_.add_weights(edit.weight);
    }

    void operator()(const Forget& edit) {
        message_.add_targets(edit.target);
        message_.add_expiries_s(edit.expires_s);
    }

  private:
    void add_end(model::TargetId target, Epoch epoch) {
        message_.add_targets(target);
        message_.add_move_epochs(epoch);
    }

    skein::v1::EditPlan& message_;
};

// Takes the numbers of one column in turn.
template <class Number>
class Column {
  public:
    explicit Column(const google::protobuf::RepeatedField<Number>& numbers) : numbers_(numbers) {}

    // 0 after the last one; fits() then says so.
    Number next() {
        if (at_ == numbers_.size()) {
            short_ = true;
            return 0;
        }
        return numbers_.Get(at_++);
    }

    [[nodiscard]] bool fits() const { return !short_ && at_ == numbers_.size(); }

    [[nodiscard]] bool is_short() const { return short_; }

  private:
    const google::protobuf::RepeatedField<Number>& numbers_;
    int at_ = 0;
    bool short_ = false;
};

class PartReader {
  public:
    explicit PartReader(const skein::v1::EditPlan& message)
        : targets_(message.targets()),
          job_numbers_(message.job_numbers()),
          weights_(message.weights()),
          owner_counts_(message.owner_counts()),
          owners_(message.owners()),
          slots_(message.slots()),
          receivers_(message.receivers()),
          move_epochs_(message.move_epochs()),
          expiries_(message.expiries_s()) {}

    base::Result<PlanEdit> read(uint32_t kind) {
        switch (kind) {
            case kind_number<Assign>():
                return read_assign();
            case kind_number<StartMove>():
                return read_start();
            case kind_number<FinishMove>():
                return PlanEdit(FinishMove{targets_.next(), move_epochs_.next()});
            case kind_number<AbortMove>():
                return PlanEdit(AbortMove{targets_.next(), move_epochs_.next()});
            case kind_number<Weigh>():
                return read_weigh();
            default:
                return PlanEdit(Forget{targets_.next(), expiries_.next()});
        }
    }

    // A column has ended before the parts.
    [[nodiscard]] bool ended() const {
        return targets_.is_short() || owners_.is_short() || owner_counts_.is_short();
    }

    // Every column has exactly what the parts took.
    [[nodiscard]] bool fits() const {
        return targets_.fits() && job_numbers_.fits() && weights_.fits() && owner_counts_.fits() &&
               owners_.fits() && slots_.fits() && receivers_.fits() && move_epochs_.fits() &&
               expiries_.fits();
    }

  private:
    base::Result<WeightClass> read_weight() {
        const uint32_t weight = weights_.next();
        if (weight > UINT8_MAX) {
            return fail(Code::kCorrupt, "a plan has the weight class", weight);
        }
        return static_cast<WeightClass>(weight);
    }

    base::Result<PlanEdit> read_assign() {
        Assign edit;
        edit.target = targets_.next();
        edit.job = job_numbers_.next();
        TRY(edit.weight, read_weight());
        const uint32_t count = owner_counts_.next();
        if (count > kReplicasMax) {
            return fail(
                Code::kLimit, "a plan gives a target", count, "owners, at most", kReplicasMax);
        }
        edit.owners.resize(count);
        for (NodeNumber& owner : edit.owners) {
            owner = owners_.next();
        }
        return PlanEdit(std::move(edit));
    }

    base::Result<PlanEdit> read_start() {
        const model::TargetId target = targets_.next();
        const uint32_t slot = slots_.next();
        if (slot >= kReplicasMax) {
            return fail(Code::kLimit, "a plan moves slot", slot, "of", kReplicasMax);
        }
        return PlanEdit(StartMove{target, static_cast<uint8_t>(slot), receivers_.next()});
    }

    base::Result<PlanEdit> read_weigh() {
        const model::TargetId target = targets_.next();
        TRY(const WeightClass weight, read_weight());
        return PlanEdit(Weigh{target, weight});
    }

    Column<uint64_t> targets_;
    Column<uint32_t> job_numbers_, weights_, owner_counts_, owners_, slots_, receivers_;
    Column<uint64_t> move_epochs_;
    Column<uint32_t> expiries_;
};

base::Status read_jobs(const skein::v1::EditPlan& message, EditPlan& plan) {
    plan.jobs.reserve(static_cast<size_t>(message.jobs_size()));
    for (const std::string& job : message.jobs()) {
        if (job.size() > kNameBytesMax) {
            return fail(Code::kLimit,
                        "a plan names a job with",
                        job.size(),
                        "bytes, at most",
                        kNameBytesMax);
        }
        plan.jobs.push_back(job);
    }
    return base::success();
}

base::Status read_parts(const skein::v1::EditPlan& message, EditPlan& plan) {
    if (message.runs_size() % 2 != 0) {
        return fail(Code::kCorrupt, "a plan has a kind of parts without their number");
    }
    PartReader reader(message);
    plan.edits.reserve(static_cast<size_t>(message.targets_size()));
    for (int run = 0; run < message.runs_size(); run += 2) {
        const uint32_t kind = message.runs(run);
        if (kind == 0 || kind > kKinds) {
            return fail(Code::kUnsupported,
                        "a plan has parts of a kind that this program does not know:",
                        kind,
                        "(upgrade it)");
        }
        // A run that is longer than the columns ends with them, and fits() finds it out.
        for (uint32_t left = message.runs(run + 1); left != 0 && !reader.ended(); --left) {
            TRY(PlanEdit edit, reader.read(kind));
            plan.edits.push_back(std::move(edit));
        }
    }
    if (!reader.fits()) {
        return fail(Code::kCorrupt, "a plan's columns do not fit its parts");
    }
    return base::success();
}

}  // namespace

void write_plan(const EditPlan& plan, skein::v1::EditPlan& message) {
    message.set_expected(plan.expected);
    message.set_now_s(plan.now_s);
    for (const std::string& job : plan.jobs) {
        message.add_jobs(job);
    }
    PartWriter writer(message);
    for (size_t i = 0; i < plan.edits.size();) {
        const size_t kind = plan.edits[i].index();
        const size_t begin = i;
        for (; i < plan.edits.size() && plan.edits[i].index() == kind; ++i) {
            std::visit(writer, plan.edits[i]);
        }
        message.add_runs(static_cast<uint32_t>(kind + 1));
        message.add_runs(static_cast<uint32_t>(i - begin));
    }
}

base::Result<EditPlan> read_plan(const skein::v1::EditPlan& message) {
    EditPlan plan;
    plan.expected = message.expected();
    plan.now_s = message.now_s();
    TRY(read_jobs(message, plan));
    TRY(read_parts(message, plan));
    return plan;
}

size_t column_bytes(const PlanEdit& edit) {
    struct Sizes {
        size_t operator()(const Assign& part) const {
            size_t bytes = base::uvarint_size(part.weight) + base::uvarint_size(part.owners.size());
            for (const NodeNumber owner : part.owners) {
                bytes += base::uvarint_size(owner);
            }
            return bytes;
        }

        size_t operator()(const StartMove& part) const {
            return base::uvarint_size(part.slot) + base::uvarint_size(part.to);
        }

        size_t operator()(const FinishMove& part) const { return base::uvarint_size(part.epoch); }

        size_t operator()(const AbortMove& part) const { return base::uvarint_size(part.epoch); }

        size_t operator()(const Weigh& part) const { return base::uvarint_size(part.weight); }

        size_t operator()(const Forget& part) const { return base::uvarint_size(part.expires_s); }
    };

    return sizeof(model::TargetId) + std::visit(Sizes{}, edit);
}

}  // namespace shard
