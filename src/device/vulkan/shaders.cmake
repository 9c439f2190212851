# Compiles each shader, once for each tensor type and with and without subgroups where it has such
# variants, and gathers them in one table (shaders.h). Sets shader_table.
set(quantised Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS)
set(types F32 F16 BF16 ${quantised})
file(GLOB included CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/shaders/*.glsl)
set(folder ${CMAKE_CURRENT_BINARY_DIR}/shaders)
file(MAKE_DIRECTORY ${folder})
set(shader_names "")

# shader(NAME FILE DEFINITIONS...)
function(shader name file)
  list(TRANSFORM ARGN PREPEND -D OUTPUT_VARIABLE definitions)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/shaders/${file}.comp)
  set(command ${CEILING_GLSLANG} --quiet -V -g0 --target-env vulkan1.2 ${definitions} --vn ${name}
    -o ${folder}/${name}.h ${source})
  set(script ${CMAKE_CURRENT_SOURCE_DIR}/compile_shader.cmake)
  add_custom_command(OUTPUT ${folder}/${name}.h
    COMMAND ${CMAKE_COMMAND} "-DCOMPILE=${command}" -P ${script}
    DEPENDS ${source} ${included} ${script} VERBATIM)
  set(shader_names ${shader_names} ${name} PARENT_SCOPE)
endfunction()

foreach(plain add gated soft_cap select attend attend_join attend_one read route)
  shader(${plain} ${plain})
endforeach()
foreach(reducing prepare halves norm turn)
  shader(${reducing} ${reducing})
  shader(${reducing}_subgroups ${reducing} SUBGROUPS)
endforeach()
foreach(type ${types})
  shader(embed_${type} embed TYPE_${type})
  shader(matmul_${type} matmul TYPE_${type})
  shader(experts_${type} experts TYPE_${type})
  shader(experts_${type}_subgroups experts TYPE_${type} SUBGROUPS)
  shader(matvec_float_${type} matvec_float TYPE_${type})
  shader(matvec_float_${type}_subgroups matvec_float TYPE_${type} SUBGROUPS)
endforeach()
foreach(type F32 F16 BF16)
  shader(matvec_plain_${type} matvec_plain TYPE_${type})
  shader(matvec_plain_${type}_subgroups matvec_plain TYPE_${type} SUBGROUPS)
endforeach()
foreach(type F16 BF16 ${quantised})
  shader(matmul_cooperative_${type} matmul_cooperative TYPE_${type})
endforeach()
foreach(type ${quantised})
  shader(matvec_int8_${type} matvec_int8 TYPE_${type})
  shader(matvec_gated_int8_${type}_subgroups matvec_gated TYPE_${type})
  shader(matvec_int8_${type}_subgroups matvec_subgroups TYPE_${type})
  shader(matvec_own_row_int8_${type}_subgroups matvec_own_row TYPE_${type})
endforeach()

set(headers ${shader_names})
list(TRANSFORM headers PREPEND ${folder}/)
list(TRANSFORM headers APPEND .h)
set(shader_table ${folder}/table.cc)
add_custom_command(OUTPUT ${shader_table}
  COMMAND ${CMAKE_COMMAND} "-DNAMES=${shader_names}" -DFOLDER=${folder}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/shader_table.cmake
  DEPENDS ${headers} ${CMAKE_CURRENT_SOURCE_DIR}/shader_table.cmake VERBATIM)
