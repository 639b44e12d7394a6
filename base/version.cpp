#include "base/version.hpp"

namespace understudy {

const std::string& program_version() {
    static const std::string version = UNDERSTUDY_VERSION;
    return version;
}

}  // namespace understudy
