// Two matrices times one row, and one result gating the other: 16 rows of both at a time by a
// workgroup, which normalises the row for itself and hands on the 16 results as int8. Its subgroups
// wait for each other nowhere: the last to end 16 rows hands on what they make.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = 256;
layout(constant_id = 1) const uint ROWS = 2;   // of each matrix, a subgroup: of 16, its share
layout(constant_id = 2) const uint AHEAD = 1;  // chunks of a row at once
layout(constant_id = 3) const uint ACTIVATION = 0;
layout(constant_id = 4) const uint UNITS = 1;  // of 16 rows, a workgroup at most
layout(constant_id = 6) const uint COLS = 32;
#include "common.glsl"
#include "stored.glsl"
#include "chunk.glsl"
#include "int8_dot.glsl"
#include "activation.glsl"
const uint ROW = 1;
layout(std430, binding = 2) writeonly buffer Out { uint words[]; };
layout(push_constant) uniform Parameters {
  uint gate_at, up_at;  // of the matrices, in bytes
  uint row_bytes, rows;
  uint norm_at;
  float epsilon;
  uint lines_at;  // of the result
} p;
#include "own_row.glsl"

shared float products[32 * UNITS];  // of the gate, then of the other
shared float gated[16 * UNITS];
shared uint arrived[UNITS];  // subgroups
Raw ahead[2 * AHEAD], held[2 * AHEAD];  // of the gate and the other in turns
float sums[2];

uint begin_of(uint matrix, uint row) {
  return (matrix == 0u ? p.gate_at : p.up_at) + row * p.row_bytes;
}

void fetch(uint row, uint chunk) {
  [[unroll]] for (uint k = 0u; k < 2u * AHEAD; ++k) {
    fetch_raw(begin_of(k % 2u, row), min(chunk + gl_SubgroupSize * (k / 2u), COLS / 32u - 1u),
              ahead[k]);
  }
}

void add_products(uint row, uint chunk) {
  [[unroll]] for (uint a = 0u; a < AHEAD; ++a) {
    const uint chunk_ = chunk + gl_SubgroupSize * a;
    if (chunk_ >= COLS / 32u) break;
    const uvec2 begin = columns(chunk_);
    Chunk c[2];
    [[unroll]] for (uint k = 0u; k < 2u; ++k) {
      unpack(held[2u * a + k], begin_of(k, row), chunk_, c[k]);
    }
    [[unroll]] for (uint run = 0u; run < 2u; ++run) {
      const uint at = begin[run] / 16u;
      const ivec4 four = ivec4(own_row[at]);
      const vec2 line = own_line[at];
      [[unroll]] for (uint k = 0u; k < 2u; ++k) {
        sums[k] += c[k].scale[run] * line.x * float(dot_of_run(c[k], run, four)) -
                   c[k].minus[run] * line.y;
      }
    }
  }
}

// Of the 16 results of a unit, as int8; by one subgroup.
void put(uint unit, uint slot) {
  const uint lane = gl_SubgroupInvocationID;
  for (uint t = lane; t < 16u; t += gl_SubgroupSize) {
    gated[16u * slot + t] =
        activated(ACTIVATION, products[32u * slot + t]) * products[32u * slot + 16u + t];
  }
  subgroup_passes();
  for (uint t = lane; t < 4u; t += gl_SubgroupSize) {
    float most = 0.0;
    for (uint i = 0u; i < 16u; ++i) most = max(most, abs(gated[16u * slot + i]));
    const float scale = most / 127.0;
    const float inverse = most > 0.0 ? 127.0 / most : 0.0;
    uint word = 0u;
    for (uint i = 0u; i < 4u; ++i) {
      word |= (uint(int(roundEven(gated[16u * slot + 4u * t + i] * inverse))) & 0xFFu) << (8u * i);
    }
    words[4u * unit + t] = word;
    if (t != 0u) continue;
    int sum = 0;
    for (uint i = 0u; i < 16u; ++i) sum += int(roundEven(gated[16u * slot + i] * inverse));
    words[p.lines_at + 2u * unit] = floatBitsToUint(scale);
    words[p.lines_at + 2u * unit + 1u] = floatBitsToUint(scale * float(sum));
  }
}

void workgroup_sees() {
  memoryBarrier(gl_ScopeWorkgroup, gl_StorageSemanticsShared, gl_SemanticsAcquireRelease);
}
// True for the last subgroup of a workgroup to say so. What the others have written before is then
// there for it, which a subgroup's own barrier would not promise.
bool arrives_last(uint slot) {
  workgroup_sees();
  subgroupBarrier();
  uint before = 0u;
  if (subgroupElect()) before = atomicAdd(arrived[slot], 1u);
  before = subgroupAdd(before);
  workgroup_sees();
  return before + 1u == gl_NumSubgroups;
}

void main() {
  const uint units = p.rows / 16u;
  const uint step = gl_NumWorkGroups.x * gl_NumWorkGroups.y;
  uint unit = workgroup_number();
  if (unit >= units) return;
  uint row = 0u;  // of this subgroup's in the unit
  uint chunk = gl_SubgroupInvocationID;
  uint slot = 0u;
  const uint begin = gl_SubgroupID * ROWS;
  fetch(16u * unit + begin, chunk);
  for (uint i = gl_LocalInvocationID.x; i < UNITS; i += THREADS) arrived[i] = 0u;
  const float factor = make_own_row();
  sums[0] = sums[1] = 0.0;
  while (unit < units) {
    [[unroll]] for (uint k = 0u; k < 2u * AHEAD; ++k) held[k] = ahead[k];
    const uint unit_ = unit;
    const uint row_ = row;
    const uint at = chunk;
    chunk += AHEAD * gl_SubgroupSize;
    const bool row_ends = chunk - gl_SubgroupInvocationID >= COLS / 32u;
    if (row_ends) {
      chunk = gl_SubgroupInvocationID;
      ++row;
    }
    const bool unit_ends = row >= ROWS;
    if (unit_ends) {
      row = 0u;
      unit += step;
    }
    if (unit < units) fetch(16u * unit + begin + row, chunk);
    add_products(16u * unit_ + begin + row_, at);
    if (!row_ends) continue;
    [[unroll]] for (uint k = 0u; k < 2u; ++k) {
      const float total = factor * subgroupAdd(sums[k]);
      if (subgroupElect()) products[32u * slot + 16u * k + begin + row_] = total;
      sums[k] = 0.0;
    }
    if (!unit_ends) continue;
    if (arrives_last(slot)) put(unit_, slot);
    ++slot;
  }
}
