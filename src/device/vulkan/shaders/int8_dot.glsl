// Four products of signed bytes at once: OpSDot of SPV_KHR_integer_dot_product; format 0: four bytes
// a word.
#extension GL_EXT_spirv_intrinsics : require
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019],
                  id = 4450) int signed_dot(int a, int b, spirv_literal int format);

// 16 weights of a chunk, with as many activations.
int dot_of_run(Chunk c, uint run, ivec4 four) {
  int sum = 0;
  [[unroll]] for (uint k = 0u; k < 4u; ++k) sum += signed_dot(int(c.q[4u * run + k]), four[k], 0);
  return sum;
}
