// label_replace and label_join.
#include <algorithm>
#include <unordered_map>

#include "model/matcher.h"
#include "query/exec/functions.h"

namespace query::exec {
namespace {

using base::Code;
using base::Result;

// Texts that a function makes are accounted once they are so many bytes, and before they are made
// when one alone is.
constexpr size_t kTextBytesPerLook = size_t{1} << 20;

// Sets one label of every row to relabel(row's labels); nothing: the row stays as it is.
class RelabelOperator : public Operator {
  public:
    explicit RelabelOperator(FunctionInputs inputs) : inputs_(std::move(inputs)) {}

    base::Result<bool> next(Block& out) final {
        if (!started_) {
            started_ = true;
            TRY(start());
            destination_ = inputs_.context.labels.intern(inputs_.text(1));
        }
        TRY(const bool more, inputs_.inputs[0]->next(out));
        for (size_t r = 0; r < out.rows(); ++r) {
            RowLabels& row = out.row(r);
            TRY(const auto value, value_for(row.labels));
            if (value) {
                row.labels = inputs_.context.labels.with(row.labels, destination_, *value);
                row.drop_name &= destination_ != kMetricNameSymbol;
            }
        }
        return more;
    }

  protected:
    virtual base::Status start() = 0;
    virtual Result<std::optional<Symbol>> value_for(LabelSet labels) = 0;

    [[nodiscard]] LabelTable& table() { return inputs_.context.labels; }

    // Interns what `make` appends to a text, which is `most` bytes or less.
    //   errors   kLimit: no memory for it; kTimeout, kCanceled
    template <class Make>
    Result<Symbol> intern_made(size_t most, Make&& make) {
        base::Reservation room(inputs_.context.budget);
        if (most >= kTextBytesPerLook) {
            TRY(room.grow(static_cast<int64_t>(2 * most)));  // the text and its place in the table
        }
        text_.clear();
        make(text_);
        made_ += text_.size();
        const Symbol symbol = table().intern(text_);
        if (made_ >= kTextBytesPerLook) {
            made_ = 0;
            room.reset();
            TRY(inputs_.context.check());
        }
        return symbol;
    }

    FunctionInputs inputs_;

  private:
    std::string text_;
    size_t made_ = 0;
    bool started_ = false;
    Symbol destination_ = kEmptySymbol;
};

base::Status check_name(const std::string& name, const char* what, const char* function) {
    if (!model::is_valid_label_name(name, model::NameScheme::kUtf8)) {
        return base::fail(
            Code::kExecution,
            std::string("invalid ") + what + " label name in " + function + "(): " + name);
    }
    return base::success();
}

class LabelReplace final : public RelabelOperator {
  public:
    using RelabelOperator::RelabelOperator;

  protected:
    base::Status start() override {
        const std::string& pattern = inputs_.text(4);
        auto regex = model::Regex::compile(pattern);
        if (!regex) {
            return base::fail(Code::kExecution,
                              "invalid regular expression in label_replace(): " + pattern);
        }
        regex_ = std::move(regex).value();
        source_ = table().intern(inputs_.text(3));
        return check_name(inputs_.text(1), "destination", "label_replace");
    }

    Result<std::optional<Symbol>> value_for(LabelSet labels) override {
        const Symbol from = labels.get(source_);
        const auto [found, inserted] = known_.try_emplace(from);
        std::vector<std::string_view> groups;
        if (inserted && regex_->match_groups(table().text(from), groups)) {
            const std::string& replacement = inputs_.text(2);
            const auto references = static_cast<size_t>(std::ranges::count(replacement, '$'));
            // The whole match is the longest group.
            const size_t most = replacement.size() + references * table().text(from).size();
            TRY(found->second, intern_made(most, [&](std::string& text) {
                    regex_->expand(replacement, groups, text);
                }));
        }
        return found->second;
    }

  private:
    std::shared_ptr<const model::Regex> regex_;
    Symbol source_ = kEmptySymbol;
    std::unordered_map<Symbol, std::optional<Symbol>> known_;  // by the source label's value
};

class LabelJoin final : public RelabelOperator {
  public:
    using RelabelOperator::RelabelOperator;

  protected:
    base::Status start() override {
        for (size_t i = 3; i < inputs_.call.args.size(); ++i) {
            TRY(check_name(inputs_.text(i), "source", "label_join"));
            sources_.push_back(table().intern(inputs_.text(i)));
        }
        return check_name(inputs_.text(1), "destination", "label_join");
    }

    Result<std::optional<Symbol>> value_for(LabelSet labels) override {
        const std::string& separator = inputs_.text(2);
        size_t bytes = sources_.size() * separator.size();
        for (const Symbol source : sources_) {
            bytes += table().text(labels.get(source)).size();
        }
        TRY(const Symbol joined, intern_made(bytes, [&](std::string& text) {
                for (size_t i = 0; i < sources_.size(); ++i) {
                    text += i > 0 ? std::string_view(separator) : std::string_view();
                    text += table().text(labels.get(sources_[i]));
                }
            }));
        return std::optional<Symbol>(joined);
    }

  private:
    std::vector<Symbol> sources_;
};

}  // namespace

OperatorPtr make_label_function(FunctionInputs& inputs) {
    switch (inputs.call.function->id) {
        case FunctionId::kLabelReplace:
            return std::make_unique<LabelReplace>(std::move(inputs));
        case FunctionId::kLabelJoin:
            return std::make_unique<LabelJoin>(std::move(inputs));
        default:
            return nullptr;
    }
}

}  // namespace query::exec
