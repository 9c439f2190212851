// The steps of a segment grouped into what a few kernels do together. Pure: no device.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/program.h"

namespace ceiling {

// [norm], then one to three products of the same rows, then [gate] or [add].
struct Products {
  ValueId in = 0;  // before the norm
  struct Norm {
    RmsNorm operation;
    bool stored;  // its output is read by others too
  };
  std::optional<Norm> norm;
  std::vector<MatMul> products;
  std::optional<GatedActivation> gate;
  bool gate_is_next = false;  // only the products that follow read the gate's output
  std::optional<Add> add;     // b is the product
};

// Head norms and rotations of queries and keys, then the append, then the attention.
struct Turns {
  struct Part {
    ValueId value = 0;
    std::optional<RmsNorm> norm;
    std::optional<Rope> rope;
  };
  std::optional<Part> query, key;  // a part alone is `query`
  std::optional<KvAppend> append;
  std::optional<Attention> attention;
};

using Work = std::variant<Products, Turns, Embed, RmsNorm, Attention, GatedActivation, Add,
                          SelectRows, SoftCap, Route, GroupedMatMul>;

struct Planned {
  Work work;
  std::vector<std::size_t> steps;  // of the Program that it covers
  std::string label;
};

// Covers each step of [begin, end) once.
std::vector<Planned> plan_segment(const Program& program, std::size_t begin, std::size_t end);

}  // namespace ceiling
