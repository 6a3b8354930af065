// Records for the tests of the write-ahead log, and what a folder holds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/sources.h"
#include "tsdb/wal/writer.h"

namespace wal_test {

namespace wal = tsdb::wal;

inline const base::SystemClock kClock;

inline std::string name_of(uint64_t ref) {
    return "metric_" + std::to_string(ref);
}

inline std::string packed_labels(uint64_t ref) {
    std::string text;
    base::ByteWriter out(text);
    out.str("__name__");
    out.str(name_of(ref));
    out.str("job");
    out.str("test");
    out.finish();
    return text;
}

inline std::string series_record(const std::vector<uint64_t>& refs) {
    std::string text;
    base::ByteWriter out(text);
    wal::SeriesEncoder encoder(out);
    for (const uint64_t ref : refs) {
        encoder.begin(ref, 2);
        encoder.label("__name__", name_of(ref));
        encoder.label("job", "test");
    }
    out.finish();
    return text;
}

struct Point {
    uint64_t ref = 0;
    int64_t t = 0;

    auto operator<=>(const Point&) const = default;
};

// A sample's value is told by its series and time.
inline uint64_t bits_of(Point point) {
    return point.ref * 1'000'003 + static_cast<uint64_t>(point.t);
}

inline std::string samples_record(const std::vector<Point>& points) {
    std::string text;
    base::ByteWriter out(text);
    wal::SamplesEncoder encoder(out);
    for (const Point point : points) {
        encoder.add(point.ref, point.t, bits_of(point));
    }
    out.finish();
    return text;
}

inline std::unique_ptr<wal::Writer> open_writer(base::Files& files,
                                                const wal::Writer::Options& options = {}) {
    auto writer = wal::Writer::open(files, kClock, "/wal", options);
    REQUIRE(writer);
    return std::move(writer).value();
}

inline base::Status log(wal::Writer& writer, const std::vector<std::string>& records) {
    const std::vector<base::ByteView> views(records.begin(), records.end());
    return writer.log(views);
}

// What a replay would make of a folder.
struct Replayed {
    std::vector<std::string> records;
    std::set<uint64_t> series;
    std::set<Point> points;       // whose series came before
    std::vector<Point> unplaced;  // whose did not
    uint64_t wrong = 0;           // values that were never written
    bool fallback = false;
    std::vector<wal::Damage> damages;

    void take(base::ByteView record) {
        records.emplace_back(record.text());
        if (wal::record_type(record) == 1) {
            std::vector<wal::SeriesEntry> entries;
            REQUIRE(wal::decode_series(record, entries));
            for (const wal::SeriesEntry& entry : entries) {
                wrong += entry.packed == packed_labels(entry.ref) ? 0 : 1;
                series.insert(entry.ref);
            }
        } else if (wal::record_type(record) == 2) {
            std::vector<wal::SampleEntry> entries;
            REQUIRE(wal::decode_samples(record, entries));
            for (const wal::SampleEntry& entry : entries) {
                const Point point{.ref = entry.ref, .t = entry.t};
                wrong += entry.bits == bits_of(point) ? 0 : 1;
                if (series.contains(entry.ref)) {
                    points.insert(point);
                } else {
                    unplaced.push_back(point);
                }
            }
        }
    }
};

inline Replayed replay(base::Files& files, const base::Path& folder = "/wal") {
    Replayed out;
    auto sources = wal::find_sources(files, folder);
    REQUIRE(sources);
    out.fallback = sources.value().fallback;
    out.damages = sources.value().damages;
    base::ZstdDecoder zstd;
    for (const wal::Source& source : sources.value().files) {
        base::ignore(wal::read_source(files,
                                      source,
                                      zstd,
                                      out.damages,
                                      [&](base::ByteView record, uint64_t) {
                                          out.take(record);
                                          return true;
                                      }),
                     "it is in the damages");
    }
    return out;
}

}  // namespace wal_test
