// PeersQuerier: names and values of labels.
#include <algorithm>
#include <utility>

#include "storeapi/peers/peers_querier.h"

namespace storeapi {

// Names of labels, or the values of one.
struct PeersQuerier::List {
    const std::string* name = nullptr;  // null: names are wanted
    uint64_t limit = 0;
    std::span<const model::Matcher> matchers;
    const model::QueryContext& context;
};

namespace {

// What of a holder's labels an answer is, when the holder's stored labels do not tell.
enum class Shape : uint8_t {
    kNothing,  // no series can match, or the label is not shown
    kStored,   // the names or values asked for
    kPutOn,    // the value put on, if there is a series
    kPutOnAnyway,
};

using Texts = std::vector<std::string>;

}  // namespace

base::Result<Texts> PeersQuerier::label_names(const model::LabelHints& hints,
                                              std::span<const model::Matcher> matchers,
                                              const model::QueryContext& context) {
    return list({.limit = hints.limit, .matchers = matchers, .context = context});
}

base::Result<Texts> PeersQuerier::label_values(std::string_view name,
                                               const model::LabelHints& hints,
                                               std::span<const model::Matcher> matchers,
                                               const model::QueryContext& context) {
    if (name.empty()) {
        return base::fail(base::Code::kInvalid, "label name parameter cannot be empty");
    }
    const std::string copy(name);
    return list({.name = &copy, .limit = hints.limit, .matchers = matchers, .context = context});
}

namespace {

// How one holder is asked for a list.
struct HolderList {
    HolderLabels labels;
    Shape shape = Shape::kStored;
    std::vector<model::Matcher> matchers;
    uint64_t limit = 0;
    std::string value;  // that is put on

    HolderList(HolderLabels of,
               const std::string* name,
               uint64_t limit_wanted,
               std::span<const model::Matcher> wanted)
        : labels(std::move(of)) {
        if (!labels.narrow(wanted, matchers) || (name != nullptr && labels.takes_off(*name))) {
            shape = Shape::kNothing;
        } else if (name != nullptr && !labels.put_on(*name).empty()) {
            shape = wanted.empty() ? Shape::kPutOnAnyway : Shape::kPutOn;
            value = labels.put_on(*name);
            limit = 1;
        } else if (limit_wanted != 0) {
            limit = limit_wanted + labels.taken_off();
        }
    }

    // What the answer says, as it is to be shown. `names`: they are names of labels.
    [[nodiscard]] Texts shown(Texts answer, bool names) const {
        if (shape == Shape::kPutOn) {
            return answer.empty() ? Texts() : Texts{value};
        }
        if (names) {
            labels.rewrite_names(answer);
        }
        return answer;
    }
};

struct AskedList {
    PeerCall call;
    HolderList list;
    std::unique_ptr<PendingNames> answer;
};

void unite(Texts&& more, Texts& all) {
    std::ranges::move(more, std::back_inserter(all));
}

}  // namespace

base::Result<Texts> PeersQuerier::own_list(const List& wanted) {
    if (own_ == nullptr) {
        return Texts();
    }
    const HolderList own(own_labels_, wanted.name, wanted.limit, wanted.matchers);
    if (own.shape == Shape::kNothing) {
        return Texts();
    }
    if (own.shape == Shape::kPutOnAnyway) {
        return Texts{own.value};
    }
    const model::LabelHints hints{.limit = own.limit};
    const bool names = wanted.name == nullptr;
    const bool stored_values = !names && own.shape == Shape::kStored;
    TRY(auto answer,
        stored_values ? own_->label_values(*wanted.name, hints, own.matchers, wanted.context)
                      : own_->label_names(hints, own.matchers, wanted.context));
    for (const std::string& warning : own_->warnings()) {
        warn(warning);
    }
    return own.shown(std::move(answer), names);
}

base::Result<Texts> PeersQuerier::list(const List& wanted) {
    Texts missing;
    TRY(const auto asked,
        choose_peers({.matchers = wanted.matchers, .min_t = min_t_, .max_t = max_t_}, missing));
    for (std::string& text : missing) {
        warn(std::move(text));
    }
    Texts all;
    std::vector<AskedList> answers;
    for (const ChosenEndpoint& chosen : asked) {
        const Endpoint& endpoint = *chosen.endpoint;
        const bool is_node = endpoint.kind == PeerKind::kNode;
        HolderList list(is_node ? labels_of(endpoint) : HolderLabels({}, {}),
                        wanted.name,
                        wanted.limit,
                        wanted.matchers);
        if (list.shape == Shape::kNothing) {
            continue;
        }
        if (list.shape == Shape::kPutOnAnyway) {
            all.push_back(list.value);
            continue;
        }
        TRY(auto call,
            PeerCall::begin(chosen.endpoint, calls_, scope_.partial_response, wanted.context));
        const model::LabelHints hints{.limit = list.limit};
        Peer& peer = *endpoint.peer;
        auto answer =
            wanted.name != nullptr && list.shape == Shape::kStored
                ? peer.label_values(
                      *wanted.name, hints, list.matchers, min_t_, max_t_, scope_, wanted.context)
                : peer.label_names(hints, list.matchers, min_t_, max_t_, scope_, wanted.context);
        answers.push_back({std::move(call), std::move(list), std::move(answer)});
    }
    TRY(auto own, own_list(wanted));
    unite(std::move(own), all);
    for (AskedList& one : answers) {
        base::Result<PendingNames::Names> answer = one.answer->wait();
        if (!answer) {
            TRY(auto text, one.call.told(answer.error()));
            warn(std::move(text));
            continue;
        }
        one.call.end();
        for (const std::string& warning : answer.value().warnings) {
            warn(one.call.from_peer(warning));
        }
        unite(one.list.shown(std::move(answer).value().names, wanted.name == nullptr), all);
    }
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    if (wanted.limit != 0 && all.size() > wanted.limit) {
        all.resize(wanted.limit);
    }
    return all;
}

}  // namespace storeapi
