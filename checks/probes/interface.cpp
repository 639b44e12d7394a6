#include "checks/probes/interface.hpp"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "checks/probes/immediate.hpp"

namespace understudy::checks {

namespace {

// Not through /sys, which may show another network namespace.
Outcome look(const Interface& interface) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface.name.c_str(), IFNAMSIZ - 1);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool known = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    const int error = errno;
    if (fd >= 0) {
        ::close(fd);
    }
    if (!known) {
        return failure(interface.name + ": " +
                       (error == ENODEV ? "no such interface" : std::strerror(error)));
    }
    const auto flags = static_cast<unsigned>(static_cast<unsigned short>(request.ifr_flags));
    if ((flags & IFF_UP) == 0) {
        return failure(interface.name + " is down");
    }
    if ((flags & IFF_RUNNING) == 0) {
        return failure(interface.name + " has no carrier");
    }
    Outcome outcome;
    outcome.passed = true;
    outcome.detail = interface.name + " is up";
    return outcome;
}

}  // namespace

std::unique_ptr<Attempt> start_interface(boost::asio::io_context& context,
                                         const Interface& interface, Finish finish) {
    return std::make_unique<Immediate>(context, look(interface), std::move(finish));
}

}  // namespace understudy::checks
