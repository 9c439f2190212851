// A matrix times many rows of float16 activations (halves.comp), by cooperative matrices: tiles of
// 128 rows of the matrix and 128 of activations. Each subgroup has 16 * BLOCKS by 64 of them. The 32
// columns of a chunk pass through shared memory while the next ones are on their way.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
layout(local_size_x_id = 3) in;
layout(constant_id = 0) const uint BIAS = 0;
layout(constant_id = 1) const uint ADD = 0;
layout(constant_id = 2) const uint BLOCKS = 4;     // of 16 rows, a subgroup: 4, or 2 ...
layout(constant_id = 3) const uint THREADS = 128;  // ... and twice as many subgroups of 32
const uint BLOCKS_N = 4;
const uint TILE_ROWS = 128;
const uint TILE_N = 32 * BLOCKS_N;
const uint OWN = TILE_N * 4 / THREADS;  // fours of words that an invocation passes on
const uint PITCH = 5;  // fours of words from a row of 32 halves to the next: no two in a bank
#include "common.glsl"
#include "cooperative.glsl"
#include "products.glsl"
layout(std430, binding = 1) readonly buffer X { uvec4 x[]; };
layout(std430, binding = 1) readonly buffer Scales { float scales[]; };

shared uvec4 w_tile[2 * TILE_ROWS * PITCH];
shared uvec4 x_tile[2 * TILE_N * PITCH];
shared float block[THREADS / 32 * 256];
#include "half_weights.glsl"

// The same for activations: four invocations a row, eight columns each.
void fetch_x(uint first_n, uint chunk, out uvec4 eight[OWN]) {
  const uint t = gl_LocalInvocationID.x;
  const uint column = columns(chunk)[t % 4u / 2u] + 8u * (t % 2u);
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    const uint row = p.before + min(first_n + t / 4u + THREADS / 4u * j, p.n - 1u);
    eight[j] = x[(row * p.cols + column) / 8u];
  }
}
void keep_x(uvec4 eight[OWN], uint buffer_) {
  const uint t = gl_LocalInvocationID.x;
  [[unroll]] for (uint j = 0u; j < OWN; ++j) {
    x_tile[(buffer_ * TILE_N + t / 4u + THREADS / 4u * j) * PITCH + t % 4u] = eight[j];
  }
}

void main() {
  const uint tiles_n = (p.n + TILE_N - 1u) / TILE_N;  // these follow each other: they share weights
  const uint first = workgroup_number() / tiles_n * TILE_ROWS;
  const uint first_n = workgroup_number() % tiles_n * TILE_N;
  if (first >= p.rows) return;
  const uint chunks = p.cols / 32u;
  const uint own_rows = gl_SubgroupID / 2u * 16u * BLOCKS;
  const uint own_n = gl_SubgroupID % 2u * 16u * BLOCKS_N;
  Sums sums[BLOCKS * BLOCKS_N];
  [[unroll]] for (uint k = 0u; k < BLOCKS * BLOCKS_N; ++k) sums[k] = all_of(0.0);
  Ahead w;
  uvec4 eight[OWN];
  fetch(first, 0u, w);
  fetch_x(first_n, 0u, eight);
  keep(w, 0u);
  keep_x(eight, 0u);
  barrier();

  // One half of the tiles is multiplied while the next chunk is on its way to the other. The last
  // turn reads what is there already.
  for (uint chunk = 0u; chunk < chunks; ++chunk) {
    const uint next = min(chunk + 1u, chunks - 1u);
    fetch(first, next, w);
    fetch_x(first_n, next, eight);
    const uint from_rows = (chunk % 2u * TILE_ROWS + own_rows) * PITCH;
    const uint from_n = (chunk % 2u * TILE_N + own_n) * PITCH;
    [[unroll]] for (uint k = 0u; k < 2u; ++k) {
      Right right[BLOCKS_N];
      [[unroll]] for (uint j = 0u; j < BLOCKS_N; ++j) {
        right[j] = load_right(x_tile[from_n + 16u * PITCH * j + 2u * k], COLUMN_AFTER_COLUMN, PITCH);
      }
      [[unroll]] for (uint i = 0u; i < BLOCKS; ++i) {
        const Left left =
            load_left(w_tile[from_rows + 16u * PITCH * i + 2u * k], ROW_AFTER_ROW, PITCH);
        [[unroll]] for (uint j = 0u; j < BLOCKS_N; ++j) {
          sums[BLOCKS_N * i + j] = multiply_add(left, right[j], sums[BLOCKS_N * i + j]);
        }
      }
    }
    keep(w, 1u - chunk % 2u);
    keep_x(eight, 1u - chunk % 2u);
    barrier();
  }

  const uint own = 256u * gl_SubgroupID;
  [[unroll]] for (uint k = 0u; k < BLOCKS * BLOCKS_N; ++k) {
    store_sums(block[own], sums[k], COLUMN_AFTER_COLUMN, 16u);
    barrier();
    for (uint e = gl_SubgroupInvocationID; e < 256u; e += gl_SubgroupSize) {
      const uint row = first + own_rows + 16u * (k / BLOCKS_N) + e % 16u;
      const uint i = first_n + own_n + 16u * (k % BLOCKS_N) + e / 16u;
      if (i < p.n && row < p.rows) put(i, row, block[own + e] * scales[p.lines_at + p.before + i]);
    }
    barrier();
  }
}
