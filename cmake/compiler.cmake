# One language level, one warning level, and the sanitizers, for every target of the tree.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# g++ 12 miscompiles coroutines (docs/decisions/0001-clang.md), so the build refuses it.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
    message(FATAL_ERROR "Skein is built with clang-19 or newer; run scripts/setup, then use a preset "
                        "(cmake --preset release)")
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
    # Hits from any clone: paths are relative to the source root and the build folder is not hashed.
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(skein_flags INTERFACE)
target_compile_options(skein_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wthread-safety -Wnon-virtual-dtor -Wimplicit-fallthrough
    -Wno-missing-field-initializers -Wno-missing-designated-field-initializers -Wno-deprecated-declarations
    -Werror -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_include_directories(skein_flags INTERFACE ${CMAKE_SOURCE_DIR})

# The machines Skein runs on have AVX2 (x86-64-v3); stated here once, never per file.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(skein_flags INTERFACE -march=x86-64-v3)
endif()

find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
    add_link_options(-fuse-ld=mold)
else()
    add_link_options(-fuse-ld=lld)
endif()

if(SKEIN_SANITIZE)
    add_compile_options(-fsanitize=${SKEIN_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${SKEIN_SANITIZE})
    if(SKEIN_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize-recover=undefined)
    endif()
endif()
