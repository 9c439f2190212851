# Rooms, in the order in which they may import: a room uses only rooms to its left (tests/house checks it).
set(CEILING_ROOMS base os quant gguf store tokenizer model device engine probe fit lab cli)
# Rooms within src/lab, by the same rule.
set(CEILING_LAB_ROOMS json statistics plan planning trial engines ledger analysis wording charts report tradeoff exchange protocol)
if(CEILING_KERNELS_ONLY)
  set(CEILING_ROOMS base os quant device probe)
endif()

add_library(ceiling_flags INTERFACE)
target_include_directories(ceiling_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
set(warnings -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wnon-virtual-dtor -Werror)
target_compile_options(ceiling_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${warnings}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:--Werror=all-warnings>")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports uninitialised members of libstdc++'s own regex, optional and variant at -O2.
  target_compile_options(ceiling_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized;-Wno-restrict;-Wno-psabi>")
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # libstdc++ 12 uses its own deprecated get_temporary_buffer inside stable sorts and partitions.
  target_compile_options(ceiling_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wno-deprecated-declarations>")
endif()
if(CEILING_SANITIZE)
  target_compile_options(ceiling_flags INTERFACE
    -fsanitize=${CEILING_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(ceiling_flags INTERFACE -fsanitize=${CEILING_SANITIZE})
endif()
if(CEILING_FUZZ)
  target_compile_options(ceiling_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# ceiling_room(NAME SOURCES ... USES ...): one static library ceiling_NAME from the sources of src/NAME.
function(ceiling_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES" ${ARGN})
  add_library(ceiling_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(ceiling_${name} PUBLIC ceiling_flags ${ROOM_USES})
endfunction()

# ceiling_test(ROOM USES ...): one GoogleTest program test_ROOM from every tests/ROOM/*_test.cc.
function(ceiling_test name)
  cmake_parse_arguments(TEST "" "" "USES;SOURCES" ${ARGN})
  if(NOT TEST_SOURCES)
    file(GLOB TEST_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${name}/*_test.cc)
  endif()
  string(REPLACE "/" "_" target test_${name})
  add_executable(${target} ${TEST_SOURCES})
  target_link_libraries(${target} PRIVATE ceiling_flags ${TEST_USES} gtest gmock gtest_main)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)  # "support/..."
  # Relative, so that objects are the same in every clone: tests run in the top folder.
  target_compile_definitions(${target} PRIVATE CEILING_TEST_DATA="tests/data")
  add_test(NAME ${target} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()
