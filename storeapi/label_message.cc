#include "storeapi/label_message.h"

#include <string>

#include "storeapi/proto/labels.pb.h"

namespace storeapi {

void put_labels(const model::Labels& labels, thanos::ZLabelSet& message) {
    for (const model::LabelView label : labels) {
        thanos::Label& added = *message.add_labels();
        added.set_name(std::string(label.name));
        added.set_value(std::string(label.value));
    }
}

model::Labels with_external(const model::Labels& labels, const model::Labels& external) {
    model::LabelsBuilder builder(labels);
    for (const model::LabelView label : external) {
        builder.set(label.name, label.value);
    }
    return builder.labels();
}

}  // namespace storeapi
