// Matrices of 16 x 16 that a subgroup holds together, as SPV_KHR_cooperative_matrix has them: left
// (float16) times right (float16) plus sums (float32). Compilers that know the extension by name are
// not everywhere yet: numbers are SPIR-V's own, and where a type belongs, which GLSL cannot say, its
// width stands until the shader is loaded (component_types.h).
#extension GL_EXT_spirv_intrinsics : require
#define COOPERATIVE extensions = ["SPV_KHR_cooperative_matrix"], capabilities = [6022, 9]
const int HALF = 16, FLOAT = 32;                    // bits of a component
const int SUBGROUP = 3, SIDE = 16;                  // who holds it; rows and columns
const int LEFT = 0, RIGHT = 1, SUM = 2;             // what it is for
const int ROW_AFTER_ROW = 0, COLUMN_AFTER_COLUMN = 1;
#define Left spirv_type(COOPERATIVE, id = 4456, HALF, SUBGROUP, SIDE, SIDE, LEFT)
#define Right spirv_type(COOPERATIVE, id = 4456, HALF, SUBGROUP, SIDE, SIDE, RIGHT)
#define Sums spirv_type(COOPERATIVE, id = 4456, FLOAT, SUBGROUP, SIDE, SIDE, SUM)

// `pitch`: elements of the array from a row (or column) to the next.
spirv_instruction(COOPERATIVE, id = 4457)
Left load_left(spirv_by_reference uvec4 from, int order, uint pitch);
spirv_instruction(COOPERATIVE, id = 4457)
Right load_right(spirv_by_reference uvec4 from, int order, uint pitch);
spirv_instruction(COOPERATIVE, id = 4458)
void store_sums(spirv_by_reference float to, Sums sums, int order, uint pitch);
spirv_instruction(COOPERATIVE, id = 4459) Sums multiply_add(Left a, Right b, Sums sums);
spirv_instruction(id = 80) Sums all_of(float value);  // OpCompositeConstruct
