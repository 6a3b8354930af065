# add_module(NAME SOURCES a.cc … [DEPS room …] [LIBS third::party …])
#   A room (or a part of one): a static library with the tree's flags.
#   DEPS are rooms and public to its users; LIBS are third-party and stay private.
function(add_module name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS;PUBLIC_LIBS" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC skein_flags ${arg_DEPS} ${arg_PUBLIC_LIBS} PRIVATE ${arg_LIBS})
endfunction()

# embed_file(TARGET FILE NAME)
#   The text of FILE becomes the constant NAME of namespace engine (a std::string_view), made anew
#   when the file changes.
function(embed_file target file name)
    get_filename_component(base ${file} NAME_WE)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${base}.embedded.cc)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DFILE=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUT=${out} -DNAME=${name}
                -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        VERBATIM)
    target_sources(${target} PRIVATE ${out})
endfunction()

# A test that needs something absent prints this line and counts as skipped, never as passed
# (test/support/skip.h). A test that fails does not print it. The class stands for the end of the
# line before: what is no printable character of ASCII.
set(SKEIN_SKIP_PATTERN "(^|[^ -~])SKIPPED: ")

# Aggregates: every test binary, every fuzzer, every benchmark of the configured tree.
add_custom_target(tests)
add_custom_target(fuzzers)
add_custom_target(benchmarks)

# add_room_test(NAME SOURCES a_test.cc … [DEPS room …] [LIBS …] [NO_TSAN])
#   One Catch2 binary per room, named NAME_test; every TEST_CASE becomes a ctest test "NAME: sentence".
#   NO_TSAN leaves the binary out of the tsan build: for tests that talk gRPC, whose Debian build
#   has no instrumentation and is reported falsely.
function(add_room_test name)
    cmake_parse_arguments(arg "NO_TSAN" "" "SOURCES;DEPS;LIBS" ${ARGN})
    if(arg_NO_TSAN AND SKEIN_SANITIZE MATCHES "thread")
        return()
    endif()
    add_executable(${name}_test ${arg_SOURCES})
    target_link_libraries(${name}_test PRIVATE skein_flags test_main ${arg_DEPS} ${arg_LIBS})
    add_dependencies(tests ${name}_test)
    catch_discover_tests(${name}_test TEST_PREFIX "${name}: " EXTRA_ARGS --use-colour no
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
        PROPERTIES LABELS ${name} TIMEOUT 300 SKIP_REGULAR_EXPRESSION "${SKEIN_SKIP_PATTERN}")
endfunction()

# add_script_test(NAME COMMAND command … [TIMEOUT seconds] [SERIAL])
#   An end-to-end test: a script that finds the product in the environment variable SKEIN_BINARY
#   (empty when this tree does not build it). Exit code 0 passes; the line "SKIPPED: why" skips.
#   SERIAL keeps other tests from running beside it.
function(add_script_test name)
    cmake_parse_arguments(arg "SERIAL" "TIMEOUT" "COMMAND" ${ARGN})
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 120)
    endif()
    set(binary "")
    if(TARGET skein)
        set(binary $<TARGET_FILE:skein>)
    endif()
    add_test(NAME "e2e: ${name}" COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties("e2e: ${name}" PROPERTIES LABELS e2e TIMEOUT ${arg_TIMEOUT}
        ENVIRONMENT "SKEIN_BINARY=${binary}" SKIP_REGULAR_EXPRESSION "${SKEIN_SKIP_PATTERN}"
        RUN_SERIAL "${arg_SERIAL}")
endfunction()

# add_fuzzer(NAME SOURCES … [DEPS room …])
#   A libFuzzer binary build/<preset>/fuzzers/NAME. Seeds lie in test/fuzz/corpus/NAME/.
function(add_fuzzer name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
    add_executable(${name}_fuzzer ${arg_SOURCES})
    target_link_libraries(${name}_fuzzer PRIVATE skein_flags ${arg_DEPS} ${arg_LIBS})
    target_link_options(${name}_fuzzer PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name}_fuzzer PROPERTIES
        OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzzers)
    add_dependencies(fuzzers ${name}_fuzzer)
endfunction()
