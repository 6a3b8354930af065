#include "test/support/memory_storage.h"

#include <bit>

#include "base/float_format.h"
#include "model/sample.h"

namespace test_support {

class MemoryStorage::Writer final : public model::Appender {
  public:
    explicit Writer(MemoryStorage& storage) : storage_(storage) {}

    [[nodiscard]] base::Result<model::SeriesHandle> resolve(const model::Labels& labels,
                                                            uint64_t /*hash*/,
                                                            bool* created) override {
        return storage_.resolve(labels, created);
    }

    void commit(model::AppendBatch&& batch, model::CommitListener& listener) override {
        storage_.commit(std::move(batch), listener);
    }

  private:
    MemoryStorage& storage_;
};

std::unique_ptr<model::Appender> MemoryStorage::appender(model::Origin /*origin*/) {
    return std::make_unique<Writer>(*this);
}

void MemoryStorage::hold() {
    const base::MutexLock lock(mutex_);
    holding_ = true;
}

size_t MemoryStorage::release() {
    std::deque<Held> held;
    {
        const base::MutexLock lock(mutex_);
        holding_ = false;
        held.swap(held_);
    }
    for (Held& commit : held) {
        apply(std::move(commit.batch), *commit.listener);
    }
    return held.size();
}

void MemoryStorage::fail_commits(base::Error error) {
    const base::MutexLock lock(mutex_);
    failure_ = std::make_unique<base::Error>(std::move(error));
}

void MemoryStorage::succeed_again() {
    const base::MutexLock lock(mutex_);
    failure_.reset();
}

void MemoryStorage::set_series_limit(size_t limit) {
    const base::MutexLock lock(mutex_);
    series_limit_ = limit;
}

void MemoryStorage::forget(const std::string& series) {
    const base::MutexLock lock(mutex_);
    const auto found = slots_.find(series);
    if (found != slots_.end()) {
        ++series_[found->second].check;
    }
}

base::Result<model::SeriesHandle> MemoryStorage::resolve(const model::Labels& labels,
                                                         bool* created) {
    const base::MutexLock lock(mutex_);
    ++resolves_;
    const std::string name = labels.to_series_string();
    const auto found = slots_.find(name);
    if (created != nullptr) {
        *created = found == slots_.end();
    }
    if (found != slots_.end()) {
        return model::SeriesHandle{found->second, series_[found->second].check};
    }
    if (series_.size() >= series_limit_) {
        return base::fail(base::Code::kLimit, "series limit of the test storage reached");
    }
    const auto slot = static_cast<uint32_t>(series_.size());
    slots_.emplace(name, slot);
    series_.push_back({name, 1, {}});
    return model::SeriesHandle{slot, 1};
}

void MemoryStorage::commit(model::AppendBatch&& batch, model::CommitListener& listener) {
    {
        const base::MutexLock lock(mutex_);
        if (holding_) {
            held_.push_back({std::move(batch), &listener});
            return;
        }
    }
    apply(std::move(batch), listener);
}

bool MemoryStorage::add(const model::StagedFloat& sample, model::RejectReason& reason) {
    if (sample.series.slot >= series_.size() ||
        series_[sample.series.slot].check != sample.series.check) {
        reason = model::RejectReason::kUnknownSeries;
        return false;
    }
    auto& samples = series_[sample.series.slot].samples;
    if (!samples.empty() && sample.t < samples.back().t) {
        reason = model::RejectReason::kOutOfOrder;
        return false;
    }
    if (!samples.empty() && sample.t == samples.back().t) {
        reason = model::RejectReason::kDuplicateTimestamp;
        return std::bit_cast<uint64_t>(sample.v) == std::bit_cast<uint64_t>(samples.back().v);
    }
    samples.push_back({sample.t, sample.v});
    return true;
}

void MemoryStorage::add(const model::StagedExemplar& staged) {
    if (staged.series.slot >= series_.size() ||
        series_[staged.series.slot].check != staged.series.check) {
        return;
    }
    std::string text = series_[staged.series.slot].name + " ";
    text += staged.exemplar.labels.to_string() + " ";
    base::append_sample_value(text, staged.exemplar.v);
    exemplars_.push_back(text + "@" + std::to_string(staged.exemplar.t));
}

void MemoryStorage::apply(model::AppendBatch&& batch, model::CommitListener& listener) {
    model::CommitReport report;
    std::unique_ptr<base::Error> failure;
    {
        const base::MutexLock lock(mutex_);
        ++commits_;
        if (failure_ != nullptr) {
            failure = std::make_unique<base::Error>(*failure_);
        } else {
            for (uint32_t index = 0; index < batch.floats.size(); ++index) {
                model::RejectReason reason{};
                if (add(batch.floats[index], reason)) {
                    ++report.accepted;
                } else {
                    report.rejected.push_back({index, reason});
                }
            }
            for (const model::StagedExemplar& staged : batch.exemplars) {
                add(staged);
            }
        }
    }
    batch.clear();
    if (failure != nullptr) {
        listener.committed(base::fail(*failure), std::move(batch));
    } else {
        listener.committed(std::move(report), std::move(batch));
    }
}

std::vector<model::FloatSample> MemoryStorage::samples(const std::string& series) const {
    const base::MutexLock lock(mutex_);
    const auto found = slots_.find(series);
    return found == slots_.end() ? std::vector<model::FloatSample>()
                                 : series_[found->second].samples;
}

std::vector<std::string> MemoryStorage::exemplars() const {
    const base::MutexLock lock(mutex_);
    return exemplars_;
}

std::string MemoryStorage::text(const std::string& series) const {
    std::string out;
    for (const model::FloatSample& sample : samples(series)) {
        out += out.empty() ? "" : " ";
        if (model::is_stale(sample.v)) {
            out += "stale";
        } else {
            base::append_sample_value(out, sample.v);
        }
        out += "@" + std::to_string(sample.t);
    }
    return out;
}

std::vector<std::string> MemoryStorage::series() const {
    const base::MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, slot] : slots_) {
        names.push_back(name);
    }
    return names;
}

size_t MemoryStorage::commits() const {
    const base::MutexLock lock(mutex_);
    return commits_;
}

size_t MemoryStorage::resolves() const {
    const base::MutexLock lock(mutex_);
    return resolves_;
}

}  // namespace test_support
