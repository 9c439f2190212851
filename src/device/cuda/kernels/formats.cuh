// Every tensor type as kernels read it.
#pragma once

#include "device/cuda/kernels/formats_float.cuh"
#include "device/cuda/kernels/formats_small_blocks.cuh"
#include "device/cuda/kernels/formats_super_blocks.cuh"
