# Writes OUT, a C++ source with the text of FILE as a constant NAME of namespace engine.
# Run by embed_file().
file(READ "${FILE}" text)
file(WRITE "${OUT}" "// Made from a page when the program is built.
#include <string_view>

namespace engine {

extern const std::string_view ${NAME};
const std::string_view ${NAME} = R\"~page~(${text})~page~\";

}  // namespace engine
")
