# add_sim_mutant(NAME)
#   sim_mutant_NAME is skein-sim with mutants/NAME.patch applied to copies, in the build folder, of
#   the files that it names; the rest is linked as it is. A patch that no longer applies fails the
#   build. Sources only: a header would have to be recompiled into everything.
function(add_sim_mutant name)
    set(patch ${CMAKE_CURRENT_SOURCE_DIR}/mutants/${name}.patch)
    set(folder ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${patch})
    file(STRINGS ${patch} lines REGEX "^\\+\\+\\+ b/")
    set(sources "")
    foreach(line ${lines})
        string(REGEX REPLACE "^\\+\\+\\+ b/([^ \t]+).*$" "\\1" file "${line}")
        if(NOT file MATCHES "\\.cc$")
            message(FATAL_ERROR "${patch} changes ${file}, which is not a source file")
        endif()
        list(APPEND sources ${file})
    endforeach()
    set(originals "")
    set(outputs "")
    set(copies "")
    foreach(file ${sources})
        list(APPEND originals ${CMAKE_SOURCE_DIR}/${file})
        list(APPEND outputs ${folder}/${file})
        list(APPEND copies COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_SOURCE_DIR}/${file} ${folder}/${file})
    endforeach()
    add_custom_command(OUTPUT ${outputs}
        ${copies}
        COMMAND ${PATCH_PROGRAM} --quiet --forward --fuzz=2 --no-backup-if-mismatch --reject-file=- -p1
                -d ${folder} -i ${patch}
        DEPENDS ${originals} ${patch}
        COMMENT "Mutant ${name}" VERBATIM)
    # Its objects come before the archive that has the same ones unchanged, which is then left out.
    add_executable(sim_mutant_${name} ${outputs})
    target_link_libraries(sim_mutant_${name} PRIVATE sim_tool)
endfunction()
