// Planned work, recorded: activations' places, workspaces, and which shaders do what.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "device/plan.h"
#include "device/row_words.h"
#include "device/segment_ends.h"
#include "device/vulkan/kv_store.h"
#include "device/vulkan/memory.h"
#include "device/vulkan/parameters.h"
#include "device/vulkan/recording.h"
#include "device/vulkan/weights.h"

namespace ceiling::vulkan {

// More than a WorkRunner of any segment allocates.
std::uint64_t most_workspace(const Program& program, const CompileOptions& options);

class WorkRunner {
 public:
  struct Parts {
    std::shared_ptr<const Context> context;
    const Program* program;
    std::shared_ptr<const DeviceWeights> weights;
    const VulkanKvStore* kv;
    RowLayout rows;
    CompileOptions options;
  };
  // Throws Error(failed): no memory, or an operation that has no shader.
  WorkRunner(Parts parts, const std::vector<Planned>& plan);

  // For what is put from here on. `words`: the step's rows. `prompt`: more than kFewRows rows, one
  // sequence's positions in order.
  struct StepShape {
    StepRows rows;
    bool prompt = false;
  };
  void begin(Recording& recording, const Span& words, const StepShape& shape);
  void put(const Work& work);  // and a barrier after it

  Span value(ValueId id) const;  // its rows of this step
  std::uint64_t workspace_bytes() const;

 private:
  struct Rotation {
    Rope rope;
    std::uint32_t at;  // in words of the tables
  };
  struct Norm {
    Vector weight;
    float epsilon = 0;
  };
  // What the products of one Products read.
  struct Inputs {
    Span floats;  // [n, cols]
    std::uint32_t cols = 0;
    bool int8 = false;           // the int8 workspace holds them too
    bool halves = false;         // the float16 one does
    std::optional<Norm> norm;    // yet to be done, by the product itself
    std::uint32_t lines_at = 0;  // in words of the workspace (lines_at(); of float16: scales)
  };

  void allocate_values();
  void allocate_workspaces(const std::vector<Planned>& plan);
  static void check_experts(const Route& o);
  void add_rotation(const std::optional<Turns::Part>& part);
  const Rotation& rotation(const Rope& rope) const;
  Span table(const Rotation& rotation) const;
  static bool same_turn(const Rope& a, const Rope& b);
  void add_norm(const std::optional<Turns::Part>& part);
  std::uint32_t add_table(std::span<const std::uint32_t> words);
  void upload_tables();

  void put_one(const Products& work);
  void put_one(const Turns& work);
  void put_one(const Embed& o);
  void put_one(const RmsNorm& o);
  void put_one(const Attention& o);
  void put_one(const GatedActivation& o);
  void put_one(const Add& o);
  void put_one(const SelectRows& o);
  void put_one(const SoftCap& o);
  void put_one(const Route& o);
  void put_one(const GroupedMatMul& o);

  // In words of the workspace of int8 activations: where their scales and sums begin.
  static std::uint32_t lines_at(std::uint32_t cols) { return kFewRows * cols / 4; }
  Inputs prepare(const Products& work, std::uint32_t n);
  enum class Way : std::uint8_t { floats, int8, halves };  // as what a product reads activations
  struct Rows {
    std::uint32_t first, count;
  };
  struct Multiplication {
    Way read;
    std::uint32_t n;  // rows of activations
    bool norm, bias, add;
  };
  struct Multiplier {
    Kernel kernel;
    Groups groups;
  };
  // What a workgroup shares that copies a row, or normalises it for itself: all that own_row.glsl
  // declares.
  static std::uint64_t copied_row_bytes(std::uint32_t cols) {
    return std::uint64_t{cols} * 3 / 2 + 520;
  }
  static std::uint64_t normalised_row_bytes(std::uint32_t cols) {
    return copied_row_bytes(cols) + std::uint64_t{cols} * 2;
  }
  std::uint32_t in_turns(std::uint32_t work, std::uint32_t each) const;
  static bool is_aligned(const Matrix& matrix, const Piece& piece);
  Way way(const MatMul& product, std::uint32_t n) const;
  void multiply(const MatMul& product, const std::optional<Add>& add, const Inputs& in,
                std::uint32_t n);
  void multiply_rows(const MatMul& product, const std::optional<Add>& add, const Inputs& in,
                     Way read, const Rows& rows);
  std::optional<Norm> norm_on_the_way(const Products& work, std::uint32_t n) const;
  std::optional<Multiplier> own_row_multiplier(const Matrix& matrix, const Piece& piece,
                                               const Multiplication& of) const;
  Multiplier multiplier(const Matrix& matrix, const Piece& piece, const Multiplication& of) const;
  void find_gates(const std::vector<Planned>& plan);
  bool put_gated(const Products& work, std::uint32_t n);
  std::optional<Span> one_binding(std::initializer_list<ValueId> ids) const;
  bool put_one_row(const Turns& work);
  void turn(const Turns::Part& part, const KvAppend* store);
  void store(ValueId value, const Span& cache, std::uint32_t kv_heads, std::uint32_t width);

  std::uint32_t rows_of(ValueId id) const { return shape_.rows.of(parts_.program->values[id]); }
  std::uint32_t width(ValueId id) const { return parts_.program->values[id].width; }
  Span rows_in(ValueId id, std::uint32_t first, std::uint32_t n) const;
  std::uint32_t rows_at_once(std::uint32_t width) const;
  RowPlaces places() const;
  std::string by_subgroups(std::string_view shader) const;

  Parts parts_;
  Recording* recording_ = nullptr;
  Span words_;
  StepShape shape_;
  std::optional<GatedActivation> waiting_gate_;  // its products are there, it is not
  std::optional<ValueId> in_int8_;  // the int8 workspace holds it, until the next work is put

  std::set<ValueId> gates_in_int8_;  // gated values that nothing reads otherwise

  Buffer value_memory_;
  std::vector<std::uint64_t> value_at_;
  std::uint64_t float_cols_ = 0, whole_cols_ = 0, part_floats_ = 0;  // of the workspaces
  Buffer floats_, int8_, halves_, parts_of_attention_;
  std::vector<std::uint32_t> table_words_;  // until they are on the device
  Buffer tables_;                           // rotations and norms of heads
  std::vector<Rotation> rotations_;
  std::map<WeightId, std::uint32_t> norm_at_;  // in words of the tables
};

}  // namespace ceiling::vulkan
