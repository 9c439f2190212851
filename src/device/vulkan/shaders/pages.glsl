// Rows of the step (device/row_words.h) and where their positions lie in the KV cache: a page is
// [position, KV head, element], float16.
layout(std430, binding = 3) readonly buffer Rows { uint words[]; };

struct RowPlaces {
  uint position_at, table_at, pages_at, page_positions;
};

// Where one head of one position lies, in heads from the start of the cache.
uint head_in_cache(RowPlaces places, uint row, uint position, uint kv_heads, uint head) {
  const uint table = words[places.table_at + row];
  const uint page = words[places.pages_at + table + position / places.page_positions];
  const uint slot = page * places.page_positions + position % places.page_positions;
  return slot * kv_heads + head;
}
