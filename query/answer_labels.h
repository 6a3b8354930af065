// The labels of one series of a large answer. They stay symbols until they are sent: thousands of
// series have most of their texts in common.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "model/labels.h"
#include "query/exec/label_set.h"

namespace query {

// Keeps the query's table. Threads: any number may read when the query is over.
class AnswerLabels {
  public:
    AnswerLabels() = default;

    // `labels` is of `table`.
    AnswerLabels(std::shared_ptr<const exec::LabelTable> table, exec::LabelSet labels)
        : table_(std::move(table)), labels_(labels) {}

    [[nodiscard]] model::Labels to_labels() const {
        return table_ ? table_->to_labels(labels_) : model::Labels();
    }

    [[nodiscard]] size_t size() const { return labels_.size(); }

    [[nodiscard]] std::string to_string() const { return to_labels().to_string(); }

    // visit(name, value) for every label, in order.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const exec::LabelPair& pair : labels_) {
            visit(table_->text(pair.name), table_->text(pair.value));
        }
    }

    // Those of one answer compare as labels do.
    bool operator<(const AnswerLabels& other) const {
        return table_->compare(labels_, other.labels_) < 0;
    }

    // Of any two answers.
    bool operator==(const AnswerLabels& other) const {
        return table_ == other.table_ ? labels_ == other.labels_ : to_labels() == other.to_labels();
    }

  private:
    std::shared_ptr<const exec::LabelTable> table_;
    exec::LabelSet labels_;
};

}  // namespace query
