#include "shard/assignment/change_list.h"

#include <algorithm>
#include <utility>

namespace shard {

namespace {

template <class Number>
void make_unique(std::vector<Number>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

}  // namespace

void ChangeList::add_target(model::TargetId id) {
    if (change_.everything) {
        return;
    }
    // The same ones again and again are few: the list is looked through when it is twice too long.
    if (change_.targets.size() == 2 * kChangedTargetsMax) {
        make_unique(change_.targets);
        if (change_.targets.size() > kChangedTargetsMax) {
            set_everything();
            return;
        }
    }
    change_.targets.push_back(id);
}

void ChangeList::set_everything() {
    change_.everything = true;
    change_.targets = {};
}

TableChange ChangeList::take(Epoch epoch) {
    make_unique(change_.targets);
    make_unique(change_.nodes);
    if (change_.targets.size() > kChangedTargetsMax) {
        set_everything();
    }
    TableChange taken = std::exchange(change_, {});
    taken.epoch = epoch;
    return taken;
}

}  // namespace shard
