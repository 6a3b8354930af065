// The tables of an index: symbols, and where each label's postings lie.
// source: docs/formats/block.md, after Prometheus 3.14 (index format 2)
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/bytes.h"
#include "base/result.h"

namespace tsdb::block {

// The content of a section: 32 bits of length, the content, its CRC-32C.
//   what    for errors
//   errors  kCorrupt: it does not lie within the file, or its checksum fails
[[nodiscard]] base::Result<base::ByteView> read_section(base::ByteView file,
                                                        uint64_t offset,
                                                        std::string_view what);

// Every text of an index, ascending; a symbol is a place in this list.
//   memory   4 bytes for every kStride symbols
//   threads  any; the bytes outlive it
class SymbolList {
  public:
    static constexpr uint32_t kStride = 8;

    // An index without symbols.
    SymbolList() = default;
    // section  as read_section() returned it. errors  kCorrupt
    [[nodiscard]] static base::Result<SymbolList> parse(base::ByteView section);

    [[nodiscard]] uint32_t size() const { return count_; }

    // "" for a number there is none of.
    [[nodiscard]] std::string_view text(uint32_t symbol) const;
    [[nodiscard]] std::optional<uint32_t> find(std::string_view text) const;

  private:
    [[nodiscard]] std::string_view stride_text(size_t stride) const;

    base::ByteView strings_;
    std::vector<uint32_t> offsets_;  // of every kStride-th string
    uint32_t count_ = 0;
};

// Which postings list belongs to which label, ascending by name, then value.
//   memory   per name about 40 bytes, 4 bytes for every kStride values
//   threads  any; the bytes outlive it
class PostingsTable {
  public:
    static constexpr uint32_t kStride = 32;

    struct Name {
        std::string_view text;
        uint32_t values = 0;  // how many
        uint32_t stride = 0;  // its first place in offsets_
    };

    struct Entry {
        std::string_view value;
        uint64_t postings = 0;  // offset in the file
    };

    // Walks the values of one name, ascending.
    class Cursor {
      public:
        Cursor(base::ByteView entries, uint32_t left) : reader_(entries), left_(left) {}

        // False at the end, and where the bytes make no sense any more.
        [[nodiscard]] bool next(Entry& entry);

      private:
        base::ByteReader reader_;
        uint32_t left_;
    };

    // An index without postings.
    PostingsTable() = default;
    // section  as read_section() returned it. errors  kCorrupt
    [[nodiscard]] static base::Result<PostingsTable> parse(base::ByteView section);

    // Ascending; without "", under which the list of all series stands.
    [[nodiscard]] const std::vector<Name>& names() const { return names_; }

    // Null when there is none.
    [[nodiscard]] const Name* find(std::string_view name) const;
    // All values; those from `from` on, roughly: at most kStride - 1 smaller ones come first.
    [[nodiscard]] Cursor values(const Name& name) const;
    [[nodiscard]] Cursor values_from(const Name& name, std::string_view from) const;
    // Where the postings of the label lie.
    [[nodiscard]] std::optional<uint64_t> find(const Name& name, std::string_view value) const;

    [[nodiscard]] std::optional<uint64_t> all_postings() const { return all_; }

  private:
    [[nodiscard]] Cursor from_stride(const Name& name, uint32_t stride) const;

    base::ByteView entries_;
    std::vector<Name> names_;
    std::vector<uint32_t> offsets_;  // of every name's first entry, and every kStride-th after it
    std::optional<uint64_t> all_;
};

}  // namespace tsdb::block
