# The CUDA device is built where a CUDA compiler is; elsewhere `--device cuda` says what to install.
set(CEILING_CUDA AUTO CACHE STRING "the CUDA device: AUTO (where nvcc is), ON or OFF")

# Sets `out` to the compute capabilities of this machine's cards, each once (8.9 is "89"), or to 90
# where there is none to ask: an H100's or H200's.
function(ceiling_cuda_architectures out)
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE answer RESULT_VARIABLE failed ERROR_QUIET)
  string(REGEX MATCHALL "[0-9]+\\.[0-9]" found "${answer}")
  if(failed OR NOT found)
    set(found 9.0)
  endif()
  list(REMOVE_DUPLICATES found)
  list(TRANSFORM found REPLACE "\\." "")
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

if(CEILING_CUDA AND NOT CEILING_KERNELS_ONLY AND NOT CEILING_SANITIZE)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    ceiling_cuda_architectures(cards)
    set(CEILING_CUDA_ARCHITECTURES "${cards}" CACHE STRING
      "compute capabilities, by default of this machine's cards; a release has 80;86;89;90;100;120")
    set(CMAKE_CUDA_ARCHITECTURES ${CEILING_CUDA_ARCHITECTURES})
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(CMAKE_CUDA_STANDARD 20)
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know how nvcc 13 is asked
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
    endif()
    set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG")
  elseif(CEILING_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CEILING_CUDA is ON and no CUDA compiler was found: put nvcc on the PATH")
  endif()
endif()
