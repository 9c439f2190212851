# What a cross build needs in place of the installed libraries: fmt's headers (the cross compiler does not look
# in the host's include folder, and must not) and GoogleTest from its sources.
find_path(CEILING_FMT_INCLUDE fmt/core.h REQUIRED NO_CMAKE_FIND_ROOT_PATH)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/host_headers)
file(CREATE_LINK ${CEILING_FMT_INCLUDE}/fmt ${CMAKE_BINARY_DIR}/host_headers/fmt SYMBOLIC)
add_library(ceiling_fmt_headers INTERFACE)
target_include_directories(ceiling_fmt_headers SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/host_headers)
target_compile_definitions(ceiling_fmt_headers INTERFACE FMT_HEADER_ONLY)

find_path(CEILING_GOOGLETEST googletest/CMakeLists.txt PATHS /usr/src/googletest REQUIRED
  NO_CMAKE_FIND_ROOT_PATH)
add_subdirectory(${CEILING_GOOGLETEST} googletest EXCLUDE_FROM_ALL)
