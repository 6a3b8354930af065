// Tags of the messages that are written and read by hand. source: storeapi/proto/node.proto
#pragma once

#include "storeapi/wire.h"

namespace storeapi::fields {

constexpr char kSelectSymbols = bytes_field(1);
constexpr char kSelectSeries = bytes_field(2);
constexpr char kSelectWarnings = bytes_field(3);

constexpr char kSeriesLabels = bytes_field(1);
constexpr char kSeriesChunks = bytes_field(2);
constexpr char kSeriesCut = number_field(3);

constexpr char kChunkEncoding = number_field(1);
constexpr char kChunkMinTime = number_field(2);
constexpr char kChunkDuration = number_field(3);
constexpr char kChunkSource = number_field(4);
constexpr char kChunkData = bytes_field(5);

constexpr char kPartialRefused = number_field(1);
constexpr char kPartialWidth = number_field(2);
constexpr char kPartialSymbols = bytes_field(3);
constexpr char kPartialRows = bytes_field(4);
constexpr char kPartialSeries = bytes_field(5);
constexpr char kPartialNotes = bytes_field(6);
constexpr char kPartialWarnings = bytes_field(7);
constexpr char kPartialRead = number_field(8);
constexpr char kPartialQueried = number_field(9);

constexpr char kRowLabels = bytes_field(1);
constexpr char kRowPresent = bytes_field(2);
constexpr char kRowValues = bytes_field(3);

constexpr char kNoteWarning = number_field(1);
constexpr char kNoteText = bytes_field(2);
constexpr char kNotePlaced = number_field(3);
constexpr char kNoteStart = number_field(4);
constexpr char kNoteEnd = number_field(5);

}  // namespace storeapi::fields
