// Products of few rows of activations by type. A Rows names, for each type, its Row (rows.h).
#pragma once

#include "device/cpu/kernels/rows.h"
#include "device/cpu/kernels/trial.h"

namespace ceiling::cpu {
namespace {

template <typename Rows>
void multiply_few_by_type(const Product& p) {
  switch (p.type) {
    case TensorType::F32:
      return multiply_few<typename Rows::F32>(p);
    case TensorType::F16:
      return multiply_few<typename Rows::F16>(p);
    case TensorType::BF16:
      return multiply_few<typename Rows::BF16>(p);
    case TensorType::Q4_0:
      return multiply_few<typename Rows::Q4_0>(p);
    case TensorType::Q4_1:
      return multiply_few<typename Rows::Q4_1>(p);
    case TensorType::Q5_0:
      return multiply_few<typename Rows::Q5_0>(p);
    case TensorType::Q5_1:
      return multiply_few<typename Rows::Q5_1>(p);
    case TensorType::Q8_0:
      return multiply_few<typename Rows::Q8_0>(p);
    case TensorType::IQ4_NL:
      return multiply_few<typename Rows::IQ4_NL>(p);
    case TensorType::IQ4_XS:
      return multiply_few<typename Rows::IQ4_XS>(p);
    case TensorType::Q2_K:
      return multiply_few<typename Rows::Q2_K>(p);
    case TensorType::Q3_K:
      return multiply_few<typename Rows::Q3_K>(p);
    case TensorType::Q4_K:
      return multiply_few<typename Rows::Q4_K>(p);
    case TensorType::Q5_K:
      return multiply_few<typename Rows::Q5_K>(p);
    case TensorType::Q6_K:
      return multiply_few<typename Rows::Q6_K>(p);
  }
}

template <typename Row>
bool multiply_trial_one(const Product& p, const Trial& trial) {
  if (p.row_begin < p.row_end) multiply_one<Row, AddedWork>(p, 0, AddedWork(trial, p));
  return true;
}

// One row of activations with work added by the lab; false: no kernel for the type.
template <typename Rows>
bool multiply_trial_by_type(const Product& p, const Trial& trial) {
  switch (p.type) {
    case TensorType::F16:
      return multiply_trial_one<typename Rows::F16>(p, trial);
    case TensorType::Q4_0:
      return multiply_trial_one<typename Rows::Q4_0>(p, trial);
    case TensorType::Q8_0:
      return multiply_trial_one<typename Rows::Q8_0>(p, trial);
    case TensorType::Q4_K:
      return multiply_trial_one<typename Rows::Q4_K>(p, trial);
    case TensorType::Q6_K:
      return multiply_trial_one<typename Rows::Q6_K>(p, trial);
    default:
      return false;
  }
}

}  // namespace
}  // namespace ceiling::cpu
