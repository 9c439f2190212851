#include "device/cuda/cublas.h"

#include <dlfcn.h>
#include <library_types.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "device/cuda/memory.h"

namespace ceiling::cuda {
namespace {

// cuBLAS's own values (cublas_api.h), stable since version 11.
constexpr int kTranspose = 1, kAsItIs = 0;
constexpr int kComputeFloat32 = 68;
constexpr int kDefaultAlgorithm = -1;
constexpr std::size_t kWorkspace = std::size_t{32} << 20;

constexpr std::array kNames = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};

}  // namespace

struct Cublas::Functions {
  using Handle = void*;
  int (*create)(Handle*) = nullptr;
  int (*destroy)(Handle) = nullptr;
  int (*set_stream)(Handle, cudaStream_t) = nullptr;
  int (*set_workspace)(Handle, void*, std::size_t) = nullptr;
  int (*gemm)(Handle, int, int, int, int, int, const void*, const void*, cudaDataType, int,
              const void*, cudaDataType, int, const void*, void*, cudaDataType, int, int,
              int) = nullptr;
  Handle handle = nullptr;
  DeviceMemory workspace;  // its own, so that results do not depend on what it had before

  template <typename F>
  static bool take(void* library, const char* name, F& function) {
    function = reinterpret_cast<F>(dlsym(library, name));
    return function != nullptr;
  }
  bool take_all(void* library) {
    return take(library, "cublasCreate_v2", create) && take(library, "cublasDestroy_v2", destroy) &&
           take(library, "cublasSetStream_v2", set_stream) &&
           take(library, "cublasSetWorkspace_v2", set_workspace) &&
           take(library, "cublasGemmEx", gemm);
  }
};

std::unique_ptr<Cublas> Cublas::find(cudaStream_t stream) {
  const char* asked = std::getenv("CEILING_CUBLAS");
  if (asked != nullptr && std::string_view(asked) == "off") return nullptr;
  void* library = nullptr;  // stays loaded: it cannot be unloaded safely
  for (const char* name : kNames) {
    if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  auto functions = std::make_unique<Functions>();
  if (library == nullptr || !functions->take_all(library)) return nullptr;
  if (functions->create(&functions->handle) != 0) return nullptr;
  auto cublas = std::unique_ptr<Cublas>(new Cublas(std::move(functions)));
  Functions& f = *cublas->functions_;
  f.workspace = DeviceMemory(kWorkspace, "cuBLAS");
  if (f.set_stream(f.handle, stream) != 0) return nullptr;
  if (f.set_workspace(f.handle, f.workspace.data(), kWorkspace) != 0) return nullptr;
  return cublas;
}

Cublas::Cublas(std::unique_ptr<Functions> functions) : functions_(std::move(functions)) {}

Cublas::~Cublas() { functions_->destroy(functions_->handle); }

// Its matrices are column by column: out [rows, n] = (w [cols, rows])^T x [cols, n].
void Cublas::multiply(const Gemm& job, bool accumulate) const {
  const float one = 1;
  const float before = accumulate ? 1 : 0;
  const int cols = static_cast<int>(job.cols);
  const int status =
      functions_->gemm(functions_->handle, kTranspose, kAsItIs, static_cast<int>(job.rows),
                       static_cast<int>(job.n), cols, &one, job.w, CUDA_R_16F, cols, job.x,
                       CUDA_R_16F, static_cast<int>(job.x_pitch), &before, job.out, CUDA_R_32F,
                       static_cast<int>(job.pitch), kComputeFloat32, kDefaultAlgorithm);
  if (status != 0) {
    fail(ExitCode::failed,
         "cuda: cuBLAS refused a product of {} x {} x {} (status {}): set CEILING_CUBLAS=off",
         job.n, job.rows, job.cols, status);
  }
}

}  // namespace ceiling::cuda
