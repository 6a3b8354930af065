// Labels as the StoreAPI shows them: a series' own, with those of the node, without those of
// replicas.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/labels.h"
#include "model/storage.h"

namespace storeapi {

// How labels are rewritten for one request. The node's labels override a series' own.
class FinalLabels {
  public:
    // external  the node's labels
    // without   names to leave out, of both
    FinalLabels(const model::Labels& external, std::vector<std::string> without);

    // The node's labels that are shown. Sorted by name.
    [[nodiscard]] std::span<const model::LabelView> added() const { return added_; }

    // Names whose own values are not shown: sorted, unique. The order that the storage is asked
    // for passes them over.
    [[nodiscard]] const std::vector<std::string>& hidden() const { return hidden_; }

    [[nodiscard]] bool hides(std::string_view name) const;

    // Whether a label of this name was asked to be left out.
    [[nodiscard]] bool is_without(std::string_view name) const;

    // The series' final labels; valid until the next call, as long as the batch. Series in a row
    // mostly have the same names, and values that are the same up to the last ones: only what is
    // different is looked up.
    [[nodiscard]] std::span<const model::LabelView> of(const model::SeriesBatch& batch,
                                                       const model::SeriesView& series);

    // The labels that of() returned last, as fields of a Series message; valid until the next call
    // of either.
    // Bytes of labels that are those of the series before are used again.
    [[nodiscard]] std::string_view encoded();

  private:
    // Of a stored label: where it stands among the final ones.
    static constexpr uint32_t kHidden = UINT32_MAX;

    void take(const model::SeriesBatch& batch, const model::SeriesView& series);
    void take_names(const model::SeriesBatch& batch, const model::SeriesView& series);
    // Of labels_[place]. One as long as that of the series before goes over its encoded bytes.
    void set_value(size_t place, std::string_view value);

    const model::Labels external_;
    const std::vector<std::string> without_;
    std::vector<model::LabelView> added_;
    std::vector<std::string> hidden_;
    std::vector<model::LabelView> labels_;
    // Of the series before.
    std::shared_ptr<const model::SymbolTable> symbols_;
    std::vector<model::LabelSymbols> last_;
    std::vector<uint32_t> places_;
    // Of the labels encoded last.
    std::string encoded_;
    std::vector<size_t> ends_;  // of each label
    size_t alike_ = 0;          // so many at the front are encoded as labels_ has them
};

}  // namespace storeapi
