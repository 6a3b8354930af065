# add_module(NAME SOURCES a.cc … [DEPS room …] [LIBS third::party …])
#   A room (or a part of one): a static library with the tree's flags.
#   DEPS are rooms and public to its users; LIBS are third-party and stay private.
function(add_module name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS;PUBLIC_LIBS" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC skein_flags ${arg_DEPS} ${arg_PUBLIC_LIBS} PRIVATE ${arg_LIBS})
endfunction()

# add_room_test(ROOM SOURCES a_test.cc … DEPS room …)
#   One Catch2 binary per room, named ROOM_test; every TEST_CASE becomes a ctest test "ROOM: sentence".
function(add_room_test room)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPS;LIBS" ${ARGN})
    add_executable(${room}_test ${arg_SOURCES})
    target_link_libraries(${room}_test PRIVATE skein_flags test_main ${arg_DEPS} ${arg_LIBS})
    catch_discover_tests(${room}_test TEST_PREFIX "${room}: " EXTRA_ARGS --use-colour no
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES LABELS ${room} TIMEOUT 300)
endfunction()
