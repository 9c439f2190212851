// What products of a matrix share: where its rows and results lie, and what is added to them.
layout(std430, binding = 2) readonly buffer Bias { float bias[]; };
layout(std430, binding = 3) readonly buffer Added { float added[]; };
layout(std430, binding = 4) writeonly buffer Out { float result[]; };
layout(push_constant) uniform Parameters {
  uint skew, row_bytes, rows, cols;  // of this piece of the matrix
  uint first_row;                    // of the piece
  uint pitch;                        // of results
  uint n;                            // rows of activations
  uint bias_at;                      // of the whole matrix
  uint lines_at;                     // of int8 activations, in words; of float16: the scales
  uint before;                       // rows of float16 activations before these
  uint norm_at;                      // of a row that is yet to be normalised
  float epsilon;
} p;

// What the product of a row is added to.
float rest_of(uint i, uint row) {
  const uint column = p.first_row + row;
  float rest = 0.0;
  if (BIAS != 0u) rest += bias[p.bias_at + column];
  if (ADD != 0u) rest += added[i * p.pitch + column];
  return rest;
}
void keep_result(uint i, uint row, float value) {
  result[i * p.pitch + p.first_row + row] = value;
}
void put(uint i, uint row, float product) { keep_result(i, row, product + rest_of(i, row)); }
