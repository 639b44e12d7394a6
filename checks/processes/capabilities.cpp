#include "checks/processes/capabilities.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace understudy::checks {

bool reduce_capabilities(std::uint32_t kept) {
    using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Sets present{};
    if (syscall(SYS_capget, &header, present.data()) != 0) {
        return false;
    }
    Sets sets{};
    sets[0].effective = sets[0].permitted = present[0].permitted & kept;
    const bool same = sets[0].permitted == present[0].permitted && present[1].permitted == 0;
    return syscall(SYS_capset, &header, sets.data()) == 0 || same;
}

}  // namespace understudy::checks
