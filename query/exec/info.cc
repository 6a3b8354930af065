#include "query/exec/info.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "query/exec/row_merger.h"
#include "query/exec/select.h"
#include "query/number.h"

namespace query::exec {
namespace {

using base::Code;

constexpr double kMsPerSecond = 1000;
constexpr std::string_view kIdentifying[] = {"instance", "job"};

std::string quote_regex(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) {
            out += '\\';
        }
        out += c;
    }
    return out;
}

class InfoOperator final : public Blocking {
  public:
    InfoOperator(const plan::Node& node,
                 OperatorPtr base,
                 model::Querier& querier,
                 ExecContext& context)
        : node_(node),
          base_input_(std::move(base)),
          querier_(querier),
          context_(context),
          info_node_(*node.inputs[1]),
          base_(context),
          info_(context),
          merger_(context, node.grid.count) {
        for (const std::string_view name : kIdentifying) {
            identifying_.push_back(context.labels.intern(name));
        }
        for (const model::Matcher& matcher : info_node_.select->matchers) {
            if (matcher.name() == model::kMetricName) {
                names_.push_back(matcher);
            } else {
                data_.push_back(matcher);
            }
        }
    }

  protected:
    base::Result<Block> compute() override {
        TRY(base_.drain(*base_input_, context_));
        TRY(read_info());
        TRY(check_floats());
        TRY(latest_info());
        for (size_t r = 0; r < base_.rows(); ++r) {
            TRY(context_.check());
            TRY(is_info(r) ? merger_.add(base_.block(r), base_.index(r)) : enrich(r));
        }
        return merger_.finish();
    }

  private:
    // An info metric itself gets no labels.
    [[nodiscard]] bool is_info(size_t r) const {
        const std::string_view name = context_.labels.metric_name(base_.labels(r).labels);
        return std::ranges::all_of(
            names_, [&](const model::Matcher& matcher) { return matcher.matches(name); });
    }

    // Selects the info series that may belong to any row.
    base::Status read_info() {
        std::map<Symbol, std::set<std::string_view>> values;
        for (size_t r = 0; r < base_.rows(); ++r) {
            for (size_t i = 0; !is_info(r) && i < identifying_.size(); ++i) {
                const Symbol value = base_.labels(r).labels.get(identifying_[i]);
                if (value != kEmptySymbol) {
                    values[identifying_[i]].insert(context_.labels.text(value));
                }
            }
        }
        if (values.empty()) {
            return base::success();
        }
        for (const auto& [name, texts] : values) {
            std::string pattern;
            for (const std::string_view text : texts) {
                pattern += (pattern.empty() ? "" : "|") + quote_regex(text);
            }
            TRY(model::Matcher matcher,
                model::Matcher::create(
                    model::MatchType::kRegex, std::string(context_.labels.text(name)), pattern));
            info_node_.select->matchers.push_back(std::move(matcher));
        }
        return info_.drain(*make_select(info_node_, querier_, context_), context_);
    }

    // Info metrics are floats wherever there is something to enrich.
    base::Status check_floats() {
        std::vector<bool> enriched(node_.grid.count);
        for (size_t r = 0; r < base_.rows(); ++r) {
            base_.present(r).for_each([&](size_t step) { enriched[step] = true; });
        }
        bool floats = true;
        for (size_t r = 0; r < info_.rows(); ++r) {
            const Block& block = info_.block(r);
            info_.present(r).for_each([&](size_t step) {
                floats &= !enriched[step] || block.histogram(info_.index(r), step) == nullptr;
            });
        }
        if (!floats) {
            return base::fail(Code::kExecution, "info sample should be float");
        }
        return base::success();
    }

    [[nodiscard]] LabelSet signature(Symbol metric, LabelSet labels) {
        std::vector<LabelPair> pairs{{kMetricNameSymbol, metric}};
        for (const Symbol name : identifying_) {
            pairs.push_back({name, labels.get(name)});
        }
        return context_.labels.store_unsorted(pairs);
    }

    // Two info series of one target with samples of the same time.
    struct Conflict {
        size_t step = 0;
        size_t first = 0, second = 0;  // rows
    };

    // Of several info series for one target the one with the latest sample counts, at every step.
    base::Status latest_info() {
        const size_t steps = node_.grid.count;
        std::optional<Conflict> conflict;  // the one that evaluation step by step meets first
        for (size_t r = 0; r < info_.rows(); ++r) {
            const LabelSet labels = info_.labels(r).labels;
            const Symbol metric = labels.get(kMetricNameSymbol);
            metrics_.insert(metric);
            auto& latest =
                latest_.try_emplace(signature(metric, labels), steps, kNone).first->second;
            info_.present(r).for_each([&](size_t step) {
                uint32_t& best = latest[step];
                if (best == kNone || time(r, step) > time(best, step)) {
                    best = static_cast<uint32_t>(r);
                } else if (time(r, step) == time(best, step) &&
                           (!conflict || step < conflict->step)) {
                    conflict = {step, best, r};
                }
            });
        }
        return conflict ? two_at_once(*conflict) : base::success();
    }

    base::Status two_at_once(const Conflict& conflict) const {
        const auto text = [&](size_t row) {
            return context_.labels.to_labels(info_.labels(row).labels).to_string() + " @ " +
                   format_plain(std::round(time(row, conflict.step) * kMsPerSecond));
        };
        return base::fail(Code::kExecution,
                          "found duplicate series for info metric: existing " +
                              text(conflict.first) + ", new " + text(conflict.second));
    }

    [[nodiscard]] double time(size_t r, size_t step) const { return info_.values(r)[step]; }

    base::Status enrich(size_t r) {
        const RowLabels& row = base_.labels(r);
        std::vector<const std::vector<uint32_t>*> candidates;
        for (const Symbol metric : metrics_) {
            const auto found = latest_.find(signature(metric, row.labels));
            if (found != latest_.end()) {
                candidates.push_back(&found->second);
            }
        }
        std::map<std::vector<uint32_t>, std::optional<LabelSet>> known;
        base::Status status = base::success();
        base_.present(r).for_each([&](size_t step) {
            if (!status) {
                return;
            }
            std::vector<uint32_t> chosen;
            for (const auto* candidate : candidates) {
                if ((*candidate)[step] != kNone) {
                    chosen.push_back((*candidate)[step]);
                }
            }
            const auto [found, inserted] = known.try_emplace(chosen);
            if (inserted) {
                auto labels = labels_with(row.labels, chosen);
                if (!labels) {
                    status = base::fail(std::move(labels).error());
                    return;
                }
                found->second = labels.value();
            }
            if (found->second) {
                status = put(r, step, {*found->second, row.drop_name});
            }
        });
        return status;
    }

    // Nothing: the row is left out, because its info series had to match something.
    base::Result<std::optional<LabelSet>> labels_with(LabelSet base,
                                                      const std::vector<uint32_t>& chosen) {
        if (chosen.empty() && std::ranges::any_of(data_, [](const model::Matcher& matcher) {
                return !matcher.matches_empty();
            })) {
            return std::optional<LabelSet>();
        }
        std::map<Symbol, Symbol> added;
        for (const uint32_t r : chosen) {
            for (const LabelPair& pair : info_.labels(r).labels) {
                if (pair.name == kMetricNameSymbol || !wanted(pair.name)) {
                    continue;
                }
                const auto before = added.find(pair.name);
                if (before != added.end() && before->second != pair.value) {
                    return base::fail(
                        Code::kExecution, "conflicting label:", context_.labels.text(pair.name));
                }
                if (base.get(pair.name) == kEmptySymbol) {
                    added[pair.name] = pair.value;
                }
            }
        }
        LabelSet labels = base;
        for (const auto& [name, value] : added) {
            labels = context_.labels.with(labels, name, value);
        }
        return std::optional(labels);
    }

    [[nodiscard]] bool wanted(Symbol name) const {
        const std::string_view text = context_.labels.text(name);
        return data_.empty() || std::ranges::any_of(data_, [&](const model::Matcher& matcher) {
                   return matcher.name() == text;
               });
    }

    base::Status put(size_t r, size_t step, const RowLabels& labels) {
        TRY(const size_t row, merger_.row(labels));
        if (merger_.block().present(row).get(step)) {
            return base::fail(Code::kExecution, kDuplicateLabels);
        }
        merger_.block().copy(row, step, base_.block(r), base_.index(r), step);
        return base::success();
    }

    static constexpr uint32_t kNone = UINT32_MAX;

    const plan::Node& node_;
    OperatorPtr base_input_;
    model::Querier& querier_;
    ExecContext& context_;
    plan::Node info_node_;  // with more matchers than the plan's
    Table base_;
    Table info_;
    RowMerger merger_;
    std::vector<Symbol> identifying_;
    std::vector<model::Matcher> names_;
    std::vector<model::Matcher> data_;
    std::set<Symbol> metrics_;
    LabelSetMap<std::vector<uint32_t>> latest_;  // per signature: the row of info_ at every step
};

}  // namespace

OperatorPtr make_info(const plan::Node& node,
                      OperatorPtr base,
                      model::Querier& querier,
                      ExecContext& context) {
    return std::make_unique<InfoOperator>(node, std::move(base), querier, context);
}

}  // namespace query::exec
