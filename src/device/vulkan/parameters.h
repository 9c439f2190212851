// What shaders are told with each dispatch: the same members as the `Parameters` of each .comp.
#pragma once

#include <cstdint>

namespace ceiling::vulkan {

// Rows that a product reads the weights once for, and whose positions attention shares among
// workgroups; from more on both work in tiles.
inline constexpr std::uint32_t kFewRows = 8;

// Where things lie among the words of a step's rows (device/row_words.h).
struct RowPlaces {
  std::uint32_t position_at, table_at, pages_at, page_positions;
};

struct EmbedParameters {
  std::uint32_t skew, row_bytes, first_row, rows, cols;
  float scale;
};
struct ProductParameters {
  std::uint32_t skew, row_bytes, rows, cols, first_row, pitch, n, bias_at, lines_at, before,
      norm_at;
  float epsilon;
};
struct GatedParameters {
  std::uint32_t gate_at, up_at, row_bytes, rows, norm_at;
  float epsilon;
  std::uint32_t lines_at;
};
struct PrepareParameters {
  std::uint32_t cols, norm_at;
  float epsilon;
  std::uint32_t lines_at, slices, count;
};
struct HalvesParameters {
  std::uint32_t cols, norm_at;
  float epsilon;
  std::uint32_t scales_at, count;
};
struct NormParameters {
  std::uint32_t group, count, norm_at;
  float epsilon;
};
struct CountParameters {
  std::uint32_t count;
};
struct SoftCapParameters {
  std::uint32_t count;
  float cap;
};
struct SelectParameters {
  std::uint32_t width, count, logit_row_at;
};
struct TurnParameters {
  std::uint32_t heads, count, norm_at;
  float epsilon;
  RowPlaces places;
};
struct AttendParameters {
  std::uint32_t n, heads, kv_heads, window, splits;
  float scale, soft_cap;
  RowPlaces places;
};
struct OneRowParameters {
  std::uint32_t heads, kv_heads, window, splits;
  float scale, soft_cap, query_epsilon, key_epsilon;
  std::uint32_t query_at, key_at, value_at, out_at, frequency_at, query_norm_at, key_norm_at,
      lines_at;
  RowPlaces places;
};
struct JoinParameters {
  std::uint32_t width, splits, count, lines_at;
};
struct RouteParameters {
  std::uint32_t experts, used, count;
};
struct ExpertParameters {
  std::uint32_t skew, row_bytes, first_row, piece_rows, rows, cols, used, again;
};
struct ReadParameters {
  std::uint32_t fours, threads;
};

}  // namespace ceiling::vulkan
