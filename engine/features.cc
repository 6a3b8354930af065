#include "engine/features.h"

#include "engine/flags.h"

namespace engine {

Features::Features(const FlagValues& flags) {
    for (std::string_view rest : flags.list("enable-feature")) {
        while (!rest.empty()) {
            const size_t comma = rest.find(',');
            if (const std::string_view name = rest.substr(0, comma); !name.empty()) {
                names_.emplace(name);
            }
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
    }
}

void Features::announce(const base::Logger& log) const {
    for (const std::string& name : names_) {
        if (!is_known_feature(name)) {
            log.warn("unknown option for --enable-feature", "option", name);
        } else if (is_built_feature(name)) {
            log.info("feature enabled", "feature", name);
        } else {
            log.warn("feature is not built yet, it has no effect", "feature", name);
        }
    }
}

}  // namespace engine
