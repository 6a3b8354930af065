// Sorted lists of series ids as they lie in an index, and sets made of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/byte_view.h"
#include "base/bytes.h"

namespace tsdb::block {

// A series' number in postings: the offset of its entry divided by 16.
using SeriesId = uint32_t;

// One label value's series, ascending, as they lie in the file: big-endian, not copied.
class PostingsView {
  public:
    PostingsView() = default;

    explicit PostingsView(base::ByteView bytes) : bytes_(bytes) {}

    [[nodiscard]] size_t size() const { return bytes_.size() / sizeof(SeriesId); }

    [[nodiscard]] bool empty() const { return size() == 0; }

    // i  < size()
    [[nodiscard]] SeriesId operator[](size_t i) const {
        return base::load_be<SeriesId>(bytes_.data() + i * sizeof(SeriesId));
    }

  private:
    base::ByteView bytes_;
};

// Ascending, unique.
using SeriesIds = std::vector<SeriesId>;

// What is in any of the lists.
//   memory  the result, and at most 8 bytes for every id of the lists while it works
[[nodiscard]] SeriesIds unite(std::span<const PostingsView> lists);
// Leaves in `ids` what is (or, with keep == false, what is not) in any of the lists.
void keep_where(SeriesIds& ids, std::span<const PostingsView> lists, bool keep);
// Whether any of `ids` is in the list.
[[nodiscard]] bool intersects(std::span<const SeriesId> ids, PostingsView list);

}  // namespace tsdb::block
