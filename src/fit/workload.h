// What a step of a model asks of a machine, counted from its Program (model/cost).
#pragma once

#include <cstdint>

#include "fit/engine.h"
#include "model/cost.h"
#include "model/program.h"

namespace ceiling::fit {

struct DecodeWork {
  double layers = 0;
  double weight_bytes = 0;  // read for a token; of experts, those chosen
  double kv_bytes = 0;      // read for a token, at the mean depth
  double weights = 0;       // multiplied for a token
  TypeClass type = TypeClass::super_blocks;
  bool experts = false;
};

struct PrefillWork {
  double tokens = 0;
  double layers = 0;
  double linear_operations = 0;     // of matrix products
  double attention_operations = 0;  // grow with the square of the prompt
  double weight_bytes = 0;
  TypeClass type = TypeClass::super_blocks;
  bool experts = false;
};

// One stream at positions [depth, depth + count). `file_scale`: bytes of the real file over those
// of the Program, for types that no recipe here matches.
DecodeWork decode_work(const Program& program, TypeClass type, std::uint32_t depth,
                       std::uint32_t count, KvType kv = KvType::f16, double file_scale = 1);

// A prompt of `tokens` after `depth` positions.
PrefillWork prefill_work(const Program& program, TypeClass type, std::uint32_t depth,
                         std::uint32_t tokens, double file_scale = 1);

}  // namespace ceiling::fit
