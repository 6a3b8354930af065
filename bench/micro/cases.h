// The cases of each room; bench/micro/<room>_cases.cc.
#pragma once

namespace bench {

class Suite;

void add_base_cases(Suite& suite);

}  // namespace bench
