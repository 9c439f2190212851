# Runs COMPILE, a shader's compiler with its arguments, and tells what it said only if it failed: some
# versions call instructions that they only pass on (cooperative matrices) an "error", and compile.
execute_process(COMMAND ${COMPILE} RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${said}")
endif()
